import type { TailQuestion } from "../../jobs/tail.ts";
import type { Knobs, Values } from "../../knobs.ts";
import { deadline, draws, hops, OPTICS_OPTIONS, ports, seed, size, unit } from "../shared-knobs.ts";

export const knobs = {
  of: {
    kind: "choice",
    label: "What is drawn",
    value: "traversal",
    options: [
      { value: "traversal", label: "one way through the fabric" },
      { value: "load", label: "a whole load, against its deadline" },
    ],
  },
  optics: {
    kind: "several",
    label: "Optics",
    value: ["dsp-800g", "lpo-800g", "cpo-800g"],
    options: OPTICS_OPTIONS,
  },
  hops,
  correlation: {
    kind: "number",
    label: "Correlation",
    value: 0,
    min: 0,
    max: 1,
    hint: "The share of ways on which all hops are slow together.",
  },
  stalls: {
    kind: "number",
    label: "Stalled frames",
    unit: "of a million",
    value: 0,
    min: 0,
    max: 10_000,
    argument: "stallProbability",
    hint: "On optics that are known to stall: those with a retimer.",
  },
  ports: { ...ports, when: { of: "load" } },
  size: { ...size, when: { of: "load" } },
  deadline: { ...deadline, when: { of: "load" } },
  draws,
  seed,
  own: {
    kind: "file",
    label: "Your measurement",
    value: null,
    accept: ".txt,.csv,.log,.hlog,.hgrm",
    hint: "perftest output, an HdrHistogram log, or a column of latencies: dropped here, it joins the plot. It stays on this machine.",
  },
  unit,
} as const satisfies Knobs;

export type TailKnobs = typeof knobs;

/** What the knobs ask for. */
export function questionOf(values: Values<TailKnobs>): TailQuestion {
  const { of, optics, hops, correlation, stalls, ports, size, deadline, draws, seed, own, unit } = values;
  return {
    of: of as TailQuestion["of"],
    optics,
    own: own && { name: own.name, bytes: own.bytes },
    unit: (unit || null) as TailQuestion["unit"],
    hops,
    correlation,
    stallProbability: stalls / 1e6,
    ports,
    expertBytes: size * 1e6,
    deadlineNs: deadline * 1e3,
    draws,
    seed,
  };
}
