import fc from "fast-check";
import { expect, test } from "vitest";
import { Distribution } from "../src/distribution.ts";
import { type LinkFaults, Pacer } from "../src/pacing/index.ts";
import { outagesOf } from "./reference/links.ts";
import { shareOf } from "./share.ts";

const LENGTHS = Distribution.uniform(2, 30);
const outages = { outagesPerLinkNs: 1 / 512, lengthNs: LENGTHS };

test("outages are those of the reference: of any link, whatever the seed", () => {
  fc.assert(
    fc.property(
      fc.record({
        seed: fc.maxSafeNat(),
        dpus: fc.integer({ min: 1, max: 5 }),
        ports: fc.integer({ min: 1, max: 64 }),
        untilNs: fc.integer({ min: 1, max: 40_000 }),
      }),
      ({ seed, dpus, ports, untilNs }) => {
        const pacer = new Pacer({ gpus: dpus, gpusPerDpu: 1, faults: { seed, outages, links: { ports } } });
        for (let dpu = 0; dpu < dpus; dpu++) {
          const all = outagesOf(dpu, { seed, gapNs: 512 / ports, lengthNs: LENGTHS, untilNs });
          expect(pacer.outagesOf(dpu, untilNs)).toEqual(all.filter(({ beginNs }) => beginNs < untilNs));
        }
      },
    ),
    { seed: 1, numRuns: shareOf(50) },
  );
});

test("outages are as long as their distribution says, and gaps between them exponential", () => {
  const pacer = new Pacer({ gpus: 1, faults: { seed: 3, outages, links: { ports: 4 } } });
  const list = pacer.outagesOf(0, 2.4e6);
  const count = list.length;
  // One in 128 + 16 ns; by renewals, its variance is that of gap and length over the cube of their mean.
  expect(Math.abs(count - 2.4e6 / 144)).toBeLessThan(5 * Math.sqrt((2.4e6 * (128 ** 2 + 28 ** 2 / 12)) / 144 ** 3));
  const gapsNs = list.map(({ beginNs }, i) => beginNs - (list[i - 1]?.endNs ?? 0));
  const lengthsNs = list.map(({ beginNs, endNs }) => endNs - beginNs);
  const mean = (values: number[]) => values.reduce((sum, ns) => sum + ns, 0) / count;
  // 5 standard errors: of an exponential its mean, of a uniform its width over the root of 12.
  expect(Math.abs(mean(gapsNs) - 128)).toBeLessThan((5 * 128) / Math.sqrt(count));
  expect(Math.abs(mean(lengthsNs) - 16)).toBeLessThan((5 * 28) / Math.sqrt(12 * count));
  const beyond = (values: number[], ns: number) => values.filter((value) => value > ns).length / count;
  for (const [share, expected] of [
    [beyond(gapsNs, 64), Math.exp(-0.5)],
    [beyond(gapsNs, 384), Math.exp(-3)],
    [beyond(lengthsNs, 9), 0.75],
    [beyond(lengthsNs, 23), 0.25],
  ] as const)
    expect(Math.abs(share - expected)).toBeLessThan(5 * Math.sqrt((expected * (1 - expected)) / count));
  // A gap tells nothing of the length before it or the gap before that.
  for (const before of [lengthsNs.slice(0, -1), gapsNs.slice(0, -1)]) {
    const after = gapsNs.slice(1);
    const [mb, ma] = [mean(before), mean(after)];
    const product = (a: number[], ma: number, b: number[], mb: number) =>
      a.reduce((sum, value, i) => sum + (value - ma) * (b[i]! - mb), 0);
    const correlation =
      product(before, mb, after, ma) / Math.sqrt(product(before, mb, before, mb) * product(after, ma, after, ma));
    expect(Math.abs(correlation)).toBeLessThan(5 / Math.sqrt(count));
  }
});

test("links without outages have none", () => {
  const none = (faults: LinkFaults) => new Pacer({ gpus: 1, faults }).outagesOf(0, 1e12);
  expect(none({})).toEqual([]);
  expect(none({ outages: { outagesPerLinkNs: 0, lengthNs: LENGTHS } })).toEqual([]);
  expect(none({ outages, links: { ports: 0, source: 1 } })).toEqual([]);
  expect(new Pacer({ gpus: 1 }).outagesOf(0, 1e12)).toEqual([]);
});

