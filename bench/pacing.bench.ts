import { CERTAIN } from "../assembly/layout.ts";
import { Distribution, Histogram, Pacer, PathSampler } from "../src/index.ts";
import { checksum, seedRandom } from "../test/reference/latency.ts";
import { type Contender, compare } from "./compare.ts";
import type { Row } from "./row.ts";
import { recordValues } from "./twins/histogram.ts";
import { pathTwin } from "./twins/latency.ts";
import { naiveHop } from "./twins/naive.ts";
import { type NaiveLoad, NaivePacer, PacerTwin } from "./twins/pacing.ts";

const room = "pacing";
const dpus = 64;
const pace = 1600;
const batch = 1024;
const seed = 7;
const lpo = { medianNs: 198, p99Ns: 1240, bodyJitter3SigmaNs: 310 };
const fixedNs = 76;
const correlation = 0.5;
const stepNs = 5000; // about 8 reads a DPU

/** Sizes of half a chunk to a chunk and slacks, drawn ahead: as many as a run takes, over and over. */
const TABLE = 1 << 14;
const drawn = seededFloats(2 * TABLE);
const sizesBytes = Float64Array.from({ length: TABLE }, (_, i) => 500_000 + Math.floor(500_000 * drawn[i]!));
const slacksNs = (depth: number) =>
  Float64Array.from({ length: TABLE }, (_, i) => depth * 500 * (1 + drawn[TABLE + i]!));

function seededFloats(count: number): Float64Array {
  let x = 1;
  return Float64Array.from({ length: count }, () => {
    x = (Math.imul(x, 1664525) + 1013904223) >>> 0;
    return x / 2 ** 32;
  });
}

/** What the bench asks of a pacer: a Pacer's columns. */
interface Columns {
  loads: { destinationGpu: Uint32Array; sizeBytes: Float64Array; deadlineNs: Float64Array; slot: Uint32Array };
  events: { slot: Uint32Array; bytes: Float64Array; atNs: Float64Array };
  submit(count: number): number;
  advance(nowNs: number): number;
  complete(count: number): void;
}

/**
 * A closed loop: `depth` loads a DPU; each that is read traverses the fabric, its time from submission to completion is
 * recorded, and another takes its place. A run is `steps` steps.
 */
function closedLoop(
  pacer: Columns,
  nextPathNs: () => Float32Array,
  record: (latencyNs: Float32Array) => void,
  depth: number,
) {
  const { loads, events } = pacer;
  const slackNs = slacksNs(depth);
  const [dpuOf, submittedNs] = [new Uint8Array(dpus * depth), new Float64Array(dpus * depth)];
  const latencyNs = new Float32Array(batch);
  const nextDpu = new Uint8Array(batch);
  let at = 0;
  let nowNs = 0;
  const submit = (count: number) => {
    for (let i = 0; i < count; i++) {
      loads.destinationGpu[i] = nextDpu[i]!;
      loads.sizeBytes[i] = sizesBytes[at]!;
      loads.deadlineNs[i] = nowNs + slackNs[at]!;
      at = (at + 1) & (TABLE - 1);
    }
    pacer.submit(count);
    for (let i = 0; i < count; i++) {
      dpuOf[loads.slot[i]!] = nextDpu[i]!;
      submittedNs[loads.slot[i]!] = nowNs;
    }
  };
  for (let i = 0; i < depth; i++) {
    for (let dpu = 0; dpu < dpus; dpu++) nextDpu[dpu] = dpu;
    submit(dpus);
  }
  const step = (): number => {
    nowNs += stepNs;
    const count = pacer.advance(nowNs);
    if (count === batch) throw new Error(`${room}: a step is more than a batch`);
    const pathNs = nextPathNs();
    let reads = 0;
    for (let i = 0; i < count; i++) {
      if (events.bytes[i]! === 0) continue;
      const slot = events.slot[i]!;
      latencyNs[reads] = events.atNs[i]! - submittedNs[slot]! + pathNs[reads]!;
      nextDpu[reads++] = dpuOf[slot]!;
    }
    record(latencyNs.subarray(0, reads));
    pacer.complete(count);
    submit(reads);
    return reads;
  };
  return { step, latencyNs };
}

