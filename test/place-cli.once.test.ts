import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { gzipSync } from "node:zlib";
import { beforeAll, describe, expect, test } from "vitest";
import { eplbProblem, hasShared, hopProblem, sharedFile } from "./reference/instances.ts";
import { commandLine, longLines, SLIPS } from "./run-cli.ts";

const { folder, run: place, refuses, write, read } = commandLine("place");

/** Loads of a dense layer and of three with experts, a few of which are asked for much more than the others. */
const LOADS = [0, 1, 2, 3].map((layer) =>
  Array.from({ length: 16 }, (_, e) =>
    layer === 0 ? 0 : 10 + ((7 * e + 5 * layer) % 13) + (e % 5 === layer ? 120 : 0),
  ),
);

/** Experts of two homes each, on two nodes of two GPUs. */
const PROBLEM = {
  cluster: { gpus: 4, gpusPerNode: 2, slotsPerGpu: 3 },
  demand: Array.from({ length: 10 }, (_, e) => ({
    groups: [e % 4, (e + 1) % 4],
    demand: [30 + e, 10 + ((3 * e) % 7)],
  })),
};

beforeAll(() => {
  write("loads.json", JSON.stringify({ logical_count: LOADS }));
  write("loads.json.gz", gzipSync(JSON.stringify(LOADS)));
  write(
    "loads.csv",
    `layer,expert,load\n${LOADS.flatMap((row, layer) => row.map((load, expert) => `${layer},${expert},${load}\n`)).join("")}`,
  );
  write("problem.json", JSON.stringify(PROBLEM));
  write("topology.json", JSON.stringify({ gpus: 4, slotsPerGpu: 6, drained: [1] }));
});

describe("answers", () => {
  test.each([
    "loads.json --gpus 4 --slots 20",
    "loads.json.gz --gpus 4 --slots-per-gpu 5 --full",
    "loads.csv --gpus 3 --slots-per-gpu 4,9,5 --seed 3 --gap 0",
    "loads.csv --topology topology.json --time-limit-ms 500",
    "loads.csv --topology topology.json --drain 0 --expert-mb 44",
    "loads.json --gpus 4 --slots 20 --objective balance --full",
    "loads.json --gpus 4 --slots 20 --scope step",
    "loads.json --gpus 4 --slots 20 --groups 4 --gpus-per-node 2",
    "problem.json",
    "problem.json --load-max 160 --seed 2 --full",
    "problem.json --explain 3 --radius 2 --tier-costs 0,1,5,25 --gpus-per-pod 4",
    "problem.json --slots-per-gpu 6 --copies 2 --explain 4",
    "problem.json --slots-per-gpu 4 --copies-max 3 --gap 0.02 --full",
    "problem.json --slots-per-gpu 4 --drain 2 --gap 0.1 --time-limit-ms 500",
  ])("place %s: in words and as one JSON value", async (args) => {
    const words = await place(args);
    expect(words).toMatchObject({ status: 0, stderr: "" });
    expect(words.stdout).not.toMatch(SLIPS);
    expect(longLines(words.stdout)).toEqual([]);
    const { status, stdout } = await place(`${args} --json`);
    const { status: word, ...answer } = JSON.parse(stdout);
    expect([status, ["optimal", "within gap", "time limit", "iteration limit"].includes(word)]).toEqual([0, true]);
    expect(answer.gap).toBeGreaterThanOrEqual(0);
  });

  test("layers without load are left out, keep their numbers, and are said to be", async () => {
    const { stdout } = await place("loads.json --gpus 4 --slots 20 --out numbered.json --maps numbered-maps.json");
    expect(stdout).toContain("Without load, and left out: layer 0. The others keep their numbers.");
    expect(JSON.parse(read("numbered.json"))).toMatchObject({ layers: [1, 2, 3], asked: { gpus: 4, slots: 20 } });
    const maps = JSON.parse(read("numbered-maps.json"));
    expect(maps.physical_to_logical_map).toHaveLength(4);
    expect(maps.physical_to_logical_map[0]).toEqual([...Array(16).keys(), 0, 1, 2, 3]);
  });

  test("an optimum is said to be one, and slots that stay empty are counted", async () => {
    write("few.json", "[[4,3,2,1]]");
    const { stdout } = await place("few.json --gpus 3 --slots 24");
    expect(stdout).toContain("No plan is better, and that is proved; 12 slots are filled; 12 slots stay empty.");
    expect(stdout).toContain("24 slots a layer over 3 GPUs");
  });

  test("colours where they are asked for, and nowhere else", async () => {
    const colour = "\u001b[";
    const args = "loads.json --gpus 4 --slots 20";
    expect((await place(args, { FORCE_COLOR: "1" })).stdout).toContain(colour);
    expect((await place(args, { FORCE_COLOR: "1", NO_COLOR: "1" })).stdout).not.toContain(colour);
    expect((await place(args)).stdout).not.toContain(colour);
  });
});

