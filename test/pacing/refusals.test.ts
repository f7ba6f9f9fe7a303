import fc from "fast-check";
import { expect, test } from "vitest";
import { Executor, type ExecutorOptions } from "../../src/executor.ts";
import { Pacer } from "../../src/pacing/index.ts";
import { shareOf } from "../share.ts";
import { follow, good, type Log, schedule } from "./shared.ts";

const fresh = 1_000_000;

test("what is refused is named, and changes nothing", () => {
  /** Asks for everything that is wrong; `follow` holds the executor to a twin that was not asked. */
  const disturb =
    (gpus: number) =>
    (executor: Executor, { loads }: Log) => {
      const wrong = (load: object) =>
        executor.submit([
          { ...good, fenceId: fresh },
          { ...good, fenceId: fresh + 1, ...load },
        ]);
      const refusals: [() => unknown, string][] = [
        [() => wrong({ fenceId: fresh }), `load 1: fenceId must be of no load under way, got ${fresh}`],
        [() => wrong({ fenceId: 0.5 }), "load 1: fenceId must be a whole number, got 0.5"],
        [() => wrong({ fenceId: -1 }), `load 1: fenceId must be from 0 to ${2 ** 53 - 1}, got -1`],
        [() => wrong({ sourceGpu: gpus }), `load 1: sourceGpu must be from 0 to ${gpus - 1}, got ${gpus}`],
        [() => wrong({ destinationGpu: -1 }), `load 1: destinationGpu must be from 0 to ${gpus - 1}, got -1`],
        [() => wrong({ sizeBytes: 0 }), `load 1: sizeBytes must be from 1 to ${2 ** 53 - 1}, got 0`],
        [() => wrong({ sizeBytes: 2 ** 53 }), `load 1: sizeBytes must be from 1 to ${2 ** 53 - 1}, got ${2 ** 53}`],
        [() => wrong({ sizeBytes: 1.5 }), "load 1: sizeBytes must be a whole number, got 1.5"],
        [() => wrong({ deadlineNs: -1 }), "load 1: deadlineNs must be at least 0, got -1"],
        [() => wrong({ deadlineNs: Number.NaN }), "load 1: deadlineNs must be finite, got NaN"],
        [() => wrong({ dropLate: 1 }), "load 1: dropLate must be a boolean, got number"],
        [() => wrong({ dropLate: null }), "load 1: dropLate must be a boolean, got null"],
        [() => executor.advance(Number.NaN), "nowNs must be finite, got NaN"],
        [
          () => executor.complete([{ fenceId: fresh, offsetBytes: 0, bytes: 1, atNs: 0 }]),
          `read 0 must be issued and not completed, got 1 bytes at 0 of fenceId ${fresh}`,
        ],
        [
          () => executor.cancel([...loads.keys(), fresh].slice(-1)),
          `fenceId must be of a load under way, got ${fresh}`,
        ],
        [() => executor.reprioritise(fresh, 1), `fenceId must be of a load under way, got ${fresh}`],
        [() => executor.reprioritise(fresh, -1), "deadlineNs must be at least 0, got -1"],
        [() => executor.drain(-1), "dpu must be from 0"],
      ];
      const dueNs = executor.nextEventNs;
      if (Number.isFinite(dueNs)) {
        const late: ((nowNs: number) => unknown)[] = [
          (nowNs) => executor.submit([], nowNs),
          (nowNs) => executor.complete([], nowNs),
          (nowNs) => executor.cancel([], nowNs),
          (nowNs) => executor.drain(0, nowNs),
        ];
        for (const ask of late)
          refusals.push([() => ask(dueNs + 1), `nowNs must be at most ${dueNs}, the next event, got ${dueNs + 1}`]);
      }
      if (executor.nowNs > 0)
        refusals.push([
          () => executor.advance(executor.nowNs / 2),
          `nowNs must be at least ${executor.nowNs}, the last, got ${executor.nowNs / 2}`,
        ]);
      for (const [ask, message] of refusals) expect(ask).toThrow(message);
    };
  fc.assert(
    fc.property(schedule, ([given, steps]) => {
      follow([given, steps], disturb(given.gpus));
    }),
    { seed: 4, numRuns: shareOf(60) },
  );
});