function contender(name: string, loop: ReturnType<typeof closedLoop>, steps: number): Contender {
  return {
    name,
    run: () => {
      for (let i = 0; i < steps; i++) loop.step();
    },
    checksum: () => {
      let hash = 0x811c9dc5;
      for (let i = 0; i < steps; i++) hash = checksum(loop.latencyNs.subarray(0, loop.step()), hash);
      return hash;
    },
  };
}

const hop = Distribution.fromQuantiles(lpo);

function released(depth: number) {
  const pacer = new Pacer({ gpus: dpus, gpusPerDpu: 1, paceBytesPerNs: pace, queueDepth: depth, batch });
  const path = new PathSampler({ hops: [hop, hop, hop], correlation }, { seed, batch });
  const histogram = new Histogram({ batch });
  return closedLoop(
    pacer,
    () => path.next(),
    (latencyNs) => histogram.record(latencyNs),
    depth,
  );
}

function typed(depth: number) {
  const pacer = new PacerTwin({ dpus, paceBytesPerNs: pace, depth, batch });
  const table = hop.quantilesNs;
  const next = pathTwin([table, table, table], seedRandom(seed), correlation * CERTAIN, fixedNs, batch);
  const counts = new Float64Array(32770);
  return closedLoop(pacer, next, (latencyNs) => recordValues(counts, latencyNs), depth);
}

/** What one would write first: objects in binary heaps (written here: flatqueue is no dependency), Math.random. No load expires. */
function naive(depth: number, steps: number): Contender {
  const pacer = new NaivePacer(dpus, pace);
  const draw = naiveHop(lpo);
  const counts = new Map<number, number>();
  const slackNs = slacksNs(depth);
  let at = 0;
  let nowNs = 0;
  const submit = (dpu: number) => {
    const load: NaiveLoad = { dpu, sizeBytes: sizesBytes[at]!, deadlineNs: nowNs + slackNs[at]!, submittedNs: nowNs };
    at = (at + 1) % TABLE;
    pacer.submit(load);
  };
  for (let i = 0; i < depth; i++) for (let dpu = 0; dpu < dpus; dpu++) submit(dpu);
  return {
    name: "objects, Math.random",
    run: () => {
      for (let i = 0; i < steps; i++) {
        nowNs += stepNs;
        for (const { load, atNs } of pacer.advance(nowNs)) {
          const latencyNs = atNs - load.submittedNs + draw() + draw() + draw() + fixedNs;
          const cell = Math.floor(Math.log2(latencyNs) * 1024);
          counts.set(cell, (counts.get(cell) ?? 0) + 1);
          submit(load.dpu);
        }
      }
    },
    checksum: null,
  };
}

/** Loads that a step reads, on average: DPUs are never idle, and sizes are 750,000 on average. */
const perStep = (dpus * stepNs * pace) / 750_000;

export default async function rows({ quick }: { quick: boolean }): Promise<Row[]> {
  const steps = quick ? 4 : 64;
  const work = steps * perStep;
  const options = { room, unit: "ns/doorbell", work, quick };
  const through = compare(
    [
      contender("executor and fabric, 32 deep", released(32), steps),
      contender("plain TypeScript", typed(32), steps),
      naive(32, steps),
    ],
    options,
  );
  const growth = [1024, 32768].map((depth) => {
    const name = `executor and fabric, ${depth.toLocaleString("en")} deep`;
    return compare([contender(name, released(depth), steps), contender("plain TypeScript", typed(depth), steps)], {
      ...options,
    }).row(name, "plain TypeScript");
  });
  return [
    through.row("executor and fabric, 32 deep", "plain TypeScript"),
    through.row("executor and fabric, 32 deep", "objects, Math.random"),
    ...growth,
  ];
}
