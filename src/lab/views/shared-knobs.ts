import { OPTICS } from "../../index.ts";
import type { ChoiceKnob, NumberKnob, Option } from "../knobs.ts";

// Knobs that mean the same on several views.

/** Built-in profiles, by their titles. */
export const OPTICS_OPTIONS: readonly Option[] = OPTICS.map(({ name, title }) => ({ value: name, label: title }));

export const optics = {
  kind: "choice",
  label: "Optics",
  value: "cpo-800g",
  options: OPTICS_OPTIONS,
} as const satisfies ChoiceKnob;

export const hops = {
  kind: "number",
  label: "Hops",
  value: 3,
  min: 1,
  max: 16,
  isWhole: true,
  hint: "1 in a node, 2 in a pod, 3 anywhere.",
} as const satisfies NumberKnob;

/** That a load is striped over. */
export const ports = {
  kind: "number",
  label: "Ports",
  value: 16,
  min: 1,
  max: 128,
  isWhole: true,
} as const satisfies NumberKnob;

/** Of an expert. */
export const size = {
  kind: "number",
  label: "Expert",
  unit: "MB",
  value: 160,
  min: 0.1,
  max: 1000,
  isLog: true,
  argument: "expertBytes",
} as const satisfies NumberKnob;

export const deadline = {
  kind: "number",
  label: "Deadline",
  unit: "µs",
  value: 180,
  min: 1,
  max: 10_000,
  isLog: true,
  argument: "deadlineNs",
  hint: "From the router's choice to the weights in place.",
} as const satisfies NumberKnob;

export const draws = {
  kind: "number",
  label: "Draws",
  value: 1_000_000,
  min: 1000,
  max: 1e8,
  isLog: true,
  isWhole: true,
} as const satisfies NumberKnob;

export const seed = {
  kind: "number",
  label: "Seed",
  value: 1,
  min: 0,
  max: 2 ** 32 - 1,
  isWhole: true,
} as const satisfies NumberKnob;

/** Of the values in a file that is dropped. */
export const unit = {
  kind: "choice",
  label: "Unit of a column",
  value: "",
  options: [
    { value: "", label: "as the file says" },
    ...["ns", "us", "ms", "s"].map((value) => ({ value, label: value })),
  ],
} as const satisfies ChoiceKnob;
