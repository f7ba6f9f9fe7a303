import type { PlanFile } from "../formats/plan.ts";
import type { PlanInForce } from "./balance-problem.ts";
import { gpusOfSlots } from "./slots.ts";

/** What a plan's file has to fit. */
export interface PlanFit {
  file: string;
  gpus: number;
  /** Numbers of the layers that are placed, and how many the loads have. */
  layers: readonly number[];
  layersOfLoads: number;
  /** What to give instead of slots of which nobody says where they are. */
  advice?: string;
}

/** A plan's rows of the layers that are placed. `isDealt`: the file does not say where slots are, so GPUs have equally many, side by side. */
export function planInForce(plan: PlanFile, fit: PlanFit): { held: PlanInForce; slots: number; isDealt: boolean } {
  const { file, layers, layersOfLoads, advice } = fit;
  const wrong = (expected: string) => new RangeError(`${file}: expected ${expected}`);
  if (plan.objective !== "balance") throw wrong("a plan of layers and slots, got one for latency");
  const { physicalToLogicalMap: rows, layers: numbers, gpus } = plan;
  if (gpus !== undefined && gpus !== fit.gpus)
    throw wrong(`num_gpus to be ${fit.gpus}, the GPUs placed on, got ${gpus}`);
  const slots = rows[0]?.length ?? 0;
  if (!plan.gpuOfSlot && slots % fit.gpus !== 0)
    throw wrong(
      `slots that ${fit.gpus} GPUs can share equally, got ${slots} a layer${advice === undefined ? "" : `: ${advice}`}`,
    );
  const gpuOfSlot = plan.gpuOfSlot ?? gpusOfSlots(slots, fit.gpus);
  const isDealt = plan.gpuOfSlot === undefined && gpus === undefined;
  const held = (rows: readonly (readonly number[])[]) => ({
    held: { physicalToLogicalMap: rows.map((row) => [...row]), gpuOfSlot },
    slots,
    isDealt,
  });
  if (numbers) {
    const missing = layers.find((layer) => !numbers.includes(layer));
    if (missing !== undefined) throw wrong(`a row of layer ${missing}, got none`);
    return held(layers.map((layer) => rows[numbers.indexOf(layer)]!));
  }
  if (rows.length === layersOfLoads) return held(layers.map((layer) => rows[layer]!));
  if (rows.length === layers.length) return held(rows);
  throw wrong(`${layersOfLoads} layers, as the loads have, got ${rows.length}`);
}
