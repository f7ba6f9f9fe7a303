import {
  type CountedValues,
  Distribution,
  Histogram,
  type LatencyUnit,
  LoadSampler,
  type Measurement,
  measuredOptics,
  type Optics,
  opticsNamed,
  PathSampler,
  readMeasurement,
  type ShareInterval,
  shareInterval,
} from "../../index.ts";
import { Checksum } from "./checksum.ts";

export interface TailQuestion {
  /** What is drawn: one traversal of the fabric, or a whole load over it. */
  of: "traversal" | "load";
  /** Built-in profiles. */
  optics: readonly string[];
  /** A measurement of one's own, as its file holds it. */
  own: { name: string; bytes: Uint8Array } | null;
  /** Of the values in it, where it is a column of numbers that does not say. */
  unit: LatencyUnit | null;
  hops: number;
  correlation: number;
  /** Of frames, on optics that are known to stall. */
  stallProbability: number;
  ports: number;
  expertBytes: number;
  deadlineNs: number;
  draws: number;
  seed: number;
}

export interface TailCurve {
  name: string;
  title: string;
  /** P(longer) at each latency of the answer's grid; 0 where none was. */
  exceedance: Float64Array;
  /** For what was measured: between which lies the true one, in 95 of 100. */
  low: Float64Array | null;
  high: Float64Array | null;
  /** Share of all in each of the answer's bins. */
  shares: Float64Array;
  medianNs: number;
  p99Ns: number;
  p999Ns: number;
  mostNs: number;
  count: number;
  /** Of loads that come after the deadline; null for what are no loads. */
  miss: ShareInterval | null;
  checksum: string | null;
}

export interface TailAnswer {
  gridNs: Float64Array;
  /** Edges of the bins, one more than bins. */
  edgesNs: Float64Array;
  curves: TailCurve[];
  /** What a reader of the measurement must know. */
  notes: string[];
}

const GRID = 320;
const BINS = 96;
const BATCH = 4096;
const CONFIDENCE = 0.95;

/** Latencies, drawn or measured, before they are put on a common grid. */
interface Latencies {
  name: string;
  title: string;
  counted: CountedValues;
  /** Added to each value: what never varies would else hide what does in a cell. */
  fixedNs: number;
  miss: ShareInterval | null;
  checksum: string | null;
  isMeasured: boolean;
}

/** Draws of several optics over the same path, and a measurement beside them. */
export async function tail(
  question: TailQuestion,
  progress: (done: { of: string; done: number; all: number }) => void,
): Promise<TailAnswer> {
  const measurement = await measurementIn(question);
  const optics = question.optics.map(opticsNamed);
  if (measurement) optics.push(measuredOptics(measurement));
  const all = optics.map((one, done) => {
    progress({ of: one.profile.name, done, all: optics.length });
    return drawn(one, question);
  });
  if (measurement?.counted && question.of === "traversal") all.push(asMeasured(measurement));
  return { ...onGrid(all), notes: measurement?.notes ?? [] };
}

async function measurementIn({ own, unit }: TailQuestion): Promise<Measurement | null> {
  if (!own) return null;
  return readMeasurement(new TextDecoder().decode(own.bytes), { file: own.name, ...(unit ? { unit } : {}) });
}

