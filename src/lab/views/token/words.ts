import { duration, percent } from "../../../index.ts";
import type { TokenAnswer } from "../../jobs/token.ts";
import { type Enlarged, phasesOf } from "./enlarged.ts";
import type { Late, Shifted } from "./shift.ts";

/** Where the time goes, and what the late doorbell costs. */
export function finding(
  { timeline, residentStepNs }: TokenAnswer,
  now: Shifted,
  layer: number,
  lateNs: number,
  late: Late,
) {
  const { stepNs, layers, loads } = timeline;
  const cold = new Set(loads.map((load) => load.layer)).size;
  const waits = stepNs - residentStepNs;
  const held =
    cold === 0
      ? `This token takes ${duration(stepNs)}, and waits for no weights.`
      : `This token takes ${duration(stepNs)}; ${duration(waits)} of that (${percent(waits / stepNs)}) it waits for weights, in ${cold} of ${layers.length} layers.`;
  if (lateNs === 0 || now.count === 0) return held;
  const bells = late === "all" ? `all ${now.count} doorbells` : `the doorbell of layer ${layer}`;
  if (now.stepNs === 0)
    return `${held} With ${bells} late by ${duration(lateNs)} it takes no longer: the gap hides it.`;
  const behind = layers.length - 1 - layer;
  const follow =
    late === "one" && behind > 0
      ? `, as ${behind === 1 ? "the layer behind it shifts" : `${behind} layers behind it shift`} with it`
      : "";
  return `${held} With ${bells} late by ${duration(lateNs)} it takes ${duration(now.stepNs)} more (${percent(now.stepNs / stepNs)})${follow}.`;
}

/** How one layer stands against its deadline and limits. */
export function enlargedWords({ before, layer, load, lateNs, limits }: Enlarged, now: Shifted): string {
  if (!load)
    return `Layer ${layer.layer} finds all its experts in place, so no doorbell of it can be late: choose one that waits.`;
  const readyNs = load.readyNs - layer.routerNs + lateNs;
  const left = before.deadlineNs - readyNs;
  const inTime = left >= 0 ? `${duration(left)} before its deadline` : `${duration(-left)} after its deadline`;
  const commandNs = phasesOf(load, layer.routerNs, lateNs)[0]![2];
  const command =
    commandNs <= limits.commandNs
      ? `within its command's ${duration(limits.commandNs)}`
      : `${duration(commandNs - limits.commandNs)} beyond its command's ${duration(limits.commandNs)}`;
  const waits = load.doneNs - load.aloneNs - load.lostNs - load.arrivedNs;
  const queued = waits > 1 ? ` It waits ${duration(waits)} in its DPU's queue.` : "";
  const shifts = lateNs === 0 ? "" : ` Its experts start ${duration(now.layerNs)} later.`;
  return `Layer ${layer.layer} fetches expert ${load.expert} from GPU ${load.sourceGpu}: the doorbell is at the DPU ${duration(commandNs)} after the router's choice, ${command}, and the weights are in place after ${duration(readyNs)}, ${inTime}.${queued}${shifts}`;
}
