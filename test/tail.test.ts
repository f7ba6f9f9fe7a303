import { expect, test } from "vitest";
import type { QuantileInterval } from "../src/distribution.ts";
import { Distribution } from "../src/distribution.ts";
import { HopSampler } from "../src/latency.ts";
import { exceedances, measureTail, type Transport } from "../src/tail.ts";
import { shareOf } from "./share.ts";

/** Rings through `values` over and over, and remembers how many it rang at a time. */
function scripted(values: ArrayLike<number>): Transport & { rung: number[] } {
  const rung: number[] = [];
  let next = 0;
  return {
    rung,
    ring(latencyNs) {
      rung.push(latencyNs.length);
      for (let i = 0; i < latencyNs.length; i++) latencyNs[i] = values[next++ % values.length]!;
    },
  };
}

/** 1 to 1000, far from in order: 11 is a primitive root of the prime 1009, whose powers pass 1 to 1008 once. */
const thousand: number[] = [];
for (let power = 1, i = 0; i < 1008; i++, power = (power * 11) % 1009) if (power <= 1000) thousand.push(power);

/** The middle of the histogram's cell in which `value`, a whole number, starts: half of 1/1024 of its power of two above. */
const readBack = (value: number) => value + 2 ** Math.floor(Math.log2(value)) / 2048;

test("known latencies give known numbers", async () => {
  expect(new Set(thousand).size).toBe(1000);
  const { report, histogram } = await measureTail(
    { ...scripted(thousand), name: "script", method: "read out", clock: { name: "none", costNs: 1, stepNs: 2 } },
    { warmup: 0, iterations: 1000 },
  );
  expect(histogram.count).toBe(1000);
  expect(report).toMatchObject({
    transport: "script",
    method: "read out",
    clock: { name: "none", costNs: 1, stepNs: 2 },
    losses: null,
    warmup: 0,
    iterations: 1000,
    confidence: 0.95,
    leastNs: 1,
    mostNs: 1000,
    outside: 0,
  });
  // From binomial (1000, p), summed in exact fractions: the places that 2.5% of samples miss at most on either side. That of
  // the 99.9th percentile has no upper end.
  const interval = (value: number, low: number, high: number | null): QuantileInterval => ({
    ns: readBack(value),
    lowNs: readBack(low),
    highNs: high === null ? null : readBack(high),
    thin: value > 990,
  });
  expect(report.median).toEqual(interval(500, 469, 532));
  expect(report.p99).toEqual(interval(990, 983, 997));
  expect(report.p999).toEqual(interval(999, 997, null));
  // Mean and sigma of what is read back, which is 1/4096 to 1/2048 above what was recorded.
  const values = thousand.map(readBack);
  const mean = values.reduce((a, b) => a + b, 0) / 1000;
  const sigma = Math.sqrt(values.reduce((sum, ns) => sum + (ns - mean) ** 2, 0) / 999);
  expect(report.meanNs).toBeCloseTo(mean, 9);
  expect(report.sigmaNs).toBeCloseTo(sigma, 9);
  expect(report.threeSigmaNs).toBe(3 * report.sigmaNs);
  expect(report.meanErrorNs).toBeCloseTo((1.959963984540054 * sigma) / Math.sqrt(1000), 9);
  // Ten a decade from 1 down to 1/1000; the last is exceeded by one.
  expect(report.curve).toHaveLength(31);
  expect(report.curve[0]).toEqual({ u: 1, ns: readBack(1) });
  expect(report.curve[10]).toEqual({ u: 0.1, ns: readBack(900) });
  expect(report.curve[20]).toEqual({ u: 0.01, ns: readBack(990) });
  expect(report.curve[30]).toEqual({ u: 0.001, ns: readBack(999) });
});

test("warm-up doorbells are rung, and none of them is recorded", async () => {
  const transport = scripted([...new Array<number>(5000).fill(1e6), ...new Array<number>(9000).fill(10)]);
  const progress: [number, number][] = [];
  const { report, histogram } = await measureTail(transport, {
    warmup: 5000,
    iterations: 9000,
    onProgress: (done, iterations) => progress.push([done, iterations]),
  });
  expect(transport.rung).toEqual([4096, 904, 4096, 4096, 808]);
  expect([histogram.count, report.mostNs, report.leastNs]).toEqual([9000, 10, 10]);
  expect(report.p999.ns).toBe(10); // no quantile is read back beyond what was measured
  expect(progress).toEqual([
    [4096, 9000],
    [8192, 9000],
    [9000, 9000],
  ]);
  const byDefault = scripted([5]);
  await measureTail(byDefault, { iterations: 100 });
  expect(byDefault.rung).toEqual([1000, 100]);
});