describe("plans go out and come back", () => {
  test.each(["--out plan.json", "--maps plan.json"])(
    "balance by %s: from it nothing moves, and it keeps every rule",
    async (how) => {
      const made = JSON.parse((await place(`loads.json --gpus 4 --slots 20 ${how} --json`)).stdout);
      expect((await place("loads.json --gpus 4 --slots 20 --check plan.json")).status).toBe(0);
      const check = JSON.parse((await place("loads.json --gpus 4 --slots 20 --check plan.json --json")).stdout);
      expect(check.violations).toEqual([]);
      const { stdout } = await place(
        `loads.json --gpus 4 --slots 20 --from plan.json --target ${made.balancednessWorst - 1e-6} --json`,
      );
      const { moves, physicalToLogicalMap } = JSON.parse(stdout);
      const byGpu = (rows: number[][]) =>
        rows.map((row) => row.map((expert, slot) => `${made.gpuOfSlot[slot]}/${expert}`).toSorted());
      expect([moves, byGpu(physicalToLogicalMap)]).toEqual([0, byGpu(made.physicalToLogicalMap)]);
    },
  );

  test("maps of as many slots on other GPUs are refused, or it is said how they are read", async () => {
    await place("loads.json --gpus 4 --slots 20 --maps four.json");
    const { num_gpus, ...rest } = JSON.parse(read("four.json"));
    expect(num_gpus).toBe(4);
    for (const flag of ["--check", "--from"]) {
      const { status, stderr } = await place(`loads.json --gpus 5 --slots 20 ${flag} four.json`);
      expect([status, stderr]).toEqual([2, expect.stringContaining("four.json: expected num_gpus to be 5")]);
      expect(stderr).toContain("got 4");
    }
    write("bare.json", JSON.stringify(rest));
    for (const flag of ["--check", "--from"]) {
      const { stdout } = await place(`loads.json --gpus 4 --slots 20 ${flag} bare.json`);
      expect(stdout).toContain("bare.json does not say how many GPUs it is for: read as 5 slots on each of 4 GPUs.");
      expect((await place(`loads.json --gpus 4 --slots 20 ${flag} four.json`)).stdout).not.toContain("read as");
    }
  });

  test("maps of slots that the GPUs cannot share equally are named, and what would do", async () => {
    write("five.json", JSON.stringify({ physical_to_logical_map: LOADS.map(() => [...Array(18).keys()]) }));
    for (const flag of ["--check", "--from"]) {
      const { status, stderr } = await place(`loads.json --gpus 4 --slots 20 ${flag} five.json`);
      expect(status).toBe(2);
      expect(stderr).toContain("five.json: expected slots that 4 GPUs can share equally, got 18 a layer");
      expect(stderr).toContain("give what --out wrote");
    }
  });

  test("moves stay within their budget, and a GPU that is drained is empty", async () => {
    await place("loads.json --gpus 4 --slots 24 --out before.json");
    const { status, stdout } = await place(
      "loads.json --gpus 4 --slots 24 --from before.json --drain 2 --moves-max 20 --json",
    );
    const { moves, physicalToLogicalMap, gpuOfSlot } = JSON.parse(stdout);
    expect(status).toBe(0);
    expect(moves).toBeLessThanOrEqual(20);
    for (const row of physicalToLogicalMap as number[][])
      expect(row.filter((expert, slot) => expert >= 0 && gpuOfSlot[slot] === 2)).toEqual([]);
  });

  test("latency: it keeps every rule, and from it nothing moves", async () => {
    const { plan, check } = JSON.parse((await place("problem.json --out latency.json --json")).stdout);
    expect(JSON.parse(read("latency.json")).gpusOfExpert).toEqual(plan.gpusOfExpert);
    const again = JSON.parse((await place("problem.json --from latency.json --moves-max 0 --json")).stdout);
    expect(again.check).toMatchObject({ moves: 0, cost: check.cost });
    const words = await place("problem.json --check latency.json");
    expect([words.status, words.stdout]).toEqual([0, expect.stringContaining("latency.json: keeps every rule")]);
    const before = await place(
      "problem.json --from latency.json --drain 1 --slots-per-gpu 4 --move-cost 1 --svg moved.svg",
    );
    expect(before.stdout).toMatch(/before +after/);
    expect(read("moved.svg")).toContain(">before</text>");
  });

  test("pictures: before and after side by side", async () => {
    const { stdout } = await place("loads.json --gpus 4 --slots 20 --svg place.svg");
    expect(stdout).toContain("The picture is in place.svg");
    for (const word of ["experts in order", "after", "layer", "GPU", "times the mean"])
      expect(read("place.svg")).toContain(`>${word}</text>`);
  });
});

