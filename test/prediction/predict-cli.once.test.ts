import { existsSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { gzipSync } from "node:zlib";
import { beforeAll, describe, expect, test } from "vitest";
import { evaluatePredictors, formatRoutes, ROUTE_MIX, RouteGenerator, readRoutes } from "../../src/index.ts";
import { commandLine, longLines, SLIPS } from "../run-cli.ts";

const REAL = resolve("../shared/data/routes/gptoss.route.csv.gz");
const { run, refuses, write, read } = commandLine("predict");

const { routes } = new RouteGenerator({ ...ROUTE_MIX, layers: 9, experts: 40, k: 4 }).generate({
  prompts: 4,
  prefillTokens: 3,
  decodeTokens: 6,
});
const csv = [...formatRoutes(routes)].join("");

beforeAll(() => {
  write("empty.csv", "");
  write("cut.csv.gz", gzipSync(csv).subarray(0, 500));
  write("id.csv", "# n_expert=4\nstep,layer,experts\n0,0,1 3\n0,1,4\n");
  write("step.csv", "step,layer,experts\n5,0,1\n5,1,2\n4,0,1\n4,1,2\n");
  write("layer.csv", "# n_layer=2\nstep,layer,experts\n0,0,1\n1,0,1\n1,1,1\n");
  write("column.csv", "step,layer,expertt\n0,0,1\n");
  write("t.csv.gz", gzipSync(csv));
  write("t.jsonl", [...formatRoutes(routes, { format: "jsonl" })].join(""));
});

/** A report without what a clock said. */
const timeless = (report: { rows: object[] }) =>
  JSON.parse(JSON.stringify({ ...report, rows: report.rows.map((row) => ({ ...row, nsPerPrediction: 0 })) }));

describe("answers", () => {
  test.each([
    ["t.csv.gz", {}],
    [
      "t.jsonl --experts 40 --predictor markov,random,oracle --horizon 1,9 --warm-prompts 0 --seed 3",
      {
        predictors: ["markov", "random", "oracle"],
        horizons: [1, 9],
        promptsToWarm: 0,
        seed: 3,
      },
    ],
  ] as const)("predict %s: in words, and as JSON what the library returns", async (args, options) => {
    const words = await run(args);
    expect(words).toMatchObject({ status: 0, stderr: "" });
    expect(words.stdout).not.toMatch(SLIPS);
    expect(longLines(words.stdout)).toEqual([]);
    const { stdout } = await run(`${args} --json`);
    expect(timeless(JSON.parse(stdout))).toEqual(timeless(evaluatePredictors(routes, options)));
  });

  test("prompts are told apart, the fall stands beside the sources', and what is missing is said", async () => {
    const { stdout } = await run("t.csv.gz --predictor markov,recall --horizon 1,2");
    expect(stdout).toMatch(/By prompt, 1 layer ahead\nprompt +markov +recall\n +2 .*\n +3 /);
    expect(stdout).toContain("60% at 180 µs to 31% at 600 µs");
    expect(stdout).toContain("waste counts experts");
    expect((await run("t.csv.gz --predictor markov --warm-prompts 4")).stdout).toContain("warning: no token is scored");
    expect((await run("t.csv.gz --predictor markov --horizon 2")).stdout).not.toContain("60% at");
  });

  test("a picture of claims, of how many there are, and of the fall", async () => {
    expect((await run("t.csv.gz --horizon 1,2 --svg p.svg")).stdout).toContain("The picture is in p.svg");
    const svg = read("p.svg");
    for (const words of ["How far to trust", "How often so much", "What is foreseen", ">as claimed<", ">blend<"])
      expect(svg).toContain(words);
    // 7 predictors claim; with chance they are 8 by horizon, and by what was learnt, where the report tells.
    const learning = svg.includes("What is learnt as tokens come") ? 8 : 0;
    expect(svg.match(/<polyline /g)).toHaveLength(7 + 1 + 7 + 8 + learning);
  });

  test.skipIf(!existsSync(REAL))("a real trace has one prompt, and that is said", async () => {
    const { stdout } = await run(`${REAL} --predictor markov --horizon 1,8`);
    expect(stdout).toContain("warning: the trace has one prompt");
    const { rows } = evaluatePredictors(await readRoutes(readFileSync(REAL)), {
      predictors: ["markov"],
      horizons: [1, 8],
    });
    for (const { recallK } of rows) expect(stdout).toContain(`${(100 * recallK).toFixed(1)}%`);
  });
});

test.concurrent.each([
  ["", "missing required argument 'trace'"],
  ["none.csv", "none.csv: there is no such file"],
  ["empty.csv", "empty.csv: expected at least 1 row of routes, got none"],
  ["cut.csv.gz", "expected a whole gzip stream"],
  ["id.csv", "id.csv:4: expected expert to be a whole number from 0 to 3, got 4"],
  ["step.csv", "step.csv:4: expected steps to ascend from 5, got step 4"],
  ["layer.csv", "layer.csv:4: expected layer 1 of step 0, got none"],
  ["column.csv", "column.csv:1: expected columns of routes, got expertt; did you mean expert?"],
  ["t.csv.gz --layers 8", "expected n_layer to be 8, as was said before, got 9"],
  ["t.csv.gz --horizon 10", "horizon must be from 1 to 9, got 10 (--horizon 10)"],
  ["t.csv.gz --horizon x", 'Expected a number, got "x"'],
  ["t.csv.gz --warm-prompts 5", "promptsToWarm must be from 0 to 4, got 5 (--warm-prompts 5)"],
  ["t.csv.gz --predictor markow", "There are random, previous-token"],
  ["t.csv.gz --predictor mlp,mlp", "mlp is named twice"],
  ["t.csv.gz --predictr mlp", "(Did you mean --predictor?)"],
  ["t.csv.gz --svg no/p.svg", "no/p.svg: there is no such folder"],
])("predict %s says what is wrong", refuses);
