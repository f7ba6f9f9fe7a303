import {
  bindsWords,
  type DecodingBound,
  type DecodingReport,
  type DecodingVerdict,
  duration,
  type SensitivityReport,
  timeWords,
} from "../../../index.ts";

export const OF = { itl: "inter-token latency", tpot: "time per output token" } as const;

/** The verdict in a word or two. */
export const STATUS: Record<DecodingVerdict["status"], string> = {
  holds: "It holds.",
  fails: "It does not hold.",
  unknown: "Too close to call.",
  impossible: "No fabric can keep that.",
};

/** Whether the objective holds, by how much, and what binds. */
export function verdictWords(verdict: DecodingVerdict): string {
  const { p99, of, sloNs, marginNs, status, bound } = verdict;
  if (!p99)
    return `A step takes ${duration(bound.stepNs)} even with every weight in place, ${duration(-marginNs)} more than the ${duration(sloNs)} that must hold: nothing was simulated. ${bindsWords(verdict)}`;
  const margin = `${duration(Math.abs(marginNs))} ${marginNs < 0 ? "too much" : "to spare"}`;
  const open =
    status === "unknown" ? " The objective lies within the interval: more steps or repetitions narrow it." : "";
  return `The p99 of ${OF[of]} is ${timeWords(p99)}, and must be within ${duration(sloNs)}: ${margin}.${open} ${bindsWords(verdict)}`;
}

/** What no fabric could change. */
export function boundWords({ stepNs, computeNs, gapsNs, layers }: DecodingBound, areRoutes: boolean): string {
  const alike = areRoutes
    ? " That is where all sequences choose the same experts: those that choose apart take more."
    : "";
  return `What no fabric changes: ${duration(computeNs)} of computing and ${layers} gaps of ${duration(gapsNs / layers)} are ${duration(stepNs)} a step with every weight in place.${alike}`;
}

/** What was run, and what its tail rests on. */
export function runWords(report: DecodingReport): string {
  const { model, gpus, batch, sequence, repetitions, steps } = report;
  const all = gpus * steps;
  const tail =
    all < 1000
      ? ` In ${all} steps of a repetition one in a thousand is the slowest of them: run more for a p99.9.`
      : "";
  return `${model} on ${gpus} GPUs, ${batch} x ${sequence.toLocaleString("en")} tokens each; ${repetitions === 1 ? "one run" : `${repetitions} runs`} of ${steps} steps.${tail}`;
}

const SAID: Record<DecodingVerdict["status"], string> = {
  holds: "holds",
  fails: "does not hold",
  unknown: "is too close to call",
  impossible: "is impossible",
};

/** What two verdicts are to one another. */
export function comparedWords(a: DecodingVerdict, b: DecodingVerdict): string {
  const both = `A ${SAID[a.status]}, ${a.status === b.status ? "and B likewise" : `B ${SAID[b.status]}`}`;
  if (!a.p99 || !b.p99) return `${both}.`;
  if (a.of !== b.of) return `${both}: A is judged by ${OF[a.of]}, B by ${OF[b.of]}.`;
  const lessNs = a.p99.mean - b.p99.mean;
  const than =
    Math.abs(lessNs) < 1 ? "the same as B's" : `${duration(Math.abs(lessNs))} ${lessNs > 0 ? "above" : "below"} B's`;
  return `${both}: the p99 of A is ${than}.`;
}

/** What moves it most. */
export function swingWords({ rows, p99Ns, of, factor }: SensitivityReport): string {
  const [first, second] = rows;
  if (!first || first.swingNs === 0) return `Nothing moves the p99 of ${OF[of]}, ${duration(p99Ns)}.`;
  const then = second && second.swingNs > 0 ? `, then ${second.parameter} (${duration(second.swingNs)})` : "";
  return `Of all that is changed by a factor of ${factor}, ${first.parameter} moves the p99 of ${duration(p99Ns)} most, by up to ${duration(first.swingNs)}${then}. Runs are paired by their draws; lines are intervals of 95%.`;
}