function drawn(given: Optics, question: TailQuestion): Latencies {
  const { hops, correlation, ports, expertBytes, draws, seed, stallProbability } = question;
  const { stall } = given.profile;
  const optics: Optics = stall
    ? { ...given, profile: { ...given.profile, stall: { ...stall, probabilityPerFrame: stallProbability } } }
    : given;
  const stalls =
    stall && stallProbability > 0
      ? new Array(hops).fill({ probability: stallProbability, delay: Distribution.uniform(stall.lowNs, stall.highNs) })
      : [];
  const sampler =
    question.of === "load"
      ? new LoadSampler(
          { optics, fabric: { hops, correlation, ports }, demand: { expertBytes } },
          { batch: BATCH, seed },
        )
      : new PathSampler(
          { hops: new Array(hops).fill(optics.hop), correlation, faults: stalls },
          { batch: BATCH, seed },
        );
  const fixedNs = sampler instanceof LoadSampler ? sampler.fixedNs : 0;
  const histogram = new Histogram({ batch: BATCH });
  const checksum = new Checksum();
  const varyingNs = new Float32Array(BATCH);
  let late = 0;
  for (let done = 0; done < draws; done += BATCH) {
    const count = Math.min(BATCH, draws - done);
    const ns = sampler.next();
    checksum.addFloats(ns.subarray(0, count));
    for (let i = 0; i < count; i++) {
      if (ns[i]! > question.deadlineNs) late++;
      varyingNs[i] = ns[i]! - fixedNs;
    }
    histogram.record(varyingNs.subarray(0, count));
  }
  return {
    name: given.profile.name,
    title: given.profile.title,
    counted: histogram.counted(),
    fixedNs,
    miss: question.of === "load" ? shareInterval(late, draws, CONFIDENCE) : null,
    checksum: String(checksum),
    isMeasured: false,
  };
}

const asMeasured = ({ name, source, counted }: Measurement): Latencies => ({
  name: `${name}, as measured`,
  title: source,
  counted: counted!,
  fixedNs: 0,
  miss: null,
  checksum: null,
  isMeasured: true,
});

/** All on one grid of latencies, whose steps are as many percent everywhere. */
function onGrid(all: readonly Latencies[]): Omit<TailAnswer, "notes"> {
  const least = Math.min(...all.map(({ counted, fixedNs }) => counted.values[0]! + fixedNs));
  const most = Math.max(...all.map(({ counted, fixedNs }) => counted.values.at(-1)! + fixedNs));
  const gridNs = steps(least * 0.999, most * 1.001, GRID);
  // Bins end where hardly anything comes any more: what lies beyond is in the curve.
  const widest = Math.max(...all.map((one) => quantileOf(one, 0.002)));
  const edgesNs = steps(least * 0.999, Math.max(widest, least * 1.002), BINS + 1);
  return { gridNs, edgesNs, curves: all.map((one) => curveOf(one, gridNs, edgesNs)) };
}

function curveOf(one: Latencies, gridNs: Float64Array, edgesNs: Float64Array): TailCurve {
  const count = one.counted.counts.reduce((sum, next) => sum + next, 0);
  const beyond = gridNs.map((ns) => longer(one, ns));
  const intervals = one.isMeasured ? [...beyond].map((hits) => shareInterval(hits, count, CONFIDENCE)) : null;
  const atEdges = edgesNs.map((ns) => longer(one, ns));
  return {
    name: one.name,
    title: one.title,
    exceedance: beyond.map((hits) => hits / count),
    low: intervals && Float64Array.from(intervals, ({ low }) => low),
    high: intervals && Float64Array.from(intervals, ({ high }) => high),
    shares: atEdges.subarray(1).map((after, i) => (atEdges[i]! - after) / count),
    medianNs: quantileOf(one, 0.5),
    p99Ns: quantileOf(one, 0.01),
    p999Ns: quantileOf(one, 0.001),
    mostNs: one.counted.values.at(-1)! + one.fixedNs,
    count,
    miss: one.miss,
    checksum: one.checksum,
  };
}

/** From `low` to `high`, each as many percent above the one before. */
function steps(low: number, high: number, count: number): Float64Array {
  const ratio = Math.log(high / low) / (count - 1);
  return Float64Array.from({ length: count }, (_, i) => low * Math.exp(i * ratio));
}

/** How many are longer than `ns`. */
function longer({ counted: { values, counts }, fixedNs }: Latencies, ns: number): number {
  let sum = 0;
  for (let i = values.length - 1; i >= 0 && values[i]! + fixedNs > ns; i--) sum += counts[i]!;
  return sum;
}

/** What the share `u` of them exceeds. */
function quantileOf({ counted: { values, counts }, fixedNs }: Latencies, u: number): number {
  const allowed = u * counts.reduce((sum, next) => sum + next, 0);
  let beyond = 0;
  for (let i = values.length - 1; i >= 0; i--) {
    beyond += counts[i]!;
    if (beyond > allowed) return values[i]! + fixedNs;
  }
  return Number.NaN;
}
