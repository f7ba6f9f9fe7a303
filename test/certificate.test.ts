import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { certify, Distribution, exactPath, localDeadline, type Service, type ShapedLoads } from "../src/index.ts";
import { leastMargin, serve, throughBucket } from "./reference/edf.ts";
import { barelyCertified, type Kind, kinds, loadsOf, SERVER } from "./reference/shaped.ts";
import { shareOf } from "./share.ts";

const one = (change: Partial<ShapedLoads> = {}): ShapedLoads => ({
  name: "one",
  burstBytes: 1000,
  bytesPerNs: 2,
  deadlineNs: 130,
  chunkBytes: 100,
  ...change,
});

describe("by hand", () => {
  test("one kind: its burst and the latency against its deadline, and nothing in its way", () => {
    // 10 bytes/ns x (130 - 20) = 1,100 bytes for a burst of 1,000: 100 over, which is 10 ns.
    const found = certify([one()], { bytesPerNs: 10, latencyNs: 20 });
    expect(found).toMatchObject({
      certified: true,
      marginBytes: 100,
      latenessNs: -10,
      atNs: 130,
      neededBytes: 1000,
      binding: "one",
      blockedBy: null,
      longTermShare: 0.2,
      bursts: [{ name: "one", burstBytesMax: 1100 }],
    });
    expect(found.because).toBe(
      "130 ns after a burst of one, 0.001 MB have to be served; 10 bytes/ns less 20 ns leave 1.0e-4 MB",
    );
  });

  test("exactly enough is enough, and a byte more is not", () => {
    const service = { bytesPerNs: 10, latencyNs: 20 };
    expect(certify([one({ burstBytes: 1100 })], service)).toMatchObject({ certified: true, marginBytes: 0 });
    expect(certify([one({ burstBytes: 1101 })], service)).toMatchObject({ certified: false, latenessNs: 0.1 });
  });

  test("two kinds: the urgent one waits for a chunk of the other, and the other for all that is due before it", () => {
    const urgent = one({ name: "urgent", burstBytes: 300, bytesPerNs: 1, deadlineNs: 50 });
    const patient = one({ name: "patient", burstBytes: 2000, bytesPerNs: 4, deadlineNs: 300, chunkBytes: 150 });
    // At 50: 500 for 300 + 150. At 300: 3,000 for 300 + 1 x 250 + 2,000.
    const found = certify([patient, urgent], { bytesPerNs: 10, latencyNs: 0 });
    expect(found).toMatchObject({
      certified: true,
      marginBytes: 50,
      atNs: 50,
      binding: "urgent",
      blockedBy: "patient",
    });
    expect(found.bursts).toEqual([
      { name: "patient", burstBytesMax: 2450 },
      { name: "urgent", burstBytesMax: 350 },
    ]);
    // A larger burst of the patient binds where it is due itself, and nothing is in its way there.
    const large = certify([{ ...patient, burstBytes: 2500 }, urgent], { bytesPerNs: 10, latencyNs: 0 });
    expect(large).toMatchObject({ certified: false, marginBytes: -50, atNs: 300, binding: "patient", blockedBy: null });
  });

  test("a chunk is in the way up to the deadline of its load, and no longer", () => {
    const other = one({ name: "other", burstBytes: 100, bytesPerNs: 0 });
    const service = { bytesPerNs: 10, latencyNs: 0 };
    const neededAt = (deadlineNs: number) => certify([one(), { ...other, deadlineNs }], service).blockedBy;
    expect([neededAt(130), neededAt(130.001)]).toEqual([null, "other"]);
    // A doorbell that may be early waits for loads of its own kind that were posted before it.
    expect(certify([one({ earlyNs: 5 })], service)).toMatchObject({ neededBytes: 1100, blockedBy: "one" });
    // No more than the load there is.
    expect(certify([one({ earlyNs: 5, chunkBytes: 1e9 })], service).neededBytes).toBe(2000);
  });

  test("in the long run no more may be asked for than is served", () => {
    const service = { bytesPerNs: 10, latencyNs: 0 };
    const half = one({ bytesPerNs: 5 });
    expect(certify([half, { ...half, deadlineNs: 300 }], service)).toMatchObject({ certified: true, longTermShare: 1 });
    const found = certify([half, { ...half, deadlineNs: 1e12, bytesPerNs: 5.5 }], service);
    expect(found).toMatchObject({
      certified: false,
      marginBytes: -Infinity,
      latenessNs: Infinity,
      binding: null,
      longTermShare: 1.05,
      because: "in the long run 105% of what the DPU serves is asked for: no deadline is late enough",
    });
    expect(found.bursts.every(({ burstBytesMax }) => burstBytesMax === null)).toBe(true);
  });

  test("a deadline that has passed before the doorbell comes is refused, by how much", () => {
    expect(certify([one({ deadlineNs: -30 })], { bytesPerNs: 10, latencyNs: 20 }).latenessNs).toBe(150);
  });

  test.each([
    [[], {}, "loads must hold at least 1 kind, got 0"],
    [[one({ burstBytes: 0 })], {}, "burstBytes must be above 0, got 0"],
    [[one({ bytesPerNs: -1 })], {}, "bytesPerNs must be at least 0, got -1"],
    [[one({ deadlineNs: Number.NaN })], {}, "deadlineNs must be finite, got NaN"],
    [[one({ chunkBytes: 0 })], {}, "chunkBytes must be above 0, got 0"],
    [[one({ earlyNs: -1 })], {}, "earlyNs must be at least 0, got -1"],
    [[one()], { bytesPerNs: 0 }, "bytesPerNs must be above 0, got 0"],
    [[one()], { latencyNs: -1 }, "latencyNs must be at least 0, got -1"],
  ])("refuses what cannot be (%#)", (loads, service, message) => {
    expect(() => certify(loads, { bytesPerNs: 10, latencyNs: 0, ...service })).toThrow(message);
  });
});

