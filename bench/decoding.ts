import { QUANTILES } from "../assembly/layout.ts";
import { WAYS_STREAM } from "../assembly/simulation-layout.ts";
import { planDrive } from "../src/drive/plan.ts";
import { opticsNamed } from "../src/optics/index.ts";
import { RandomBits } from "../src/random.ts";
import { Engine } from "../src/simulation/engine.ts";
import type { EnginePlan } from "../src/simulation/memory.ts";
import { writeTables } from "../src/simulation/tables.ts";
import { DecodingTwin } from "./twins/simulation.ts";

// Clusters of which every GPU decodes for itself, with one cold load in a share of its layers: ours, and in TypeScript.

const ATTENTION_NS = 250e3;
const MULTIPLY_NS = 100e3;
const SEED = 1;

/** What plans have in common unless they say otherwise: each GPU for itself, waiting for all that is cold, keeping nothing. */
export const PLAIN = {
  unitGpus: 1,
  fence: "blocking",
  forced: true,
  contended: false,
  gapNs: 62e3,
  deadlineNs: 180e3,
  predictNs: 4e3,
  stretch: 1,
  cache: { budgetBytes: 0, perLayer: false },
  logMost: 0,
  eager: false,
} as const satisfies Partial<EnginePlan>;

/** A model as far as it matters here. */
export interface Shape {
  layers: number;
  experts: number;
  expertBytes: number;
  /** How many of a layer's gates have a cold load, of all. */
  coldShare: number;
}

export const MIXTRAL: Shape = { layers: 56, experts: 8, expertBytes: 302e6, coldShare: 0.25 };
export const DEEPSEEK: Shape = { layers: 58, experts: 256, expertBytes: 44e6, coldShare: 0.25 };

/** Each block lies on two GPUs. */
function holdersOf({ layers, experts }: Shape, gpus: number): Uint32Array {
  return Uint32Array.from({ length: 2 * layers * experts }, (_, i) => ((i >> 1) * 7 + (i & 1)) % gpus);
}

export function planOf(shape: Shape, gpus: number): EnginePlan {
  const { layers, experts, expertBytes } = shape;
  const { profile, hop } = opticsNamed("cpo-800g");
  const optics = { profile: { ...profile, stall: null, retrain: null }, hop };
  return {
    fabric: planDrive({ optics, gpus, seed: SEED }, gpus),
    ...PLAIN,
    layers: Array.from({ length: layers }, () => ({ beforeNs: 0, afterNs: 0, expertBytes, allBytes: 8 * expertBytes })),
    experts,
    hbmBytesPerNs: 22e3,
    copies: {
      starts: Uint32Array.from({ length: layers * experts + 1 }, (_, block) => 2 * block),
      gpus: holdersOf(shape, gpus),
    },
    demandMost: layers,
    layerDemandMost: 1,
    aheadMost: 0,
    prefetchesMost: 0,
    layerNs: 557e3,
    evictedChance: 0,
  };
}

/** Steps as they are given to both, drawn ahead: where layers begin, and what they ask for. */
export function stepsOf(
  { layers, experts, coldShare }: Shape,
  count: number,
): { starts: Uint32Array; demand: Uint32Array }[] {
  const bits = new RandomBits({ seed: 3, batch: 2 * layers });
  return Array.from({ length: count }, () => {
    const words = bits.next();
    const starts = new Uint32Array(layers + 1);
    const demand: number[] = [];
    for (let layer = 0; layer < layers; layer++) {
      if (words[2 * layer]! < coldShare * 2 ** 32) demand.push(layer * experts + (words[2 * layer + 1]! % experts));
      starts[layer + 1] = demand.length;
    }
    return { starts, demand: Uint32Array.from(demand) };
  });
}

/** Something that decodes on GPUs that go each for themselves. */
export interface Decoder {
  into: { starts: Uint32Array; demand: Uint32Array }[];
  start(gpu: number, atNs: number): void;
  run(): number;
  startNs(gpu: number): number;
  endNs(gpu: number): number;
}

