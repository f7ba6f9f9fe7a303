import fc from "fast-check";
import type { Doorbell } from "../../src/doorbell.ts";

/** A load with a different byte wherever there is room for one. */
export const LOAD: Doorbell = {
  op: "load",
  prefetch: true,
  dropLate: true,
  layer: 0x0405,
  expert: 0x06070809,
  sourceGpu: 0x0a0b0c0d,
  destinationGpu: 0x0e0f1011,
  destinationAddress: 0x1213141516171819n,
  sizeBytes: 0x1b1c1d1e1f2021,
  fenceId: 0x22232425,
  sequence: 0x26272829,
  deadlineNs: 180_000,
};

export const FENCE: Doorbell = { ...LOAD, op: "fence", prefetch: false, dropLate: false, sizeBytes: 0 };

export const uint32 = fc.oneof(fc.integer({ min: 0, max: 2 ** 32 - 1 }), fc.constantFrom(0, 2 ** 31, 2 ** 32 - 1));
export const sizeOfLoad = fc.oneof(
  fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
  fc.constantFrom(1, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1, 2 ** 53),
);
const deadlineNs = fc.oneof(
  fc.double({ min: 0, max: Number.MAX_VALUE, noNaN: true }),
  fc.constantFrom(0, -0, Number.MIN_VALUE, Number.MAX_VALUE),
);
/** Any that is good. */
export const doorbell: fc.Arbitrary<Doorbell> = fc
  .record({
    op: fc.constantFrom("load" as const, "load" as const, "cancel" as const, "fence" as const),
    prefetch: fc.boolean(),
    dropLate: fc.boolean(),
    layer: fc.oneof(fc.integer({ min: 0, max: 65535 }), fc.constantFrom(0, 65535)),
    expert: uint32,
    sourceGpu: uint32,
    destinationGpu: uint32,
    destinationAddress: fc.oneof(
      fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
      fc.constantFrom(0n, 2n ** 32n, 2n ** 63n, 2n ** 64n - 1n),
    ),
    sizeBytes: sizeOfLoad,
    fenceId: uint32,
    sequence: uint32,
    deadlineNs,
  })
  .map((made) => ({ ...made, sizeBytes: made.op === "load" ? made.sizeBytes : 0 }));
