import { build, initWebAssembly } from "hdr-histogram-js";
import { HISTOGRAM_COUNTS } from "../assembly/layout.ts";
import { Distribution, Histogram, HopSampler } from "../src/index.ts";
import { checksum } from "../test/reference/latency.ts";
import { compare } from "./compare.ts";
import type { Row } from "./row.ts";
import { mergeCounts, recordValues } from "./twins/histogram.ts";

const room = "histogram";
const length = 65536;
const hdrWasm = "hdr-histogram-js, Wasm";

/**
 * Hop latencies in whole picoseconds: both histograms get the very same values, all inside the range of both, and at this
 * size HdrHistogram's whole numbers are as fine as its three digits.
 */
function latenciesPs(): Float32Array {
  const hop = Distribution.fromQuantiles({ medianNs: 198, p99Ns: 1240, bodyJitter3SigmaNs: 310 });
  const valuesPs = new HopSampler(hop, { seed: 7, batch: length }).next().map((ns) => Math.round(ns * 1000));
  if (valuesPs.some((ps) => !(ps >= 1 && ps < 2 ** 32))) throw new Error(`${room}: a value is out of range`);
  return valuesPs;
}

/** Cells at most 1/1000 of their values wide, where ours are 1/1024, and the width of counts that is its fastest. */
function hdr() {
  return build({
    useWebAssembly: true,
    bitBucketSize: 32,
    autoResize: false,
    lowestDiscernibleValue: 1,
    highestTrackableValue: 2 ** 32,
    numberOfSignificantValueDigits: 3,
  });
}

/** FNV-1a of the counts above 0, in ascending order of their values. */
function checksumOfCounts(counts: Float64Array): number {
  return checksum(Float32Array.from(counts.filter((count) => count > 0)));
}

export default async function rows({ quick }: { quick: boolean }): Promise<Row[]> {
  await initWebAssembly();
  const valuesPs = latenciesPs();
  const ours = new Histogram();
  const twin = new Float64Array(HISTOGRAM_COUNTS);
  const theirs = hdr();
  const recorded = compare(
    [
      {
        name: "record",
        run: () => ours.record(valuesPs),
        checksum: () => {
          ours.record(valuesPs);
          return checksumOfCounts(ours.counted().counts);
        },
      },
      {
        name: "plain TypeScript",
        run: () => recordValues(twin, valuesPs),
        checksum: () => {
          recordValues(twin, valuesPs);
          return checksumOfCounts(twin);
        },
      },
      {
        name: hdrWasm,
        run: () => {
          for (let i = 0; i < length; i++) theirs.recordValue(valuesPs[i]!);
        },
        checksum: null,
      },
    ],
    { room, unit: "ns/value", work: length, quick },
  );
  for (const percentile of [50, 99]) {
    const [mine, other] = [ours.quantile(1 - percentile / 100), theirs.getValueAtPercentile(percentile)];
    if (!(Math.abs(mine / other - 1) < 0.002))
      throw new Error(`${room}: p${percentile} is ${mine} here and ${other} in ${hdrWasm}`);
  }

  const [sum, part] = [new Histogram(), new Histogram()];
  const [twinSum, twinPart] = [new Float64Array(HISTOGRAM_COUNTS), new Float64Array(HISTOGRAM_COUNTS)];
  const [theirSum, theirPart] = [hdr(), hdr()];
  part.record(valuesPs);
  recordValues(twinPart, valuesPs);
  for (const ps of valuesPs) theirPart.recordValue(ps);
  const merged = compare(
    [
      {
        name: "merge",
        run: () => sum.merge(part),
        checksum: () => {
          sum.merge(part);
          return checksumOfCounts(sum.counted().counts);
        },
      },
      {
        name: "plain TypeScript",
        run: () => mergeCounts(twinSum, twinPart),
        checksum: () => {
          mergeCounts(twinSum, twinPart);
          return checksumOfCounts(twinSum);
        },
      },
      { name: hdrWasm, run: () => theirSum.add(theirPart), checksum: null },
    ],
    { room, unit: "µs/merge", unitNs: 1000, work: 1, quick },
  );
  return [
    recorded.row("record", "plain TypeScript"),
    recorded.row("record", hdrWasm),
    merged.row("merge", "plain TypeScript"),
    merged.row("merge", hdrWasm),
  ];
}
