import { gzipSync } from "node:zlib";
import { beforeAll, describe, expect, test } from "vitest";
import { calibrateServing, readRequests, servingOnFabric, simulateServing } from "../../src/index.ts";
import { commandLine, longLines, SLIPS } from "../run-cli.ts";

const { run, refuses, write, read } = commandLine("serve");

const rows = Array.from({ length: 30 }, (_, i) => [i * 20, 50 + ((i * 379) % 700), 2 + ((i * 7) % 20)]);
const csv = `arrivalMs,inputTokens,outputTokens\n${rows.map((row) => row.join(",")).join("\n")}\n`;
const { requests } = await readRequests(csv);
const { times } = simulateServing(requests, { gpu: "a100", hbmShare: 0.7, flopsShare: 0.5, overheadNs: 2e6 });
const vllm = rows
  .map(([arrivalMs, input, output], i) =>
    JSON.stringify({
      request_id: `r${i}`,
      input_toks: input,
      output_toks: output,
      arrival_time: arrivalMs! / 1e3,
      queued_ts: times.queuedNs[i]! / 1e9,
      scheduled_ts: times.queuedNs[i]! / 1e9,
      first_token_ts: times.firstNs[i]! / 1e9,
      last_token_ts: times.endNs[i]! / 1e9,
    }),
  )
  .join("\n");

beforeAll(() => {
  write("r.csv", csv);
  write("r.csv.gz", gzipSync(csv));
  write("m.jsonl", vllm);
  write("bad.csv", "arrivalMs,inputTokens,outputTokens\n0,5,5\n1,-5,5\n");
});

const json = (value: unknown) => JSON.parse(JSON.stringify(value));

describe("answers", () => {
  test.each([
    ["r.csv.gz", {}],
    [
      "r.csv --gpu rtx-pro-6000 --ranks 2 --max-sequences 4 --max-batched-tokens 4096 --whole --no-ahead --hbm-share 0.8 --overhead-us 500",
      {
        gpu: "rtx-pro-6000",
        ranks: 2,
        maxSequences: 4,
        maxBatchedTokens: 4096,
        chunked: false,
        ahead: false,
        hbmShare: 0.8,
        overheadNs: 5e5,
      },
    ],
  ] as const)("serve %s: in words, and as JSON what the library returned", async (args, options) => {
    const words = await run(args);
    expect(words).toMatchObject({ status: 0, stderr: "" });
    expect(words.stdout).not.toMatch(SLIPS);
    expect(longLines(words.stdout)).toEqual([]);
    const { stdout } = await run(`${args} --json`);
    expect(JSON.parse(stdout)).toEqual(json(simulateServing(requests, options).report));
  });

  test("calibrates on every other request, and draws both", async () => {
    const words = await run("m.jsonl --gpu a100 --calibrate --svg s.svg");
    expect(words).toMatchObject({ status: 0, stderr: "" });
    expect(words.stdout).toContain("The other 15 requests");
    expect(words.stdout).not.toMatch(SLIPS);
    expect(read("s.svg").match(/<polyline/g)).toHaveLength(4);
    const { stdout } = await run("m.jsonl --gpu a100 --calibrate --json");
    const measured = await readRequests(vllm);
    const { costs, heldOut } = calibrateServing(measured.requests, measured.measured!, { gpu: "a100" });
    expect(JSON.parse(stdout).calibration).toMatchObject(json({ costs, heldOut }));
  });

  test("on a fabric prints the table of steps", async () => {
    const args = "r.csv --model mixtral-8x22b --gpu h200 --gpus 8 --cold-share 0.25 --max-sequences 2";
    const { stdout } = await run(`${args} --json`);
    const decoding = { model: "mixtral-8x22b", cluster: { gpus: 8, gpu: "h200" }, cold: { share: 0.25 } };
    const { table, serving } = servingOnFabric(decoding, { batches: [1, 2] });
    expect(JSON.parse(stdout)).toEqual(json({ ...simulateServing(requests, serving).report, table }));
    const words = await run(args);
    expect(words.stdout).toContain("Decode steps over the fabric");
    expect(words.stdout).not.toMatch(SLIPS);
  });
});

describe("refusals", () => {
  test.each([
    ["bad.csv", "bad.csv:3: expected inputTokens to be a whole number from 1 to 16777216, got -5"],
    ["none.csv", "none.csv: there is no such file"],
    ["r.csv --gpu h1000", "did you mean h100?"],
    ["r.csv --calibrate", "calibrate goes with requests that were measured, got none in r.csv (--calibrate"],
    ["r.csv --optics dsp-800g", "optics goes with --cold-share <share>, got none (--optics dsp-800g)"],
    ["r.csv --cold-share 0.1 --overhead-us 3", "--overhead-us goes with steps of the roofline"],
    ["r.csv --overhead-us 1e300", "overheadNs must be from 0 to 1000000000000, got"],
    ["r.csv --cold-share 0.1 --ranks 2", "leave out --cold-share or --ranks"],
    ["r.csv --overhead-us -1", "overheadNs must be from 0 to 1000000000000, got -1000 (--overhead-us -1)"],
    [
      "r.csv --kv-tokens 20",
      "kvTokens must be at least 64, what request 0 takes up in whole blocks, got 20 (--kv-tokens 20)",
    ],
    ["r.csv --svg nowhere/s.svg", "there is no such folder"],
  ])("serve %s", refuses);
});
