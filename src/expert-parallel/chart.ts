import { lineChart } from "../plot.ts";
import { duration } from "../words.ts";
import type { ExpertParallelReport, ParallelPoint } from "./index.ts";

/** A step by sequences of a GPU, when tokens travel and when weights do; a mark where the other way becomes faster. */
export function expertParallelChart(
  { model, ranks, points, crossings, times }: ExpertParallelReport,
  { title = "A step, when tokens travel and when weights do" }: { title?: string } = {},
): string {
  const curve = (key: "tokensNs" | "weightsNs" | "residentNs") =>
    points.map((point: ParallelPoint) => ({ x: point.batch, y: point[key] }));
  return lineChart({
    title,
    subtitle: `${model}; ${ranks} GPUs hold all experts together; tokens take what was measured on ${times.nodes === 1 ? "one node" : `${times.nodes} nodes`}`,
    x: { label: "sequences of a GPU", log: true },
    y: { label: "a step", log: true, format: duration },
    series: [
      { name: "tokens travel", points: curve("tokensNs") },
      { name: "weights travel,\nat least", points: curve("weightsNs") },
      { name: "all in place", points: curve("residentNs"), isReference: true },
    ],
    marks: crossings.map(({ batch, faster }) => ({ x: batch, label: `${faster} from ${batch} on` })),
  });
}