test("so many bytes go from one stall to the next, and each holds its link as long as it says", () => {
  const [chunkBytes, chunks] = [1000, 20_000];
  const stall = Distribution.uniform(50, 150);
  const pacer = new Pacer({
    gpus: 1,
    paceBytesPerNs: 1e6,
    portsBytesPerNs: 100,
    chunkBytes,
    selfCompleting: true,
    batch: 1024,
    faults: { seed: 5, stalls: { stallsPerByte: 1 / 4000, lengthNs: stall } },
  });
  pacer.loads.sizeBytes[0] = chunkBytes * chunks;
  pacer.loads.deadlineNs[0] = 1e9;
  pacer.submit(1);
  const { atNs, endNs, heldNs } = pacer.events;
  const lengthsNs: number[] = [];
  let [dueNs, lostNs, stalls, none] = [0, 0, 0, 0];
  for (let count = 1024; count === 1024; ) {
    count = pacer.advance(1e9);
    for (let i = 0; i < count; i++) {
      // A chunk goes out when the one before is through, and ends in its own time and that of its stalls.
      expect(Math.abs(atNs[i]! - dueNs)).toBeLessThan(1e-6);
      const stallNs = endNs[i]! - atNs[i]! - chunkBytes / 100;
      lostNs += stallNs;
      expect(Math.abs(heldNs[i]! - lostNs)).toBeLessThan(1e-4);
      if (stallNs < 1e-6) none++;
      else if (stallNs < 100) lengthsNs.push(stallNs); // one alone, for two are longer
      dueNs = endNs[i]!;
      stalls++;
    }
  }
  expect(stalls).toBe(chunks);
  // Stalls of a chunk are Poisson with a mean of 1/4, and 100 ns long: means and counts within 5 sigma.
  const mean = chunks / 4;
  expect(Math.abs(lostNs - 100 * mean)).toBeLessThan(5 * Math.sqrt(mean * (100 ** 2 + 100 ** 2 / 12)));
  const share = Math.exp(-0.25);
  expect(Math.abs(none - share * chunks)).toBeLessThan(5 * Math.sqrt(chunks * share * (1 - share)));
  // Of those below 100 ns half are below 75.
  const short = lengthsNs.filter((ns) => ns < 75).length;
  expect(Math.abs(short - lengthsNs.length / 2)).toBeLessThan((5 / 2) * Math.sqrt(lengthsNs.length));
  expect(Math.min(...lengthsNs)).toBeGreaterThanOrEqual(50 - 1e-4);
});

test("who comes in the midst of a stall is held by what is left of it", () => {
  const stalls = { stallsPerByte: 1 / 500, lengthNs: Distribution.uniform(100, 100) };
  const two = (againNs: number | null) => {
    const pacer = new Pacer({ gpus: 1, portsBytesPerNs: 100, chunkBytes: 1000, faults: { seed: 6, stalls } });
    const ask = () => {
      pacer.loads.sizeBytes[0] = 1000;
      pacer.loads.deadlineNs[0] = 1e6;
      pacer.submit(1);
    };
    const chunk = (nowNs: number) => {
      expect(pacer.advance(nowNs)).toBe(1);
      const { atNs, endNs, heldNs } = pacer.events;
      return { atNs: atNs[0]!, endNs: endNs[0]!, heldNs: heldNs[0]! };
    };
    ask();
    const first = chunk(0);
    if (againNs === null) return { first, second: first };
    pacer.moveTo(againNs);
    ask();
    return { first, second: chunk(1e5) };
  };
  const { first } = two(null);
  expect(first.heldNs).toBeGreaterThanOrEqual(100);
  expect(first.endNs).toBeCloseTo(10 + first.heldNs, 9);
  // It comes before the stall, at its beginning, in its midst and at its end.
  for (const againNs of [5, 10, 10 + first.heldNs / 2, first.endNs]) {
    const { second } = two(againNs);
    expect(second.atNs).toBeCloseTo(first.endNs, 9);
    const ownNs = second.endNs - second.atNs - 10;
    expect(second.heldNs).toBeCloseTo(first.endNs - Math.max(10, againNs) + ownNs, 9);
  }
});

