import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { transformSync } from "esbuild";
import { describe, expect, test } from "vitest";
import { runProgram } from "./program.ts";
import { commandLine, longLines, SLIPS } from "./run-cli.ts";

const MATRIX = resolve("../shared/data/fabric/htsim_incast_128.cm");
const { folder, run: drive, refuses, write, read } = commandLine("drive");

describe("answers", () => {
  test.each([
    "",
    "--pattern incast --gpus 16",
    "--pattern hot-source --gpus 16",
    "--pattern bursts --loads 200 --on-expire drop --utilisation 0.9",
    "--loads 300 --means reactive",
    "--loads 300 --means coherent --load-mb 1",
    "--loads 300 --gpus-per-node 8 --gpus-per-pod 16 --node-link 900 --lane shared --bulk-utilisation 0.6",
    "--loads 300 --optics lpo-800g --retrain-per-hour 20000",
    "--loads 300 --optics dsp-800g --stall-probability 0.001 --queue-depth 2",
  ])("drive %s: in words and as one JSON value", async (args) => {
    const words = await drive(args);
    expect(words).toMatchObject({ status: 0, stderr: "" });
    expect(words.stdout).not.toMatch(SLIPS);
    expect(longLines(words.stdout)).toEqual([]);
    const { status, stdout } = await drive(`${args} --json`);
    const report = JSON.parse(stdout);
    const { done, late, dropped, cancelled } = report.outcomes;
    expect([status, done + late + dropped + cancelled]).toEqual([0, report.loads]);
    expect(report.misses.count).toBe(late + dropped);
    expect(report.dpus.reduce((sum: number, { loads }: { loads: number }) => sum + loads, 0)).toBe(report.loads);
  });

  test("means side by side", async () => {
    const { stdout } = await drive("--loads 200 --load-mb 16 --means all --json");
    const reports = JSON.parse(stdout) as { means: string; loads: number; loadNs: { medianNs: number } }[];
    expect(reports.map(({ means, loads }) => [means, loads])).toEqual([
      ["executor", 200],
      ["reactive", 200],
      ["coherent", 200],
    ]);
    const [paced, reactive, coherent] = reports.map(({ loadNs }) => loadNs.medianNs) as [number, number, number];
    expect(paced).toBeLessThan(reactive);
    expect(reactive).toBeLessThan(coherent);
  });
});

test("of means side by side, each has its faults, and it is said whose DPUs are shown", async () => {
  const { stdout } = await drive("--loads 200 --load-mb 16 --means all --optics lpo-800g --retrain-per-hour 2e6");
  for (const means of ["executor", "reactive", "coherent"]) expect(stdout).toContain(`Faults (${means})`);
  expect(stdout).toContain("Per DPU (executor), the busiest first");
  expect(stdout).toContain("those of --means reactive, --means coherent: by that, or with --json");
  // What it proposes next is nothing that it refuses.
  expect(stdout).not.toContain("--trace");
  expect((await drive("--loads 20 --gpus-per-node 8")).stdout).not.toContain("--means all");
});

test("how long doorbells wait at their GPUs is told where they do", async () => {
  const title = "How long its doorbell waits at the GPU for a place there";
  expect((await drive("--pattern incast --gpus 16 --queue-depth 2")).stdout).toContain(title);
  expect((await drive("--pattern incast --gpus 16")).stdout).not.toContain(title);
});

test("fewer GPUs than a DPU usually has share one all the same", async () => {
  write("four.csv", "post_us,source_gpu,destination_gpu,size_bytes,slack_us\n1,2,3,400,180\n");
  for (const args of ["--gpus 4 --loads 10", "four.csv --gpus 4", "four.csv"])
    expect(JSON.parse((await drive(`${args} --json`)).stdout).dpus).toHaveLength(1);
});

test("doorbells from a file: a load, its cancel, and another one's fence", async () => {
  write(
    "loads.csv",
    [
      "op,post_us,fence_id,source_gpu,destination_gpu,size_bytes,slack_us",
      "load,0,1,8,0,160000000,180",
      "load,1,2,9,1,160000000,600",
      "cancel,50,1,8,0,,",
      "fence,60,2,9,1,,",
    ].join("\n"),
  );
  const { status, stdout, stderr } = await drive("loads.csv --json");
  expect([status, stderr]).toEqual([0, ""]);
  expect(JSON.parse(stdout)).toMatchObject({
    loads: 2,
    cancels: 1,
    fences: 1,
    outcomes: { done: 1, late: 0, dropped: 0, cancelled: 1 },
  });
});

test.skipIf(!existsSync(MATRIX))("csg-htsim's incast of 127 x 2 MB into 100 Gb/s ends when it should", async () => {
  const port = "--ports 1 --port-gbps 100 --goodput 1 --gpus-per-dpu 1 --dpu-pace 12.5 --source-egress 12.5";
  const { stdout } = await drive(`${MATRIX} ${port} --json`);
  const { loads, spanNs } = JSON.parse(stdout);
  expect(loads).toBe(127);
  expect(spanNs).toBeGreaterThanOrEqual((127 * 2e6) / 12.5);
  expect(spanNs).toBeLessThanOrEqual(23_000_000);
});

