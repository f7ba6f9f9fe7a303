import { existsSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { gzipSync } from "node:zlib";
import { beforeAll, describe, expect, test } from "vitest";
import {
  accessesOf,
  formatRoutes,
  guideOf,
  type Policy,
  ROUTE_MIX,
  RouteGenerator,
  readRoutes,
  sweepResidency,
} from "../../src/index.ts";
import { commandLine, longLines, SLIPS } from "../run-cli.ts";

const REAL = resolve("../shared/data/routes/qwen.route.csv.gz");
const { run, refuses, write, read } = commandLine("residency");

const { routes } = new RouteGenerator({ ...ROUTE_MIX, layers: 9, experts: 40, k: 4 }).generate({
  prompts: 3,
  prefillTokens: 5,
  decodeTokens: 40,
});
const sized = { ...routes, expertBytes: Float64Array.from({ length: 9 }, (_, layer) => 1e6 * (1 + (layer % 3))) };
const accesses = accessesOf(routes);
const totalBytes = 40 * sized.expertBytes.reduce((sum, bytes) => sum + bytes, 0);
const csv = [...formatRoutes(sized)].join("");

beforeAll(() => {
  write("empty.csv", "");
  write("cut.csv.gz", gzipSync(csv).subarray(0, 700));
  write("id.csv", "# n_expert=4\nstep,layer,experts\n0,0,1 3\n0,1,4\n");
  write("step.csv", "step,layer,experts\n5,0,1\n5,1,2\n4,0,1\n4,1,2\n");
  write("layer.csv", "# n_layer=2\nstep,layer,experts\n0,0,1\n1,0,1\n1,1,1\n");
  write("t.csv.gz", gzipSync(csv));
  write("t.jsonl", [...formatRoutes(routes, { format: "jsonl" })].join(""));
});

const json = async (args: string) => JSON.parse((await run(`${args} --json`)).stdout);
const plain = (value: unknown) => JSON.parse(JSON.stringify(value));
const ALL = ["random", "lru", "lfu", "layer", "layerlfu", "belady"] as const satisfies Policy[];

describe("answers", () => {
  test.each(["t.csv.gz", "t.csv.gz --guide markov", "t.csv.gz --budget 1GiB,90MB --policies lru,layer --pin 0:3,8:39"])(
    "residency %s: in words",
    async (args) => {
      const { status, stdout, stderr } = await run(args);
      expect([status, stderr]).toEqual([0, ""]);
      expect(stdout).not.toMatch(SLIPS);
      expect(longLines(stdout)).toEqual([]);
      expect(stdout).toContain("The cliff of lru: below ");
    },
  );

  test("JSON is what the library returns: of a trace that streams, of one that is held, of one without a head", async () => {
    const { expertBytes } = sized;
    const budgetsBytes = [0.25, 0.5, 0.75, 1].map((share) => share * totalBytes);
    expect(await json("t.csv.gz --budgets 4 --seed 5")).toEqual(
      plain(sweepResidency(accesses, { expertBytes, budgetsBytes, policies: ALL, seed: 5 })),
    );
    expect(await json("t.csv.gz --budgets 4 --policies lfu,lru")).toEqual(
      plain(sweepResidency(accesses, { expertBytes, budgetsBytes, policies: ["lfu", "lru"] })),
    );
    expect(await json("t.csv.gz --budgets 4 --policies guided,lru --guide recall")).toEqual(
      plain(
        sweepResidency(accesses, {
          expertBytes,
          budgetsBytes,
          policies: ["guided", "lru"],
          score: guideOf(routes, { predictor: "recall" }),
        }),
      ),
    );
    const even = new Float64Array(9).fill(2 ** 20);
    expect(await json("t.jsonl --experts 40 --expert-bytes 1MiB --budget 50MiB --pin 2:7")).toEqual(
      plain(
        sweepResidency(accesses, {
          expertBytes: even,
          budgetsBytes: [50 * 2 ** 20],
          policies: ALL,
          pinned: [{ layer: 2, expert: 7 }],
        }),
      ),
    );
  });

  test("what it says to do next can be done", async () => {
    expect((await run("t.csv.gz --budget 90MB")).stdout).toContain("--budget 90MB --guide blend");
    expect((await run("t.csv.gz --budget 90MB --policies lru")).stdout).not.toContain("--guide");
  });

  test("what lies below the cliff, and what holds more than its budget, is marked", async () => {
    const { points, cliff } = await json("t.csv.gz --budget 20MB,400MB");
    expect(cliff.cliffBytes).toBeGreaterThan(20e6);
    const { stdout } = await run("t.csv.gz --budget 20MB,400MB");
    expect(stdout).toContain("Below it here: 20 MB.");
    const [low, high] = points.filter(({ policy }: { policy: Policy }) => policy === "layer");
    expect([low.warnings.length, high.warnings.length]).toEqual([1, 0]);
    expect(stdout).toContain(`${(100 * low.decode.hitShare).toFixed(1)}%*`);
    expect(stdout).toContain("with experts of unequal sizes it is not the most that bytes");
  });

  test("a picture with a line a policy and the cliff", async () => {
    expect((await run("t.csv.gz --svg r.svg --guide popularity")).stdout).toContain("The picture is in r.svg");
    const svg = read("r.svg");
    expect(svg.match(/<polyline /g)).toHaveLength(7);
    expect(svg).toContain("cliff of lru");
  });

  test.skipIf(!existsSync(REAL))("a real trace: what a predictor guides is above LRU, and below Belady", async () => {
    const { points } = await json(`${REAL} --budget 1.76GB --policies lru,guided,belady --guide moving-average`);
    const [lru, guided, belady] = points.map(({ decode }: { decode: { hitShare: number } }) => decode.hitShare);
    expect(guided).toBeGreaterThan(lru);
    expect(belady).toBeGreaterThan(guided);
    const real = await readRoutes(readFileSync(REAL));
    const options = { expertBytes: real.expertBytes!, budgetsBytes: [1.76e9], policies: ["lru"] as const };
    expect(lru).toBe(sweepResidency(accessesOf(real), options).points[0]!.decode.hitShare);
  });
});

test.concurrent.each([
  ["", "missing required argument 'trace'"],
  ["none.csv", "none.csv: there is no such file"],
  [".", ".: it is a folder"],
  ["empty.csv", "empty.csv: expected at least 1 row of routes, got none"],
  ["cut.csv.gz", "expected a whole gzip stream"],
  ["id.csv --layers 2 --expert-bytes 1MB", "id.csv:4: expected expert to be a whole number from 0 to 3, got 4"],
  ["step.csv --layers 2 --experts 4 --expert-bytes 1MB", "step.csv:4: expected steps to ascend from 5, got step 4"],
  ["layer.csv --experts 4 --expert-bytes 1MB", "layer.csv:4: expected layer 1 of step 0, got none"],
  ["t.jsonl", "--expert-bytes <size> is missing: t.jsonl does not say how large experts are"],
  ["t.csv.gz --expert-bytes 3MB", "--expert-bytes goes with a trace that does not say how large experts are"],
  ["t.csv.gz --budget 0GB", 'such as 302MB, 4GB or 1GiB, got "0GB"'],
  ["t.csv.gz --budget 4GB --budgets 3", "cannot be used with option"],
  ["t.csv.gz --budgets 5000", "budgetsBytes.length must be from 1 to 4096, got 5000 (--budgets 5000)"],
  ["t.csv.gz --policies lru,lruu", "There are random, lru"],
  ["t.csv.gz --policies lru --guide mlp", "--guide goes with the policy guided, got --policies lru"],
  ["t.csv.gz --guide oracle", "Allowed choices are random"],
  ["t.csv.gz --pin 9:1", "pinned[0].layer must be from 0 to 8, got 9 (--pin 9:1)"],
  ["t.csv.gz --pin 9-1", '--pin must be layer:expert between commas, e.g. 0:17,0:3, got "9-1"'],
  ["t.csv.gz --pin 2:1 --budget 2MB", "pinned must fit in 2000000 bytes, got 3000000 up to pinned[0] (--pin 2:1)"],
  ["t.csv.gz --polices lru", "(Did you mean --policies?)"],
  ["t.csv.gz --svg no/r.svg", "no/r.svg: there is no such folder"],
])("residency %s says what is wrong", refuses);