const seeded = { seed: 7, numRuns: shareOf(1000) };
const shapesOf = (system: readonly Kind[]) => system.map((kind, i) => ({ ...kind, name: `${i}` }));

describe("properties", () => {
  test("the least margin is that of a dense grid, at each point and just before it", () => {
    fc.assert(
      fc.property(kinds, (system) => {
        const found = certify(shapesOf(system), SERVER);
        const gridNs = leastMargin(system, SERVER, 1, 600); // all deadlines are whole and below 500
        if (found.longTermShare > 1) {
          expect(found.marginBytes).toBe(-Infinity);
          expect(leastMargin(system, SERVER, 5e4, 1e6)).toBeLessThan(Math.min(gridNs, 0)); // it falls, and goes on
        } else expect(found.marginBytes).toBeCloseTo(gridNs, 4);
      }),
      seeded,
    );
  });

  test("more of anything never adds to the margin, and later deadlines never take from it", () => {
    const change = fc.record({ which: fc.nat(3), by: fc.integer({ min: 1, max: 50 }) });
    fc.assert(
      fc.property(kinds, change, (system, { which, by }) => {
        const i = which % system.length;
        const marginWith = (kind: Partial<Kind>) =>
          certify(shapesOf(system.with(i, { ...system[i]!, ...kind })), SERVER).marginBytes;
        const { burstBytes, bytesPerNs, chunkBytes, earlyNs = 0 } = system[i]!;
        const before = marginWith({});
        expect(marginWith({ burstBytes: burstBytes + by })).toBeLessThanOrEqual(before);
        expect(marginWith({ bytesPerNs: bytesPerNs + by / 50 })).toBeLessThanOrEqual(before);
        expect(marginWith({ chunkBytes: chunkBytes + by })).toBeLessThanOrEqual(before);
        expect(marginWith({ earlyNs: earlyNs + by })).toBeLessThanOrEqual(before);
        const later = system.map((kind) => ({ ...kind, deadlineNs: kind.deadlineNs + by }));
        expect(certify(shapesOf(later), SERVER).marginBytes).toBeGreaterThanOrEqual(before);
        const latenessWith = (service: Partial<Service>) =>
          certify(shapesOf(system), { ...SERVER, ...service }).latenessNs;
        expect(latenessWith({ latencyNs: SERVER.latencyNs + by })).toBeGreaterThanOrEqual(latenessWith({}));
        expect(latenessWith({ bytesPerNs: SERVER.bytesPerNs + by })).toBeLessThanOrEqual(latenessWith({}));
      }),
      seeded,
    );
  });

  test("deadlines moved by the lateness, and a burst grown to its greatest, leave a margin of nothing", () => {
    fc.assert(
      fc.property(kinds, (system) => {
        const { latenessNs, longTermShare } = certify(shapesOf(system), SERVER);
        fc.pre(longTermShare <= 1);
        const moved = shapesOf(system).map((kind) => ({ ...kind, deadlineNs: kind.deadlineNs + latenessNs }));
        const found = certify(moved, SERVER);
        expect(found.marginBytes).toBeCloseTo(0, 6);
        const later = shapesOf(system).map((kind) => ({ ...kind, deadlineNs: kind.deadlineNs + latenessNs + 10 }));
        certify(later, SERVER).bursts.forEach(({ burstBytesMax }, i) => {
          const marginAt = (burstBytes: number) =>
            certify(later.with(i, { ...later[i]!, burstBytes }), SERVER).marginBytes;
          expect(marginAt(burstBytesMax!)).toBeCloseTo(0, 6);
          expect(marginAt(burstBytesMax! + 1)).toBeCloseTo(-1, 6);
        });
      }),
      seeded,
    );
  });

  test("the greatest burst is what a search of certificates finds, also where a chunk is larger than a burst", () => {
    // Chunks up to five times a load, so that often the burst is the chunk.
    const unbroken = kinds.chain((system) =>
      fc
        .array(fc.integer({ min: 1, max: 1000 }), { minLength: system.length, maxLength: system.length })
        .map((chunks) => system.map((kind, i) => ({ ...kind, chunkBytes: chunks[i]! }))),
    );
    const server = { ...SERVER, bytesPerNs: 20 };
    let none = 0;
    fc.assert(
      fc.property(unbroken, (system) => {
        const shapes = shapesOf(system);
        const { bursts, longTermShare } = certify(shapes, server);
        fc.pre(longTermShare <= 1);
        bursts.forEach(({ burstBytesMax }, i) => {
          const certified = (burstBytes: number) =>
            certify(shapes.with(i, { ...shapes[i]!, burstBytes }), server).certified;
          if (burstBytesMax === null) none++;
          else expect(certified(burstBytesMax - 1e-6) || burstBytesMax < 1e-6).toBe(true);
          expect(certified((burstBytesMax ?? 0) + 1e-6)).toBe(false);
        });
      }),
      seeded,
    );
    expect(none).toBeGreaterThan(seeded.numRuns / 10);
    expect(none).toBeLessThan(2 * seeded.numRuns);
  });

  const waits = fc.array(fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, fc.nat(60)), {
    minLength: 1,
    maxLength: 20,
  });
  const pattern = fc.array(fc.record({ startNs: fc.nat(100), waitsNs: waits, delays: fc.array(fc.nat(100)) }), {
    minLength: 4,
    maxLength: 4,
  });

  test.each(["each", "idle"] as const)(
    "what is certified never misses, however it comes as shaped: latency %s",
    (latency) => {
      const runs = shareOf(1500);
      let loadsServed = 0;
      fc.assert(
        fc.property(kinds, pattern, (system, patterns) => {
          fc.pre(certify(shapesOf(system), SERVER).longTermShare <= 1);
          const tight = barelyCertified(system);
          const loads = tight.flatMap((kind, i) => loadsOf(kind, patterns[i]!));
          const ends = serve(loads, { ...SERVER, latency });
          loadsServed += loads.length;
          loads.forEach(({ deadlineNs }, i) => {
            expect(ends[i]!).toBeLessThanOrEqual(deadlineNs + 1e-6);
          });
        }),
        { seed: 11, numRuns: runs },
      );
      expect(loadsServed).toBeGreaterThan(10 * runs);
    },
  );
});

