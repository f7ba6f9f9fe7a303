import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { join, resolve } from "node:path";
import { execPath } from "node:process";
import { describe, expect, test } from "vitest";
import { BASELINES_EVIDENCE, DEFAULTS_EVIDENCE, OPTICS } from "../src/index.ts";
import { runProgram } from "./program.ts";
import { commandLine, longLines, MAIN, SLIPS } from "./run-cli.ts";

const { folder, run, write: file } = commandLine();

const QUICK = { check: "--draws 1000", study: "--iterations 1000", tail: "--iterations 1000", optics: "" };

/** 300 latencies of 100 to 136 ns, one in fifty of them 200 ns later. */
const latencies = Array.from({ length: 300 }, (_, i) => (100 + (i % 37) + (i % 50 === 0 ? 200 : 0)).toFixed(1));
const withRow = (value: string) => ["latency_ns", ...latencies.slice(0, 5), value, ...latencies].join("\n");

describe("answers", () => {
  test.each([
    ["check --optics cpo-800g", 0],
    ["check --optics lpo-800g", 1],
    ["check --optics cpo-800g --deadline-us 100 --local-us 50", 1],
    ["check --optics dsp-800g --hops 2 --stall-probability 0.0001", 0],
    ["check --optics dsp-800g --hops 2 --stall-probability 0.1", 1],
    ["check --optics npo-800g --retrain-per-hour 1e9", 1],
    ["tail", 0],
    ["optics", 0],
    ["optics pcb", 0],
  ])("%s ends with %i, in words and as one JSON value", async (args, status) => {
    const quick = QUICK[args.split(" ")[0] as keyof typeof QUICK];
    const words = await run(`${args} ${quick}`);
    expect(words).toMatchObject({ status, stderr: "" });
    expect(longLines(words.stdout)).toEqual([]);
    expect(words.stdout).not.toMatch(SLIPS);
    const json = await run(`${args} ${quick} --json`);
    expect(json).toMatchObject({ status, stderr: "" });
    expect(() => JSON.parse(json.stdout)).not.toThrow();
  });

  test("the verdict in words is that of the JSON", async () => {
    const verdict = JSON.parse((await run("check --optics lpo-800g --draws 1000 --margin --json")).stdout);
    const stdout = (await run("check --optics lpo-800g --draws 1000 --margin")).stdout;
    expect(stdout.split("\n")[0]).toBe("lpo-800g: not schedulable");
    expect(verdict).toMatchObject({ schedulable: false, margins: { mostHops: null } });
    expect(stdout).toMatch(/^most hops +none: /m);
    const words = stdout.replace(/\s+/g, " ");
    for (const { name, because } of verdict.terms) {
      expect(stdout).toMatch(new RegExp(`^${name} +(holds|fails|unstated) `, "m"));
      expect(words).toContain(because);
    }
    for (const { lane, p99Ns } of verdict.lanes.lanes)
      expect(stdout).toMatch(new RegExp(`^${lane} .*${p99Ns === 0 ? " 0 ns" : p99Ns.toPrecision(4)}`, "m"));
    const { median, p99 } = verdict.alternatives;
    const inMs = (ns: number) => `${(ns / 1e6).toPrecision(4)} ms`;
    const coherent = [median, p99].map((means) => inMs(means.coherent.roundTrips.totalNs));
    expect(stdout).toMatch(new RegExp(`^coherent, 1,024 misses together +${coherent[0]} +${coherent[1]}$`, "m"));
    for (const { source, note } of [...verdict.optics.evidence, ...DEFAULTS_EVIDENCE, ...BASELINES_EVIDENCE])
      expect(words).toContain(`${source}; ${note}`);
    expect((await run("check --optics cpo-800g --draws 1000")).stdout.split("\n")[0]).toBe("cpo-800g: schedulable");
  });

  test("every figure of a scenario arrives, in the library's units", async () => {
    const { fabric, demand, objective } = JSON.parse(
      (
        await run(
          "check --draws 1000 --json --hops 2 --correlation 0.5 --pipeline-ns 21 --serdes-ns 57 --ports 32 --dpu-pace 1601 " +
            "--gpu-ingress 1801 --source-egress 1802 --source-hbm 5501 --gpus-per-dpu 4 --post-us 3 --translate-us 0.25 " +
            "--local-fence-us 21 --expert-mb 44 --loads-per-step 15 --step-ms 41 --deadline-us 181 --miss-share 0.02 " +
            "--jitter-share 0.06 --utilisation 0.7 --command-us 11 --data-us 141 --fence-us 31 --local-us 61 --chunk-mb 2 --loads-at-once 3 --epsilon 0.001 " +
            "--bulk-utilisation 0.5 --outstanding-misses 2048",
        )
      ).stdout,
    );
    expect(fabric).toEqual({
      hops: 2,
      correlation: 0.5,
      pipelineNs: 21,
      serdesNs: 57,
      ports: 32,
      dpuPaceBytesPerNs: 1601,
      gpuIngressBytesPerNs: 1801,
      sourceEgressBytesPerNs: 1802,
      sourceHbmBytesPerNs: 5501,
      gpusPerDpu: 4,
      chunkBytes: 2e6,
      postNs: 3000,
      translateNs: 250,
      localFenceNs: 21_000,
      bulkUtilisation: 0.5,
      outstandingMisses: 2048,
    });
    expect(demand).toEqual({ expertBytes: 44e6, loadsPerStep: 15, stepNs: 41e6, loadsAtOnce: 3 });
    expect(objective).toEqual({
      deadlineNs: 181_000,
      missShareMax: 0.02,
      epsilon: 0.001,
      jitterShareMax: 0.06,
      utilisationMax: 0.7,
      commandNs: 11_000,
      dataNs: 141_000,
      fenceNs: 31_000,
      localNs: 61_000,
    });
  });

  test("doorbells between threads", async () => {
    const { status, stdout } = await run("tail --transport threads --iterations 5000 --json");
    expect(status).toBe(0);
    const report = JSON.parse(stdout);
    expect(report.iterations).toBe(5000);
    expect(report.median.ns).toBeGreaterThan(0);
    expect(report.clock.costNs).toBeGreaterThan(0);
    expect((await run("tail --transport threads --iterations 1000")).stdout).toContain("between two worker threads");
  });
});

