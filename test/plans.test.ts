import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { formatMaps, mapsOf, readMaps } from "../src/formats/eplb.ts";
import { readLatencyProblem } from "../src/formats/latency-problem.ts";
import { formatPlan, type PlanFile, readPlan } from "../src/formats/plan.ts";
import { readTopology } from "../src/formats/topology.ts";

const file = "file.json";

/** Rows of slots that hold experts, some none. */
const anyRows = fc
  .record({
    experts: fc.integer({ min: 1, max: 6 }),
    slots: fc.integer({ min: 1, max: 9 }),
    layers: fc.integer({ min: 1, max: 4 }),
  })
  .chain(({ experts, slots, layers }) =>
    fc.record({
      experts: fc.constant(experts),
      rows: fc.array(fc.array(fc.integer({ min: -1, max: experts - 1 }), { minLength: slots, maxLength: slots }), {
        minLength: layers,
        maxLength: layers,
      }),
    }),
  );

test("EPLB's maps are read as they were written, and all three say the same", () => {
  fc.assert(
    fc.property(anyRows, ({ experts, rows }) => {
      const maps = mapsOf(rows, experts);
      expect(readMaps(formatMaps(maps), { file })).toEqual(rows);
      expect(readPlan(formatMaps(maps), { file })).toEqual({ objective: "balance", physicalToLogicalMap: rows });
      expect(readMaps(formatMaps({ ...maps, gpus: 3 }), { file })).toEqual(rows);
      expect(readPlan(formatMaps({ ...maps, gpus: 3 }), { file })).toMatchObject({ gpus: 3 });
      maps.logicalToPhysicalMap.forEach((layer, l) => {
        layer.forEach((slots, expert) => {
          const held = slots.filter((slot) => slot >= 0);
          expect(held.map((slot) => rows[l]![slot])).toEqual(held.map(() => expert));
          expect(held.length).toBe(maps.expertCount[l]![expert]);
          expect(held.length).toBe(rows[l]!.filter((one) => one === expert).length);
        });
      });
    }),
  );
});

test("plans are read as they were written", () => {
  fc.assert(
    fc.property(anyRows, fc.dictionary(fc.string(), fc.nat()), ({ rows }, asked) => {
      const balance: PlanFile = {
        objective: "balance",
        asked: { ...asked },
        layers: rows.map((_, layer) => layer + 3),
        gpuOfSlot: rows[0]!.map((_, slot) => slot >> 1),
        physicalToLogicalMap: rows,
      };
      expect(readPlan(formatPlan(balance), { file })).toEqual(balance);
      const latency: PlanFile = {
        objective: "latency",
        result: { ...asked },
        gpusOfExpert: rows.map((row) => row.map((gpu) => gpu + 1)),
      };
      expect(readPlan(formatPlan(latency), { file })).toEqual(latency);
    }),
  );
});

test("a latency problem is read as it was written", () => {
  const problem = {
    objective: "latency" as const,
    cluster: { gpus: 4, gpusPerNode: 2, gpusPerPod: 4, slotsPerGpu: [1, 2, 1, 2], drained: [3] },
    demand: [[1, 2], { groups: [1], demand: [3] }],
    gpusPerGroup: 2,
    tierCosts: [0, 1, 4, 9],
    loads: [5, 6],
    gpuLoadMax: 11,
    radius: 2,
    copies: 1,
    copiesMax: 2,
    pinned: [{ expert: 1, gpu: 0 }],
    from: [[0], [1, 2]],
    moveCost: [1, 2],
    expertBytes: 100,
    movedBytesMax: 300,
  };
  const plain = JSON.parse(
    JSON.stringify(readLatencyProblem(JSON.stringify(problem), { file }), (_, one) =>
      ArrayBuffer.isView(one) ? Array.from(one as Float64Array) : one,
    ),
  );
  expect(plain).toEqual(problem);
});

test("a topology is read as it was written", () => {
  const topology = { gpus: 8, gpusPerNode: 4, gpusPerPod: 8, slotsPerGpu: 3, drained: [1, 7], tierCosts: [0, 1, 1, 5] };
  expect(readTopology(JSON.stringify(topology), { file })).toEqual(topology);
  expect(readTopology("{}", { file })).toEqual({});
});

