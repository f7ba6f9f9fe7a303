import type { ClaimVerdict } from "../../../index.ts";
import { shape } from "../../elements.ts";

const [WIDTH, ROW, LABEL] = [640, 26, 150];

/** How many statements came to each verdict, a bar each. */
export function tally(counts: readonly { verdict: ClaimVerdict; count: number }[], all: number): SVGSVGElement {
  const most = Math.max(all / 3, ...counts.map(({ count }) => count));
  const words = counts.map(({ verdict, count }) => `${count} ${verdict}`).join(", ");
  const bars = counts.flatMap(({ verdict, count }, i) => {
    const width = ((WIDTH - LABEL - 40) * count) / most;
    const y = i * ROW;
    return [
      shape("text", { x: LABEL - 10, y: y + 17, "text-anchor": "end", class: "label" }, verdict),
      shape("rect", { x: LABEL, y: y + 4, width, height: ROW - 8, rx: 3, class: "bar", "data-verdict": verdict }),
      shape("text", { x: LABEL + width + 8, y: y + 17, class: "label" }, String(count)),
    ];
  });
  return shape(
    "svg",
    { viewBox: `0 0 ${WIDTH} ${ROW * counts.length}`, width: WIDTH, role: "img", "aria-label": words },
    ...bars,
  );
}