test("a batch of completions with a wrong one among them completes nothing", () => {
  const executor = new Executor({ gpus: 1, paceBytesPerNs: 1, chunkBytes: 1 });
  executor.submit([{ ...good, fenceId: 7, sizeBytes: 3, deadlineNs: 9 }]);
  expect(() => executor.submit([{ ...good, fenceId: 7 }])).toThrow(
    "load 0: fenceId must be of no load under way, got 7",
  );
  const { reads } = executor.advance(2);
  for (const [wrong, message] of [
    [reads[1]!, "1 bytes at 1"],
    [{ ...reads[2]!, bytes: 2 }, "2 bytes at 2"],
    [{ ...reads[2]!, offsetBytes: 3 }, "1 bytes at 3"],
  ] as const)
    expect(() => executor.complete([reads[0]!, reads[1]!, wrong])).toThrow(
      new RangeError(`read 2 must be issued and not completed, got ${message} of fenceId 7`),
    );
  expect(executor.complete([reads[2]!, reads[0]!])).toEqual([]);
  expect(() => executor.complete([reads[0]!])).toThrow("read 0 must be issued and not completed, got 1 bytes at 0");
  expect(executor.complete([reads[1]!])).toEqual([{ fenceId: 7, outcome: "done", endNs: 2 }]);
});

test("names the bad option", () => {
  for (const [wrong, message] of [
    [{ gpus: 0 }, "gpus must be from 1 to 1048576, got 0"],
    [{ gpusPerNode: 0 }, "gpusPerNode must be from 1 to 4, got 0"],
    [{ gpusPerPod: 5 }, "gpusPerPod must be from 1 to 4, got 5"],
    [{ gpusPerNode: 2, gpusPerPod: 3 }, "gpusPerPod must be a positive multiple of 2, got 3"],
    [{ gpusPerPod: 2 }, "gpusPerPod must be a positive multiple of 4, got 2"],
    [{ portsBytesPerNs: 0 }, "portsBytesPerNs must be above 0, got 0"],
    [{ nodeBytesPerNs: 0 }, "nodeBytesPerNs must be above 0, got 0"],
    [{ podBytesPerNs: Number.NaN }, "podBytesPerNs must be finite, got NaN"],
    [{ gpusPerDpu: 5 }, "gpusPerDpu must be from 1 to 4, got 5"],
    [{ paceBytesPerNs: 0 }, "paceBytesPerNs must be above 0, got 0"],
    [{ sourceEgressBytesPerNs: 0 }, "sourceEgressBytesPerNs must be above 0, got 0"],
    [{ gpuIngressBytesPerNs: -1 }, "gpuIngressBytesPerNs must be above 0, got -1"],
    [{ chunkBytes: 0.5 }, `chunkBytes must be from 1 to ${2 ** 53 - 1}, got 0.5`],
    [{ chunkBytes: 10, burstBytes: 9 }, "burstBytes must be at least 10, got 9"],
    [{ afterReadNs: -1 }, "afterReadNs must be at least 0, got -1"],
    [{ queueDepth: 0 }, "queueDepth must be from 1 to 1048576, got 0"],
    [{ batch: 0 }, `batch must be from 1 to ${2 ** 20}, got 0`],
    [{ order: "fifo" }, 'order must be "deadline" or "arrival", got "fifo"'],
    [{ onExpire: "retry" }, 'onExpire must be "finish" or "drop", got "retry"'],
  ] as const)
    expect(() => new Executor({ gpus: 4, ...wrong } as ExecutorOptions)).toThrow(new RangeError(message));
  // A pod that is all there is need not be filled by its nodes.
  expect(() => new Executor({ gpus: 4, gpusPerNode: 3 })).not.toThrow();
  expect(() => new Executor({ gpus: 4, gpusPerNode: 3, gpusPerPod: 4 })).not.toThrow();
  expect(() => new Pacer({ gpus: 4, selfCompleting: 1 as unknown as boolean })).toThrow(
    new TypeError("selfCompleting must be a boolean, got number"),
  );
  expect(() => new Executor({ gpus: 4, capacity: 64 } as ExecutorOptions)).toThrow("options has no field capacity");
});
