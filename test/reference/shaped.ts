import fc from "fast-check";
import { certify, type ShapedLoads } from "../../src/index.ts";
import { type Load, throughBucket } from "./edf.ts";

/** A DPU for random systems. */
export const SERVER = { bytesPerNs: 10, latencyNs: 15 };

/** Shaped loads of one size, which the burst holds a whole number of. */
export type Kind = Omit<ShapedLoads, "name"> & { loadBytes: number };

const kind = fc
  .record({
    loadBytes: fc.integer({ min: 20, max: 200 }),
    burstLoads: fc.integer({ min: 1, max: 4 }),
    tenths: fc.nat(40),
    deadlineNs: fc.integer({ min: 10, max: 499 }),
    chunks: fc.integer({ min: 1, max: 4 }),
    earlyNs: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 40 })),
  })
  .map(({ loadBytes, burstLoads, tenths, chunks, ...rest }) => ({
    ...rest,
    loadBytes,
    bytesPerNs: tenths / 10,
    burstBytes: burstLoads * loadBytes,
    chunkBytes: Math.ceil(loadBytes / chunks),
  }));

/** Systems of one to four kinds. */
export const kinds: fc.Arbitrary<Kind[]> = fc.array(kind, { minLength: 1, maxLength: 4 });

/** The same with all deadlines moved so that nothing is left of the margin. */
export function barelyCertified(system: readonly Kind[], tighterNs = 0): Kind[] {
  const { latenessNs } = certify(
    system.map((one, i) => ({ ...one, name: `${i}` })),
    SERVER,
  );
  return system.map((one) => ({ ...one, deadlineNs: one.deadlineNs + latenessNs - tighterNs }));
}

export interface Pattern {
  startNs: number;
  /** How long each load waits after it could come. */
  waitsNs: readonly number[];
  /** How late each doorbell is, from 0 at once to 100 at its bound, over and over; at its bound unless given. */
  delays: readonly number[];
}

/** Loads of one kind that come in a pattern. */
export function loadsOf(
  { loadBytes, deadlineNs, chunkBytes, earlyNs = 0, ...shape }: Kind,
  { startNs, waitsNs, delays }: Pattern,
): Load[] {
  return throughBucket(shape, loadBytes, startNs, waitsNs).map((postedNs, i) => ({
    // The shape counts a load at the latest instant at which its doorbell could come.
    arrivalNs: postedNs - earlyNs * (1 - (delays.length === 0 ? 100 : delays[i % delays.length]!) / 100),
    bytes: loadBytes,
    deadlineNs: postedNs + deadlineNs,
    chunkBytes,
  }));
}
