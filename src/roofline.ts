import { checkBetween, checkKeys, checkPositive, checkWhole } from "./check.ts";
import { flopsPerNsOf, type Gpu, gpuOf } from "./gpus.ts";
import { type AttentionShape, attentionBytes, attentionFlops } from "./models/attention.ts";
import { modelOf } from "./models/index.ts";
import { distinctExperts, EMBEDDING_BYTES_PER_WEIGHT, type ModelShape } from "./models/shape.ts";

/** Shares of a GPU's peaks that are reached: 1 unless given, which no program reaches. */
export interface Efficiency {
  flopsShare?: number;
  hbmShare?: number;
}

/** One decode step of one GPU with all that it needs in its HBM. */
export interface StepRoofline {
  batch: number;
  sequence: number;
  /** Of a layer with experts: those that the batch chose. */
  distinctExperts: number;
  /** All layers together, as are the next four. */
  attentionNs: number;
  routerNs: number;
  gemmNs: number;
  sharedNs: number;
  denseNs: number;
  headNs: number;
  totalNs: number;
  /** What is read from HBM, and what is computed. */
  hbmBytes: number;
  flops: number;
}

/** What a piece of a step asks for. */
interface Work {
  flops: number;
  bytes: number;
  bytesPerWeight: number;
}

/**
 * The least time that decoding takes on one GPU: what is computed over the rate of flops, or what is read over the rate of HBM,
 * whichever is more, piece by piece. Activations are left out: a token's are thousands of times smaller than the weights.
 */
export class Roofline {
  readonly model: ModelShape;
  readonly gpu: Gpu;
  readonly flopsShare: number;
  readonly hbmShare: number;
  /** How each layer attends. */
  readonly #attentionOf: readonly AttentionShape[];

  constructor(model: ModelShape | string, gpu: Gpu | string, efficiency: Efficiency = {}) {
    checkKeys("efficiency", efficiency, ["flopsShare", "hbmShare"]);
    this.model = modelOf(model);
    this.gpu = gpuOf(gpu);
    const { flopsShare = 1, hbmShare = 1 } = efficiency;
    for (const [name, share] of Object.entries({ flopsShare, hbmShare })) {
      checkPositive(name, share);
      checkBetween(name, share, 0, 1);
    }
    [this.flopsShare, this.hbmShare] = [flopsShare, hbmShare];
    const ofLayer: AttentionShape[] = [];
    for (const one of this.model.attention) for (const layer of one.layers) ofLayer[layer] = one;
    this.#attentionOf = ofLayer;
  }

  /** Attention of one layer: projections of `batch` tokens, and rows of as many sequences of `sequence` tokens. */
  attentionNs(layer: number, batch: number, sequence: number): number {
    checkWhole("layer", layer, 0, this.model.layers - 1);
    return this.#ns(this.#attention(layer, batch, sequence));
  }

  /** The router of one layer. */
  routerNs(batch: number): number {
    return this.#ns(this.#router(batch));
  }

  /** The GEMM of one layer's routed experts: `distinct` of them are read, and `rows` are computed, a row for each expert that a token chose. */
  gemmNs(distinct: number, rows: number): number {
    return this.#ns(this.#gemm(distinct, rows));
  }

  /** The experts of one layer that every token takes. */
  sharedNs(batch: number): number {
    return this.#ns(this.#weights(this.model.sharedWeights, batch));
  }

  /** The MLP of one layer without experts. */
  denseNs(batch: number): number {
    return this.#ns(this.#weights(this.model.denseWeights, batch));
  }

  /** The output head, once a step. */
  headNs(batch: number): number {
    return this.#ns(this.#head(batch));
  }

  /** A whole step of `batch` sequences of `sequence` tokens; experts are chosen alike and apart unless `distinct` says how many. */
  step(batch: number, sequence: number, distinct = this.distinctExperts(batch)): StepRoofline {
    checkWhole("batch", batch, 1, 2 ** 20);
    checkWhole("sequence", sequence, 0, 2 ** 30);
    checkBetween("distinct", distinct, 0, this.model.experts);
    const { layers, moeLayers, expertsPerToken, sharedWeights, denseWeights } = this.model;
    const moe = moeLayers.length;
    const works = {
      // Layers of a kind are alike: one stands for all.
      attentionNs: this.model.attention.map((one) => [
        one.layers.length,
        this.#attention(one.layers[0]!, batch, sequence),
      ]),
      routerNs: [[moe, this.#router(batch)]],
      gemmNs: [[moe, this.#gemm(distinct, batch * expertsPerToken)]],
      sharedNs: [[moe, this.#weights(sharedWeights, batch)]],
      denseNs: [[layers - moe, this.#weights(denseWeights, batch)]],
      headNs: [[1, this.#head(batch)]],
    } as Record<"attentionNs" | "routerNs" | "gemmNs" | "sharedNs" | "denseNs" | "headNs", [number, Work][]>;
    const step: StepRoofline = {
      batch,
      sequence,
      distinctExperts: distinct,
      attentionNs: 0,
      routerNs: 0,
      gemmNs: 0,
      sharedNs: 0,
      denseNs: 0,
      headNs: 0,
      totalNs: 0,
      hbmBytes: 0,
      flops: 0,
    };
    for (const [name, pieces] of Object.entries(works) as [keyof typeof works, [number, Work][]][])
      for (const [count, work] of pieces) {
        const ns = count * this.#ns(work);
        step[name] += ns;
        step.totalNs += ns;
        step.hbmBytes += count * work.bytes;
        step.flops += count * work.flops;
      }
    return step;
  }

  /** The distinct experts of a layer that `batch` tokens choose, alike and apart. */
  distinctExperts(batch: number): number {
    return distinctExperts(this.model.experts, this.model.expertsPerToken, batch);
  }

  #ns({ flops, bytes, bytesPerWeight }: Work): number {
    return Math.max(
      flops / (flopsPerNsOf(this.gpu, bytesPerWeight) * this.flopsShare),
      bytes / (this.gpu.hbmBytesPerNs * this.hbmShare),
    );
  }

  #attention(layer: number, batch: number, sequence: number): Work {
    const attention = this.#attentionOf[layer]!;
    const { otherBytesPerWeight } = this.model;
    return {
      flops: batch * attentionFlops(attention, sequence),
      bytes: attention.weights * otherBytesPerWeight + batch * attentionBytes(attention, sequence),
      bytesPerWeight: otherBytesPerWeight,
    };
  }

  #router(batch: number): Work {
    return this.#weights(this.model.routerWeights, batch);
  }

  #gemm(distinct: number, rows: number): Work {
    const { expertWeights, expertBytes, bytesPerWeight } = this.model;
    return { flops: 2 * expertWeights * rows, bytes: expertBytes * distinct, bytesPerWeight };
  }

  #weights(weights: number, batch: number): Work {
    const { otherBytesPerWeight } = this.model;
    return { flops: 2 * weights * batch, bytes: weights * otherBytesPerWeight, bytesPerWeight: otherBytesPerWeight };
  }

  #head(batch: number): Work {
    const { headWeights } = this.model;
    return {
      flops: 2 * headWeights * batch,
      bytes: headWeights * EMBEDDING_BYTES_PER_WEIGHT,
      bytesPerWeight: EMBEDDING_BYTES_PER_WEIGHT,
    };
  }
}
