import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { generateTraffic, type TrafficOptions } from "../src/patterns.ts";
import { checkTraffic, type Traffic } from "../src/traffic.ts";
import { TRAFFIC } from "./vectors/traffic.ts";

const SPOKES = {
  uniform: undefined,
  bursts: "loadsPerBurst",
  incast: "sources",
  "hot-source": "destinations",
} as const;

/** Options of any pattern, and how many spokes a hand of it has. */
const anyOptions = fc
  .record({
    pattern: fc.constantFrom("uniform", "bursts", "incast", "hot-source"),
    gpus: fc.integer({ min: 2, max: 80 }),
    loads: fc.integer({ min: 1, max: 300 }),
    sizeBytes: fc.integer({ min: 1, max: 1e9 }),
    arrivals: fc.constantFrom("poisson", "regular"),
    rate: fc.constantFrom({ loadsPerSecond: 2e4 }, { utilisation: 0.7 }, { utilisation: 2, paceBytesPerNs: 50 }),
    slackNs: fc.nat({ max: 1e6 }),
    seed: fc.maxSafeNat(),
    spokes: fc.integer({ min: 1, max: 79 }),
  } as const)
  .map(({ rate, spokes: drawn, ...rest }) => {
    const option = SPOKES[rest.pattern];
    const spokes = option ? Math.min(drawn, rest.gpus - 1) : 1;
    return { options: { ...rest, ...rate, ...(option && { [option]: spokes }) } satisfies TrafficOptions, spokes };
  });

const distinct = (values: ArrayLike<number>) => new Set(Array.from(values)).size;
const gapsOf = ({ postNs }: Traffic) => postNs.map((ns, i) => ns - (postNs[i - 1] ?? 0));

test.each(TRAFFIC)("$options.pattern of $options.gpus GPUs is what the C twin deals", ({ options, posts, ends }) => {
  const traffic = generateTraffic({ ...options, loads: 10_000, loadsPerSecond: 1e6 });
  let hash = 0x811c9dc5;
  for (let load = 0; load < 10_000; load++)
    for (const gpu of [traffic.sourceGpu[load]!, traffic.destinationGpu[load]!])
      hash = Math.imul(hash ^ gpu, 0x01000193) >>> 0;
  expect(hash).toBe(ends);
  // libm's logarithms and long doubles: 10,000 sums of an error of 2^-52 each, at the most.
  [0, 99, 9999].forEach((load, i) => {
    expect(Math.abs(traffic.postNs[load]! / posts[i]! - 1)).toBeLessThan(10_000 * 2 ** -52);
  });
});

test("any options give good traffic, the same each time, and other traffic with another seed", () => {
  fc.assert(
    fc.property(anyOptions, ({ options }) => {
      const traffic = generateTraffic(options);
      checkTraffic(traffic, options.gpus);
      expect(traffic.postNs).toHaveLength(options.loads);
      expect(traffic.fenceId).toEqual(Uint32Array.from(traffic.fenceId.keys()));
      expect(traffic.sizeBytes.every((bytes) => bytes === options.sizeBytes)).toBe(true);
      expect(traffic.deadlineNs).toEqual(traffic.postNs.map((ns) => ns + options.slackNs));
      expect(traffic.sourceGpu.every((gpu, i) => gpu !== traffic.destinationGpu[i])).toBe(true);
      expect(generateTraffic(options)).toEqual(traffic);
      if (options.arrivals === "poisson")
        expect(generateTraffic({ ...options, seed: (options.seed + 1) % 2 ** 53 }).postNs).not.toEqual(traffic.postNs);
    }),
  );
});

test("every pattern is dealt as its drawing says", () => {
  fc.assert(
    fc.property(anyOptions, ({ options, spokes }) => {
      const { sourceGpu, destinationGpu, postNs } = generateTraffic(options);
      const { pattern, loads } = options;
      for (let first = 0; first < loads; first += spokes) {
        const hand = [first, Math.min(first + spokes, loads)] as const;
        const [hubs, others] = pattern === "hot-source" ? [sourceGpu, destinationGpu] : [destinationGpu, sourceGpu];
        expect(distinct(hubs.subarray(...hand))).toBe(1);
        expect(distinct(others.subarray(...hand))).toBe(hand[1] - hand[0]);
        if (pattern === "bursts") expect(distinct(postNs.subarray(...hand))).toBe(1);
      }
      if (pattern === "incast") expect(distinct(destinationGpu)).toBe(1);
      if (pattern === "hot-source") expect(distinct(sourceGpu)).toBe(1);
      if (pattern === "incast") expect(distinct(sourceGpu)).toBe(Math.min(spokes, loads));
      if (pattern === "hot-source") expect(distinct(destinationGpu)).toBe(Math.min(spokes, loads));
    }),
  );
});

