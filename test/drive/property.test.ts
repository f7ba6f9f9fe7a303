import fc from "fast-check";
import { expect, test } from "vitest";
import { DOORBELL_CANCEL, DOORBELL_FENCE, DOORBELL_LOAD } from "../../assembly/layout.ts";
import { MEANS } from "../../src/drive/plan.ts";
import { reportOf } from "../../src/drive/report.ts";
import { type Chunk, OUTCOMES } from "../../src/drive/run.ts";
import { opticsNamed } from "../../src/optics/index.ts";
import { nsFromHours } from "../../src/units.ts";
import { shareOf } from "../share.ts";
import { type Row, runOf, trafficOf } from "./shared.ts";

const GPUS = 8;

const row = fc.record({
  postNs: fc.oneof(fc.nat({ max: 5000 }), fc.nat({ max: 100_000 })),
  source: fc.nat({ max: GPUS - 1 }),
  destination: fc.nat({ max: GPUS - 1 }),
  sizeBytes: fc.oneof(fc.integer({ min: 1, max: 4e6 }), fc.constant(1e6)),
  slackNs: fc.oneof(fc.nat({ max: 60_000 }), fc.nat({ max: 1e6 })),
});
/** A cancel or a fence of some load, so long behind it. */
const behind = fc.record({
  op: fc.constantFrom("cancel" as const, "fence" as const),
  of: fc.nat(),
  byNs: fc.nat({ max: 40_000 }),
});
const options = fc.record({
  means: fc.constantFrom("executor" as const, "executor" as const, ...MEANS),
  order: fc.constantFrom("deadline" as const, "arrival" as const),
  onExpire: fc.constantFrom("finish" as const, "drop" as const),
  lane: fc.constantFrom("dedicated" as const, "priority" as const, "shared" as const),
  queueDepth: fc.constantFrom(1, 2, 3, 4, 1024),
  seed: fc.nat(),
  tree: fc.option(fc.constant({ gpusPerNode: 2, gpusPerPod: 4, nodeBytesPerNs: 400, podBytesPerNs: 250 }), {
    nil: undefined,
  }),
  bursts: fc.constantFrom(1, 3),
  retrains: fc.boolean(),
  gpusPerDpu: fc.constantFrom(1, 4, 8),
});

