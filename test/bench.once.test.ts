import { execFileSync, spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { expect, test } from "vitest";
import { compare } from "../bench/compare.ts";
import type { Row } from "../bench/row.ts";
import { naiveHop } from "../bench/twins/naive.ts";
import { Histogram } from "../src/index.ts";

// That twins give the same checksums as the kernels is checked by each bench: `compare` throws where they do not.

const rooms = readdirSync("bench").flatMap((file) => (file.endsWith(".bench.ts") ? [file.slice(0, -9)] : []));

test.each(rooms)("the bench of %s runs, and every row is whole", async (room) => {
  const { default: rows } = await import(`../bench/${room}.bench.ts`);
  const measured: Row[] = await rows({ quick: true });
  expect(measured.length).toBeGreaterThan(0);
  for (const row of measured) {
    expect(Object.keys(row).sort()).toEqual(["checksum", "peer", "ratio", "room", "row", "unit", "value"]);
    expect(row).toMatchObject({ room, row: expect.stringMatching(/./), unit: expect.stringMatching(/./) });
    expect(row.value).toBeGreaterThanOrEqual(0);
    if (row.peer === null) expect(row.ratio).toBeNull();
    else expect(row.ratio).toBeGreaterThan(0);
    if (row.checksum !== null) expect(row.checksum).toBe(row.checksum >>> 0);
  }
  const names = measured.map(({ row, peer }) => `${row} beside ${peer}`);
  expect(new Set(names).size).toBe(names.length);
});

const options = { room: "trial", unit: "ns/step", work: 1000, quick: true };

/** Takes about `steps` steps. */
function walk(steps: number): () => void {
  let x = 1;
  return () => {
    for (let i = 0; i < steps; i++) x = Math.imul(x, 1664525) + 1013904223;
  };
}

test("a contender that does twenty times the work is seen to be much slower", () => {
  const contenders = [20_000, 400_000].map((steps) => ({ name: `${steps}`, run: walk(steps), checksum: () => 7 }));
  const { ratio, checksum } = compare(contenders, options).row("20000", "400000");
  expect(ratio).toBeGreaterThan(5);
  expect(checksum).toBe(7);
});

test("contenders that claim the same algorithm and draw otherwise are refused", () => {
  const contenders = [7, 7, 8].map((sum, i) => ({ name: `walker ${i}`, run: walk(100), checksum: () => sum }));
  expect(() => compare(contenders, options)).toThrow("trial: walker 0 gives 7, not so walker 2 (8)");
});

test("a run that throws is not measured", () => {
  const run = () => {
    throw new Error("broken");
  };
  expect(() => compare([{ name: "broken", run, checksum: null }], options)).toThrow("broken");
});

test("the naive sampler draws the distribution that the kernels draw", () => {
  const draw = naiveHop({ medianNs: 198, p99Ns: 1240, bodyJitter3SigmaNs: 310 });
  const histogram = new Histogram();
  histogram.record(Float32Array.from({ length: 2 ** 18 }, draw));
  // Its draws have no seed: the bounds are six standard errors, 0.253 ns at the median and 10.5 ns at p99, and a cell.
  expect(Math.abs(histogram.quantile(0.5) - 198)).toBeLessThan(1.7);
  expect(Math.abs(histogram.quantile(0.01) - 1240)).toBeLessThan(64);
});

test("the runner prints one object a row, and nothing else", () => {
  const out = execFileSync(process.execPath, ["bench/build.mjs", "histogram", "--json", "--quick"], { stdio: "pipe" });
  const printed = out
    .toString()
    .trimEnd()
    .split("\n")
    .map((line): Row => JSON.parse(line));
  expect(printed.map(({ room }) => room)).toEqual(printed.map(() => "histogram"));
});

test("the runner prints a table with the machine, Node and the command below it", () => {
  const args = ["bench/build.mjs", "histogram", "--quick", "--markdown"];
  const out = execFileSync(process.execPath, args, { stdio: "pipe" }).toString();
  expect(out).toMatch(/^\| room \| row \| {2}\| beside \| times better \| checksum \|\n\| --- /);
  expect(out).toContain(`Node ${process.version}; \`npm run bench -- histogram --quick --markdown\``);
});

test.each([
  [["latancy"], "there is no bench latancy; did you mean latency?"],
  [["--jsn"], "--jsn"],
])("the runner refuses %s", (args, message) => {
  const { status, stdout, stderr } = spawnSync(process.execPath, ["bench/build.mjs", ...args], { encoding: "utf8" });
  expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
  expect(stderr).toContain(message);
});
