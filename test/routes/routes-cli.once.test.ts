import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import {
  compareFit,
  formatRoutes,
  ROUTE_MIX,
  ROUTE_MIX_EXPERT_BYTES,
  RouteGenerator,
  readRouteModel,
  readRoutes,
} from "../../src/index.ts";
import { commandLine, longLines, SLIPS } from "../run-cli.ts";

const { folder, run, refuses, write, read } = commandLine("routes");
const bytes = (name: string) => readFileSync(join(folder, name));

const MODEL = {
  layers: 6,
  experts: 32,
  k: 3,
  seed: 4,
  workloads: [
    { name: "a", share: 1, zipf: 1.2, repetition: 0.3, dependence: 0.2, topics: 1, topicShare: 0, topicSwitch: 0 },
  ],
};
write("model.json", JSON.stringify(MODEL));
write("empty.csv", "");
write("typo.json", JSON.stringify({ ...MODEL, expert: 5 }));
write("words.json", "{");

write("one.csv", "step,layer,experts\n0,0,1 2\n1,0,2 3\n");

describe("generate", () => {
  test("the built-in mix, packed, is what the library draws, with sizes", async () => {
    const { status, stdout, stderr } = await run("generate --prompts 3 --prefill 2 --decode 4 --out mix.csv.gz");
    expect([status, stderr]).toEqual([0, ""]);
    expect(stdout).not.toMatch(SLIPS);
    expect(longLines(stdout)).toEqual([]);
    expect(gunzipSync(bytes("mix.csv.gz")).toString()).toMatch(/^# route_trace v1\n/);
    const { routes } = new RouteGenerator(ROUTE_MIX).generate({ prompts: 3, prefillTokens: 2, decodeTokens: 4 });
    const expertBytes = new Float64Array(48).fill(ROUTE_MIX_EXPERT_BYTES);
    expect(await readRoutes(bytes("mix.csv.gz"))).toEqual({ ...routes, expertBytes });
  });

  test("a model of one's own as JSON lines, as CSV, and on standard output", async () => {
    const shape = "generate model.json --prompts 2 --prefill 0 --decode 5 --seed 9";
    const { routes } = new RouteGenerator(MODEL).generate({ prompts: 2, prefillTokens: 0, decodeTokens: 5, seed: 9 });
    expect((await run(`${shape} --out own.jsonl`)).status).toBe(0);
    expect(read("own.jsonl")).toBe([...formatRoutes(routes, { format: "jsonl" })].join(""));
    expect((await run(`${shape} --out own.csv --expert-bytes 1.5KiB`)).status).toBe(0);
    expect((await readRoutes(bytes("own.csv"))).expertBytes).toEqual(new Float64Array(6).fill(1536));
    const { stdout } = await run(`${shape} --json`);
    expect(JSON.parse(stdout).routes.chosen).toEqual(Array.from(routes.chosen));
  });
});

describe("fit", () => {
  test("generate, fit: the statistics agree, and the model draws again", async () => {
    await run("generate model.json --prompts 2 --prefill 0 --decode 300 --out long.csv");
    const { status, stdout, stderr } = await run("fit long.csv --out fitted.json");
    expect([status, stderr]).toEqual([0, ""]);
    expect(stdout).not.toMatch(SLIPS);
    expect(longLines(stdout)).toEqual([]);
    for (const { target, reached } of compareFit(await readRoutes(bytes("long.csv"))).workloads) {
      // Of 600 tokens x 6 layers x 3 experts a share has a standard error of half a point at most; three of both sides'.
      for (const key of ["repetition", "dependence"] as const)
        expect(Math.abs(target[key] - reached[key])).toBeLessThan(0.021);
      for (const share of [target, reached]) expect(stdout).toContain(`${(100 * share.repetition).toFixed(1)}%`);
    }
    expect(readRouteModel(read("fitted.json"))).toMatchObject({ layers: 6, experts: 32, k: 3 });
    expect((await run("generate fitted.json --out again.csv.gz")).status).toBe(0);
  });

  test("JSON is what the library returned, a workload a prompt", async () => {
    await run("generate model.json --prompts 2 --prefill 0 --decode 20 --out short.csv");
    const { stdout } = await run("fit short.csv --workloads x,y --topics 2 --topic-share 0.2 --json");
    const fit = compareFit(await readRoutes(bytes("short.csv")), {
      workloads: ["x", "y"],
      topics: 2,
      topicShare: 0.2,
    });
    expect(JSON.parse(stdout)).toEqual(JSON.parse(JSON.stringify(fit)));
  });
});

test.concurrent.each([
  ["generate", "--out <file> is missing"],
  ["generate --out trace.txt", "--out must end in .csv or .jsonl, with .gz or without, got trace.txt"],
  ["generate --out no/trace.csv", "no/trace.csv: there is no such folder"],
  ["generate none.json --out x.csv", "none.json: there is no such file"],
  [
    "generate typo.json --out x.csv",
    "typo.json: expected fields of a model of routes, got expert; did you mean experts?",
  ],
  ["generate words.json --out x.csv", "words.json:1: expected JSON"],
  ["generate --decode -1 --out x.csv", "decodeTokens must be from 0 to 16777216, got -1 (--decode -1)"],
  ["generate --decoed 1 --out x.csv", "(Did you mean --decode?)"],
  ["generate --expert-bytes 3XB --out x.csv", 'such as 302MB, 4GB or 1GiB, got "3XB"'],
  ["fit", "missing required argument 'trace'"],
  ["fitt empty.csv", "(Did you mean fit?)"],
  ["fit empty.csv", "empty.csv: expected at least 1 row of routes, got none"],
  ["fit none.csv", "none.csv: there is no such file"],
  ["fit one.csv --workloads a,b", "workloads must hold 1 values, got 2 (--workloads a,b)"],
  ["fit one.csv --topic-share 3", "topicShare must be from 0 to 1, got 3 (--topic-share 3)"],
])("routes %s says what is wrong", refuses);