test("more faults than a chunk may meet are refused, and none that are not", () => {
  const ns = (lengthNs: number) => Distribution.uniform(lengthNs, lengthNs);
  // A chunk of 1 MB goes out in 1,000 ns.
  const paced = { gpus: 1, paceBytesPerNs: 1000, chunkBytes: 1e6 };
  const wrong = (options: object, message: string) =>
    expect(() => new Pacer({ ...paced, ...options })).toThrow(new RangeError(message));
  wrong(
    { faults: { stalls: { stallsPerByte: 1e6, lengthNs: ns(1) } } },
    "faults: stalls: stallsPerByte must be at most 0.065536, 65536 a chunk, got 1000000",
  );
  const refused = (perNs: number, met: number) =>
    `faults: outages: outagesPerLinkNs must be such that a chunk meets at most 1024, got ${perNs}, of which it meets ${met}`;
  wrong({ faults: { outages: { outagesPerLinkNs: 1e3, lengthNs: ns(1) } } }, refused(1e3, 1e6));
  // 65,536 stalls of 100 ns make 6,554,600 ns of it; with 2 links in step, and as many at its source, 16 times as many.
  const stalls = { stallsPerByte: 2 ** 16 / 1e6, lengthNs: ns(100) };
  const outages = { outagesPerLinkNs: 1e-3, lengthNs: ns(0) };
  wrong({ faults: { stalls, outages } }, refused(1e-3, 6555));
  const both = { links: { ports: 2, source: 2 }, stalls, outages };
  wrong({ sourceEgressBytesPerNs: 500, faults: both }, refused(1e-3, 52_437));
  // Two links, each of them up in one of 91 ns.
  const longer = (lengthNs: number) => ({
    links: { source: 1 },
    outages: { outagesPerLinkNs: 9e-3, lengthNs: ns(lengthNs) },
  });
  wrong({ sourceEgressBytesPerNs: 1000, faults: longer(10_000) }, refused(9e-3, 1638));
  expect(() => new Pacer({ ...paced, faults: longer(10_000) })).not.toThrow();
  const most = { gpus: 1, chunkBytes: 1, faults: { stalls: { stallsPerByte: 2 ** 16, lengthNs: ns(0) }, outages } };
  const pacer = new Pacer(most);
  pacer.loads.sizeBytes[0] = 1;
  pacer.submit(1);
  expect(pacer.advance(1)).toBe(1);
});

test("time ends where a link's outages would have no numbers", () => {
  const faults = { outages, links: { ports: 4, source: 8 } };
  const pacer = new Pacer({ gpus: 1, sourceEgressBytesPerNs: 1000, faults });
  const endNs = 2 ** 30 * 64;
  for (const ask of [() => pacer.advance(2 * endNs), () => pacer.moveTo(2 * endNs)])
    expect(ask).toThrow(new RangeError(`nowNs must be at most ${endNs} where links fail so often, got ${2 * endNs}`));
  expect(() => pacer.outagesOf(0, 2 * endNs)).toThrow(`untilNs must be at most ${endNs} where`);
  expect(pacer.advance(endNs)).toBe(0);
  expect(new Pacer({ gpus: 1, faults: {} }).advance(Number.MAX_VALUE)).toBe(0);
});

test("names the bad fault, and the bad arrival", () => {
  const refusal = (faults: object) => () => new Pacer({ gpus: 1, faults: faults as LinkFaults });
  for (const [faults, message] of [
    [{ outage: outages }, "faults has no field outage; did you mean outages?"],
    [{ outages: { outagesPerLinkNs: 1 } }, "faults: outages: lengthNs must be a Distribution, got undefined"],
    [{ outages: { ...outages, outagesPerLinkNs: -1 } }, "faults: outages: outagesPerLinkNs must be at least 0, got -1"],
    [{ outages: { ...outages, perHour: 1 } }, "faults: outages has no field perHour"],
    [{ stalls: { stallsPerByte: 1, lengthNs: 5 } }, "faults: stalls: lengthNs must be a Distribution, got number"],
    [
      { stalls: { stallsPerByte: Number.NaN, lengthNs: LENGTHS } },
      "faults: stalls: stallsPerByte must be finite, got NaN",
    ],
    [{ links: { port: 1 } }, "faults: links has no field port; did you mean ports?"],
    [{ links: { ports: -1 } }, "faults: links: ports must be from 0 to 1048576, got -1"],
    [{ seed: 0.5 }, "faults: seed must be a whole number, got 0.5"],
  ] as const)
    expect(refusal(faults)).toThrow(message);
  const pacer = new Pacer({ gpus: 1 });
  pacer.loads.sizeBytes[0] = 1;
  for (const wrong of [Number.NaN, Number.POSITIVE_INFINITY]) {
    pacer.loads.arrivalNs[0] = wrong;
    expect(() => pacer.submit(1)).toThrow(new RangeError(`load 0: arrivalNs must be finite, got ${wrong}`));
  }
  expect(pacer.freeOn(0)).toBe(1024);
});
