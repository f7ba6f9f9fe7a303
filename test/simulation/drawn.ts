import fc from "fast-check";
import { opticsNamed } from "../../src/optics/index.ts";
import type { EnginePlan } from "../../src/simulation/memory.ts";
import type { AskedStep } from "../reference/decoded.ts";
import { planOf } from "./shared.ts";

/** A cheap generator of numbers for demand: fast-check draws its seed. */
export function drawer(seed: number): (below: number) => number {
  let state = seed | 1;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** Each made once, so that its paths are. */
const OPTICS = [opticsNamed("cpo-800g"), opticsNamed("dsp-800g")];

/** Small clusters, and what they are asked. */
export const cluster = fc.record({
  gpus: fc.constantFrom(1, 2, 4, 6, 8, 12),
  unit: fc.constantFrom(1, 1, 2, 99),
  layers: fc.integer({ min: 1, max: 4 }),
  experts: fc.integer({ min: 2, max: 6 }),
  copies: fc.integer({ min: 1, max: 2 }),
  gpusPerDpu: fc.integer({ min: 1, max: 8 }),
  tree: fc.constantFrom(undefined, { node: 2, pod: 4 }, { node: 2, pod: 4, nodeRate: 83, podRate: 57 }),
  optics: fc.constantFrom(...OPTICS),
  order: fc.constantFrom("deadline" as const, "deadline" as const, "arrival" as const),
  chunkBytes: fc.constantFrom(1e6, 3e6, 2 ** 22),
  egress: fc.constantFrom(undefined, 90.7, 333),
  ingress: fc.constantFrom(undefined, 77.7),
  fence: fc.constantFrom("blocking" as const, "overlapped" as const, "additive" as const),
  contended: fc.boolean(),
  forced: fc.boolean(),
  perLayer: fc.boolean(),
  budget: fc.integer({ min: 0, max: 12 }),
  eager: fc.boolean(),
  prefetchesMost: fc.integer({ min: 0, max: 5 }),
  steps: fc.integer({ min: 1, max: 5 }),
  ahead: fc.constantFrom(0, 1, 3),
  fabricSeed: fc.nat(),
  seed: fc.nat(),
});
export type Cluster = typeof cluster extends fc.Arbitrary<infer T> ? T : never;

export function planFor(drawn: Cluster): { plan: EnginePlan; stepOf: (gpu: number, step: number) => AskedStep } {
  const { gpus, tree, forced, experts, egress, ingress } = drawn;
  const draw = drawer(drawn.seed);
  const layers = Array.from({ length: drawn.layers }, () => ({
    beforeNs: draw(3) * 1234.5,
    afterNs: draw(3) * 777.7,
    // Whole chunks, and parts of one.
    expertBytes: (1 + draw(9)) * drawn.chunkBytes + draw(2) * draw(drawn.chunkBytes),
    allBytes: 100e6,
  }));
  const plan = planOf(
    {
      gpus,
      optics: drawn.optics,
      seed: drawn.fabricSeed,
      order: drawn.order,
      fabric: {
        gpusPerDpu: Math.min(gpus, drawn.gpusPerDpu),
        dpuPaceBytesPerNs: 137,
        chunkBytes: drawn.chunkBytes,
        ...(egress === undefined ? {} : { sourceEgressBytesPerNs: egress }),
        ...(ingress === undefined ? {} : { gpuIngressBytesPerNs: ingress }),
      },
      ...(tree === undefined
        ? {}
        : {
            tree: {
              gpusPerNode: tree.node,
              gpusPerPod: tree.pod,
              ...(tree.nodeRate === undefined ? {} : { nodeBytesPerNs: tree.nodeRate, podBytesPerNs: tree.podRate }),
            },
          }),
    },
    {
      layers,
      experts,
      unitGpus: gpus % drawn.unit === 0 ? drawn.unit : gpus,
      fence: drawn.fence,
      contended: drawn.contended,
      forced,
      eager: drawn.eager,
      prefetchesMost: drawn.prefetchesMost,
      hbmBytesPerNs: 1000,
      cache: { budgetBytes: drawn.budget * drawn.chunkBytes * 4, perLayer: drawn.perLayer },
      aheadMost: forced ? 0 : 3 * layers.length,
    },
    { copies: Math.min(gpus, drawn.copies) },
  );
  const asks = new Map<string, AskedStep>();
  return {
    plan,
    stepOf(gpu, step) {
      const key = `${gpu} ${step}`;
      const known = asks.get(key);
      if (known) return known;
      // Of its own seed, so that it does not matter who asks first.
      const own = drawer(drawn.seed + 7919 * gpu + 104729 * step);
      for (let i = 0; i < 5; i++) own(2);
      const asked: AskedStep = {
        attentionNs: 20e3 + own(1e6) / 10,
        multiplyNs: own(1e6) / 10,
        layers: layers.map((_, layer) => {
          const distinct = [...new Set(Array.from({ length: own(4) }, () => layer * experts + own(experts)))];
          const next = Array.from(
            { length: forced ? 0 : own(drawn.ahead + 1) },
            () =>
              [((layer + 1 + own(2)) % layers.length) * experts + own(experts), Math.fround(own(100) / 100)] as [
                number,
                number,
              ],
          );
          return { asked: distinct, ahead: next };
        }),
      };
      asks.set(key, asked);
      return asked;
    },
  };
}
