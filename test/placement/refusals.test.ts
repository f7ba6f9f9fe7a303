import { expect, test } from "vitest";
import { type LatencyProblem, type PlaceOptions, placeForLatency, verifyPlacement } from "../../src/index.ts";

const cluster = { gpus: 4, gpusPerNode: 2, slotsPerGpu: 2 };
const demand = [
  [4, 0, 0, 0],
  [0, 3, 0, 1],
  [0, 0, 2, 0],
];
const problem: LatencyProblem = { objective: "latency", cluster, demand };

test.each([
  [{ demands: [] }, TypeError, "problem has no field demands; did you mean demand?"],
  [{ demand: [] }, RangeError, "experts in demand must be from 1 to 16777216, got 0"],
  [{ demand: [[1, 2]] }, RangeError, "demand of expert 0 must hold 4 values, a group each, got 2"],
  [{ demand: [[0, -1, 0, 0]] }, RangeError, "demand of group 1 for expert 0 must be at least 0, got -1"],
  [{ demand: [[0, Number.NaN, 0, 0]] }, RangeError, "demand of group 1 for expert 0 must be finite, got NaN"],
  [{ demand: [{ groups: [9], demand: [1] }] }, RangeError, "group of expert 0 must be from 0 to 3, got 9"],
  [{ demand: [{ groups: [1, 2], demand: [1] }] }, RangeError, "must have as many amounts as groups, got 1 for 2"],
  [{ demand: [7] }, TypeError, "demand of expert 0 must be a row, got number"],
  [{ loads: [1, 2] }, RangeError, "loads must hold 3 values, got 2"],
  [{ loads: [1, -2, 3] }, RangeError, "load of expert 1 must be at least 0, got -2"],
  [{ gpuLoadMax: -1 }, RangeError, "gpuLoadMax of GPU 0 must be at least 0, got -1"],
  [{ tierCosts: [0, 2, 1, 3] }, RangeError, "tierCosts[2] must be at least 2, got 1"],
  [{ radius: 4 }, RangeError, "radius must be from 0 to 3, got 4"],
  [{ copies: 5 }, RangeError, "copies must be from 1 to 4, got 5"],
  [{ copies: 2, copiesMax: 1 }, RangeError, "copiesMax must be from 2 to 4, got 1"],
  [{ pinned: [{ expert: 3, gpu: 0 }] }, RangeError, "pinned expert must be from 0 to 2, got 3"],
  [{ from: [[0], [1]] }, RangeError, "from must hold a row for each of 3 experts, got 2"],
  [{ from: [[0], [1, 1], [2]] }, RangeError, "from: expert 1 is on GPU 1 twice"],
  [{ cluster: { ...cluster, slotsPerGpu: [2, 2, 2] } }, RangeError, "slotsPerGpu must hold 4 values, got 3"],
  [{ cluster: { ...cluster, gpusPerPod: 3 } }, RangeError, "gpusPerPod must be a positive multiple of 2, got 3"],
  [{ cluster: { ...cluster, drained: [4] } }, RangeError, "drained GPU must be from 0 to 3, got 4"],
] as const)("names what is wrong with %j", (wrong, kind, message) => {
  const place = () => placeForLatency({ ...problem, ...wrong } as unknown as LatencyProblem);
  expect(place).toThrow(kind);
  expect(place).toThrow(message);
});

test.each([
  [{ gap: -1 }, "gap must be from 0 to 1, got -1"],
  [{ rounds: 0 }, "rounds must be from 1 to 24, got 0"],
  [{ timeLimitMs: 0 }, "timeLimitMs must be above 0, got 0"],
  [{ sed: 1 }, "options has no field sed; did you mean seed?"],
] as const)("names the bad option of %j", (options, message) => {
  expect(() => placeForLatency(problem, options as PlaceOptions)).toThrow(message);
});

