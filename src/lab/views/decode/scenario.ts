import type { Fence, Means, Prefetch } from "../../../index.ts";
import { formatAddress, parseAddress } from "../../address.ts";
import type { DecodeAnswer } from "../../jobs/decode.ts";
import type { DecodeScenario } from "../../jobs/decoding.ts";
import { defaultsOf, type Knob, type Value } from "../../knobs.ts";
import { type ScenarioValues, scenarioKnobs } from "./knobs.ts";

/** A scenario, and what came of it. */
export interface Decoded {
  /** See `lineOf`. */
  line: string;
  values: ScenarioValues;
  answer: DecodeAnswer;
}

/** What a worker is asked where knobs stand so. */
export function scenarioOf(values: ScenarioValues): DecodeScenario {
  const { model, config, weights, gpus, gpu, copies, optics, ports, sharing, means, deadline } = values;
  const { batch, sequence, fence, gap, compute, resident, cold, share, cached, prefetch, predictor } = values;
  const { slo, of, steps, repetitions, seed } = values;
  return {
    model,
    config: config && { name: config.name, bytes: config.bytes },
    bytesPerWeight: weights === "" ? null : Number(weights),
    residentStepNs: compute === "stated" ? resident * 1e6 : (compute as "articles" | "roofline"),
    gpus,
    gpu,
    copies,
    gpusPerDpu: sharing,
    optics,
    ports,
    means: means as Means,
    batch,
    sequence,
    fence: fence as Fence,
    gapNs: gap * 1e3,
    deadlineNs: deadline * 1e3,
    cold:
      cold === "share"
        ? { share: share / 100 }
        : { cached, prefetch: prefetch as Prefetch, predictor: predictor as "markov" | "oracle" },
    sloNs: slo * 1e6,
    of: of as DecodeScenario["of"],
    steps,
    repetitions,
    seed,
  };
}

const NAMED = new Map([["decode", scenarioKnobs]]);

/** Values of knobs in a line, as an address has them. */
export const lineOf = (values: ScenarioValues): string =>
  formatAddress("decode", NAMED, new Map([["decode", values]])).slice(1);

/** What `lineOf` wrote. Throws where it is no such line. */
export async function valuesIn(line: string): Promise<ScenarioValues> {
  const { values, complaints } = await parseAddress(line, NAMED);
  const [complaint] = complaints;
  if (complaint !== undefined) throw new RangeError(`the scenario kept for comparison: ${complaint}`);
  return { ...defaultsOf(scenarioKnobs), ...Object.fromEntries(values.get("decode") ?? []) };
}

/** In what two scenarios differ: "Optics: dsp-800g, not cpo-800g". */
export function differences(one: ScenarioValues, other: ScenarioValues): string[] {
  return (Object.entries(scenarioKnobs) as [keyof ScenarioValues, Knob][]).flatMap(([name, knob]) => {
    const [a, b] = [wordsOf(knob, one[name]), wordsOf(knob, other[name])];
    return a === b ? [] : [`${knob.label}: ${a}, not ${b}`];
  });
}

function wordsOf(knob: Knob, value: Value): string {
  if (knob.kind === "choice") return knob.options.find((option) => option.value === value)!.label;
  if (knob.kind === "file") return (value as { name: string } | null)?.name ?? "none";
  return `${value}${knob.kind === "number" && knob.unit ? ` ${knob.unit}` : ""}`;
}
