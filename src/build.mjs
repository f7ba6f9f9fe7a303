// Bundles dist/: the library, the command line, and the kernels on their own.
import { chmodSync, copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
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

// Of the declarations those that the library's own name, and they in turn; what is left is nobody's business.
const declared = new Set();
const declare = (path) => {
  if (declared.has(path)) return;
  declared.add(path);
  const text = readFileSync(join("build/types", path), "utf8");
  mkdirSync(dirname(join("dist", path)), { recursive: true });
  writeFileSync(join("dist", path), text);
  for (const [, from] of text.matchAll(/(?:from|import\()\s*"(\.[^"]+)"/g))
    declare(join(dirname(path), from.replace(/(\.d)?\.ts$/, ".d.ts")));
};
declare("index.d.ts");
