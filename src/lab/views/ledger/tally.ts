import type { ClaimVerdict } from "../../../index.ts";
import { shape } from "../../elements.ts";

const [ROW, LABEL] = [26, 130];

/** How many statements came to each verdict, a bar each. */
export function tally(counts: readonly { verdict: ClaimVerdict; count: number }[], all: number, width: number) {
  const most = Math.max(all / 3, ...counts.map(({ count }) => count));
  const words = counts.map(({ verdict, count }) => `${count} ${verdict}`).join(", ");
  const bars = counts.flatMap(({ verdict, count }, i) => {
    const long = ((width - LABEL - 40) * count) / most;
    const y = i * ROW;
    return [
      shape("text", { x: LABEL - 10, y: y + 17, "text-anchor": "end", class: "label" }, verdict),
      shape("rect", { x: LABEL, y: y + 4, width: long, height: ROW - 8, rx: 3, class: "bar", "data-verdict": verdict }),
      shape("text", { x: LABEL + long + 8, y: y + 17, class: "label" }, String(count)),
    ];
  });
  return shape(
    "svg",
    { viewBox: `0 0 ${width} ${ROW * counts.length}`, class: "drawing", role: "img", "aria-label": words },
    ...bars,
  );
}