export function ours(plan: EnginePlan): Decoder & { engine: Engine } {
  const engine = new Engine(plan);
  const into = Array.from({ length: plan.fabric.gpus }, (_, gpu) => engine.stepOf(gpu));
  for (const { setCompute } of into) setCompute(ATTENTION_NS, MULTIPLY_NS);
  return {
    engine,
    into,
    start: (gpu, atNs) => engine.start(gpu, atNs),
    run: () => engine.run(),
    startNs: (gpu) => engine.startNs(gpu),
    endNs: (gpu) => engine.endNs(gpu),
  };
}

export function twin(plan: EnginePlan): Decoder {
  const { fabric, layers, experts, gapNs, deadlineNs, hbmBytesPerNs, copies } = plan;
  const { gpus, beforeNs, afterNs, pacer } = fabric;
  const tables = new Float32Array(6 * QUANTILES);
  writeTables(fabric, tables);
  const rate = (limit: number | undefined) => limit ?? Number.POSITIVE_INFINITY;
  const { expertBytes, allBytes } = layers[0]!;
  const decoder = new DecodingTwin(
    {
      gpus,
      gpusPerDpu: pacer.gpusPerDpu!,
      layers: layers.length,
      experts,
      rates: [
        Math.min(pacer.paceBytesPerNs!, rate(pacer.portsBytesPerNs)),
        rate(pacer.sourceEgressBytesPerNs),
        rate(pacer.gpuIngressBytesPerNs),
      ],
      chunkBytes: pacer.chunkBytes!,
      expertBytes,
      allBytes,
      beforeNs,
      afterNs,
      thereNs: tables.subarray(0, QUANTILES),
      backNs: tables.subarray(QUANTILES, 2 * QUANTILES),
      gapNs,
      deadlineNs,
      hbmBytesPerNs,
      holders: copies.gpus,
      starts: streamStarts(gpus),
    },
    plan.demandMost,
  );
  decoder.attentionNs.fill(ATTENTION_NS);
  decoder.multiplyNs.fill(MULTIPLY_NS);
  const row = layers.length + 1;
  return {
    into: Array.from({ length: gpus }, (_, gpu) => ({
      starts: decoder.starts.subarray(gpu * row, (gpu + 1) * row),
      demand: decoder.demand.subarray(gpu * plan.demandMost, (gpu + 1) * plan.demandMost),
    })),
    start: (gpu, atNs) => decoder.start(gpu, atNs),
    run: () => decoder.run(),
    startNs: (gpu) => decoder.startNs[gpu]!,
    endNs: (gpu) => decoder.endNs[gpu]!,
  };
}

/** Where the ways of each GPU are drawn from, as halves. */
function streamStarts(gpus: number): Uint32Array {
  const golden = 0x9e3779b97f4a7c15n;
  const cut = (x: bigint) => BigInt.asUintN(64, x);
  const mix = (x: bigint) => {
    const a = cut((x ^ (x >> 30n)) * 0xbf58476d1ce4e5b9n);
    const b = cut((a ^ (a >> 27n)) * 0x94d049bb133111ebn);
    return b ^ (b >> 31n);
  };
  const starts = new BigUint64Array(gpus);
  for (let gpu = 0; gpu < gpus; gpu++)
    starts[gpu] = cut(mix(cut(mix(BigInt(SEED)) + BigInt(WAYS_STREAM + gpu) * golden)) + golden);
  return new Uint32Array(starts.buffer);
}

/** Has each GPU do so many more steps; returns how long they took, mixed up. */
export function decode(
  { into, start, run, startNs, endNs }: Decoder,
  steps: ReturnType<typeof stepsOf>,
  count: number,
): number {
  const done = new Uint32Array(into.length);
  const give = (gpu: number, atNs: number) => {
    const { starts, demand } = steps[(gpu * 7 + done[gpu]!) % steps.length]!;
    into[gpu]!.starts.set(starts);
    into[gpu]!.demand.set(demand);
    start(gpu, atNs);
  };
  let hash = 0x811c9dc5;
  const ns = new Float64Array(1);
  const words = new Uint32Array(ns.buffer);
  for (let gpu = 0; gpu < into.length; gpu++) give(gpu, endNs(gpu));
  for (let gpu = run(); gpu >= 0; gpu = run()) {
    ns[0] = endNs(gpu) - startNs(gpu);
    hash = Math.imul(Math.imul(hash ^ words[0]!, 0x01000193) ^ words[1]!, 0x01000193);
    if (++done[gpu]! < count) give(gpu, endNs(gpu));
  }
  return hash >>> 0;
}
