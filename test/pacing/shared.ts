import fc from "fast-check";
import { expect } from "vitest";
import { Executor, type ExecutorOptions, type Expiry, type Load, type LoadEnd, type Read } from "../../src/executor.ts";
import { ReferenceExecutor } from "../reference/pacing.ts";
import { expectEqual } from "../same.ts";

// What an executor may be asked, and how it is held to its twin.

/** What two executors are asked in turn; numbers choose among what there is at the time. */
export type Step = { byNs: number } & (
  | { do: "submit"; loads: { source: number; destination: number; sizeBytes: number; slackNs: number; drop: number }[] }
  | { do: "advance" }
  | { do: "event" }
  | { do: "complete"; share: number }
  | { do: "cancel"; which: number }
  | { do: "reprioritise"; which: number; slackNs: number }
  | { do: "drain"; which: number }
);

export const options: fc.Arbitrary<ExecutorOptions> = fc
  .record({
    gpus: fc.integer({ min: 1, max: 6 }),
    perDpu: fc.integer({ min: 1, max: 6 }),
    paceBytesPerNs: fc.constantFrom(1, 3, 7, 0.7, 10),
    chunkBytes: fc.integer({ min: 1, max: 20 }),
    bursts: fc.constantFrom(1, 1.5, 3),
    egress: fc.constantFrom(undefined, 1, 3, 2.3, 20),
    ingress: fc.constantFrom(undefined, 1, 2, 3.1, 30),
    afterReadNs: fc.constantFrom(0, 0, 5.5),
    ports: fc.constantFrom(undefined, undefined, 1, 5, 8.3),
    node: fc.constantFrom(undefined, undefined, 1, 2.7, 9),
    perNode: fc.integer({ min: 1, max: 3 }),
    pod: fc.constantFrom(undefined, undefined, 2, 3.3),
    queueDepth: fc.integer({ min: 1, max: 20 }),
    order: fc.constantFrom("deadline" as const, "deadline" as const, "arrival" as const),
    batch: fc.integer({ min: 1, max: 8 }),
    onExpire: fc.constantFrom("finish" as const, "drop" as const),
  })
  .map(({ perDpu, bursts, egress, ingress, ports, node, perNode, pod, ...rest }) => ({
    ...rest,
    gpusPerDpu: Math.min(perDpu, rest.gpus),
    gpusPerNode: Math.min(perNode, rest.gpus),
    gpusPerPod: Math.min(2 * perNode, rest.gpus),
    ...(ports === undefined ? {} : { portsBytesPerNs: ports }),
    ...(node === undefined ? {} : { nodeBytesPerNs: node }),
    ...(pod === undefined ? {} : { podBytesPerNs: pod }),
    burstBytes: bursts * rest.chunkBytes,
    ...(egress === undefined ? {} : { sourceEgressBytesPerNs: egress }),
    ...(ingress === undefined ? {} : { gpuIngressBytesPerNs: ingress }),
  }));

const nat = fc.nat({ max: 1000 });
// Whole nanoseconds and bytes meet each other often, tenths hardly ever.
export const ns = fc.oneof(
  fc.nat({ max: 60 }),
  fc.nat({ max: 600 }).map((tenths) => tenths / 10),
);
const what = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant("submit" as const),
      loads: fc.array(
        fc.record({
          source: nat,
          destination: nat,
          sizeBytes: fc.integer({ min: 1, max: 60 }),
          slackNs: ns,
          drop: fc.nat({ max: 2 }),
        }),
        { maxLength: 6 },
      ),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("advance" as const) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("event" as const) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("complete" as const), share: nat }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("cancel" as const), which: nat }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("reprioritise" as const), which: nat, slackNs: ns }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("drain" as const), which: nat }) },
);
const step: fc.Arbitrary<Step> = fc
  .tuple(what, fc.oneof(fc.constant(0), ns))
  .map(([what, byNs]) => ({ ...what, byNs }));
export const schedule = fc.tuple(options, fc.array(step, { maxLength: 40 }));

/** Everything that came of a schedule. */
export interface Log {
  /** Those accepted, and when. */
  loads: Map<number, Load & { atNs: number }>;
  reads: Read[];
  expired: Expiry[];
  ends: LoadEnd[];
}