describe("what is wrong is named", () => {
  const format = '"format":"vorchestrate plan","version":1';
  test.each([
    [
      readMaps,
      '{"physical_to_logical_map":[[0,1],[0]]}',
      "file.json: expected physical_to_logical_map[1] to hold 2 slots, got 1",
    ],
    [
      readMaps,
      '{"physical_to_logical_map":[[0,-2]]}',
      "expected physical_to_logical_map[0][1] to be a whole number from -1 to 1048576, got -2",
    ],
    [
      readMaps,
      '{"physical_to_logical_map":[[0]],"logical_count":1}',
      "expected fields of EPLB's maps, got logical_count",
    ],
    [
      readMaps,
      '{"physical_to_logical_map":[[0,0]],"logical_replica_count":[[1]]}',
      "expected logical_replica_count[0][0] to be 2, as physical_to_logical_map has it, got 1",
    ],
    [
      readMaps,
      '{"physical_to_logical_map":[[0,0]],"logical_to_physical_map":[[[0,-1]]]}',
      "expected logical_to_physical_map[0][0] to be slots 0, 1, as physical_to_logical_map has it, got 0",
    ],
    [
      readMaps,
      '{"physical_to_logical_map":[[0]],"num_gpus":0}',
      "expected num_gpus to be a whole number from 1 to 65536, got 0",
    ],
    [readMaps, '{"physical_to_logical_map":[]}', "to hold at least 1 layer of at least 1 slot, got none"],
    [readPlan, '{"a":1}', 'expected format "vorchestrate plan", or EPLB\'s physical_to_logical_map, got a'],
    [
      readPlan,
      '{"format":"vorchestrate plan","version":2}',
      "expected version to be 1: a later version of this program may read it, got 2",
    ],
    [readPlan, `{${format},"objective":"speed"}`, 'expected objective to be "balance" or "latency", got "speed"'],
    [
      readPlan,
      `{${format},"objective":"latency","gpuOfExpert":[]}`,
      "expected fields of a plan, got gpuOfExpert; did you mean gpusOfExpert?",
    ],
    [readPlan, `{${format},"objective":"latency"}`, "expected gpusOfExpert to be a row of GPUs an expert, got nothing"],
    [
      readPlan,
      `{${format},"objective":"balance","layers":[0,1],"gpuOfSlot":[0],"physicalToLogicalMap":[[0]]}`,
      "expected physicalToLogicalMap to hold 2 rows, a layer each, got 1",
    ],
    [
      readPlan,
      `{${format},"objective":"balance","layers":[0],"gpuOfSlot":[0,1],"physicalToLogicalMap":[[0]]}`,
      "expected physicalToLogicalMap[0] to hold 2 slots, got 1",
    ],
    [readPlan, "{\n\n]", "file.json:3: expected JSON, got"],
    [readLatencyProblem, "{}", "file.json: expected demand, a row an expert, got none"],
    [readLatencyProblem, '{"demands":[]}', "got demands; did you mean demand?"],
    [readLatencyProblem, '{"demand":[[1,-1]]}', "expected demand[0][1] to be a number from 0 up, got -1"],
    [
      readLatencyProblem,
      '{"demand":[{"group":[1],"demand":[1]}]}',
      "expected fields of demand[0], got group; did you mean groups?",
    ],
    [
      readLatencyProblem,
      '{"demand":[{"groups":[1],"demand":[1,2]}]}',
      "expected demand[0] to have as many amounts as groups, got 2 for 1",
    ],
    [readLatencyProblem, '{"demand":[[1]],"radius":4}', "expected radius to be a whole number from 0 to 3, got 4"],
    [readLatencyProblem, '{"demand":[[1]],"objective":"balance"}', 'expected objective to be "latency", got "balance"'],
    [
      readLatencyProblem,
      '{"demand":[[1]],"pinned":[{"expert":0}]}',
      "expected pinned[0].gpu to be a whole number from 0 to 65535, got nothing",
    ],
    [readTopology, '{"gpu":1}', "expected fields of a topology, got gpu; did you mean gpus?"],
    [readTopology, '{"gpus":0}', "expected gpus to be a whole number from 1 to 65536, got 0"],
    [readTopology, '{"gpus":4,"drained":[4]}', "expected drained[0] to be a whole number from 0 to 3, got 4"],
    [readTopology, '{"slotsPerGpu":"3"}', 'expected slotsPerGpu to be a whole number from 0 to 16777216, got "3"'],
    [
      readTopology,
      '{"tierCosts":[0,2,1,3]}',
      "expected tierCosts to be 4 costs, of which none is less than the one before, got an array",
    ],
    [readTopology, "[]", "expected a topology, got an array"],
  ])("%o of %s", (read, text, message) => {
    expect(() => (read as (text: string, options: { file: string }) => unknown)(text, { file })).toThrow(message);
  });
});