describe("files", () => {
  test("tail measures over UDP to a tail that listens", async () => {
    const listener = spawn(execPath, [MAIN, "tail", "--listen", "0", "--json"]);
    try {
      const chunk = await new Promise((heard) => listener.stdout.once("data", heard));
      const { address } = JSON.parse(String(chunk));
      const { status, stdout } = await run(
        `tail --transport udp --connect ${address} --iterations 2000 --hdr udp.hlog --json`,
      );
      expect(status).toBe(0);
      const { losses, iterations, median } = JSON.parse(stdout);
      expect(iterations).toBe(2000);
      expect(losses.sent - losses.lost).toBe(2000);
      // A tail between machines is what a verdict can stand on: whether it holds is up to this machine.
      const decided = await run("check --profile udp.hlog --whole-path --draws 1000 --json");
      expect([0, 1]).toContain(decided.status);
      const { optics } = JSON.parse(decided.stdout);
      // Two ways to read a median out of 2,000 values: both lie where 95% of such medians do.
      expect(optics.medianNs).toBeGreaterThan(median.lowNs * (1 - 1 / 1000));
      expect(optics.medianNs).toBeLessThan(median.highNs * (1 + 1 / 1000));
      expect(optics.evidence[0].grade).toBe("measured");
    } finally {
      listener.kill();
    }
  });

  test.each(["tail", "tail --transport threads", "study"])("%s writes a picture", async (args) => {
    const { status, stdout, stderr } = await run(`${args} --iterations 1000 --svg picture.svg`);
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(readFileSync(join(folder, "picture.svg"), "utf8")).toMatch(/^<svg[\s\S]+<\/svg>\s*$/);
    expect(stdout).toContain("\nThe picture is in picture.svg\n");
    for (const { name } of args === "study" ? OPTICS : [])
      expect(stdout.match(new RegExp(`^${name} `, "gm"))?.length, name).toBeGreaterThanOrEqual(2);
    rmSync(join(folder, "picture.svg"));
  });

  test("what tail keeps, check reads: to a thousandth, and the command that it prints works", async () => {
    const { stdout } = await run("tail --optics cpo-800g --iterations 20000 --hdr kept.hlog");
    const tail = JSON.parse((await run("tail --optics cpo-800g --iterations 20000 --json")).stdout);
    const next = stdout.split("\n").find((line) => line.includes("kept.hlog --whole-path"))!;
    const typed = /node \S+ (check \S+ \S+ --whole-path)/.exec(next)![1]!;
    const { status, stdout: json } = await run(`${typed} --draws 1000 --json`);
    expect(status).toBe(0);
    const { optics, fabric } = JSON.parse(json);
    expect(fabric).toMatchObject({ hops: 1, pipelineNs: 0, serdesNs: 0 });
    for (const [read, rung] of [
      [optics.medianNs, tail.median.ns],
      [optics.p99Ns, tail.p99.ns],
    ])
      expect(Math.abs(read - rung) / rung).toBeLessThan(1 / 1000); // both count in cells of 1/1024
    expect(optics.evidence[0]).toMatchObject({ grade: "measured" });
    expect(optics.evidence[0].note).toContain("1 ns is 1000 in the file");
    expect(await run("check --profile kept.hlog --ns-per-value 1")).toMatchObject({
      status: 2,
      stderr: "error: kept.hlog: expected 1 to be 1 ns, as the option says, got a comment by which 1 ns is 1000\n",
    });
  });

  test("a profile that was printed can be read", async () => {
    const { stdout } = await run("optics pcb --json");
    file("pcb.json", stdout);
    const [own, builtIn] = await Promise.all([
      run("check --profile pcb.json --draws 1000 --json"),
      run("check --optics pcb --draws 1000 --json"),
    ]);
    expect(own).toMatchObject({ status: 0, stderr: "" });
    expect(JSON.parse(own.stdout)).toEqual(JSON.parse(builtIn.stdout));
  });

  file("good.csv", ["latency_ns", ...latencies].join("\n"));
  file("empty.csv", "");
  file("nan.csv", withRow("NaN"));
  file("text.csv", withRow("hello"));
  file("negative.csv", withRow("-5"));
  file("few.csv", "1\n2\n3\n");
  file(
    "binary.csv",
    Uint8Array.from({ length: 4000 }, (_, i) => (i * i * 31 + 128) % 256),
  );
  file("misspelt.json", JSON.stringify({ medianNs: 100, p99Ns: 120, bodyJiter3SigmaNs: 3 }));
  file("below.json", JSON.stringify({ medianNs: 100, p99Ns: 90, bodyJitter3SigmaNs: 3 }));
  file("other.json", JSON.stringify({ latencies: [1, 2, 3] }));
  file("comma.json", '{\n "medianNs": 100,\n "p99Ns": 120,,\n "bodyJitter3SigmaNs": 3 }');
  file("read.txt", ["RDMA_Read Latency Test", "#, usec", ...latencies.map((us, i) => `${i + 1}, ${us}`)].join("\n"));
  file(
    "cut.hlog",
    "#[Histogram log format version 1.3]\n0.000,1.000,0.000,HISTFAAAACJ42pNpmSzMwMDAxAABzFCaEUoz2X+AsQ\n",
  );
  mkdirSync(join(folder, "a-folder"));

  test.each([
    ["missing.csv", "missing.csv: there is no such file"],
    ["a-folder", "a-folder: it is a folder"],
    ["good.csv/more", "good.csv/more: a part of its path is no folder"],
    ["empty.csv", "empty.csv: expected at least 100 measurements, got an empty file"],
    ["few.csv", "few.csv: expected at least 100 measurements, got 3"],
    ["nan.csv", "nan.csv:7: expected a latency above 0 ns, got NaN"],
    ["text.csv", "text.csv:7: expected a latency above 0 ns, got hello"],
    ["negative.csv", "negative.csv:7: expected a latency above 0 ns, got -5"],
    ["binary.csv", /^error: binary\.csv: expected an HdrHistogram log, or perftest output, or a column/],
    ["cut.hlog", /^error: cut\.hlog:2: expected \d+ compressed bytes, as the histogram says, got \d+\n$/],
    ["misspelt.json", "misspelt.json: profile has no field bodyJiter3SigmaNs; did you mean bodyJitter3SigmaNs?"],
    ["below.json", "below.json: p99Ns must be at least medianNs, got 90 below 100"],
    ["other.json", /^error: other\.json: profile has no field latencies; /],
    ["comma.json", /^error: comma\.json:3: expected JSON, got /],
    ["read.txt --verb write", "read.txt: expected verb write, as the option says, got a read test"],
    ["read.txt --unit us", 'options must leave out unit for perftest output (read.txt), got "us" (--unit us)'],
    ["good.csv --unit us", "good.csv:1: expected a column in us, as the unit option says, got latency_ns"],
    ["good.csv --column lat", "column must name a column of good.csv, got lat; there are latency_ns (--column lat)"],
  ])("check --profile %s is refused", (args, message) => refused(`check --profile ${args}`, message));

  test("a good file is not", async () => {
    expect(await run("check --profile good.csv --draws 1000")).toMatchObject({ status: 0, stderr: "" });
    expect((await run("check --profile read.txt --verb read --draws 1000")).status).toBe(1);
  });
});