/** Events in an order that does not depend on which of two DPUs comes first at one instant. */
export function inOrder(
  { reads, expired }: { reads: Read[]; expired: Expiry[] },
  dpuOfLoad: (fenceId: number) => number,
) {
  const sorted = <T extends { atNs: number; fenceId: number }>(events: T[]) =>
    events.sort((a, b) => a.atNs - b.atNs || dpuOfLoad(a.fenceId) - dpuOfLoad(b.fenceId));
  // Of loads that expire at one instant on one DPU none comes first.
  return { reads: sorted(reads), expired: sorted(expired.sort((a, b) => a.fenceId - b.fenceId)) };
}

/** Takes an executor and its twin through a schedule and holds one to the other; `disturb` may ask the executor alone. */
export function follow(
  [given, steps]: [ExecutorOptions, Step[]],
  disturb: (executor: Executor, log: Log) => void = () => {},
): Log {
  const executor = new Executor(given);
  const twin = new ReferenceExecutor(given);
  const log: Log = { loads: new Map(), reads: [], expired: [], ends: [] };
  const out: Read[] = [];
  const dpuOfLoad = new Map<number, number>();
  let fenceId = 0;
  const both = <T>(ask: (one: Executor | ReferenceExecutor) => T): T => {
    const answer = ask(executor);
    expectEqual(answer, ask(twin));
    disturb(executor, log);
    expectEqual(
      [executor.nextEventNs, executor.underWay, executor.nowNs],
      [twin.nextEventNs, twin.underWay, twin.nowNs],
    );
    return answer;
  };
  /** After a load has ended its reads must not be completed. */
  const forget = (ended: readonly { fenceId: number }[]) => {
    for (const { fenceId } of ended)
      for (let i = out.length - 1; i >= 0; i--) if (out[i]!.fenceId === fenceId) out.splice(i, 1);
  };
  const end = (ends: LoadEnd[]) => {
    log.ends.push(...ends);
    forget(ends);
  };
  const advance = (nowNs: number) => {
    const { reads, expired } = both((one) => inOrder(one.advance(nowNs), (fenceId) => dpuOfLoad.get(fenceId)!));
    log.reads.push(...reads);
    log.expired.push(...expired);
    out.push(...reads);
    forget(expired.filter(({ dropped }) => dropped));
  };
  const some = (which: number) => twin.loads[which % twin.loads.length]?.fenceId;
  const go = (step: Step) => {
    const nowNs = Math.min(executor.nowNs + step.byNs, executor.nextEventNs);
    switch (step.do) {
      case "submit": {
        const loads = step.loads.map(({ source, destination, sizeBytes, slackNs, drop }) => ({
          fenceId: fenceId++,
          sourceGpu: source % given.gpus,
          destinationGpu: destination % given.gpus,
          sizeBytes,
          deadlineNs: nowNs + slackNs,
          ...(drop === 2 ? {} : { dropLate: drop === 1 }),
        }));
        for (const load of loads) dpuOfLoad.set(load.fenceId, Math.floor(load.destinationGpu / given.gpusPerDpu!));
        const left = both((one) => one.submit(loads, nowNs));
        for (const load of loads)
          if (!left.includes(load)) log.loads.set(load.fenceId, { ...load, atNs: executor.nowNs });
        return;
      }
      case "advance":
        return advance(executor.nowNs + step.byNs);
      case "event":
        return Number.isFinite(executor.nextEventNs) ? advance(executor.nextEventNs) : undefined;
      case "complete": {
        const reads = out.filter((_, i) => (i * 7 + step.share) % 5 < step.share % 6);
        for (const read of reads) out.splice(out.indexOf(read), 1);
        return end(both((one) => one.complete(reads, nowNs)));
      }
      case "cancel": {
        const fence = some(step.which);
        return fence === undefined ? undefined : end(both((one) => one.cancel([fence], nowNs)));
      }
      case "reprioritise": {
        const fence = some(step.which);
        const deadlineNs = nowNs + step.slackNs;
        return fence === undefined ? undefined : both((one) => one.reprioritise(fence, deadlineNs, nowNs));
      }
      case "drain":
        return end(both((one) => one.drain(step.which % twin.dpus.length, nowNs)));
    }
  };
  for (const step of steps) go(step);
  while (Number.isFinite(executor.nextEventNs)) advance(executor.nextEventNs);
  const rest = out.splice(0);
  end(both((one) => one.complete(rest)));
  expect(executor.underWay).toBe(0);
  return log;
}

/** What is right with a load, but for its name. */
export const good = { sourceGpu: 0, destinationGpu: 0, sizeBytes: 1, deadlineNs: 0 };