test("a trace has a track for every DPU and link, on which nothing overlaps, and every outage", async () => {
  const { status, stdout } = await drive(
    "--loads 40 --gpus 16 --load-mb 8 --optics lpo-800g --retrain-per-hour 2e6 --burst-mb 4 --trace trace.json",
  );
  expect(status).toBe(0);
  expect(stdout).toContain("The trace is in trace.json");
  const { traceEvents } = JSON.parse(read("trace.json")) as {
    traceEvents: { ph: string; name: string; tid: number; ts: number; dur: number; args: { name?: string } }[];
  };
  const tracks = traceEvents.filter(({ name }) => name === "thread_name").map(({ args }) => args.name);
  expect(tracks).toEqual(expect.arrayContaining(["DPU 0", "DPU 1", "DPU 0 ports", "DPU 1 ports"]));
  expect(tracks.filter((name) => name?.endsWith(" in")).length).toBeGreaterThan(4);
  expect(traceEvents.filter(({ name }) => name === "outage").length).toBeGreaterThan(0);
  const ends = new Map<number, number>();
  for (const { ph, tid, ts, dur } of traceEvents) {
    if (ph !== "X") continue;
    expect(ts).toBeGreaterThanOrEqual((ends.get(tid) ?? 0) - 1e-9);
    ends.set(tid, ts + dur);
  }
});

test("a refused drive leaves the last trace as it was", async () => {
  write("kept.json", "kept");
  const { status } = await drive("--loads 5 --burst-mb 0.5 --trace kept.json");
  expect([status, read("kept.json")]).toEqual([2, "kept"]);
});

test("a picture of how long loads take, one line for each of the means, and the deadline", async () => {
  const { status, stdout } = await drive("--loads 200 --means all --svg drive.svg");
  expect(status).toBe(0);
  expect(stdout).toContain("The picture is in drive.svg");
  const svg = read("drive.svg");
  expect(svg.match(/<polyline /g)).toHaveLength(3);
  for (const word of ["executor", "reactive", "coherent", "deadline"]) expect(svg).toContain(`>${word}<`);
});

test.each([
  ["--pattern foo", "argument 'foo' is invalid"],
  ["--lodas 5", "unknown option '--lodas'"],
  ["--loads 0", "loads must be from 1 to 16777216, got 0 (--loads 0)"],
  ["--utilisation 0", "utilisation must be above 0, got 0 (--utilisation 0)"],
  ["--gpus 1", "gpus must be from 2 to 65536, got 1 (--gpus 1)"],
  ["--pod-link 5", "--pod-link goes with --gpus-per-node"],
  ["--ports 0", "ports must be from 1 to"],
  ["--dpu-pace 0", "must be above 0, got 0"],
  ["--burst-mb 0.5", "burstBytes must be at least 1000000, got 500000 (--burst-mb 0.5)"],
  ["--means all --trace x.json", "--trace is of one of the means, got --means all"],
  ["--load-mb 0", `sizeBytes must be from 1 to ${2 ** 53 - 1}, got 0 (--load-mb 0)`],
  ["--deadline-us=-5", "slackNs must be at least 0, got -5000 (--deadline-us -5)"],
  ["--goodput 0", "goodputShare must be above 0, got 0 (--goodput 0)"],
  ["--queue-depth 9000000", "queueDepth must be from 1 to 1048576, got 9000000 (--queue-depth 9000000)"],
  ["--gpus-per-node 8 --node-link 0", "nodeBytesPerNs must be above 0, got 0 (--node-link 0)"],
  ["--gpus-per-node 8 --pod-link 0", "podBytesPerNs must be above 0, got 0 (--pod-link 0)"],
  ["--gpus-per-node 8 --gpus-per-pod 9", "gpusPerPod must be a positive multiple of 8, got 9 (--gpus-per-pod 9)"],
  ["--gpus-per-node 8 --hops 2", "hops must be left out with a tree, which says them of each load, got 2 (--hops 2)"],
  ["--gpus-per-node 8 --means coherent", 'with a tree, got "coherent" (--means coherent)'],
  ["--gpus-per-node 8 --means all", "--gpus-per-node goes with executor and reactive, got --means all"],
  ["--gpus 4 --gpus-per-dpu 8", "gpusPerDpu must be from 1 to 4, got 8 (--gpus-per-dpu 8)"],
  ["good.csv --gpus 6 --gpus-per-dpu 8", "gpusPerDpu must be from 1 to 6, got 8 (--gpus-per-dpu 8)"],
  ["--trace nowhere/x.json", "nowhere/x.json: there is no such folder"],
  ["missing.csv", "missing.csv: there is no such file"],
  ["bad.csv", "bad.csv"],
  ["good.csv --loads 5", "--loads goes with a generated pattern, got it with good.csv"],
  ["hashes.csv", "hashes.csv"],
  ["good.csv --gpus 3", "destinationGpu must be from 0 to 2, got 4"],
])("drive %s says what is wrong", async (args, message) => {
  write("bad.csv", "post_us,source_gpu,destination_gpu,size_byte\n1,2,3,4\n");
  write("hashes.csv", `${"# ".repeat(60)}x\n1,2\n`); // no line of a matrix, and not for ever in doubt
  write("good.csv", "post_us,source_gpu,destination_gpu,size_bytes,slack_us\n1,2,4,400,180\n");
  await refuses(args, message);
});

test("the README's event loop runs, and every load of it ends", async () => {
  const readme = readFileSync("README.md", "utf8");
  const code = readme
    .split("```ts\n")
    .find((block) => block.includes("const agenda"))!
    .split("```")[0]!;
  const library = JSON.stringify(resolve("dist/index.js"));
  write("loop.mjs", transformSync(code, { loader: "ts" }).code.replace('"vorchestrate"', library));
  const { status, stdout } = await runProgram(process.execPath, [join(folder, "loop.mjs")], folder);
  expect(status).toBe(0);
  const ended = stdout.split("\n").filter((line) => /^\d+ (done|late) /.test(line));
  expect(new Set(ended.map((line) => line.split(" ")[0])).size).toBe(100);
});
