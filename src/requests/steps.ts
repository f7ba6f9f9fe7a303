import { checkBetween, checkKeys, checkPositive, checkWhole } from "../check.ts";
import { flopsPerNsOf, type Gpu } from "../gpus.ts";
import { type AttentionShape, attentionBytes, attentionFlops } from "../models/attention.ts";
import { distinctExperts, kvBytesOf, type ModelShape, totalsOf } from "../models/shape.ts";
import { type Efficiency, Roofline } from "../roofline.ts";

/** What one rank computes in a step. */
export interface RankStep {
  /** Sequences that get a token more, and tokens that they hold, in all. */
  decodes: number;
  decodeContext: number;
  /** Pieces of prompts, their tokens, the tokens that each of these looks back on, in all, and the rows that the pieces read. */
  pieces: number;
  prefillTokens: number;
  prefillContext: number;
  prefillRows: number;
}

/** A model of how long a step takes. */
export interface StepTimes {
  /** Of all ranks: they end together. */
  stepNs(ranks: readonly RankStep[]): number;
}

/** What a step costs beside its roofline, and what of the roofline is reached. */
export interface StepCosts extends Efficiency {
  /** Of each step, whatever is in it; 0 unless given. */
  overheadNs?: number;
  /** Of each step that holds prompts, beyond that: kernels that are launched one by one; 0 unless given. */
  prefillOverheadNs?: number;
  /** Of each sequence in a step, on the host: sampling, bookkeeping; 0 unless given. */
  sequenceNs?: number;
  /** Of the rate between ranks; 1 unless given. */
  linkShare?: number;
}

/** Who computes. */
export interface StepOptions extends StepCosts {
  model: ModelShape | string;
  gpu: Gpu | string;
  /** GPUs, each with requests of its own; experts are spread over all, so that they step together. 1 unless given. */
  ranks?: number;
}

export const COST_KEYS: readonly (keyof StepCosts)[] = [
  "flopsShare",
  "hbmShare",
  "overheadNs",
  "prefillOverheadNs",
  "sequenceNs",
  "linkShare",
];

/** No step takes longer: 1,000 s. */
export const COST_NS_MAX = 1e12;

/** Activations travel as bf16. */
const BYTES_OF_ACTIVATION = 2;

/**
 * A step by its roofline: each piece takes what it computes over the rate of flops or what it reads over the rate of HBM. Tokens of
 * prompts and of sequences share projections and experts; each kind attends on its own. With several ranks each layer's tokens
 * go to all of them and come back, and the slowest ends the step.
 */
export class RooflineSteps implements StepTimes {
  readonly ranks: number;
  readonly costs: Required<StepCosts>;
  readonly roofline: Roofline;
  readonly #linkBytesPerNs: number;

  constructor(options: StepOptions) {
    checkKeys("options", options, ["model", "gpu", "ranks", ...COST_KEYS]);
    const { model, gpu, ranks = 1, flopsShare = 1, hbmShare = 1, linkShare = 1 } = options;
    const { overheadNs = 0, prefillOverheadNs = 0, sequenceNs = 0 } = options;
    this.roofline = new Roofline(model, gpu, { flopsShare, hbmShare });
    checkWhole("ranks", ranks, 1, this.roofline.model.experts);
    for (const [name, ns] of Object.entries({ overheadNs, prefillOverheadNs, sequenceNs }))
      checkBetween(name, ns, 0, COST_NS_MAX);
    checkPositive("linkShare", linkShare);
    checkBetween("linkShare", linkShare, 0, 1);
    this.ranks = ranks;
    this.costs = { flopsShare, hbmShare, linkShare, overheadNs, prefillOverheadNs, sequenceNs };
    const { gpuIngressBytesPerNs, pcieBytesPerNs } = this.roofline.gpu;
    this.#linkBytesPerNs = (gpuIngressBytesPerNs ?? pcieBytesPerNs) * linkShare;
  }

