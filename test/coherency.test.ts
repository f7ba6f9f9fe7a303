import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { coherentLoad, Distribution, reactiveLoad, traversalAt, traversalOf } from "../src/index.ts";

const line = { bytes: 64, outstanding: 1, bytesPerNs: 100 };

describe("a coherent miss", () => {
  test.each([
    [400, 3600, 1800],
    [1240, 11_160, 5580],
  ])(
    "1.5 round trips over 3 hops of %d ns are %d ns, and %d read as one way, plus the pipeline",
    (hopNs, both, oneWay) => {
      const found = coherentLoad(traversalOf(3, hopNs), line);
      // A traversal has a pipeline of 20 ns and a SERDES of 56 ns.
      expect(found.roundTrips.miss).toEqual({
        traversals: 3,
        hopsNs: both,
        pipelineNs: 60,
        serdesNs: 168,
        directoryNs: 0,
        backInvalidateNs: 0,
        totalNs: both + 228,
      });
      expect(found.oneWay.miss).toMatchObject({ traversals: 1.5, hopsNs: oneWay, totalNs: oneWay + 114 });
    },
  );

  test("a directory is looked up once, and a line taken back costs a round trip more", () => {
    const options = { ...line, directoryNs: 80, backInvalidateShare: 0.25 };
    const { miss } = coherentLoad({ hopsNs: 1000, pipelineNs: 20, serdesNs: 56 }, options).roundTrips;
    expect(miss).toMatchObject({ directoryNs: 80, backInvalidateNs: 0.25 * 2 * 1076 });
    expect(miss.totalNs).toBe(3 * 1076 + 80 + 538);
  });

  test("hops of a path are taken at the quantile that is asked for", () => {
    const hop = Distribution.fromQuantiles({ medianNs: 198, p99Ns: 1240, bodyJitter3SigmaNs: 310 });
    const at = (u: number) => traversalAt({ hops: [hop, hop, hop] }, u);
    expect(at(0.01)).toEqual({ hopsNs: 3 * hop.quantileNs(0.01), pipelineNs: 20, serdesNs: 56 });
    expect(Math.abs(at(0.01).hopsNs - 3 * 1240)).toBeLessThan(30); // within a cell of the table
    expect(at(0.5).hopsNs).toBeCloseTo(3 * 198, 0);
  });
});

/** The same line by line: a place comes free when its line is in, and lines take the wire in turn. */
function lineByLine(misses: number, outstanding: number, missNs: number, lineNs: number): number {
  const freeNs = new Array<number>(outstanding).fill(0);
  let wireNs = 0;
  for (let i = 0; i < misses; i++) {
    wireNs = Math.max(freeNs[i % outstanding]! + missNs, wireNs) + lineNs;
    freeNs[i % outstanding] = wireNs;
  }
  return wireNs;
}

describe("a coherent load", () => {
  test("160 MB over 3 hops: 2,500,000 misses, 64 outstanding for 445 ms, and hundreds of thousands to keep the wire busy", () => {
    const load = (outstanding: number) =>
      coherentLoad(traversalOf(3, 1240), { bytes: 160e6, outstanding, bytesPerNs: 1600 }).roundTrips;
    expect(load(64).misses).toBe(2_500_000);
    // 39,063 rounds of 11,388 ns
    expect(Math.abs(load(64).totalNs / (39_063 * 11_388) - 1)).toBeLessThan(1e-4);
    expect(load(64).outstandingForWire).toBe(284_701); // 11,388 ns x 1,600 / 64, and the one on the wire
    expect(load(284_701).totalNs).toBeCloseTo(11_388 + 100_000, 6);
  });

  test("is what line after line comes to, and its parts sum", () => {
    const options = fc.record({
      bytes: fc.integer({ min: 1, max: 20_000 }),
      outstanding: fc.integer({ min: 1, max: 100 }),
      bytesPerNs: fc.integer({ min: 1, max: 64 }),
      directoryNs: fc.nat(100),
    });
    fc.assert(
      fc.property(options, fc.integer({ min: 1, max: 300 }), (options, hopNs) => {
        for (const load of Object.values(coherentLoad(traversalOf(1, hopNs), options))) {
          const { miss, misses, wireNs, missesNs, totalNs } = load;
          const { hopsNs, pipelineNs, serdesNs, directoryNs, backInvalidateNs } = miss;
          expect(miss.totalNs).toBeCloseTo(hopsNs + pipelineNs + serdesNs + directoryNs + backInvalidateNs, 9);
          expect(missesNs + wireNs).toBeCloseTo(totalNs, 6);
          const lineNs = 64 / options.bytesPerNs;
          expect(totalNs).toBeCloseTo(lineByLine(misses, options.outstanding, miss.totalNs, lineNs), 4);
        }
      }),
      { seed: 9, numRuns: 500 },
    );
  });
});

test("a reactive load goes through the CPU both ways, and its phases sum", () => {
  const found = reactiveLoad(traversalOf(2, 198), { bytes: 160e6, bytesPerNs: 1600 });
  expect(found).toEqual({
    softwarePostNs: 10_000,
    pathNs: 472,
    translateNs: 500,
    dataNs: 100_000,
    completionPathNs: 472,
    softwareCompletionNs: 10_000,
    localFenceNs: 20_000,
    totalNs: 141_444,
  });
  const quick = { bytes: 160e6, bytesPerNs: 1600, softwarePostNs: 0, softwareCompletionNs: 0, localFenceNs: 0 };
  expect(reactiveLoad(traversalOf(2, 198), quick).totalNs).toBe(101_444);
});

test.each([
  [() => traversalOf(0, 400), "hops must be from 1 to 64, got 0"],
  [() => traversalOf(3, 0), "hopNs must be above 0, got 0"],
  [() => traversalAt({ hops: [] }, 0.5), "hops must hold at least 1 distribution, got 0"],
  [() => traversalAt({ hops: [] }, 0), "exceedance must be above 0, got 0"],
  [() => coherentLoad({ hopsNs: -1, pipelineNs: 0, serdesNs: 0 }, line), "hopsNs must be at least 0, got -1"],
  [() => coherentLoad(traversalOf(1, 1), { ...line, bytes: 0 }), "bytes must be above 0, got 0"],
  [
    () => coherentLoad(traversalOf(1, 1), { ...line, outstanding: 0.5 }),
    "outstanding must be from 1 to 2147483648, got 0.5",
  ],
  [() => coherentLoad(traversalOf(1, 1), { ...line, roundTrips: 0 }), "roundTrips must be above 0, got 0"],
  [() => coherentLoad(traversalOf(1, 1), { ...line, lineBytes: 0 }), "lineBytes must be from 1 to 1048576, got 0"],
  [
    () => coherentLoad(traversalOf(1, 1), { ...line, backInvalidateShare: 2 }),
    "backInvalidateShare must be from 0 to 1, got 2",
  ],
  [() => reactiveLoad(traversalOf(1, 1), { bytes: 1, bytesPerNs: 0 }), "bytesPerNs must be above 0, got 0"],
  [
    () => reactiveLoad(traversalOf(1, 1), { bytes: 1, bytesPerNs: 1, localFenceNs: -1 }),
    "localFenceNs must be at least 0, got -1",
  ],
])("refuses what cannot be (%#)", (call, message) => {
  expect(call).toThrow(message);
});