test("loads through a bucket come as shaped: in every window, ends included", () => {
  const shape = { burstBytes: 300, bytesPerNs: 2 };
  const waits = fc.array(fc.oneof(fc.constant(0), fc.nat(200)), { maxLength: 20 });
  fc.assert(
    fc.property(waits, (waitsNs) => {
      const posted = throughBucket(shape, 100, 5, waitsNs);
      posted.forEach((from, i) => {
        posted.slice(i).forEach((to, more) => {
          expect((more + 1) * 100).toBeLessThanOrEqual(300 + 2 * (to - from) + 1e-9);
        });
      });
    }),
    { seed: 3 },
  );
});

describe("deadline order", () => {
  const chunk = (bytes: number, deadlineNs: number, source: number) => ({
    arrivalNs: 0,
    bytes,
    deadlineNs,
    chunkBytes: 1,
    source,
  });

  test("with two binding resources promises nothing: a load is late though another order meets all", () => {
    // The DPU reads 2 bytes/ns and a source sends 1: the two urgent loads, side by side, leave the long one to begin at 5.
    const loads = [chunk(5, 11, 0), chunk(5, 11, 1), chunk(10, 12, 2)];
    const server = { bytesPerNs: 2, latencyNs: 0, sourceBytesPerNs: 1 };
    const late = (ends: number[]) => ends.map((endNs, i) => endNs > loads[i]!.deadlineNs);
    expect(late(serve(loads, server))).toEqual([false, false, true]);
    const longFirst = [1, 2, 0];
    const ends = serve(loads, server, (_, i) => longFirst[i]!);
    expect(late(ends)).toEqual([false, false, false]);
    // With the DPU alone binding, deadline order meets them as well.
    expect(late(serve(loads, { bytesPerNs: 2, latencyNs: 0 }))).toEqual([false, false, false]);
  });
});

