import { describe, expect, test } from "vitest";
import { compareLanes } from "../../src/lanes.ts";
import { check, constant } from "./shared.ts";

/** One port of 800 Gb/s, in bytes/ns, at the default goodput. */
const PORT = 100 * 0.953;

describe("doorbells behind bulk", () => {
  test("links are as busy as the load makes the ports, over the scenario's hops and at its port's rate", () => {
    const { lanes, utilisation } = check({ optics: "cpo-1600g", fabric: { hops: 2 } });
    // 8 GPUs x 14 loads x 160 MB in 40 ms over 16 ports of 1.6 Tb/s
    const share = (8 * 14 * 160e6) / 40e6 / (16 * 2 * PORT);
    expect(lanes.utilisation).toBeCloseTo(share, 12);
    expect(utilisation).toContainEqual({ name: "destination ports", share: lanes.utilisation });
    expect(lanes).toMatchObject({ from: "load", frameBytes: 9000 });
    expect(lanes.lanes).toEqual(compareLanes({ utilisation: lanes.utilisation, hops: 2, portGbps: 1600 }));
    expect(lanes.lanes[1]!.meanNs).toBeCloseTo(2 * share * 22.5, 2);
  });

  test("or as busy as is stated", () => {
    const { lanes } = check({ optics: "cpo-800g", fabric: { bulkUtilisation: 0.6 } });
    expect(lanes).toMatchObject({ utilisation: 0.6, from: "stated" });
    expect(lanes.lanes[1]!.meanNs).toBeCloseTo(3 * 0.6 * 45, 2);
    expect(check({ optics: "cpo-800g", fabric: { bulkUtilisation: 0 } }).lanes).toMatchObject({
      utilisation: 0,
      from: "stated",
    });
  });

  test.each([0, 60])("or, where the load of %d a step does not say, 80%", (loadsPerStep) => {
    const { lanes } = check({ optics: "cpo-800g", demand: { loadsPerStep } });
    expect(lanes).toMatchObject({ utilisation: 0.8, from: "assumed" });
  });
});

describe("the same load by other means", () => {
  test("the source's hops of 400 ns: 3.6 µs a coherent miss, 1.8 read as one way, plus the pipeline", () => {
    const { median } = check({ optics: constant(400) }).alternatives;
    expect(median.coherent.roundTrips.miss.totalNs).toBeCloseTo(3600 + 3 * 76, 3);
    expect(median.coherent.oneWay.miss.totalNs).toBeCloseTo(1800 + 1.5 * 76, 3);
  });

  test("hops are at their median and at their p99, and the bytes go at the rate of the load", () => {
    const { alternatives, load, fabric } = check({
      optics: "lpo-800g",
      fabric: { outstandingMisses: 64, translateNs: 700, localFenceNs: 9000 },
    });
    const { median, p99, outstandingMisses } = alternatives;
    expect([outstandingMisses, fabric.outstandingMisses]).toEqual([64, 64]);
    for (const [means, hopNs, error] of [
      [median, 198, 1],
      [p99, 1240, 10], // within a cell of the table
    ] as const) {
      const pathNs = 3 * hopNs + 76;
      const dataNs = 160e6 / (16 * PORT);
      expect(load.dataNs).toBeCloseTo(dataNs, 6);
      expect(Math.abs(means.pacedNs - (2000 + 700 + dataNs + 9000 + 2 * pathNs))).toBeLessThan(6 * error);
      expect(Math.abs(means.reactive.totalNs - (20_000 + 700 + dataNs + 9000 + 2 * pathNs))).toBeLessThan(6 * error);
      // 2,500,000 misses, 64 together: 39,062 rounds and a half, each of 3 traversals and a line.
      const { roundTrips, oneWay } = means.coherent;
      expect(Math.abs(roundTrips.totalNs / (39_063 * (3 * pathNs + 64 / load.bytesPerNs)) - 1)).toBeLessThan(0.01);
      expect(Math.abs(oneWay.totalNs / (39_063 * (1.5 * pathNs + 64 / load.bytesPerNs)) - 1)).toBeLessThan(0.01);
    }
    // With all hops in step the median of the path is that of its hops.
    expect(Math.abs(median.pacedNs - load.totalNs)).toBeLessThan(5);
  });
});

test.each([
  [{ bulkUtilisation: 1 }, "bulkUtilisation must be from 0 to 0.999, got 1"],
  [{ bulkUtilisation: "0.5" as never }, 'bulkUtilisation must be a number, got "0.5"'],
  [{ outstandingMisses: 0 }, "outstandingMisses must be from 1 to 2147483648, got 0"],
  [{ outstandingMisses: 1.5 }, "outstandingMisses must be a whole number, got 1.5"],
])("refuses %o", (fabric, message) => {
  expect(() => check({ optics: "cpo-800g", fabric })).toThrow(message);
});
