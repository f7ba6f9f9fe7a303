import fc from "fast-check";
import { expect, test } from "vitest";
import { checkTraffic, sortTraffic, type Traffic } from "../src/traffic.ts";

interface Row {
  postNs: number;
  op: number;
  fenceId: number;
  sourceGpu: number;
  destinationGpu: number;
  sizeBytes: number;
  deadlineNs: number;
}

const load = { postNs: 5, op: 1, fenceId: 0, sourceGpu: 0, destinationGpu: 3, sizeBytes: 100, deadlineNs: 50 };

function trafficOf(rows: readonly Row[]): Traffic {
  return {
    postNs: Float64Array.from(rows, (row) => row.postNs),
    op: Uint8Array.from(rows, (row) => row.op),
    fenceId: Uint32Array.from(rows, (row) => row.fenceId),
    sourceGpu: Uint32Array.from(rows, (row) => row.sourceGpu),
    destinationGpu: Uint32Array.from(rows, (row) => row.destinationGpu),
    sizeBytes: Float64Array.from(rows, (row) => row.sizeBytes),
    deadlineNs: Float64Array.from(rows, (row) => row.deadlineNs),
  };
}

/** Loads of few instants, so that many share one. */
const anyLoads = fc
  .array(fc.record({ postNs: fc.nat({ max: 5 }), sizeBytes: fc.integer({ min: 1, max: 2 ** 53 - 1 }) }), {
    maxLength: 40,
  })
  .map((rows) => rows.map((row, fenceId) => ({ ...load, ...row, fenceId })));

test("sorting keeps whole rows together, and rows of one instant in their order", () => {
  fc.assert(
    fc.property(anyLoads, (rows) => {
      const sorted = sortTraffic(trafficOf(rows));
      expect(sorted).toEqual(trafficOf(rows.toSorted((a, b) => a.postNs - b.postNs)));
      checkTraffic(sorted, 4);
      expect(sortTraffic(sorted)).toEqual(sorted);
    }),
  );
});

test("a cancel and a fence of a load that was rung before are good, at one instant too", () => {
  const about = { ...load, sizeBytes: 0, deadlineNs: 0 };
  checkTraffic(trafficOf([load, { ...about, op: 2 }, { ...about, op: 3, postNs: 7 }]), 4);
  checkTraffic(trafficOf([]), 1);
});

test.each<[string, Partial<Row>, Error]>([
  ["postNs", { postNs: 4 }, new RangeError("row 1: postNs must be at least 5, got 4")],
  ["postNs", { postNs: Number.NaN }, new RangeError("row 1: postNs must be finite, got NaN")],
  ["op", { op: 0 }, new RangeError("row 1: op must be 1 (load), 2 (cancel) or 3 (fence), got 0")],
  ["op", { op: 4 }, new RangeError("row 1: op must be 1 (load), 2 (cancel) or 3 (fence), got 4")],
  ["sourceGpu", { sourceGpu: 4 }, new RangeError("row 1: sourceGpu must be from 0 to 3, got 4")],
  ["destinationGpu", { destinationGpu: 9 }, new RangeError("row 1: destinationGpu must be from 0 to 3, got 9")],
  ["sizeBytes", { sizeBytes: 0 }, new RangeError("row 1: sizeBytes must be from 1 to 9007199254740991, got 0")],
  ["sizeBytes", { sizeBytes: 1.5 }, new RangeError("row 1: sizeBytes must be a whole number, got 1.5")],
  ["sizeBytes", { op: 2, fenceId: 0 }, new RangeError("row 1: sizeBytes must be 0 unless of a load, got 100")],
  ["deadlineNs", { deadlineNs: -1 }, new RangeError("row 1: deadlineNs must be at least 0, got -1")],
  ["deadlineNs", { deadlineNs: Infinity }, new RangeError("row 1: deadlineNs must be finite, got Infinity")],
  ["fenceId", { fenceId: 0 }, new RangeError("row 1: fenceId must be that of no other load, got 0, that of row 0")],
  [
    "fenceId",
    { op: 3, sizeBytes: 0, fenceId: 7 },
    new RangeError("row 1: fenceId must be that of a load in a row before, got 7"),
  ],
])("a wrong %s is refused: %o", (_, wrong, error) => {
  expect(() => checkTraffic(trafficOf([load, { ...load, fenceId: 1, ...wrong }]), 4)).toThrow(error);
});

test("a cancel before its load is refused, and so are columns of other types, lengths and names", () => {
  const cancel = { ...load, op: 2, sizeBytes: 0 };
  expect(() => checkTraffic(trafficOf([cancel, load]), 4)).toThrow(
    new RangeError("row 0: fenceId must be that of a load in a row before, got 0"),
  );
  const good = trafficOf([load]);
  expect(() => checkTraffic({ ...good, op: [1] as never }, 4)).toThrow(
    new TypeError("op must be a Uint8Array, got an array"),
  );
  expect(() => sortTraffic({ ...good, fenceId: new Uint32Array(2) })).toThrow(
    new RangeError("fenceId must hold 1 values, got 2"),
  );
  expect(() => checkTraffic({ ...good, size: good.sizeBytes } as never, 4)).toThrow(
    /traffic has no field size; there are postNs/,
  );
  expect(() => checkTraffic(good, 0)).toThrow(new RangeError("gpus must be from 1 to 4294967296, got 0"));
});
