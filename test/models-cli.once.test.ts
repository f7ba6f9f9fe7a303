import { beforeAll, expect, test } from "vitest";
import {
  boardReliability,
  clusterReach,
  clusterSchema,
  comparePower,
  MODELS,
  modelNamed,
  OPTICS,
  planCapacity,
  totalsOf,
} from "../src/index.ts";
import { commandLine, longLines, SLIPS } from "./run-cli.ts";

const { run, refuses, write, read } = commandLine();

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
beforeAll(() => {
  write("config.json", JSON.stringify(config));
  write("llama.json", JSON.stringify({ ...config, model_type: "llama" }));
});

test("models lists all, with what they come to", async () => {
  const { status, stdout, stderr } = await run("models");
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  for (const { name, experts, expertsPerToken } of MODELS)
    expect(stdout).toMatch(new RegExp(`^${name} +${experts} +${expertsPerToken} `, "m"));
  expect(longLines(stdout)).toEqual([]);
  const listed = JSON.parse((await run("models --json")).stdout) as { name: string }[];
  expect(listed).toEqual(JSON.parse(JSON.stringify(MODELS.map((model) => ({ ...model, totals: totalsOf(model) })))));
});

/** One of each kind of attention, and what is assumed. */
const KINDS = ["gpt-oss-20b", "deepseek-v3.2", "deepseek-v4-pro", "qwen3.5-397b", "frontier-1.8t"];

test.each(KINDS)("models %s says nothing that is no number", async (name) => {
  const { status, stdout, stderr } = await run(`models ${name}`);
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  expect(stdout).not.toMatch(SLIPS);
  expect(longLines(stdout)).toEqual([]);
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
  ["capacity frontier-1.8t --gpu r200 --sequences 512", 0],
  ["capacity deepseek-v3 --group 8 --gpus-max 64", 1],
  ["capacity qwen3-30b --optics cpo-800g --curve --gpus-max 128", 0],
  ["power", 0],
  ["power --gpus 64 --tokens-per-second 1000 --engines 8", 0],
])("%s ends with %i, in words and as JSON", async (args, status) => {
  const words = await run(args);
  expect(words).toMatchObject({ status, stderr: "" });
  expect(words.stdout).not.toMatch(SLIPS);
  expect(longLines(words.stdout)).toEqual([]);
  const json = await run(`${args} --json`);
  expect(json).toMatchObject({ status, stderr: "" });
  const [command] = args.split(" ");
  const said = JSON.parse(json.stdout);
  if (command === "capacity") expect(words.stdout).toContain(`${said.binding} binds, then ${said.next}.`);
  else expect(said.power.optics.length).toBeGreaterThan(5);
});

test("capacity asks how many GPUs a cluster's file should have, and how far its own fabric reaches", async () => {
  const stated = { gpu: "r200", gpusPerNode: 4, gpusPerPod: 64, tiers: { anywhere: { optics: "lpo-800g" } } };
  const expected = planCapacity({ model: "deepseek-v3", cluster: stated, ...clusterReach("deepseek-v3", stated) });
  // However many it has: what a file leaves out is not taken from that.
  for (const gpus of [4, 256]) {
    write("cluster.json", JSON.stringify({ gpus, ...stated }));
    const { status, stdout } = await run("capacity deepseek-v3 --cluster cluster.json --json");
    expect(status).toBe(0);
    expect(JSON.parse(stdout)).toEqual(JSON.parse(JSON.stringify(expected)));
  }
  await refuses(
    "capacity dbrx --cluster cluster.json --gpu h100",
    "--gpu is part of what cluster.json says: leave one of them out",
  );
  write("wrong.json", JSON.stringify({ gpus: 256, gpusPerNod: 4 }));
  await refuses("capacity dbrx --cluster wrong.json", "gpusPerNod");
});

test("capacity and power are what the library says, and draw pictures", async () => {
  const { stdout } = await run(
    "capacity frontier-1.8t --gpu r200 --slo-ms 30 --svg capacity.svg --gpus-max 256 --json",
  );
  const { curves, ...report } = JSON.parse(stdout);
  const options = { model: "frontier-1.8t", cluster: { gpu: "r200" }, sloNs: 30e6, gpusMax: 256 };
  expect(report).toEqual(JSON.parse(JSON.stringify(planCapacity(options))));
  expect(curves).toHaveLength(OPTICS.length);
  await run("power --svg power.svg");
  for (const file of ["capacity.svg", "power.svg"]) expect(read(file)).toMatch(/^<svg .*<polyline/s);
  expect(JSON.parse((await run("power --base lpo-800g --engines 4 --json")).stdout)).toEqual(
    JSON.parse(JSON.stringify({ power: comparePower({ base: "lpo-800g" }), board: boardReliability({ engines: 4 }) })),
  );
});

test.each([
  ["capacity dbrx --slo-ms 0", "sloNs must be above 0, got 0 (--slo-ms 0)"],
  ["capacity dbrx --radius 9", "radiusHops must be from 0 to 3, got 9 (--radius 9)"],
  ["capacity dbrx --gpu h10", 'gpu must name a built-in GPU, got "h10"; did you mean h100?'],
  ["capacity dbrx --group 8 --curve", "--curve goes with experts that are fetched, got --group"],
  ["capacity dbrx --group 8 --optics pcb", "--optics goes with experts that are fetched, got --group"],
  ["capacity dbrx --group 8 --load-us 0", "--load-us goes with experts that are fetched, got --group"],
  [
    "capacity dbrx --load-us 1e10",
    "loadNs must be from 0 to 1000000000000, got 10000000000000 (--load-us 10000000000)",
  ],
  ["power --switch-tbps 1e300", "switchTbps must be from 0 to 100000, got 1e+300 (--switch-tbps 1e+300)"],
  ["power --gpu-watts 5", "gpuWatts goes with --gpus, got none (--gpu-watts 5)"],
  ["models mixtral", 'model must name a built-in model, got "mixtral"'],
  ["models gone.json", "gone.json: there is no such file"],
  ["models llama.json", 'llama.json: expected model_type of a mixture-of-experts family that is known, got "llama"'],
  ["models --bytes-per-weight 1", "bytesPerWeight goes with a config.json, got none"],
  ["models dbrx --bytes-per-weight 1", "bytesPerWeight goes with a config.json, got the built-in dbrx"],
  ["models config.json --bytes-per-weight 0", "bytesPerWeight must be above 0, got 0 (--bytes-per-weight 0)"],
  ["models --bytes 1", "unknown option '--bytes'"],
  ["schema clusters", "Allowed choices are cluster"],
])("%s is refused", refuses);
