import { type DecodingReport, type DecodingStudy, type DecodingStudyRow, type Figure, percent } from "../index.ts";
import { heading, paint, say, sayTable, sayWrapped, typed } from "./print.ts";

const ms = ({ mean }: Figure) => (mean / 1e6).toFixed(2);
const range = ({ low, high }: Figure) =>
  low === null ? "" : `${(low / 1e6).toFixed(2)} .. ${(high! / 1e6).toFixed(2)}`;

/** Prints what decoding comes to over all optics, and with its parts switched. */
export function sayDecoding({ optics, crowded, foreseen, gpus, steps, repetitions }: DecodingStudy): void {
  heading("Decoding: milliseconds from token to token, beside what the article states");
  sayTable(
    ["optics", "evidence", "CPU: mean", "p99", "executor", "p99", "p99 lies within", "stated", "p99"],
    optics.map(({ name, grade, before, after, stated }) => [
      paint.bold(name),
      grade,
      ...pairOf(before),
      ...pairOf(after),
      range(after.interTokenLatency.p99Ns),
      stated ? String(stated.meanMs) : "",
      stated ? String(stated.p99Ms) : "",
    ]),
    [2, 3, 4, 5, 6, 7, 8],
  );
  const [first] = optics;
  sayWrapped(
    "",
    paint.dim(
      `Mixtral-8x22B at a byte a weight, ${gpus} GPUs with a DPU each, a quarter of gates cold, ${(first!.after.residentStepNs / 1e6).toFixed(1)} ms with all weights there; ${repetitions} runs of ${steps} steps. Stalls and outages whose odds nobody states are left out: what the article has of DSP and LPO beyond this must come from them.`,
    ),
  );
  heading("One thing switched, where 8 GPUs share a DPU");
  sayVariants(crowded);
  heading("Fetched ahead, where caches hold seven of eight experts");
  sayVariants(foreseen);
  sayWrapped(
    "",
    paint.dim(
      "All runs go through one made-up trace, alike and apart. A step's stall is mostly a whole number of loads, so runs may agree in their p99.",
    ),
  );
  say(paint.dim(`${typed("simulate")} tells each in full`));
}

function pairOf({ interTokenLatency }: DecodingReport): string[] {
  return [ms(interTokenLatency.meanNs), ms(interTokenLatency.p99Ns)];
}

function sayVariants(rows: readonly DecodingStudyRow[]): void {
  sayTable(
    ["", "mean", "p99", "p99 lies within", "load p99, µs", "moved", "in vain"],
    rows.map(({ name, report: { interTokenLatency, loads } }) => [
      name,
      ms(interTokenLatency.meanNs),
      paint.bold(ms(interTokenLatency.p99Ns)),
      range(interTokenLatency.p99Ns),
      (loads.times.p99Ns.mean / 1e3).toFixed(0),
      `${(loads.bytesPerStep.mean / 1e9).toFixed(2)} GB`,
      loads.bytesPerStep.mean > 0 ? percent(loads.wastedBytesPerStep.mean / loads.bytesPerStep.mean) : "",
    ]),
    [1, 2, 3, 4, 5, 6],
  );
}