test.each([
  [
    { cluster: { ...cluster, slotsPerGpu: [1, 1, 0, 0] } },
    "slots",
    "3 experts with a copy each need 3 slots",
    "1 slots more",
  ],
  [
    { cluster: { gpus: 4, slotsPerGpu: 1, drained: [0, 1, 2] }, copies: 2 },
    "copies",
    "2 copies of an expert need as many GPUs, and 1 are open",
    "1 GPUs more",
  ],
  [{ gpuLoadMax: 2 }, "load", "experts bring a load of 10, and open GPUs may serve 8", "1.250 times as high"],
  [
    { loads: [9, 1, 1], gpuLoadMax: 8 },
    "load",
    "expert 0 alone brings a load of 9, and a GPU may serve 8",
    "2 copies of it",
  ],
  [{ radius: 0 }, "radius", "expert 1 is asked for by GPUs 1, 3", "copiesMax 2, or a radius of 1"],
  [
    { radius: 0, demand: [[1, 0, 0, 0]], cluster: { ...cluster, drained: [0] } },
    "radius",
    "GPU 0 asks for expert 0, and no open GPU is within 0 hops",
    "radius of 1",
  ],
  [
    { pinned: [{ expert: 1, gpu: 2 }], cluster: { ...cluster, drained: [2] } },
    "pins",
    "expert 1 is pinned to GPU 2, which is drained",
    "not drained",
  ],
  [
    { pinned: [0, 1, 2].map((expert) => ({ expert, gpu: 3 })) },
    "pins",
    "3 experts are pinned to GPU 3, which has 2 slots",
    "1 pins fewer",
  ],
  [
    { from: [[0], [1], [2]], cluster: { ...cluster, drained: [1] }, movedBytesMax: 0 },
    "moved bytes",
    "is 1 bytes to move, and 0 may be",
    "movedBytesMax of 1",
  ],
  [
    {
      radius: 1,
      demand: [
        [4, 0, 0, 0],
        [3, 0, 0, 0],
        [0, 2, 0, 0],
      ],
      cluster: { ...cluster, slotsPerGpu: 1 },
    },
    "radius",
    "GPUs 0 to 1 ask for 3 experts, which must be within 1 hops, and have 2 slots",
    "1 slots more there",
  ],
] as const)("an infeasible problem is an answer: %j", (wrong, constraint, because, relax) => {
  const placed = placeForLatency({ ...problem, ...wrong } as unknown as LatencyProblem);
  expect(placed).toMatchObject({ status: "infeasible", infeasible: { constraint } });
  expect(placed.plan).toBeUndefined();
  expect(placed.infeasible!.because).toContain(because);
  expect(placed.infeasible!.relax).toContain(relax);
});

test("the verifier names everything that is wrong with a plan", () => {
  const strict: LatencyProblem = {
    ...problem,
    cluster: { ...cluster, slotsPerGpu: 1, drained: [3] },
    gpuLoadMax: 5,
    radius: 1,
    pinned: [{ expert: 0, gpu: 1 }],
    from: [[1], [1], [2]],
    movedBytesMax: 1,
  };
  expect(verifyPlacement(strict, { gpusOfExpert: [[0], [0], []] }).violations).toEqual([
    "expert 0 is pinned to GPU 1, and not there",
    "expert 1 is 2 hops from GPU 3, which asks for it: the radius is 1",
    "expert 2 is nowhere",
    "GPU 0 holds 2 experts in 1 slots",
    "GPU 0 serves 8, of at most 5",
    "2 bytes are moved, of at most 1",
  ]);
  expect(verifyPlacement(strict, { gpusOfExpert: [[1], [3, 3], [7]] }).violations).toEqual([
    "expert 1 has 2 copies on 1 GPUs",
    "expert 1 is on GPU 3, which is drained",
    "expert 1 is on GPU 3, which is drained",
    "expert 1 is 2 hops from GPU 1, which asks for it: the radius is 1",
    "expert 2 is on GPU 7, of 4",
    "2 bytes are moved, of at most 1",
  ]);
  expect(verifyPlacement(problem, { gpusOfExpert: [[0]] }).violations).toEqual([
    "the plan has 1 experts, the problem 3",
  ]);
});