test("an incast without a rate is one load from every other GPU, all at 0", () => {
  const traffic = generateTraffic({ pattern: "incast", gpus: 128, sizeBytes: 2e6 });
  expect(traffic.postNs).toEqual(new Float64Array(127));
  const [sink] = traffic.destinationGpu;
  expect([...traffic.sourceGpu, sink!].sort((a, b) => a - b)).toEqual(Array.from({ length: 128 }, (_, gpu) => gpu));
  const outcast = generateTraffic({ pattern: "hot-source", gpus: 128, destinations: 5 });
  expect(outcast.postNs).toEqual(new Float64Array(5));
  expect(outcast.deadlineNs).toEqual(new Float64Array(5).fill(180_000));
  expect(outcast.sizeBytes[0]).toBe(160e6);
});

test("regular loads are at equal distances from 0 on, and bursts at as many times that", () => {
  const rate = { gpus: 16, arrivals: "regular", loads: 12, loadsPerSecond: 3e5 } as const;
  expect(generateTraffic({ pattern: "uniform", ...rate }).postNs).toEqual(
    Float64Array.from({ length: 12 }, (_, i) => i * (1e9 / 3e5)),
  );
  expect([...generateTraffic({ pattern: "bursts", ...rate, loadsPerBurst: 5 }).postNs]).toEqual(
    [0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 2, 2].map((burst) => burst * (5e9 / 3e5)),
  );
});

test("patterns of one seed and rate share their arrivals, and a rate scales them", () => {
  const rate = { gpus: 16, loads: 500, loadsPerSecond: 2e6, seed: 11 };
  const { postNs } = generateTraffic({ pattern: "uniform", ...rate });
  expect(generateTraffic({ pattern: "incast", ...rate }).postNs).toEqual(postNs);
  expect(generateTraffic({ pattern: "hot-source", ...rate }).postNs).toEqual(postNs);
  expect(generateTraffic({ pattern: "incast", ...rate, loadsPerSecond: 1e6 }).postNs).toEqual(
    postNs.map((ns) => 2 * ns),
  );
});

describe("of 200,000 Poisson loads", () => {
  const loads = 200_000;
  const traffic = generateTraffic({ pattern: "uniform", gpus: 10, loads, loadsPerSecond: 1e7, seed: 5 });

  test("gaps are exponential: their mean and the share beyond 1 to 6 means are right within 4 sigma", () => {
    expect(Math.abs(traffic.postNs.at(-1)! / loads / 100 - 1)).toBeLessThan(4 / Math.sqrt(loads));
    const gaps = gapsOf(traffic);
    for (let means = 1; means <= 6; means++) {
      const expected = Math.exp(-means);
      const found = gaps.filter((ns) => ns > 100 * means).length / loads;
      expect(Math.abs(found - expected)).toBeLessThan(4 * Math.sqrt((expected * (1 - expected)) / loads));
    }
  });

  test("a gap says nothing of the next: their correlation is 0 within 4 sigma", () => {
    const gaps = gapsOf(traffic).map((ns) => ns / 100 - 1);
    const products = gaps.subarray(1).reduce((sum, gap, i) => sum + gap * gaps[i]!, 0);
    expect(Math.abs(products / loads)).toBeLessThan(4 / Math.sqrt(loads));
  });

  test("every pair of GPUs is as likely as another: 90 counts within 4.5 sigma", () => {
    const counts = new Map<number, number>();
    traffic.sourceGpu.forEach((source, i) => {
      const pair = source * 10 + traffic.destinationGpu[i]!;
      counts.set(pair, (counts.get(pair) ?? 0) + 1);
    });
    expect(counts.size).toBe(90);
    for (const count of counts.values()) expect(Math.abs(count - loads / 90)).toBeLessThan(4.5 * Math.sqrt(loads / 90));
  });
});

