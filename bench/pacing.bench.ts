import { CERTAIN } from "../assembly/layout.ts";
import { Distribution, type EventColumns, Histogram, type LoadColumns, Pacer, PathSampler } from "../src/index.ts";
import { checksum, seedRandom } from "../test/reference/latency.ts";
import { type Contender, compare } from "./compare.ts";
import { inC } from "./native.ts";
import type { Row } from "./row.ts";
import { recordValues } from "./twins/histogram.ts";
import { pathTwin } from "./twins/latency.ts";
import { naiveHop } from "./twins/naive.ts";
import { type NaiveLoad, NaivePacer, PacerTwin } from "./twins/pacing.ts";
import { meanWaits } from "./waits.ts";

const room = "pacing";
const pace = 1600;
const batch = 1024;
const seed = 7;
const lpo = { medianNs: 198, p99Ns: 1240, bodyJitter3SigmaNs: 310 };
const fixedNs = 76;
const correlation = 0.5;
const stepNs = 5000; // about 11 reads a DPU

/** Sizes of half a chunk to a chunk and slacks, drawn ahead: as many as a run takes, over and over. */
const TABLE = 1 << 14;
const drawn = seededFloats(2 * TABLE);
const sizesBytes = Float64Array.from({ length: TABLE }, (_, i) => 500_000 + Math.floor(500_000 * drawn[i]!));
const meanBytes = sizesBytes.reduce((sum, bytes) => sum + bytes, 0) / TABLE;

function seededFloats(count: number): Float64Array {
  let x = 1;
  return Float64Array.from({ length: count }, () => {
    x = (Math.imul(x, 1664525) + 1013904223) >>> 0;
    return x / 2 ** 32;
  });
}

/**
 * Enough for all of a queue to be read before, but for one load in 256, which is so urgent that most of these are too late; in
 * whole multiples of 8 ns, so that some deadlines are the same.
 */
function slacksNs(depth: number): Float64Array {
  const inEights = (ns: number) => 8 * Math.floor(ns / 8);
  return Float64Array.from({ length: TABLE }, (_, i) =>
    inEights(i % 256 === 0 ? 1000 * drawn[TABLE + i]! : depth * 500 * (1 + drawn[TABLE + i]!)),
  );
}

/** Loads under way on each of some DPUs of one GPU. */
interface Size {
  dpus: number;
  depth: number;
}

/** What the bench asks of a pacer: a Pacer's columns. */
interface Columns {
  loads: Pick<LoadColumns, "destinationGpu" | "sizeBytes" | "deadlineNs">;
  events: Pick<EventColumns, "slot" | "bytes" | "atNs" | "endNs">;
  submit(count: number): number;
  advance(nowNs: number): number;
}

/**
 * A closed loop: each load that is read traverses the fabric, its time from submission to its end is recorded, and another
 * takes its place.
 */
function closedLoop(
  pacer: Columns,
  nextPathsNs: () => Float32Array,
  record: (latencyNs: Float32Array) => void,
  { dpus, depth }: Size,
) {
  const { destinationGpu, sizeBytes, deadlineNs } = pacer.loads;
  const { slot: slots, bytes, atNs, endNs } = pacer.events;
  const slackNs = slacksNs(depth);
  const slotBits = Math.log2(depth);
  const submittedNs = new Float64Array(dpus * depth);
  const [latencyNs, lateNs] = [new Float32Array(batch), new Float32Array(batch)];
  let pathsNs = nextPathsNs();
  let path = 0;
  let at = 0;
  let nowNs = 0;
  for (let i = 0; i < depth; i++) {
    for (let dpu = 0; dpu < dpus; dpu++) {
      destinationGpu[dpu] = dpu;
      sizeBytes[dpu] = sizesBytes[at]!;
      deadlineNs[dpu] = Math.max(slackNs[at]!, 500 * depth);
      at = (at + 1) & (TABLE - 1);
    }
    pacer.submit(dpus);
  }
  const step = () => {
    nowNs += stepNs;
    const count = pacer.advance(nowNs);
    if (count === batch) throw new Error(`${room}: a step is more than a batch`);
    let reads = 0;
    let late = 0;
    for (let i = 0; i < count; i++) {
      const slot = slots[i]!;
      if (bytes[i] === 0) {
        lateNs[late++] = atNs[i]! - submittedNs[slot]!;
        continue;
      }
      if (path === batch) {
        pathsNs = nextPathsNs();
        path = 0;
      }
      latencyNs[reads] = endNs[i]! - submittedNs[slot]! + pathsNs[path++]!;
      // All places that come free in a step are taken again in it, each by a load of the same DPU.
      submittedNs[slot] = nowNs;
      destinationGpu[reads] = slot >>> slotBits;
      sizeBytes[reads] = sizesBytes[at]!;
      deadlineNs[reads++] = nowNs + slackNs[at]!;
      at = (at + 1) & (TABLE - 1);
    }
    record(latencyNs.subarray(0, reads));
    pacer.submit(reads);
    return { reads, late };
  };
  return { step, latencyNs, lateNs };
}