test("a transport may take its time", async () => {
  const inner = scripted(thousand);
  let ringing = 0;
  const { report } = await measureTail(
    {
      async ring(latencyNs) {
        expect(++ringing).toBe(1); // one batch at a time
        await new Promise((resolve) => setTimeout(resolve, 2));
        inner.ring(latencyNs);
        ringing--;
      },
    },
    { warmup: 10, iterations: 10_000 },
  );
  expect(inner.rung).toEqual([10, 4096, 4096, 1808]);
  expect([report.median.ns, report.transport, report.clock]).toEqual([readBack(500), "unnamed", null]);
});

test("losses are those of the timed doorbells", async () => {
  const inner = scripted(thousand);
  const counts = { sent: 1, received: 1, lost: 0, reordered: 0, duplicated: 0 };
  const transport: Transport = {
    // A getter that gives the same object again and again.
    get losses() {
      return counts;
    },
    ring(latencyNs) {
      inner.ring(latencyNs);
      counts.received += latencyNs.length;
      counts.sent += latencyNs.length + 7;
      counts.lost += 7;
      counts.reordered += 3;
      counts.duplicated += 2;
    },
  };
  const { report } = await measureTail(transport, { warmup: 5000, iterations: 9000 }); // 2 batches, and 3
  expect(report.losses).toEqual({ sent: 9021, lost: 21, reordered: 9, duplicated: 6 });
  expect(counts.sent).toBe(1 + 5000 + 9000 + 35);
});

test("what no cell tells apart is reported as outside", async () => {
  const values = [0, 0.5, ...new Array<number>(97).fill(8), 2 ** 33];
  const { report } = await measureTail(scripted(values), { warmup: 0, iterations: 100 });
  expect([report.outside, report.leastNs, report.mostNs]).toEqual([3, 0, 2 ** 33]);
});

test("intervals hold the true quantile as often as they say", async () => {
  // 2000 doorbells each. At 95% or more, so few hits have a probability below 0.004: of 200 measurements 180 or fewer.
  const runs = shareOf(200);
  const fewest = mostWithin(0.004, runs, 0.95);
  const hop = Distribution.fromQuantiles({ medianNs: 412, p99Ns: 736, bodyJitter3SigmaNs: 84 });
  const sampler = new HopSampler(hop, { seed: 21, batch: 2000 });
  const transport: Transport = { ring: (latencyNs) => latencyNs.set(sampler.next().subarray(0, latencyNs.length)) };
  const hits = { median: 0, p99: 0, p999: 0, mean: 0 };
  const { meanNs } = hop.moments();
  for (let run = 0; run < runs; run++) {
    const { report } = await measureTail(transport, { warmup: 0, iterations: 2000 });
    for (const [name, u] of [
      ["median", 0.5],
      ["p99", 0.01],
      ["p999", 0.001],
    ] as const) {
      const { lowNs, highNs } = report[name];
      const cell = 1 + 1 / 2048; // ends are read back from cells
      const ns = hop.quantileNs(u);
      if (lowNs! <= ns * cell && ns <= (highNs ?? Number.POSITIVE_INFINITY) * cell) hits[name]++;
    }
    if (Math.abs(report.meanNs - meanNs) <= report.meanErrorNs) hits.mean++;
  }
  for (const count of Object.values(hits)) expect(count).toBeGreaterThan(fewest);
  // An interval that always holds says too little, where there are enough of them to tell.
  if (0.95 ** runs < 0.004) expect(hits.median).toBeLessThan(runs);
});

/** The most hits of `trials`, each with the chance `p`, of which so many or fewer have a probability below `chance`. */
function mostWithin(chance: number, trials: number, p: number): number {
  let [hits, term] = [0, (1 - p) ** trials];
  for (let sum = term; sum < chance; sum += term) {
    term *= ((trials - hits) / (hits + 1)) * (p / (1 - p));
    hits++;
  }
  return hits - 1;
}

