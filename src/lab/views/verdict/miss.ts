import { duration, figure, type MissReport, percent } from "../../../index.ts";
import { type Drawn, lines, stroke, widthOf, words } from "../../drawing.ts";
import { shape } from "../../elements.ts";

/** Below that the tables behind a share say no more than that it is rare. */
const LEAST = 1e-9;

/** P(miss) by convolution as a diamond, by drawing as an interval, on a scale of powers of ten. */
export function drawMiss(miss: MissReport, deadlineNs: number, missShareMax: number, width: number): Drawn {
  const [left, right] = [12, width - 24];
  const at = (share: number) =>
    left + (Math.log10(Math.max(share, LEAST) / LEAST) / -Math.log10(LEAST)) * (right - left);
  const shapes: SVGElement[] = [];
  const bottom = 128;
  for (let power = -9; power <= 0; power += width < 480 ? 3 : 1) {
    const x = at(10 ** power);
    shapes.push(
      stroke(x, 24, x, bottom, "grid"),
      words(x, bottom + 16, powerWords(power), `small soft ${power > -9 ? "middle" : ""}`),
    );
  }
  const row = (y: number, label: string, exact: number, { low, high }: { low: number; high: number }) => {
    shapes.push(words(left, y - 10, label, "small"));
    shapes.push(diamond(at(exact), y + 8));
    shapes.push(stroke(at(low), y + 8, at(Math.max(high, LEAST)), y + 8, "interval"));
    if (low > LEAST) shapes.push(stroke(at(low), y + 2, at(low), y + 14, "interval"));
    shapes.push(stroke(at(high), y + 2, at(high), y + 14, "interval"));
  };
  row(42, `at the deadline, ${duration(deadlineNs)}`, miss.exact, miss.sampled);
  row(98, `at ${duration(miss.near.deadlineNs)}, where they could differ`, miss.near.exact, miss.near.sampled);
  const limit = at(missShareMax);
  const said = `may be late: ${percent(missShareMax)}`;
  const isLeft = limit + widthOf(said, 12) + 8 > width;
  shapes.push(
    stroke(limit, 8, limit, 66, "limit"),
    words(limit + (isLeft ? -6 : 6), 16, said, `small ${isLeft ? "end" : ""}`),
  );
  const { draws, confidence } = miss.sampled;
  const key = lines(
    left + 24,
    bottom + 44,
    `by convolution. The line: the interval by drawing ${figure(draws)} loads, sure to ${percent(confidence)}.`,
    width - left - 24,
    "small",
  );
  return { height: key.nextY, shapes: [...shapes, diamond(left + 6, bottom + 40), ...key.shapes] };
}

const diamond = (x: number, y: number) =>
  shape("path", { d: `M${x} ${y - 7}L${x + 7} ${y}L${x} ${y + 7}L${x - 7} ${y}Z`, class: "exact" });

const powerWords = (power: number) =>
  power === -9
    ? "rarer"
    : power > -3
      ? percent(10 ** power)
      : `10${[...String(power)].map((sign) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[Number(sign)] ?? "⁻").join("")}`;
