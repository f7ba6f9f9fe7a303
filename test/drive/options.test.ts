import { expect, test } from "vitest";
import { drive } from "../../src/drive/index.ts";
import type { DriveOptions } from "../../src/drive/plan.ts";
import type { Traffic } from "../../src/traffic.ts";
import { steady, trafficOf } from "./shared.ts";

const optics = steady(400);
const traffic = trafficOf([{ fenceId: 1, source: 5 }]);
const tree = { gpusPerNode: 2, gpusPerPod: 4 };

test.each<[wrong: object, message: string]>([
  [{ optic: "lpo-800g" }, "options has no field optic; did you mean optics?"],
  [{ optics: "lpo-900g" }, 'optics must name a built-in profile, got "lpo-900g"; did you mean lpo-800g?'],
  [{ optics: undefined }, "optics must be a built-in profile's name or hold profile and hop, got undefined"],
  [{ fabric: { port: 3 } }, "fabric has no field port; did you mean ports?"],
  [{ fabric: { ports: 0 } }, "ports must be from 1 to 4096, got 0"],
  [{ fabric: { chunkBytes: 0.5 } }, `chunkBytes must be from 1 to ${2 ** 53 - 1}, got 0.5`],
  [{ gpus: 5 }, "row 0: sourceGpu must be from 0 to 4, got 5"],
  [{ gpus: 0 }, "gpus must be from 1 to 1048576, got 0"],
  [{ means: "cpu" }, 'means must be executor, reactive, coherent, got "cpu"'],
  [{ tree: { ...tree, gpusPerRack: 8 } }, "tree has no field gpusPerRack; there are gpusPerNode, gpusPerPod"],
  [{ tree: { gpusPerPod: 4 } }, "gpusPerNode must be a number, got undefined"],
  [{ tree: { gpusPerNode: 2 } }, "gpusPerPod must be a number, got undefined"],
  [{ tree: { ...tree, gpusPerNode: 0 } }, "gpusPerNode must be from 1 to 1048576, got 0"],
  [{ tree: { ...tree, gpusPerPod: 3 } }, "gpusPerPod must be a positive multiple of 2, got 3"],
  [{ tree: { ...tree, nodeBytesPerNs: 0 } }, "nodeBytesPerNs must be above 0, got 0"],
  [{ tree: { ...tree, podBytesPerNs: Number.NaN } }, "podBytesPerNs must be finite, got NaN"],
  [{ tree, means: "coherent" }, 'means must be executor or reactive with a tree, got "coherent"'],
  [{ tree, fabric: { hops: 2 } }, "hops must be left out with a tree, which says them of each load, got 2"],
  [{ gpus: 6, fabric: { gpusPerDpu: 8 } }, "gpusPerDpu must be from 1 to 6, got 8"],
  [{ lane: "fast" }, 'lane must be dedicated, priority, shared, got "fast"'],
  [{ order: "fifo" }, 'order must be "deadline" or "arrival", got "fifo"'],
  [{ order: "fifo", means: "reactive" }, 'order must be "deadline" or "arrival", got "fifo"'],
  [{ onExpire: "retry" }, 'onExpire must be "finish" or "drop", got "retry"'],
  [{ burstBytes: 5 }, "burstBytes must be at least 1000000, got 5"],
  [{ queueDepth: 0 }, "queueDepth must be from 1 to 1048576, got 0"],
  [{ seed: -1 }, "seed must be from 0 to 9007199254740991, got -1"],
])("refuses %o by name", (wrong, message) => {
  expect(() => drive(traffic, { optics, ...wrong } as DriveOptions)).toThrow(message);
});

test("refuses what is no traffic by name, and changes nothing of it", () => {
  const wrong = (part: object): [Traffic, string] => [{ ...traffic, ...part } as Traffic, ""];
  for (const [given, message] of [
    [{ ...traffic, hops: new Uint32Array(1) }, "traffic has no field hops"],
    [wrong({ sourceGpu: undefined })[0], "sourceGpu must be a Uint32Array, got undefined"],
    [wrong({ destinationGpu: [0] })[0], "destinationGpu must be a Uint32Array, got an array"],
    [wrong({ op: new Uint8Array(2) })[0], "op must hold 1 values, got 2"],
    [wrong({ op: new Uint8Array([9]) })[0], "row 0: op must be 1 (load), 2 (cancel) or 3 (fence), got 9"],
    [wrong({ op: new Uint8Array([2]) })[0], "row 0: sizeBytes must be 0 unless of a load, got 1000000"],
    [
      wrong({ postNs: new Float64Array([1.7e18]) })[0],
      "row 0: postNs must be at most 2^53, counted from the first post, got 1700000000000000000",
    ],
    [
      wrong({ deadlineNs: new Float64Array([2 ** 53 + 2]) })[0],
      "row 0: deadlineNs must be at most 2^53, counted from the first post, got 9007199254740994",
    ],
    [wrong({ postNs: new Float64Array([-1]) })[0], "row 0: postNs must be at least 0, got -1"],
    [wrong({ sourceGpu: new Uint32Array([2 ** 20]) })[0], "gpus must be from 1 to 1048576, got 1048577"],
  ] as [Traffic, string][]) {
    const before = structuredClone(given);
    expect(() => drive(given, { optics })).toThrow(message);
    expect(given).toEqual(before);
  }
});

test("a drive changes neither its traffic nor its options", () => {
  const options = { optics, tree, queueDepth: 1, seed: 3, lane: "shared" } as const;
  const [rows, given] = [structuredClone(traffic), structuredClone({ ...options, optics: optics.profile })];
  drive(traffic, options);
  expect(traffic).toEqual(rows);
  expect({ ...options, optics: optics.profile }).toEqual(given);
});
