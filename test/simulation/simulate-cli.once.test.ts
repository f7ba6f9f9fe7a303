import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { describe, expect, test } from "vitest";
import { commandLine, longLines, SLIPS } from "../run-cli.ts";

const TRACES = resolve("../shared/data/routes");
const { run: simulate, refuses, write, read } = commandLine("simulate");
const SMALL = "--gpus 8 --steps 12 --repetitions 2";

describe("answers", () => {
  test.each([
    SMALL,
    `${SMALL} --gpus-per-dpu 8 --means reactive --slo-of tpot`,
    `${SMALL} --optics lpo-800g --fence overlapped --sync 4 --contention --outages 2`,
    `${SMALL} --roofline --model mixtral-8x7b --gpu h200 --batch 4`,
  ])("simulate %s: in words and as one JSON value", async (args) => {
    const words = await simulate(args);
    expect(words.stderr).toBe("");
    expect(words.stdout).not.toMatch(SLIPS);
    expect(longLines(words.stdout)).toEqual([]);
    const { status, stdout } = await simulate(`${args} --json`);
    const { verdict, report, timeline } = JSON.parse(stdout);
    expect([status, words.status]).toEqual(verdict.status === "holds" ? [0, 0] : [1, 1]);
    const sum = (Object.values(report.causesNs) as { mean: number }[]).reduce((all, { mean }) => all + mean, 0);
    // Causes account for every nanosecond of a mean step.
    expect(Math.abs(sum / report.interTokenLatency.meanNs.mean - 1)).toBeLessThan(1e-9);
    expect(timeline.layers).toHaveLength(verdict.bound.layers);
  });

  test("an objective that no fabric keeps is refused at once, with the bound that proves it", async () => {
    const { status, stdout } = await simulate("--slo-ms 30");
    expect(status).toBe(1);
    expect(stdout).toContain("p99 of inter-token latency within 30 ms impossible");
    expect(stdout).toMatch(/computing 27\.73 ms and 56 gaps of 62 µs are 31\.2 ms\s+with every weight in place/);
    expect(JSON.parse((await simulate("--slo-ms 30 --json")).stdout).verdict.bound.stepNs).toBe(31.2e6);
  });

  test("tokens that travel", async () => {
    const args = "--means expert-parallel --model deepseek-v3 --gpu h200 --gpus 64 --svg tokens.svg";
    const { status, stdout } = await simulate(args);
    expect([status, stdout.includes("moving tokens")]).toEqual([0, true]);
    expect(read("tokens.svg")).toContain("tokens travel");
    expect(longLines(stdout)).toEqual([]);
  });

  test("a scenario from a file, whose cluster is as in a cluster's file", async () => {
    write(
      "scenario.json",
      JSON.stringify({ cluster: { gpus: 8, gpu: "r200" }, steps: 5, sloNs: 90e6, cold: { share: 0 } }),
    );
    const { report, verdict } = JSON.parse((await simulate("scenario.json --repetitions 1 --json")).stdout);
    expect([report.gpus, report.steps, report.loads.postedPerStep.mean, verdict.sloNs]).toEqual([8, 5, 0, 90e6]);
    // Nothing is cold: a step is what its bound says.
    expect(Math.abs(report.interTokenLatency.p99Ns.mean - verdict.bound.stepNs)).toBeLessThan(1);
  });
});

test("pictures, a trace and a page that fetches nothing", async () => {
  const { status, stdout } = await simulate(`${SMALL} --svg step.svg --trace step.json --html page.html`);
  expect(status).toBe(0);
  for (const file of ["step.svg", "step.json", "page.html"]) expect(stdout).toContain(file);
  expect(stdout).not.toContain("--sensitivity");
  const page = read("page.html");
  expect(page).not.toMatch(/<script|(?:src|href)=/);
  for (const words of ["The objective holds", "What this rests on", "assumed", "If tokens travelled"])
    expect(page).toContain(words);
  expect(page.replace(/<style>.*?<\/style>/gs, "")).not.toMatch(SLIPS);
  expect(read("step.svg")).toMatch(/a doorbell 16 µs late starts its experts, and all that follow, 16 µs later/);
  const { traceEvents } = JSON.parse(read("step.json"));
  expect(traceEvents.filter(({ name }: { name: string }) => name === "multiply")).toHaveLength(56);
});

test.skipIf(!existsSync(TRACES))("routes of ../shared/data/routes, foreseen or not", async () => {
  const trace = `${TRACES}/gptoss.route.csv.gz`;
  const args = `--model gpt-oss-120b --gpu h100 --gpus 32 --steps 10 --repetitions 1 --cache 2GB --routes ${trace} --json`;
  const [without, ahead] = await Promise.all([
    simulate(args),
    simulate(`${args} --prefetch always --predictor oracle`),
  ]);
  const [plain, foreseen] = [without, ahead].map(({ stdout }) => JSON.parse(stdout).report);
  expect(foreseen.loads.prefetchesPerStep.mean).toBeGreaterThan(0);
  expect(foreseen.interTokenLatency.meanNs.mean).toBeLessThan(plain.interTokenLatency.meanNs.mean);
});

test.skipIf(!existsSync(TRACES))("a trace of more experts than the model has", async () => {
  const { status, stderr } = await simulate(`--routes ${TRACES}/gptoss.route.csv.gz`);
  expect([status, stderr]).toEqual([2, expect.stringContaining("routes must be of at most 8 experts a layer")]);
});

describe("refusals", () => {
  write("cluster.json", JSON.stringify({ gpus: 8, gpusPerDpuu: 4 }));
  write("bad.json", JSON.stringify({ bacth: 4 }));
  test.each([
    ["--cluster cluster.json", "cluster.json: expected fields of a cluster, got gpusPerDpuu; did you mean gpusPerDpu?"],
    ["bad.json", "bad.json: expected fields of a scenario, got bacth; did you mean batch?"],
    ["--gpus 8 --gpu h100 --model frontier-1.8t", "gpus must be more: 1 copy of 11264 experts of frontier-1.8t need"],
    ["--cold 1.5", "share must be from 0 to 1, got 1.5"],
    ["--steps 0", "steps must be from 1 to 10000000, got 0 (--steps 0)"],
    ["--gpus 8 --sync 3", "gpus must be a positive multiple of 3, got 8 (--gpus 8)"],
    ["--prefetch weighed", "--prefetch goes with --routes <file>"],
    ["--cluster cluster.json --gpus 4", "--gpus is part of what cluster.json says: leave one of them out"],
    ["--slo-ms 0", "sloNs must be above 0, got 0 (--slo-ms 0)"],
    ["--optics cpo-80g", "did you mean cpo-800g?"],
    ["--sensitivity --html x.html", "--html does not go with --sensitivity"],
    ["--sensitivity --outages 3", "--outages does not go with --sensitivity"],
    ["--sensitivity --slo-ms 50", "--slo-ms does not go with --sensitivity"],
    ["--sensitivity --times t.csv", "--times does not go with --sensitivity"],
    ["--factor 2", "--factor goes with --sensitivity"],
    ["--means expert-parallel --steps 10", "--steps does not go with --means expert-parallel"],
    ["--means expert-parallel --repetitions 2", "--repetitions does not go with --means expert-parallel"],
    ["--slo-ms 30 --svg x.svg", "--svg does not go with an SLO below any step: nothing is simulated"],
    ["--html no/such/x.html", "no/such/x.html: there is no such folder"],
  ])("simulate %s", refuses);
});