describe("utilisation is of the DPU that is asked most", () => {
  const sizeBytes = 4e6;
  const rate = {
    gpus: 20,
    gpusPerDpu: 6,
    paceBytesPerNs: 800,
    utilisation: 0.6,
    sizeBytes,
    arrivals: "regular",
  } as const;
  /** What each DPU is asked for in a nanosecond, over what it reads. */
  function shares(options: TrafficOptions): number[] {
    const { destinationGpu, postNs } = generateTraffic(options);
    const loads = [0, 0, 0, 0];
    for (const gpu of destinationGpu) loads[Math.floor(gpu / 6)]!++;
    const gapNs = postNs.at(-1)! / (postNs.length - 1);
    return loads.map((count) => (count * sizeBytes) / (postNs.length * gapNs * 800));
  }

  test("all of an incast's", () => {
    const found = shares({ pattern: "incast", loads: 1000, ...rate });
    expect(Math.max(...found)).toBeCloseTo(0.6, 9);
    expect(found.filter((share) => share > 0)).toHaveLength(1);
  });

  test("the fullest of a hot source's", () => {
    for (let seed = 1; seed < 30; seed++)
      expect(Math.max(...shares({ pattern: "hot-source", loads: 700, destinations: 7, seed, ...rate }))).toBeCloseTo(
        0.6,
        9,
      );
  });

  test("any whole one's where all GPUs are alike, within 4 sigma, and a third of it of the DPU of 2 GPUs", () => {
    const loads = 100_000;
    for (const pattern of ["uniform", "bursts"] as const) {
      const found = shares({ pattern, loads, ...rate, ...(pattern === "bursts" && { loadsPerBurst: 4 }) });
      const hands = pattern === "bursts" ? loads / 4 : loads;
      found.forEach((share, dpu) => {
        const odds = dpu === 3 ? 2 / 20 : 6 / 20;
        const sigma = Math.sqrt((1 - odds) / odds / hands);
        // A burst is one instant, so that the last gap of a burst's loads is missing: 4 of 100,000.
        expect(Math.abs(share / (dpu === 3 ? 0.2 : 0.6) - 1)).toBeLessThan(4 * sigma + 5e-5);
      });
    }
  });
});

test.each<[object, Error]>([
  [{ pattern: "unifrom" }, new RangeError("pattern must be known, got unifrom; did you mean uniform?")],
  [{ load: 5 }, new TypeError("options has no field load; did you mean loads?")],
  [{ gpus: 1 }, new RangeError("gpus must be from 2 to 65536, got 1")],
  [{ loads: 0 }, new RangeError("loads must be from 1 to 16777216, got 0")],
  [{ loads: undefined }, new TypeError("options must have loads for uniform, got none")],
  [
    { loadsPerSecond: undefined },
    new TypeError("options must have loadsPerSecond or utilisation for uniform, got neither"),
  ],
  [{ utilisation: 0.5 }, new TypeError("options must leave out loadsPerSecond or utilisation, got both")],
  [{ loadsPerSecond: 0 }, new RangeError("loadsPerSecond must be above 0, got 0")],
  [{ loadsPerSecond: undefined, utilisation: -1 }, new RangeError("utilisation must be above 0, got -1")],
  [
    { loadsPerSecond: 1e-6 },
    new RangeError("loads must come within 2^53 ns, got 10 that are 1000000000000000 ns apart"),
  ],
  [{ sources: 3 }, new TypeError("options must leave out sources for uniform, got 3")],
  [{ pattern: "incast", loadsPerBurst: 3 }, new TypeError("options must leave out loadsPerBurst for incast, got 3")],
  [{ pattern: "incast", sources: 8 }, new RangeError("sources must be from 1 to 7, got 8")],
  [{ pattern: "bursts", loadsPerBurst: 8 }, new RangeError("loadsPerBurst must be from 1 to 7, got 8")],
  [{ pattern: "hot-source", destinations: 0 }, new RangeError("destinations must be from 1 to 7, got 0")],
  [{ sizeBytes: 0.5 }, new RangeError("sizeBytes must be from 1 to 9007199254740991, got 0.5")],
  [{ slackNs: -1 }, new RangeError("slackNs must be at least 0, got -1")],
  [{ arrivals: "random" }, new RangeError('arrivals must be "poisson" or "regular", got "random"')],
  [{ gpusPerDpu: 9 }, new RangeError("gpusPerDpu must be from 1 to 8, got 9")],
  [{ paceBytesPerNs: 0 }, new RangeError("paceBytesPerNs must be above 0, got 0")],
  [{ seed: -1 }, new RangeError("seed must be from 0 to 9007199254740991, got -1")],
])("%o is refused", (wrong, error) => {
  const options = { pattern: "uniform", gpus: 8, loads: 10, loadsPerSecond: 1e6, ...wrong } as TrafficOptions;
  expect(() => generateTraffic(options)).toThrow(error);
});
