import { checkKeys, checkWhole } from "../check.ts";
import { kvBytesOf } from "../models/shape.ts";
import { simulateDecoding } from "../simulation/index.ts";
import { type DecodingOptions, planDecoding } from "../simulation/plan.ts";
import type { ServingOptions } from "./index.ts";
import { type RankStep, RooflineSteps, type StepTimes } from "./steps.ts";

/** What a step took with so many sequences on each GPU. */
export interface StepOfBatch {
  batch: number;
  meanNs: number;
}

/** How a fabric's steps are tabulated. */
export interface FabricServingOptions {
  /** Sequences of a GPU at which steps are simulated, ascending; between them steps are interpolated. 1, 2, 4 .. 128 unless given. */
  batches?: readonly number[];
  /** Steps of each simulation; 20 unless given. */
  steps?: number;
  /** Told before each batch how many are done. */
  onProgress?: (done: number) => void;
}

/** A GPU of a cluster whose experts are fetched, as an engine to serve with. */
export interface FabricServing {
  table: StepOfBatch[];
  /** For `simulateServing`: model, GPU, room, and steps by the table. */
  serving: ServingOptions;
}

/**
 * Decode steps by a table, with prompts on top as another model of steps has them: what they add to a step of the same sequences.
 * Experts that only prompts ask for are taken to be there.
 */
export class TabledSteps implements StepTimes {
  readonly table: readonly StepOfBatch[];
  readonly #prompts: StepTimes;

  constructor(table: readonly StepOfBatch[], prompts: StepTimes) {
    if (table.length === 0) throw new RangeError("table must hold at least 1 batch, got 0");
    table.forEach(({ batch }, i) => {
      checkWhole(`table[${i}].batch`, batch, i === 0 ? 1 : table[i - 1]!.batch + 1, 2 ** 16);
    });
    this.table = table;
    this.#prompts = prompts;
  }

  stepNs(ranks: readonly RankStep[]): number {
    const batch = ranks.reduce((most, { decodes }) => Math.max(most, decodes), 0);
    if (batch === 0) return this.#prompts.stepNs(ranks);
    const decodeNs = this.#decodeNs(batch);
    if (ranks.every(({ pieces }) => pieces === 0)) return decodeNs;
    const bare = ranks.map((rank) => ({ ...rank, pieces: 0, prefillTokens: 0, prefillContext: 0, prefillRows: 0 }));
    return decodeNs + Math.max(0, this.#prompts.stepNs(ranks) - this.#prompts.stepNs(bare));
  }

  /** Between the two batches that lie around it; what is less than the first takes as long as that. */
  #decodeNs(batch: number): number {
    const above = this.table.findIndex((one) => one.batch >= batch);
    if (above < 0)
      throw new RangeError(
        `maxSequences must be at most ${this.table.at(-1)!.batch}, the table's last batch, got ${batch}`,
      );
    const high = this.table[above]!;
    if (above === 0) return high.meanNs;
    const low = this.table[above - 1]!;
    return low.meanNs + ((batch - low.batch) / (high.batch - low.batch)) * (high.meanNs - low.meanNs);
  }
}

/**
 * Simulates decoding at some batches, and makes of it an engine's steps: one rank stands for each GPU of the cluster, which has
 * its own requests. Sequences are as long as `decoding` says, whatever requests say.
 */
export function servingOnFabric(decoding: DecodingOptions = {}, options: FabricServingOptions = {}): FabricServing {
  checkKeys("options", options, ["batches", "steps", "onProgress"]);
  const { batches = [1, 2, 4, 8, 16, 32, 64, 128], steps = 20, onProgress } = options;
  const table = batches.map((batch, done) => {
    onProgress?.(done);
    const { report } = simulateDecoding({ ...decoding, batch, steps }, { repetitions: 1, outages: 0 });
    return { batch, meanNs: report.interTokenLatency.meanNs.mean };
  });
  const { model, cluster } = planDecoding({ ...decoding, steps });
  const prompts = new RooflineSteps({ model, gpu: cluster.gpu, ...decoding.efficiency });
  const far = 8192;
  return {
    table,
    serving: {
      model,
      gpu: cluster.gpu,
      kvTokens: Math.floor((cluster.gpu.hbmBytes * cluster.kvReserveShare) / (kvBytesOf(model, far) / far)),
      maxSequences: batches.at(-1)!,
      maxBatchedTokens: Math.max(2048, batches.at(-1)!),
      steps: new TabledSteps(table, prompts),
    },
  };
}