/** Status 2, nothing on standard output, and no more than the message on standard error. */
async function refused(args: string, message: string | RegExp): Promise<void> {
  const { status, stdout, stderr } = await run(args);
  expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
  if (typeof message === "string")
    expect(stderr.replace(/\n\(--help lists what there is\)/, "")).toBe(`error: ${message}\n`);
  else expect(stderr).toMatch(message);
}

describe("mistakes", () => {
  test.each([
    ["check --hops 0", "hops must be from 1 to 64, got 0 (--hops 0)"],
    ["check --hops 1.5", "hops must be a whole number, got 1.5 (--hops 1.5)"],
    ["check --hops two", `option '--hops <count>' argument 'two' is invalid. Expected a number, got "two".`],
    ["check --hops", "option '--hops <count>' argument missing"],
    ["check --hop 2", "unknown option '--hop'\n(Did you mean --hops?)"],
    ["check --bulk-utilisation 1", "bulkUtilisation must be from 0 to 0.999, got 1 (--bulk-utilisation 1)"],
    ["check --correlation 2", "correlation must be from 0 to 1, got 2 (--correlation 2)"],
    ["check --ports -3", "ports must be from 1 to 4096, got -3 (--ports -3)"],
    ["check --deadline-us 0", "deadlineNs must be above 0, got 0 (--deadline-us 0)"],
    ["check --draws 0", "option '--draws <count>' argument '0' is invalid. It must be from 1 to 1000000000."],
    ["check --seed -1", "seed must be from 0 to 9007199254740991, got -1 (--seed -1)"],
    ["check --optics dsp", /^error: optics must name a built-in profile, got "dsp"; .*\(--optics dsp\)\n$/],
    ["check --optics pcb --profile x.csv", "option '--optics <name>' cannot be used with option '--profile <file>'"],
    ["check --unit us", "--unit goes with --profile <file>"],
    ["check --stall-probability 0.1", "--stall-probability does not apply: cpo-800g names no stalls"],
    ["check --optics pcb --retrain-per-hour 1", "--retrain-per-hour does not apply: pcb names no outages"],
    [
      "check --optics dsp-800g --stall-probability 2",
      "option '--stall-probability <share>' argument '2' is invalid. It must be from 0 to 1.",
    ],
    ["check --profile good.csv --whole-path --hops 2", /^error: --hops is part of what --whole-path measured/],
    ["check what", "too many arguments for 'check'. Expected 0 arguments but got 1."],
    ["study --iterations 5", "iterations must be from 100 to 1000000000000, got 5 (--iterations 5)"],
    ["study --svg no/such/folder.svg", "no/such/folder.svg: there is no such folder"],
    ["tail --hdr no/such/folder.hlog", "no/such/folder.hlog: there is no such folder"],
    ["tail --iterations 1000 --svg a-folder", "a-folder: it is a folder"],
    ["tail --hops 1.5", "hops must be a whole number, got 1.5 (--hops 1.5)"],
    ["tail --warmup -1", "warmup must be from 0 to 1000000000, got -1 (--warmup -1)"],
    ["tail --transport udp", "--transport udp needs --connect HOST:PORT, where tail --listen runs"],
    ["tail --connect 127.0.0.1:9", "--connect goes with --transport udp"],
    ["tail --transport udp --connect nowhere", 'connect must be HOST:PORT, got "nowhere" (--connect nowhere)'],
    ["tail --listen 0 --hops 3", "--hops goes with the side that measures, got it with --listen"],
    ["tail --transport threads --optics pcb", "--optics goes with --transport simulated, got it with threads"],
    ["optics cpo800g", 'optics must name a built-in profile, got "cpo800g"; did you mean cpo-800g?'],
    ["chekc", "unknown command 'chekc'\n(Did you mean check?)"],
  ])("%s", refused);
});

