import {
  METERED_LOADS,
  SERVER_DPU,
  SERVER_NODE_DOWN,
  SERVER_NODE_UP,
  SERVER_POD_DOWN,
  SERVER_POD_UP,
  SERVER_SINK,
  SERVER_SOURCE,
  WAYS_STREAM,
} from "../../assembly/simulation-layout.ts";
import { convolve } from "../../src/convolution.ts";
import { Distribution } from "../../src/distribution.ts";
import type { Path } from "../../src/latency.ts";
import { exactPath } from "../../src/path.ts";
import type { EnginePlan } from "../../src/simulation/memory.ts";
import { GOLDEN, MASK, mix } from "./latency.ts";
import { ReferenceServer, type Turn } from "./servers.ts";

// What lies between a GPU that has weights and one that asks for them: its servers, by kind and place, and its paths.

export type ReferenceFabric = ReturnType<typeof fabricOf>;

export function fabricOf(plan: EnginePlan, onDone: (turn: Turn, nowNs: number) => void) {
  const { fabric, layers, experts, copies } = plan;
  const { gpusPerNode, gpusPerPod, gpus } = fabric;
  const { pacer } = fabric;
  const { paceBytesPerNs: pace = 1600, chunkBytes = 1e6, gpusPerDpu = Math.min(8, gpus) } = pacer;
  const dpuRate = Math.min(pace, pacer.portsBytesPerNs ?? pace);
  const [source, sink] = [pacer.sourceEgressBytesPerNs, pacer.gpuIngressBytesPerNs];
  const kindsOf: [kind: number, gpusEach: number, rate: number | undefined][] = [
    [SERVER_DPU, gpusPerDpu, dpuRate],
    [SERVER_SOURCE, 1, source],
    [SERVER_SINK, 1, sink],
    [SERVER_NODE_UP, gpusPerNode, pacer.nodeBytesPerNs],
    [SERVER_NODE_DOWN, gpusPerNode, pacer.nodeBytesPerNs],
    [SERVER_POD_UP, gpusPerPod, pacer.podBytesPerNs],
    [SERVER_POD_DOWN, gpusPerPod, pacer.podBytesPerNs],
  ];
  const rates = kindsOf.flatMap(([, , rate]) => rate ?? []);
  const loadBytesPerNs = Math.min(...rates);
  const tables = fabric.hopsOfTier.map((hops) => [
    tableOf(fabric.doorbellPath(hops), fabric.traversals[0]),
    tableOf(fabric.answerPath(hops), fabric.traversals[1]),
  ]);
  const furthest = tables.at(-1)!.map((table) => table.moments().meanNs);
  const meanBytes = layers.reduce((sum, { expertBytes }) => sum + expertBytes, 0) / layers.length;
  const loadNs = fabric.beforeNs + (furthest[0]! + furthest[1]!) + meanBytes / loadBytesPerNs + fabric.afterNs;
  const servers: ReferenceServer[] = [];
  const kinds = new Map<number, number[]>();
  for (const [kind, gpusEach, rate] of kindsOf) {
    if (rate === undefined) continue;
    const first = servers.length;
    const count = Math.ceil(gpus / gpusEach);
    kinds.set(
      kind,
      Array.from({ length: count }, (_, i) => first + i),
    );
    for (let i = 0; i < count; i++)
      servers.push(new ReferenceServer({ rate, chunkBytes, meterNs: METERED_LOADS * loadNs }, onDone));
  }
  const tierOf = (a: number, b: number) => {
    if (Math.floor(a / gpusPerNode) === Math.floor(b / gpusPerNode)) return 1;
    return Math.floor(a / gpusPerPod) === Math.floor(b / gpusPerPod) ? 2 : 3;
  };
  return {
    servers,
    kinds,
    loadNs,
    loadBytesPerNs,
    byDeadline: pacer.order !== "arrival",
    blocks: layers.length * experts,
    /** The nearest other GPU that holds a block; of those equally near the first from place `gpu` on, round and round. */
    sourceOf(gpu: number, block: number): number {
      const holders = [...copies.gpus.subarray(copies.starts[block], copies.starts[block + 1])];
      const turned = holders.map((_, i) => holders[(i + gpu) % holders.length]!).filter((holder) => holder !== gpu);
      return turned.toSorted((a, b) => tierOf(a, gpu) - tierOf(b, gpu))[0] ?? gpu;
    },
    /** The quantiles of the way there and of the way back. */
    tablesOf(from: number, gpu: number): [Float32Array, Float32Array] {
      const [there, back] = tables[tierOf(from, gpu) - 1]!;
      return [there!.quantilesNs, back!.quantilesNs];
    },
    /** Two words that the ways of a GPU's load are drawn from: the lower half for the way there. */
    bitsOf(gpu: number, index: number): bigint {
      const stream = mix((mix(BigInt(fabric.seed)) + BigInt(WAYS_STREAM + gpu) * GOLDEN) & MASK);
      return mix((stream + BigInt(index + 1) * GOLDEN) & MASK);
    },
    /** All servers that carry a load, the DPU's first. */
    routeOf(from: number, gpu: number): number[] {
      return kindsOf.flatMap(([kind, gpusEach, rate]) => {
        const [there, here] = [Math.floor(from / gpusEach), Math.floor(gpu / gpusEach)];
        if (rate === undefined || (kind >= SERVER_NODE_UP && there === here)) return [];
        const isOut = kind === SERVER_SOURCE || kind === SERVER_NODE_UP || kind === SERVER_POD_UP;
        return [kinds.get(kind)![isOut ? there : here]!];
      });
    },
    /** What serving and receiving take of a GPU's HBM. */
    takenBytesPerNs(gpu: number, receives: boolean): number {
      const serving = kinds.get(SERVER_SOURCE)?.[gpu];
      const serves = serving !== undefined && servers[serving]!.turns.length > 0;
      const unlimited = Number.POSITIVE_INFINITY;
      return (
        (serves ? Math.min(dpuRate, source ?? unlimited) : 0) + (receives ? Math.min(dpuRate, sink ?? unlimited) : 0)
      );
    },
  };
}

function tableOf(path: Path, times: number): Distribution {
  const known = tables.find((table) => table.times === times && isAlike(table.path, path));
  if (known) return known.made;
  const one = exactPath(path);
  const all = times === 1 ? one : convolve(Array.from({ length: times }, () => one));
  const made = Distribution.fromFunction((u) => all.quantileNs(u));
  tables.push({ path, times, made });
  return made;
}

/** Made before: they take long. */
const tables: { path: Path; times: number; made: Distribution }[] = [];

/** Whether two paths are of the same hops. */
function isAlike(a: Path, b: Path): boolean {
  const plain = ({ hops: _, ...rest }: Path) => JSON.stringify(rest);
  return plain(a) === plain(b) && a.hops.length === b.hops.length && a.hops.every((hop, i) => hop === b.hops[i]);
}
