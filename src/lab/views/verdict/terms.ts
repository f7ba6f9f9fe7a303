import type { Term } from "../../../index.ts";
import { box, type Drawn, hatching, lines, stroke, widthOf, words } from "../../drawing.ts";
import { shape } from "../../elements.ts";
import { holdsWords, standing, valueWords } from "./words.ts";

/** Bars end there, in limits: what is farther beyond says so in words. */
const [LEAST_END, MOST_END] = [1.25, 2.5];

/** What tells a term's bar from others without its colour. */
const SIGNS: Record<ReturnType<typeof holdsWords>, { sign: string; kind: string; fill: string }> = {
  holds: { sign: "✓", kind: "good", fill: "var(--good)" },
  fails: { sign: "✕", kind: "bad", fill: "var(--bad)" },
  undecided: { sign: "?", kind: "soft", fill: "url(#undecided)" },
};

/** Terms as bars of what they come to over what they may, the binding one first. */
export function drawTerms(terms: readonly Term[], width: number): Drawn {
  const ratios = terms.map(({ value, limit }) => (value === null ? 0 : limit > 0 ? value / limit : value > 0 ? 9 : 0));
  const end = Math.min(MOST_END, Math.max(LEAST_END, ...ratios.filter((_, i) => terms[i]!.holds !== null)));
  const limitX = Math.round(width / end);
  const shapes: SVGElement[] = [hatching("undecided", "thread")];
  shapes.push(words(limitX, 12, "limit", "small soft middle"));
  let y = 36;
  terms.forEach((term, i) => {
    const { sign, kind, fill } = SIGNS[holdsWords(term)];
    shapes.push(words(0, y, sign, `strong ${kind}`), words(22, y, term.name, "strong"));
    if (i === 0) shapes.push(words(22 + widthOf(term.name) * 1.08 + 8, y, "binds", "small soft"));
    const said = standing(term);
    // Where both do not fit beside each other, one goes below the other.
    const isBelow = widthOf(said) + widthOf(term.name) * 1.08 + (i === 0 ? 80 : 40) > width;
    if (isBelow) y += 19;
    shapes.push(words(isBelow ? 22 : width, y, said, isBelow ? kind : `end ${kind}`));
    shapes.push(box(0, y + 8, width, 16, { class: "track" }));
    if (term.value === null) shapes.push(box(0, y + 8, limitX, 16, { style: `fill: ${fill}` }));
    else if (ratios[i]! > 0)
      shapes.push(box(0, y + 8, Math.min(width, (ratios[i]! / end) * width), 16, { style: `fill: ${fill}` }));
    if (ratios[i]! > end) shapes.push(arrowHead(width, y + 16, kind));
    shapes.push(stroke(limitX, y + 4, limitX, y + 28, "limit"));
    const limit = `at most ${valueWords(term, term.limit)}`;
    const value = term.value === null ? "not known" : valueWords(term, term.value);
    shapes.push(words(0, y + 42, `${value}, ${limit}`, "small"));
    const because = lines(0, y + 59, term.because, width, "small soft");
    shapes.push(...because.shapes);
    y = because.nextY + 18;
  });
  return { height: y - 24, shapes };
}

/** The bar goes on beyond the picture. */
const arrowHead = (x: number, y: number, kind: string) =>
  shape("path", { d: `M${x - 12} ${y - 8}L${x} ${y}L${x - 12} ${y + 8}Z`, class: `ahead ${kind}` });