describe("what breaks rules, and what cannot be, end with 1", () => {
  test("a plan with an expert missing, another one twice, and one on a drained GPU", async () => {
    await place("loads.json --gpus 4 --slots 20 --maps broken.json");
    const { physical_to_logical_map: rows } = JSON.parse(read("broken.json"));
    rows[1] = [...Array(16).keys(), 0, 1, 2, 3];
    rows[1][5] = 6; // on GPU 1, which holds 6 already; expert 5 is nowhere
    write("broken.json", JSON.stringify({ physical_to_logical_map: rows }));
    const { status, stdout } = await place("loads.json --gpus 4 --slots 20 --check broken.json");
    expect(status).toBe(1);
    expect(stdout).toContain("broken.json: breaks rules 2 times");
    expect(stdout).toContain("layer 1, expert 5: no copy");
    expect(stdout).toContain("layer 1, expert 6: two copies on one GPU");
    const refused = await place("loads.json --gpus 4 --slots 20 --from broken.json");
    expect([refused.status, refused.stderr]).toEqual([2, expect.stringMatching(/layer 1 \(--from broken.json\)/)]);
  });

  test.each([
    [
      "loads.json --gpus 4 --slots 15",
      ["what binds   slots: 16 experts need as many slots", "what helps   1 slots more"],
    ],
    ["problem.json --slots-per-gpu 2", ["what binds   slots: 10 experts", "what helps   2 slots more"]],
    ["problem.json --load-max 10", ["what binds   load:", "--load-max"]],
    ["problem.json --radius 0", ["what binds   radius:", "--copies-max 2"]],
  ])("place %s", async (args, messages) => {
    const { status, stdout, stderr } = await place(args);
    expect([status, stderr]).toEqual([1, ""]);
    for (const message of ["infeasible", ...messages]) expect(stdout).toContain(message);
    const json = await place(`${args} --json`);
    expect([json.status, JSON.parse(json.stdout).status]).toEqual([1, "infeasible"]);
  });

  test("a target that moves cannot reach", async () => {
    write(
      "order.json",
      JSON.stringify({ physical_to_logical_map: LOADS.map(() => [...Array(16).keys(), 0, 1, 2, 3]) }),
    );
    const { status, stdout } = await place(
      "loads.json --gpus 4 --slots 20 --from order.json --target 0.99 --moves-max 1",
    );
    expect([status, stdout]).toEqual([1, expect.stringContaining("loads.json: target not reached")]);
  });
});

