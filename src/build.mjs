// Bundles dist/ from src/ and the kernels: the worker's script first, which the library
// inlines; the library, the command line, and the kernels on their own.
import { copyFileSync } from "node:fs";
import { build } from "esbuild";

await build({
  entryPoints: ["src/threads.worker.ts"],
  bundle: true,
  minify: true,
  format: "iife",
  platform: "neutral",
  target: "es2022",
  outfile: "build/threads.worker.txt",
  logLevel: "warning",
});
await build({
  entryPoints: ["src/index.ts"],
  bundle: true,
  splitting: true,
  format: "esm",
  platform: "neutral",
  mainFields: ["module", "main"],
  target: "es2022",
  loader: { ".wasm": "binary", ".txt": "text" },
  outdir: "dist",
  logLevel: "warning",
});
copyFileSync("build/release.wasm", "dist/kernels.wasm");
copyFileSync("build/portable.wasm", "dist/kernels.portable.wasm");
