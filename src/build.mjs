// Bundles dist/: the library, the command line, and the kernels on their own.
import { chmodSync, copyFileSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { build } from "esbuild";

const common = {
  bundle: true,
  target: "es2022",
  logLevel: "warning",
  preserveSymlinks: true, // else a linked node_modules leaves its folder's name in the bundle's comments
};

// The worker's script first: the library holds it as text, as it holds the kernels as bytes.
await build({
  ...common,
  entryPoints: ["src/threads.worker.ts"],
  minify: true,
  format: "iife",
  platform: "neutral",
  outfile: "build/threads.worker.txt",
});
await build({
  ...common,
  entryPoints: ["src/index.ts", "src/cli/main.ts"],
  splitting: true,
  format: "esm",
  platform: "neutral",
  mainFields: ["module", "main"],
  minify: true, // declarations and messages say what a reader needs
  external: ["node:*", "commander", "cli-progress", "cli-table3", "picocolors"],
  loader: { ".wasm": "binary", ".txt": "text" },
  outdir: "dist",
});
chmodSync("dist/cli/main.js", 0o755);
copyFileSync("build/release.wasm", "dist/kernels.wasm");
copyFileSync("build/portable.wasm", "dist/kernels.portable.wasm");

// Declarations that those of the library do not name are nobody's business.
const named = new Set();
const name = (path) => {
  if (named.has(path)) return;
  named.add(path);
  for (const [, from] of readFileSync(path, "utf8").matchAll(/(?:from|import\()\s*"(\.[^"]+)"/g))
    name(join(dirname(path), from.replace(/(\.d)?\.ts$/, ".d.ts")));
};
name(join("dist", "index.d.ts"));
for (const path of readdirSync("dist", { recursive: true }).map((path) => join("dist", path)))
  if (path.endsWith(".d.ts") && !named.has(path)) rmSync(path);
