import { type LoadStatistics, readPlacementInput } from "../../../index.ts";
import { placeLoads } from "./balance.ts";
import { drifted, madeLoads } from "./example.ts";
import { placeDemand, problemOf } from "./latency.ts";
import type { PlacementAnswer, PlacementQuestion, Tell } from "./plans.ts";

/** Places what a file holds, or an example, and tells how near to the bound it is meanwhile. */
export async function placement(question: PlacementQuestion, tell: Tell): Promise<PlacementAnswer> {
  const { own } = question;
  const input = own && (await readPlacementInput(own.bytes, { file: own.name }));
  if (input?.problem || (!input && question.of === "demand"))
    return placeDemand(question, problemOf(question, input?.problem ?? null), tell);
  if (input?.loads) return placeLoads(question, input.loads, input.loads.loads, tell);
  const made = madeOf(question);
  return placeLoads(question, made.now, made.then, tell);
}

/** Loads as they are, and as they were when the plan in force was made. */
function madeOf(question: PlacementQuestion): { now: LoadStatistics; then: Float64Array[] } {
  const { layers, experts, drift } = question;
  const then = madeLoads(question);
  const loads = drift > 0 ? drifted(question, drift) : then;
  const source = `made from seed ${question.seed}, ${layers} ${layers === 1 ? "layer" : "layers"} of ${experts} experts`;
  return { now: { loads, idleLayers: [], steps: 1, source }, then };
}