/** A run is `steps` steps; the checksum is that of the first run's latencies and of when loads turned out to be too late. */
function contender(name: string, { step, latencyNs, lateNs }: ReturnType<typeof closedLoop>, steps: number): Contender {
  return {
    name,
    run: () => {
      for (let i = 0; i < steps; i++) step();
    },
    checksum: () => {
      let hash = 0x811c9dc5;
      for (let i = 0; i < steps; i++) {
        const { reads, late } = step();
        hash = checksum(lateNs.subarray(0, late), checksum(latencyNs.subarray(0, reads), hash));
      }
      return hash;
    },
  };
}

const hop = Distribution.fromQuantiles(lpo);

function released(size: Size) {
  const { dpus: gpus, depth: queueDepth } = size;
  const pacer = new Pacer({ gpus, gpusPerDpu: 1, paceBytesPerNs: pace, queueDepth, selfCompleting: true, batch });
  const paths = new PathSampler({ hops: [hop, hop, hop], correlation }, { seed, batch });
  const histogram = new Histogram({ batch });
  return closedLoop(
    pacer,
    () => paths.next(),
    (latencyNs) => histogram.record(latencyNs),
    size,
  );
}

function typed(size: Size) {
  const pacer = new PacerTwin({ ...size, paceBytesPerNs: pace, batch });
  const table = hop.quantilesNs;
  const next = pathTwin([table, table, table], seedRandom(seed), correlation * CERTAIN, fixedNs, batch);
  const counts = new Float64Array(32770);
  return closedLoop(pacer, next, (latencyNs) => recordValues(counts, latencyNs), size);
}

/** What bench/native/pacing.c reads. */
function inputOf({ depth }: Size) {
  return [hop.quantilesNs, seedRandom(seed), sizesBytes, slacksNs(depth)];
}

/** What one would write first: objects in queues of the package flatqueue, Math.random, a Map to count in. */
function naive({ dpus, depth }: Size, steps: number): Contender {
  const pacer = new NaivePacer(dpus, pace, depth);
  const draw = naiveHop(lpo);
  const counts = new Map<number, number>();
  const slackNs = slacksNs(depth);
  let at = 0;
  let nowNs = 0;
  let late = 0;
  const submit = (dpu: number, leastNs: number) => {
    const deadlineNs = nowNs + Math.max(slackNs[at]!, leastNs);
    const load: NaiveLoad = { dpu, sizeBytes: sizesBytes[at]!, deadlineNs, submittedNs: nowNs, isRead: false };
    at = (at + 1) % TABLE;
    if (!pacer.submit(load)) throw new Error(`${room}: DPU ${dpu} is full`);
  };
  for (let i = 0; i < depth; i++) for (let dpu = 0; dpu < dpus; dpu++) submit(dpu, 500 * depth);
  return {
    name: "objects, flatqueue",
    run: () => {
      for (let i = 0; i < steps; i++) {
        nowNs += stepNs;
        for (const { load, isLate, endNs } of pacer.advance(nowNs)) {
          if (isLate) {
            late++;
            continue;
          }
          const latencyNs = endNs - load.submittedNs + draw() + draw() + draw() + fixedNs;
          const cell = Math.floor(Math.log2(latencyNs) * 1024);
          counts.set(cell, (counts.get(cell) ?? 0) + 1);
          submit(load.dpu, 0);
        }
      }
      if (late === 0 && nowNs > 100 * stepNs) throw new Error(`${room}: nothing was too late`);
    },
    checksum: null,
  };
}

const typescript = "plain TypeScript";

export default async function rows({ quick }: { quick: boolean }): Promise<Row[]> {
  const steps = quick ? 4 : 64;
  const named = ({ dpus, depth }: Size) =>
    `executor and fabric, ${depth.toLocaleString("en")} deep${dpus === 64 ? "" : `, ${dpus} DPUs`}`;
  const measure = (size: Size, others: Contender[]) => {
    const work = (steps * size.dpus * stepNs * pace) / meanBytes; // DPUs are never idle
    const contenders = [contender(named(size), released(size), steps), contender(typescript, typed(size), steps)];
    return compare([...contenders, ...others], { room, unit: "ns/doorbell", work, quick });
  };
  const all: Row[] = [];
  // What 64 DPUs know of 32,768 loads each is 200 MB, and memory is what takes the time; of 8, it fits a large cache.
  for (const dpus of [64, 8]) {
    const shallow = { dpus, depth: 32 };
    const isMain = dpus === 64;
    const native = isMain
      ? inC(room, "executor and fabric in C, -O3", inputOf(shallow), [steps, dpus, 32, stepNs])
      : [];
    const measured = measure(shallow, isMain ? [naive(shallow, steps), ...native] : []);
    all.push(measured.row(named(shallow), typescript));
    if (isMain) all.push(measured.row(named(shallow), "objects, flatqueue"));
    all.push(...native.map(({ name }) => measured.row(name, named(shallow))));
    for (const depth of [1024, 32768]) {
      const deep = { dpus, depth };
      const row = measure(deep, []).row(named(deep), typescript);
      const growth = row.value / all.find((other) => other.row === named(shallow))!.value;
      all.push(row, {
        room,
        row: `growth from 32 to ${depth.toLocaleString("en")} deep, ${dpus} DPUs`,
        value: growth / (Math.log2(depth) / Math.log2(32)),
        unit: "times that of the logarithm",
        peer: null,
        ratio: null,
        checksum: null,
      });
    }
  }
  return [...all, ...meanWaits({ quick })];
}
