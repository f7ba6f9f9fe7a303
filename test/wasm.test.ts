import { expect, inject, test } from "vitest";
import { HISTOGRAM_COUNTS, QUANTILES, RANDOM_WORDS } from "../assembly/layout.ts";
import { Distribution } from "../src/distribution.ts";
import { Histogram } from "../src/histogram.ts";
import { useKernels } from "../src/kernels.ts";
import { HopSampler } from "../src/latency.ts";
import { workspace } from "../src/wasm.ts";

const build = inject("build");

/** The call with one argument wrong: the debug build says which, the others do not look. */
function expectAsserted(call: () => void, message: string): void {
  if (build === "debug") expect(call).toThrow(message);
  else expect(call).not.toThrow();
}

test(`the build under test is ${build}`, () => {
  const ragged = workspace({ latencyNs: ["F32", 6], quantileNs: ["F32", QUANTILES], random: ["U32", RANDOM_WORDS] });
  expectAsserted(
    () => ragged.kernels.drawHops(ragged.at.latencyNs, ragged.at.quantileNs, ragged.at.random),
    "a batch is a whole number of lanes",
  );
  const short = workspace({ latencyNs: ["F32", 8], quantileNs: ["F32", 8], random: ["U32", RANDOM_WORDS] });
  expectAsserted(
    () => short.kernels.drawHops(short.at.latencyNs, short.at.quantileNs, short.at.random),
    "a table has an edge a cell and two more",
  );
  const path = workspace({
    batch: ["F32", 8],
    bits: ["U32", 8],
    quantileNs: ["F32", QUANTILES],
    none: ["F32", 8],
    hopTable: ["U32", 1],
    odd: ["U32", 3],
    random: ["U32", RANDOM_WORDS],
  });
  const drawPath = (table: typeof path.at.quantileNs, faults: typeof path.at.odd) => {
    const { batch, bits, hopTable, random } = path.at;
    path.kernels.drawPaths(batch, bits, bits, bits, table, hopTable, faults, random, 0, 0);
  };
  if (build === "debug") {
    // Without the assertions these read outside their arrays, so the other builds are not asked.
    expect(() => drawPath(path.at.none, path.at.odd)).toThrow("there is a table at least");
    expect(() => drawPath(path.at.quantileNs, path.at.odd)).toThrow("a fault is two words");
  }
  const counts = workspace({ counts: ["F64", HISTOGRAM_COUNTS], values: ["F32", 4] });
  expectAsserted(
    () => counts.kernels.recordValues(counts.at.counts, counts.at.values, 5),
    "there are as many values as are to be recorded",
  );
});

test("a view starts at its address, holds zeros, and no two overlap", () => {
  const layout = { a: ["F32", 5], b: ["F64", 3], empty: ["U32", 0], c: ["U32", 7], d: ["F32", 1 << 20] } as const;
  const { at, views } = workspace(layout);
  let end = 0;
  for (const name of ["a", "b", "empty", "c", "d"] as const) {
    expect(views[name].byteOffset).toBe(at[name]);
    expect(views[name]).toHaveLength(layout[name][1]);
    expect(views[name].byteOffset).toBeGreaterThanOrEqual(end);
    expect(views[name].every((value: number) => value === 0)).toBe(true);
    end = views[name].byteOffset + views[name].byteLength;
    expect(views[name].buffer).toBe(views.d.buffer);
  }
});

test("vectors are aligned to 16 bytes", () => {
  const { at } = workspace({ a: ["F32", 5], b: ["U32", 3], c: ["F64", 1] });
  for (const address of Object.values(at)) expect(address % 16).toBe(0);
});

test("memory does not grow, so views stay valid", () => {
  const sampler = new HopSampler(Distribution.uniform(1, 2), { batch: 64 });
  const first = sampler.next();
  const { buffer } = first;
  for (let i = 0; i < 20_000; i++) expect(sampler.next()).toBe(first);
  expect(first.buffer).toBe(buffer);
  expect(buffer.byteLength).toBeGreaterThan(0); // a detached buffer has none

  const { kernels, views, at } = workspace({ counts: ["F64", HISTOGRAM_COUNTS], values: ["F32", 64] });
  const before = views.values.buffer;
  for (let i = 0; i < 20_000; i++) kernels.recordValues(at.counts, at.values, 64);
  expect((kernels as unknown as { memory: WebAssembly.Memory }).memory.buffer).toBe(before);
});

test("objects do not share memory", () => {
  const [a, b] = [new Histogram(), new Histogram()];
  a.record(new Float32Array([5]));
  expect([a.count, b.count]).toEqual([1, 0]);
});

test("useKernels takes a compiled module and nothing else", async () => {
  for (const wrong of [undefined, null, {}, new Uint8Array(8)])
    expect(() => useKernels(wrong as WebAssembly.Module)).toThrow(
      new TypeError("compiled must be a WebAssembly.Module"),
    );
  const { default: bytes } = await import("../build/release.wasm");
  const older = new HopSampler(Distribution.uniform(1, 2), { batch: 64 });
  useKernels(await WebAssembly.compile(bytes));
  const newer = new HopSampler(Distribution.uniform(1, 2), { batch: 64 });
  expect(newer.next()).toEqual(older.next());
  expect(newer.next()).toEqual(older.next());
});