test.each([
  ["", "missing required argument 'loads'"],
  ["missing.json --gpus 4 --slots 20", "missing.json: there is no such file"],
  ["loads.json --slots 20", "--gpus <count> is missing"],
  ["loads.json --gpus 4", "--slots <count>, of each layer, or --slots-per-gpu <count> is missing"],
  ["loads.json --gpus 4 --slots 20 --slots-per-gpu 5", "cannot be used with option"],
  ["loads.json --gpu 4 --slots 20", "unknown option '--gpu'"],
  ["loads.json --gpus 0 --slots 20", "gpus must be from 1 to 65536, got 0 (--gpus 0)"],
  ["loads.json --gpus 4 --slots 20 --drain 4", "drained must be from 0 to 3, got 4"],
  ["loads.json --gpus 4 --slots 20 --drain x", "Expected a number"],
  ["loads.json --gpus 4 --slots 20 --objective latency", "--objective latency goes with a problem that says who asks"],
  [
    "problem.json --objective balance",
    "--objective balance goes with loads of experts, got a latency problem in problem.json",
  ],
  [
    "loads.json --gpus 4 --slots 20 --radius 2",
    "--radius goes with the objective latency, got it with loads.json: balance",
  ],
  ["problem.json --maps x.json", "--maps goes with the objective balance"],
  ["loads.json --gpus 4 --slots 20 --moves-max 3", "--moves-max goes with --from <plan>"],
  ["loads.json --gpus 4 --slots 20 --from order.csv", "order.csv: there is no such file"],
  [
    "loads.json --gpus 4 --slots 20 --check loads.json",
    'expected format "vorchestrate plan", or EPLB\'s physical_to_logical_map, got logical_count',
  ],
  ["loads.json --gpus 4 --slots 20 --out nowhere/x.json", "nowhere/x.json: there is no such folder"],
  ["loads.json --gpus 4 --slots 20 --check a.json --out b.json", "--out goes with a plan that is made here"],
  [
    "loads.json --topology typo.json --slots 20",
    "typo.json: expected fields of a topology, got gpu; did you mean gpus?",
  ],
  ["negative.json --gpus 4 --slots 20", "negative.json: expected [0][1] to be a number from 0 up, got -2"],
  ["nan.csv --gpus 4 --slots 20", "nan.csv:2: expected loads to be numbers from 0 up"],
  ["zeros.json --gpus 4 --slots 20", "zeros.json: every load is 0: nothing to balance"],
  ["problem.json --explain 10", "--explain must be from 0 to 9, got 10"],
  ["problem.json --copies 0", "copies must be from 1 to 4, got 0 (--copies 0)"],
  ["problem.json --tier-costs 0,1", "tierCosts must hold 4 values, got 2 (--tier-costs 0,1)"],
])("place %s says what is wrong", async (args, message) => {
  write("typo.json", '{"gpu":4}');
  write("negative.json", "[[1,-2]]");
  write("nan.csv", "1,2\n3,nan\n");
  write("zeros.json", "[[0,0]]");
  await refuses(args, message);
});

describe("real loads and problems", () => {
  const DSR1 = "loads/deepseek-r1.decode_in2000out100.json.gz";
  test.skipIf(!hasShared(DSR1))(
    "DeepSeek-R1's loads over 32 GPUs are balanced better than by any solver measured",
    async () => {
      const { stdout } = await place(`${resolve(sharedFile(DSR1))} --gpus 32 --slots 288 --json --out dsr1.json`);
      const { balancednessMean, balancedness } = JSON.parse(stdout);
      const { eplb } = JSON.parse(readFileSync(sharedFile("placement/reference.json"), "utf8")) as {
        eplb: { inst: string; mean: number }[];
      };
      const others = eplb.filter(({ inst }) => inst === "eplb-dsr1-32g-decode-in2000out100").map(({ mean }) => mean);
      expect([others.length, balancedness.length]).toEqual([7, 58]);
      expect(balancednessMean).toBeGreaterThan(Math.max(...others));
      const { layers } = JSON.parse(read("dsr1.json"));
      expect([layers[0], layers.length]).toEqual([3, 58]);
      const own = eplbProblem("placement/eplb-dsr1-32g-decode-in2000out100.json.gz");
      expect([own.gpus, own.slots, own.loads.length]).toEqual([32, 288, 58]);
    },
  );

  const HOP = "placement/hop-64x8-s1.json.gz";
  test.skipIf(!hasShared(HOP))("a problem of hops has the optimum that MIP solvers find", async () => {
    write("hop.json.gz", gzipSync(JSON.stringify(hopProblem(HOP, false))));
    const { status, stdout } = await place("hop.json.gz --gap 0 --json");
    expect([status, JSON.parse(stdout).check.cost]).toEqual([0, 27588]);
    expect(existsSync(join(folder, "hop.json.gz"))).toBe(true);
  });
});
