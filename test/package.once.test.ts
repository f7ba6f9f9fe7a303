import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { cwd, execPath } from "node:process";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { JAGGED_DRAWS, PROFILE_DRAWS } from "./vectors/draws.ts";

interface Manifest {
  exports: Record<string, string | Record<string, string>>;
}
const { exports } = JSON.parse(readFileSync("package.json", "utf8")) as Manifest;

/** Runs `source` as a module in a fresh process at the package's root, where its own name resolves through its exports. */
const run = (source: string) =>
  execFileSync(execPath, ["--input-type=module", "--eval", source], { encoding: "utf8" }).trim();

test("every export is a file, and resolves by the package's name", () => {
  for (const [path, conditions] of Object.entries(exports)) {
    for (const file of Object.values(typeof conditions === "string" ? { default: conditions } : conditions))
      expect(existsSync(file), file).toBe(true);
    const resolved = run(`console.log(import.meta.resolve(${JSON.stringify(join("vorchestrate", path))}))`);
    const file = typeof conditions === "string" ? conditions : conditions["default"]!;
    expect(fileURLToPath(resolved)).toBe(join(cwd(), file));
  }
  expect(exports).toHaveProperty(["."]);
});

const CHECKSUM = `
  const checksum = (next) => {
    let hash = 0x811c9dc5;
    for (let drawn = 0; drawn < 1e6; drawn += 4000)
      for (const word of new Uint32Array(Float32Array.from(next()).buffer)) hash = Math.imul(hash ^ word, 0x01000193);
    return hash >>> 0;
  };`;

test.each(["release", "portable"])("the built library draws what the C twin draws, on the %s kernels", (build) => {
  const { quantiles, draws } = PROFILE_DRAWS[0]!;
  const printed = run(`
    import { readFileSync } from "node:fs";
    import { Distribution, HopSampler, useKernels } from "vorchestrate";
    ${CHECKSUM}
    if (${build === "portable"})
      useKernels(new WebAssembly.Module(readFileSync("dist/kernels.portable.wasm")));
    const hop = Distribution.fromQuantiles(${JSON.stringify(quantiles)});
    const sampler = new HopSampler(hop, { seed: ${JAGGED_DRAWS[0]!.seed}, batch: 4000 });
    console.log(checksum(() => sampler.next()));
  `);
  expect(Number(printed)).toBe(draws);
});

/** What would be published. */
const packed = (() => {
  const output = execFileSync("npm", ["pack", "--dry-run", "--json", "--ignore-scripts"], { encoding: "utf8" });
  const [{ size, files }] = JSON.parse(output) as [{ size: number; files: { path: string }[] }];
  return { size, paths: files.map(({ path }) => path) };
})();

test("the package names no folder of the machine that built it", () => {
  const files = packed.paths.filter((path) => path.startsWith("dist/"));
  expect(files.length).toBeGreaterThan(10);
  for (const file of files) {
    const text = readFileSync(file, "latin1");
    for (const folder of ["/work/", "/tmp/", cwd()]) expect(text.includes(folder), `${folder} in ${file}`).toBe(false);
  }
});

test("the package is small and holds what it needs, and nothing else", () => {
  const { size, paths } = packed;
  // 300 KB were enough for the first rooms; each brings some 20 KB, half of them kernels and what messages say.
  // The page has a bound of its own.
  expect(size - gzipSync(readFileSync("dist/lab.html"), { level: 9 }).length).toBeLessThan(450_000);
  for (const path of [
    "dist/index.js",
    "dist/index.d.ts",
    "dist/kernels.wasm",
    "dist/kernels.portable.wasm",
    "dist/lab.html",
    "LICENSE",
  ])
    expect(paths).toContain(path);
  expect(paths.filter((path) => /^(src|test|assembly|bench|build|node_modules)\/|tsbuildinfo$/.test(path))).toEqual([]);
});