describe("help", () => {
  test.each(Object.keys(QUICK))("%s --help has a line for every option", async (command) => {
    const { status, stdout, stderr } = await run(`${command} --help`);
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    const source = ["options", command].map((name) => readFileSync(`src/cli/${name}.ts`, "utf8"));
    const own = [...source[1]!.matchAll(/"(--[a-z-]+)/g)].map(([, flag]) => flag!);
    expect(own).toContain("--json");
    for (const flag of own) expect(stdout).toMatch(new RegExp(`^  ${flag}\\b`, "m"));
    for (const [, flag] of source[0]!.matchAll(/\["?(--[a-z-]+)/g))
      if (command === "check" || command === "study") expect(stdout).toMatch(new RegExp(`^  ${flag}\\b`, "m"));
    expect(stdout).not.toMatch(/ {2}--\S+( <\S+>)?\s*$/m); // without a word to it
  });

  test("no command at all is a question too", async () => {
    const { status, stdout } = await run("");
    expect(status).toBe(0);
    for (const command of Object.keys(QUICK)) expect(stdout).toMatch(new RegExp(`^  ${command} `, "m"));
    expect(await run("--version")).toMatchObject({
      status: 0,
      stdout: `${JSON.parse(readFileSync("package.json", "utf8")).version}\n`,
    });
  });
});

describe("manners", () => {
  test("study --json is one JSON value", async () => {
    const { status, stdout, stderr } = await run("study --iterations 1000 --json");
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(JSON.parse(stdout).map((row: { name: string }) => row.name)).toEqual(OPTICS.map(({ name }) => name));
  });

  test("colours on request only", async () => {
    const colour = "\u001b[";
    expect((await run("optics")).stdout).not.toContain(colour);
    expect((await run("optics", { CI: "1" })).stdout).not.toContain(colour);
    expect((await run("optics", { FORCE_COLOR: "1" })).stdout).toContain(colour);
    expect((await run("optics", { FORCE_COLOR: "1", NO_COLOR: "1" })).stdout).not.toContain(colour);
  });

  test("a reader that has seen enough ends it in peace", async () => {
    const script = `"$0" "$1" study --iterations 1000 --json | head -c 10`;
    const { stdout, stderr } = await runProgram("sh", ["-c", script, execPath, MAIN], folder);
    expect({ stdout, stderr }).toEqual({ stdout: "[\n  {\n    ", stderr: "" });
  });

  test("names itself as it was started", async () => {
    const bin = join(folder, "vorchestrate");
    if (!existsSync(bin)) symlinkSync(MAIN, bin);
    expect((await run("optics", {}, bin)).stdout).toContain("\n  vorchestrate optics cpo-800g  ");
    expect((await run("optics", { npm_command: "exec" }, bin)).stdout).toContain(
      "\n  npx vorchestrate optics cpo-800g  ",
    );
    const { stdout } = await runProgram(execPath, ["dist/cli/main.js", "optics"], resolve("."));
    expect(stdout).toContain(`\n  node ${join("dist", "cli", "main.js")} optics cpo-800g  `);
  });
});