describe("a local deadline", () => {
  const hop = Distribution.fromQuantiles({ medianNs: 100, p99Ns: 200, bodyJitter3SigmaNs: 30 });
  const path = exactPath({ hops: [hop, hop], correlation: 1 });
  const times = { deadlineNs: 10_000, postNs: 500, localFenceNs: 2000, epsilon: 1e-4 };

  test("is what two traversals at their bound, post and fence leave", () => {
    const boundNs = 2 * hop.quantileNs(1e-4) + 76; // in step: both hops at theirs
    const found = localDeadline(path, times);
    expect(found.epsilon).toBe(1e-4);
    expect(Math.abs(found.pathBoundNs - boundNs)).toBeLessThan(path.stepNs + 0.01);
    expect(found.deadlineNs).toBe(10_000 - 500 - 2000 - 2 * found.pathBoundNs);
    expect(Math.abs(found.earlyNs - (boundNs - 2 * hop.leastNs - 76))).toBeLessThan(3 * path.stepNs);
  });

  test.each([
    [{ epsilon: 0 }, "epsilon must be above 0, got 0"],
    [{ epsilon: 1.5 }, "epsilon must be from 0 to 1, got 1.5"],
    [{ deadlineNs: 0 }, "deadlineNs must be above 0, got 0"],
    [{ postNs: -1 }, "postNs must be at least 0, got -1"],
    [{ localFenceNs: -1 }, "localFenceNs must be at least 0, got -1"],
  ])("refuses %o", (change, message) => {
    expect(() => localDeadline(path, { ...times, ...change })).toThrow(message);
  });
});
