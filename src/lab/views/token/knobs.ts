import type { Fence } from "../../../index.ts";
import type { TokenQuestion } from "../../jobs/token.ts";
import type { Knobs, Values } from "../../knobs.ts";
import { deadline, optics, ports, seed, size } from "../shared-knobs.ts";

/** The most that a doorbell can be dragged late. */
export const LATE_MOST_US = 100;

export const knobs = {
  late: {
    kind: "number",
    label: "The doorbell is late",
    unit: "µs",
    value: 16,
    min: 0,
    max: LATE_MOST_US,
    hint: "Or drag the bell in the picture.",
  },
  which: {
    kind: "choice",
    label: "Which doorbells",
    value: "one",
    options: [
      { value: "one", label: "that of the enlarged layer" },
      { value: "all", label: "all of the step" },
    ],
  },
  layer: {
    kind: "number",
    label: "Enlarged layer",
    value: -1,
    min: -1,
    max: 55,
    isWhole: true,
    hint: "-1: of those that wait, the one that waits middling long.",
  },
  optics,
  size: { ...size, min: 1 },
  cold: {
    kind: "number",
    label: "Layers with a cold expert",
    unit: "%",
    value: 25,
    min: 0,
    max: 100,
    argument: "cold: share",
  },
  ports,
  gpusPerDpu: {
    kind: "choice",
    label: "GPUs a DPU",
    value: "1",
    options: ["1", "2", "4", "8"].map((value) => ({ value, label: value })),
    hint: "Where several share one, their loads wait for one another.",
  },
  pace: {
    kind: "number",
    label: "Pace of a DPU",
    unit: "GB/s",
    value: 1600,
    min: 100,
    max: 10_000,
    isLog: true,
    argument: "dpuPaceBytesPerNs",
  },
  fence: {
    kind: "choice",
    label: "A cold layer goes on",
    value: "blocking",
    options: [
      { value: "blocking", label: "when gap and load are both over" },
      { value: "overlapped", label: "with what is there, the rest later" },
      { value: "additive", label: "when the load is over, then the gap" },
    ],
  },
  gap: { kind: "number", label: "Gap", unit: "µs", value: 62, min: 0, max: 500, argument: "gapNs" },
  deadline: { ...deadline, max: 2000 },
  command: { kind: "number", label: "Command at most", unit: "µs", value: 10, min: 0.1, max: 1000, isLog: true },
  data: { kind: "number", label: "Data at most", unit: "µs", value: 140, min: 1, max: 2000, isLog: true },
  local: { kind: "number", label: "Fence at most", unit: "µs", value: 30, min: 0.1, max: 1000, isLog: true },
  gpu: { kind: "number", label: "GPU", value: 0, min: 0, max: 127, isWhole: true, argument: "timeline: gpu" },
  step: { kind: "number", label: "Which step", value: 0, min: 0, max: 200, isWhole: true, argument: "timeline: step" },
  seed,
} as const satisfies Knobs;

export type TokenKnobs = typeof knobs;

/** Knobs that only change how the step that is there is looked at. */
export const LOOKS: ReadonlySet<string> = new Set(["late", "which", "layer", "command", "data", "local"]);

/** What each phase of a load may take. */
export interface Limits {
  commandNs: number;
  dataNs: number;
  fenceNs: number;
}

export const limitsOf = ({ command, data, local }: Values<TokenKnobs>): Limits => ({
  commandNs: command * 1e3,
  dataNs: data * 1e3,
  fenceNs: local * 1e3,
});

/** What the knobs ask for. */
export function questionOf(values: Values<TokenKnobs>): TokenQuestion {
  const { optics, ports, gpu, step, seed } = values;
  return {
    optics,
    expertBytes: values.size * 1e6,
    coldShare: values.cold / 100,
    gpusPerDpu: Number(values.gpusPerDpu),
    dpuPaceBytesPerNs: values.pace,
    ports,
    fence: values.fence as Fence,
    gapNs: values.gap * 1e3,
    deadlineNs: values.deadline * 1e3,
    gpu,
    step,
    seed,
  };
}