test("whatever is rung, every load ends once, no sooner than it can, and everything adds up", () => {
  const seen: Record<string, number> = {};
  fc.assert(
    fc.property(
      fc.array(row, { minLength: 1, maxLength: 14 }),
      fc.array(behind, { maxLength: 6 }),
      options,
      (loads, others, { tree, bursts, retrains, gpusPerDpu, ...rest }) => {
        const { profile, hop } = opticsNamed("dsp-800g");
        const retrain = retrains ? { ratePerLinkHour: nsFromHours(1) / 2e6, lowNs: 1000, highNs: 9000 } : null;
        const rows: Row[] = [
          ...loads.map((load, fenceId) => ({ ...load, fenceId })),
          ...others.map(({ op, of, byNs }) => {
            const { postNs, source, destination } = loads[of % loads.length]!;
            return { op, fenceId: of % loads.length, postNs: postNs + byNs, source, destination };
          }),
        ];
        const traffic = trafficOf(rows);
        const chunks: Chunk[] = [];
        const inTree = rest.means === "coherent" ? undefined : tree;
        const given = {
          ...rest,
          ...(inTree ? { tree: inTree } : {}),
          optics: { profile: { ...profile, stall: null, retrain }, hop },
          fabric: { gpusPerDpu },
          burstBytes: bursts * 1e6,
        };
        const { plan, run, ends } = runOf(traffic, given, GPUS, { onChunk: (chunk) => chunks.push(chunk) });
        const report = reportOf(plan, traffic, run);
        const { pacer, traversals, beforeNs, afterNs } = plan;
        const outcomeOf = (row: number) => OUTCOMES[ends.outcome[row]!]!;
        const rowOf = new Map<number, number>();
        for (let row = 0; row < rows.length; row++)
          if (traffic.op[row] === DOORBELL_LOAD) rowOf.set(traffic.fenceId[row]!, row);

        const bytesOf = new Map<number, number>();
        for (const { row, bytes, atNs, endNs } of chunks) {
          bytesOf.set(row, (bytesOf.get(row) ?? 0) + bytes);
          expect(atNs).toBeGreaterThanOrEqual(ends.arrivalNs[row]!);
          expect(endNs).toBeGreaterThan(atNs);
        }
        for (const row of rowOf.values()) {
          const outcome = outcomeOf(row);
          seen[outcome] = (seen[outcome] ?? 0) + 1;
          expect(outcome).not.toBe("none");
          const [postNs, endNs, sizeBytes] = [traffic.postNs[row]!, ends.endNs[row]!, traffic.sizeBytes[row]!];
          const [source, destination] = [traffic.sourceGpu[row]!, traffic.destinationGpu[row]!];
          const tier = [2, 4, GPUS].findIndex((each) => Math.floor(source / each) === Math.floor(destination / each));
          const hops = inTree ? tier + 1 : 3;
          // A draw is an f32, with some 1e-4 ns in it.
          const pathNs = 76 + hops * hop.leastNs - 1e-3;
          if (outcome !== "cancelled")
            expect(ends.arrivalNs[row]! - postNs).toBeGreaterThanOrEqual(beforeNs + traversals[0] * pathNs);
          if (outcome === "done" || outcome === "late") {
            const rate = Math.min(
              pacer.portsBytesPerNs!,
              pacer.sourceEgressBytesPerNs!,
              pacer.gpuIngressBytesPerNs!,
              inTree && tier > 0 ? 400 : Number.POSITIVE_INFINITY,
              inTree && tier > 1 ? 250 : Number.POSITIVE_INFINITY,
            );
            expect(bytesOf.get(row)).toBe(sizeBytes);
            expect(ends.dataNs[row]! - ends.firstReadNs[row]!).toBeGreaterThanOrEqual(sizeBytes / rate - 1e-6);
            expect(endNs - ends.dataNs[row]!).toBeGreaterThanOrEqual(afterNs + traversals[1] * pathNs);
            expect(outcome === "done").toBe(endNs <= traffic.deadlineNs[row]!);
            if (ends.expired[row]) expect(endNs).toBeGreaterThan(traffic.deadlineNs[row]! - 1e-3);
            if (!retrains) expect(ends.heldNs[row]).toBe(0);
          } else {
            expect(ends.dataNs[row]).toBe(0);
            expect(endNs).toBeGreaterThanOrEqual(postNs);
            expect(bytesOf.get(row) ?? 0).toBeLessThan(sizeBytes);
          }
          if (outcome === "dropped") {
            expect([plan.drops, ends.expired[row]]).toEqual([true, 1]);
            // With all that is left it would have come too late.
            expect(endNs).toBeGreaterThanOrEqual(ends.arrivalNs[row]!);
          }
        }
        for (let row = 0; row < rows.length; row++) {
          const load = rowOf.get(traffic.fenceId[row]!)!;
          if (traffic.op[row] === DOORBELL_FENCE)
            expect(ends.endNs[row]).toBe(Math.max(ends.arrivalNs[row]!, ends.endNs[load]!));
          if (traffic.op[row] !== DOORBELL_CANCEL) continue;
          expect(ends.endNs[row]).toBe(ends.arrivalNs[row]);
          if (outcomeOf(row) === "done")
            expect([outcomeOf(load), ends.endNs[load]]).toEqual(["cancelled", ends.endNs[row]]);
        }
        const cancels = [...rows.keys()].filter(
          (row) => traffic.op[row] === DOORBELL_CANCEL && outcomeOf(row) === "done",
        );
        expect(cancels.length).toBe(report.outcomes.cancelled);

        const { outcomes, misses, dpus, loadNs } = report;
        expect(Object.values(outcomes).reduce((sum, count) => sum + count, 0)).toBe(loads.length);
        expect(misses.count).toBe(outcomes.late + outcomes.dropped);
        expect(loadNs.count).toBe(outcomes.done + outcomes.late);
        expect(report.bytes).toBe(loads.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0));
        for (const { dpu, loads: count, bytes, misses } of dpus) {
          const own = [...rowOf.values()].filter(
            (row) => Math.floor(traffic.destinationGpu[row]! / gpusPerDpu) === dpu,
          );
          expect(count).toBe(own.length);
          expect(bytes).toBe(own.reduce((sum, row) => sum + (bytesOf.get(row) ?? 0), 0));
          expect(misses).toBe(own.filter((row) => ["late", "dropped"].includes(outcomeOf(row))).length);
        }
        // The same once more.
        expect(runOf(traffic, given, GPUS).ends).toEqual(ends);
      },
    ),
    { seed: 1, numRuns: shareOf(80, 20) },
  );
  for (const outcome of ["done", "late", "dropped", "cancelled"]) expect(seen[outcome]).toBeGreaterThan(0);
});