test("bursts widen the intervals, by as much as counts vary from batch to batch", async () => {
  const batch = 4096;
  const batches = 10 + 40; // the first ten only settle the thresholds
  // Of every two batches one holds 100 slow doorbells and the other none; or each holds 50.
  const latencies = (slowIn: (batchIndex: number) => number) =>
    Float32Array.from({ length: batches * batch }, (_, i) =>
      i % batch < slowIn(Math.floor(i / batch)) ? 5000 + (i % batch) : 100 + (i % 64),
    );
  const measured = async (slowIn: (batchIndex: number) => number) =>
    (await measureTail(scripted(latencies(slowIn)), { warmup: 0, iterations: batches * batch })).report;
  const [bursty, even] = [await measured((i) => (i % 2) * 100), await measured(() => 50)];
  // The p99 of either lies among the slow ones: in each second batch B lie beyond it, of which B / 2 is the mean, so that
  // over 40 batches the variance is B^2 / 4 x 40 / 39; a binomial's would be B / 2 x (1 - B / 2 / 4096).
  const beyond = (ns: number) => [...latencies(() => 100).subarray(0, batch)].filter((latency) => latency > ns).length;
  const { burstiness } = bursty;
  const expected = [bursty.p99.ns * 0.998, bursty.p99.ns * 1.002].map((ns) => {
    const mean = beyond(ns) / 2;
    return (mean * 40) / 39 / (1 - mean / batch);
  });
  expect(burstiness!.p99).toBeLessThanOrEqual(expected[0]!);
  expect(burstiness!.p99).toBeGreaterThanOrEqual(expected[1]!);
  expect(even.burstiness!.p99).toBe(1); // less than independent ones vary
  const width = ({ p99 }: typeof even) => p99.highNs! - p99.lowNs!;
  expect(width(even)).toBeGreaterThan(0);
  expect(width(bursty)).toBeGreaterThan(2 * width(even));

  // Means of batches are M +- D, alternately: an error of D x sqrt(50 / 49) / sqrt(50).
  const slow = latencies(() => 100).subarray(0, batch);
  const fast = latencies(() => 0).subarray(0, batch);
  const meanOf = (values: Float32Array) => values.reduce((sum, ns) => sum + ns, 0) / batch;
  const halfGapNs = (meanOf(slow) - meanOf(fast)) / 2;
  expect(bursty.meanErrorNs).toBeCloseTo((1.959963984540054 * halfGapNs) / Math.sqrt(49), 6);
  expect(even.meanErrorNs).toBeCloseTo((1.959963984540054 * even.sigmaNs) / Math.sqrt(batches * batch), 6);
});

test("refuses a transport that leaves latencies out, in a later batch too", async () => {
  for (const goodBatches of [0, 3]) {
    let rung = 0;
    const ring = (latencyNs: Float32Array) => void latencyNs.subarray(0, rung++ < goodBatches ? 4096 : 4095).fill(5);
    await expect(measureTail({ ring }, { warmup: 0, iterations: 5 * 4096 })).rejects.toThrow(
      new RangeError("latencyNs must be at least 0, got NaN from the transport"),
    );
  }
});

test("refuses what is no latency", async () => {
  for (const bad of [Number.NaN, -1, Number.NEGATIVE_INFINITY])
    await expect(measureTail(scripted([5, 5, bad]), { warmup: 0, iterations: 100 })).rejects.toThrow(
      new RangeError(`latencyNs must be at least 0, got ${bad} from the transport`),
    );
  await expect(
    measureTail({ ring: () => Promise.reject(new Error("link down")) }, { iterations: 100 }),
  ).rejects.toThrow("link down");
});

test("names the bad argument", async () => {
  await expect(measureTail(scripted([5]), { iterations: 99 })).rejects.toThrow(
    new RangeError("iterations must be from 100 to 1000000000000, got 99"),
  );
  await expect(measureTail(scripted([5]), { warmup: -1 })).rejects.toThrow(
    new RangeError("warmup must be from 0 to 1000000000, got -1"),
  );
  await expect(measureTail({} as Transport)).rejects.toThrow(
    new TypeError("transport must have a method ring(latencyNs)"),
  );
});

test("exceedances fall ten a decade from 1 to one in count", () => {
  for (const [count, length] of [
    [1, 1],
    [10, 11],
    [1000, 31],
    [1_000_000, 61],
    [500, 27],
  ] as const) {
    const shares = exceedances(count);
    expect(shares).toHaveLength(length);
    expect(shares[0]).toBe(1);
    expect(shares.at(-1)! * count).toBeGreaterThan(1 - 1e-9);
    expect((shares.at(-1)! * count) / 10 ** 0.1).toBeLessThan(1);
  }
});