  stepNs(ranks: readonly RankStep[]): number {
    const { layers, moeLayers, expertsPerToken, experts, hidden } = this.roofline.model;
    const moe = moeLayers.length;
    let all = 0;
    let most = 0;
    let slowestNs = 0;
    let mixed = false;
    for (const rank of ranks) {
      const tokens = rank.decodes + rank.prefillTokens;
      all += tokens;
      most = Math.max(most, tokens);
      mixed ||= rank.pieces > 0;
      slowestNs = Math.max(slowestNs, this.#ownNs(rank));
    }
    if (all === 0) return 0;
    const distinct = distinctExperts(experts, expertsPerToken, all) / this.ranks;
    const expertsNs =
      moe *
      (this.roofline.gemmNs(distinct, (all * expertsPerToken) / this.ranks) +
        this.roofline.routerNs(most) +
        this.roofline.sharedNs(most));
    // Ranks pad what they send to the fullest: each takes in the tokens of all others, and then their sums.
    const exchanged = 2 * moe * (this.ranks - 1) * most * hidden * BYTES_OF_ACTIVATION;
    const { overheadNs, prefillOverheadNs } = this.costs;
    return (
      overheadNs +
      (mixed ? prefillOverheadNs : 0) +
      slowestNs +
      expertsNs +
      (layers - moe) * this.roofline.denseNs(most) +
      exchanged / this.#linkBytesPerNs
    );
  }

  /** What a rank does without the others: attention, the output head, and what its host does. */
  #ownNs(rank: RankStep): number {
    const { decodes, pieces, prefillTokens } = rank;
    const tokens = decodes + prefillTokens;
    if (tokens === 0) return 0;
    let ns = this.roofline.headNs(decodes + pieces) + (decodes + pieces) * this.costs.sequenceNs;
    for (const one of this.roofline.model.attention) ns += one.layers.length * this.#attentionNs(one, rank);
    return ns;
  }

  /** One layer: projections of all tokens, then rows of sequences, then of prompts. Each is as long as the mean of its kind. */
  #attentionNs(one: AttentionShape, rank: RankStep): number {
    const { decodes, decodeContext, pieces, prefillTokens, prefillContext, prefillRows } = rank;
    const { otherBytesPerWeight } = this.roofline.model;
    const projected = 2 * one.weights;
    let ns = this.#ns((decodes + prefillTokens) * projected, one.weights * otherBytesPerWeight, otherBytesPerWeight);
    if (decodes > 0) {
      const each = decodeContext / decodes;
      ns += this.#ns(
        decodes * (attentionFlops(one, each) - projected),
        decodes * attentionBytes(one, each),
        BYTES_OF_ACTIVATION,
      );
    }
    if (pieces > 0)
      ns += this.#ns(
        prefillTokens * (attentionFlops(one, prefillContext / prefillTokens) - projected),
        pieces * attentionBytes(one, prefillRows / pieces),
        BYTES_OF_ACTIVATION,
      );
    return ns;
  }

  #ns(flops: number, bytes: number, bytesPerWeight: number): number {
    const { gpu, flopsShare, hbmShare } = this.roofline;
    return Math.max(flops / (flopsPerNsOf(gpu, bytesPerWeight) * flopsShare), bytes / (gpu.hbmBytesPerNs * hbmShare));
  }
}

/** Of a rank's HBM so much is given to weights and sequences, as vLLM does unless told otherwise. */
const HBM_USED = 0.9;

/** The tokens that a rank has room for beside its weights. */
export function kvTokensOf({ roofline: { model, gpu }, ranks }: RooflineSteps): number {
  const { expertBytes, otherBytes } = totalsOf(model);
  const left = gpu.hbmBytes * HBM_USED - otherBytes - expertBytes / ranks;
  // A long sequence tells what a token more takes where windows and states take what they take.
  const eachBytes = kvBytesOf(model, FAR) / FAR;
  if (left < eachBytes)
    throw new RangeError(
      `ranks must be more: of ${gpu.name}'s ${(gpu.hbmBytes / 1e9).toFixed(1)} GB ${HBM_USED * 100}% are used, and ${model.name} on ${ranks} takes ${((otherBytes + expertBytes / ranks) / 1e9).toFixed(1)} GB of each, got ${ranks}`,
    );
  return Math.floor(left / eachBytes);
}

const FAR = 8192;
