import fc from "fast-check";
import { expect, test } from "vitest";
import { Executor, type ExecutorOptions, type Expiry, type Load, type LoadEnd, type Read } from "../src/executor.ts";
import { Pacer } from "../src/pacing.ts";
import { RandomBits } from "../src/random.ts";
import { ReferenceExecutor } from "./reference/pacing.ts";

/** What two executors are asked in turn; numbers choose among what there is at the time. */
type Step =
  | { do: "submit"; loads: { source: number; destination: number; sizeBytes: number; slackNs: number; drop: number }[] }
  | { do: "advance"; byNs: number }
  | { do: "event" }
  | { do: "complete"; share: number }
  | { do: "cancel"; which: number }
  | { do: "reprioritise"; which: number; slackNs: number }
  | { do: "drain"; which: number };

const options: fc.Arbitrary<ExecutorOptions> = fc
  .record({
    gpus: fc.integer({ min: 1, max: 6 }),
    perDpu: fc.integer({ min: 1, max: 6 }),
    paceBytesPerNs: fc.constantFrom(1, 3, 7, 0.7, 10),
    chunkBytes: fc.integer({ min: 1, max: 20 }),
    bursts: fc.constantFrom(1, 1.5, 3),
    egress: fc.constantFrom(undefined, 1, 3, 2.3, 20),
    ingress: fc.constantFrom(undefined, 1, 2, 3.1, 30),
    afterReadNs: fc.constantFrom(0, 0, 5.5),
    capacity: fc.integer({ min: 1, max: 20 }),
    order: fc.constantFrom("deadline" as const, "deadline" as const, "arrival" as const),
    batch: fc.integer({ min: 1, max: 8 }),
    onExpire: fc.constantFrom("finish" as const, "drop" as const),
  })
  .map(({ perDpu, bursts, egress, ingress, ...rest }) => ({
    ...rest,
    gpusPerDpu: Math.min(perDpu, rest.gpus),
    burstBytes: bursts * rest.chunkBytes,
    ...(egress === undefined ? {} : { sourceEgressBytesPerNs: egress }),
    ...(ingress === undefined ? {} : { gpuIngressBytesPerNs: ingress }),
  }));

const nat = fc.nat({ max: 1000 });
// Whole nanoseconds and bytes meet each other often, tenths hardly ever.
const ns = fc.oneof(
  fc.nat({ max: 60 }),
  fc.nat({ max: 600 }).map((tenths) => tenths / 10),
);
const step: fc.Arbitrary<Step> = fc.oneof(
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
  { weight: 3, arbitrary: fc.record({ do: fc.constant("advance" as const), byNs: ns }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("event" as const) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("complete" as const), share: nat }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("cancel" as const), which: nat }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("reprioritise" as const), which: nat, slackNs: ns }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("drain" as const), which: nat }) },
);
const schedule = fc.tuple(options, fc.array(step, { maxLength: 40 }));

/** Everything that came of a schedule. */
interface Log {
  loads: Map<number, Load>;
  reads: Read[];
  expired: Expiry[];
  ends: LoadEnd[];
}

/** Takes an executor and its twin through a schedule and holds one to the other; `disturb` may ask the executor alone. */
function follow(
  [given, steps]: [ExecutorOptions, Step[]],
  disturb: (executor: Executor, log: Log) => void = () => {},
): Log {
  const executor = new Executor(given);
  const twin = new ReferenceExecutor(given);
  const log: Log = { loads: new Map(), reads: [], expired: [], ends: [] };
  const out: Read[] = [];
  let fenceId = 0;
  const both = <T>(ask: (one: Executor | ReferenceExecutor) => T): T => {
    const answer = ask(executor);
    expect(answer).toEqual(ask(twin));
    disturb(executor, log);
    expect([executor.nextEventNs, executor.underWay, executor.nowNs]).toEqual([
      twin.nextEventNs,
      twin.underWay,
      twin.nowNs,
    ]);
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
    const { reads, expired } = both((one) => one.advance(nowNs));
    log.reads.push(...reads);
    log.expired.push(...expired);
    out.push(...reads);
    forget(expired.filter(({ dropped }) => dropped));
  };
  const some = (which: number) => twin.loads[which % twin.loads.length]?.fenceId;
  const go = (step: Step) => {
    switch (step.do) {
      case "submit": {
        const loads = step.loads.map(({ source, destination, sizeBytes, slackNs, drop }) => ({
          fenceId: fenceId++,
          sourceGpu: source % given.gpus,
          destinationGpu: destination % given.gpus,
          sizeBytes,
          deadlineNs: executor.nowNs + slackNs,
          ...(drop === 2 ? {} : { dropLate: drop === 1 }),
        }));
        const accepted = both((one) => one.submit(loads));
        for (const load of loads.slice(0, accepted)) log.loads.set(load.fenceId, load);
        return;
      }
      case "advance":
        return advance(executor.nowNs + step.byNs);
      case "event":
        return Number.isFinite(executor.nextEventNs) ? advance(executor.nextEventNs) : undefined;
      case "complete": {
        const reads = out.filter((_, i) => (i * 7 + step.share) % 5 < step.share % 6);
        for (const read of reads) out.splice(out.indexOf(read), 1);
        return end(both((one) => one.complete(reads)));
      }
      case "cancel": {
        const fence = some(step.which);
        return fence === undefined ? undefined : end(both((one) => one.cancel([fence])));
      }
      case "reprioritise": {
        const fence = some(step.which);
        const deadlineNs = executor.nowNs + step.slackNs;
        return fence === undefined ? undefined : both((one) => one.reprioritise(fence, deadlineNs));
      }
      case "drain":
        return end(both((one) => one.drain(step.which % twin.dpus.length)));
    }
  };
  for (const step of steps) go(step);
  while (Number.isFinite(executor.nextEventNs)) advance(executor.nextEventNs);
  const rest = out.splice(0);
  end(both((one) => one.complete(rest)));
  expect(executor.underWay).toBe(0);
  return log;
}

test("whatever is asked, the answers are the reference's", () => {
  fc.assert(
    fc.property(schedule, (schedule) => {
      follow(schedule);
    }),
    { seed: 1, numRuns: 1000 },
  );
});
