import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { execPath } from "node:process";
import { afterAll, expect, test } from "vitest";
import { clusterSchema, MODELS, modelNamed, totalsOf } from "../src/index.ts";
import { runProgram } from "./program.ts";

const folder = mkdtempSync(join(tmpdir(), "vorchestrate-models-"));
afterAll(() => rmSync(folder, { recursive: true }));
const run = (args: string) => runProgram(execPath, [resolve("dist/cli/main.js"), ...args.split(" ")], folder);

const config = {
  model_type: "mixtral",
  hidden_size: 64,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  vocab_size: 100,
  num_local_experts: 4,
  num_experts_per_tok: 2,
  intermediate_size: 96,
};
writeFileSync(join(folder, "config.json"), JSON.stringify(config));
writeFileSync(join(folder, "llama.json"), JSON.stringify({ ...config, model_type: "llama" }));

test("models lists all, with what they come to", async () => {
  const { status, stdout, stderr } = await run("models");
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  for (const { name, experts, expertsPerToken } of MODELS)
    expect(stdout).toMatch(new RegExp(`^${name} +${experts} +${expertsPerToken} `, "m"));
  expect(stdout.split("\n").filter((line) => line.length > 100)).toEqual([]);
  const listed = JSON.parse((await run("models --json")).stdout) as { name: string }[];
  expect(listed).toEqual(JSON.parse(JSON.stringify(MODELS.map((model) => ({ ...model, totals: totalsOf(model) })))));
});

test.each(MODELS.map(({ name }) => name))("models %s says nothing that is no number", async (name) => {
  const { status, stdout, stderr } = await run(`models ${name}`);
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  expect(stdout).not.toMatch(/NaN|undefined|null|Infinity/);
  expect(stdout.split("\n").filter((line) => line.length > 100)).toEqual([]);
  for (const { grade } of modelNamed(name).evidence) expect(stdout).toContain(grade);
});

test("models reads a file, and its bytes are as said", async () => {
  const { stdout } = await run("models config.json --bytes-per-weight 1 --json");
  expect(JSON.parse(stdout)).toMatchObject({ name: "config", experts: 4, expertBytes: 3 * 64 * 96, layers: 2 });
  expect((await run("models config.json")).stdout).toMatch(/^config: /);
});

test("schema prints that of a cluster", async () => {
  const { status, stdout } = await run("schema cluster");
  expect(status).toBe(0);
  expect(JSON.parse(stdout)).toEqual(clusterSchema());
});

test.each([
  ["models mixtral", 'model must name a built-in model, got "mixtral"'],
  ["models gone.json", "gone.json: there is no such file"],
  ["models llama.json", 'llama.json: expected model_type of a mixture-of-experts family that is known, got "llama"'],
  ["models --bytes-per-weight 1", "bytesPerWeight goes with a config.json, got none"],
  ["models dbrx --bytes-per-weight 1", "bytesPerWeight goes with a config.json, got the built-in dbrx"],
  ["models config.json --bytes-per-weight 0", "bytesPerWeight must be above 0, got 0 (--bytes-per-weight 0)"],
  ["models --bytes 1", "unknown option '--bytes'"],
  ["schema clusters", "Allowed choices are cluster"],
])("%s is refused", async (args, message) => {
  const { status, stderr } = await run(args);
  expect(status).toBe(2);
  expect(stderr).toContain(message);
});
