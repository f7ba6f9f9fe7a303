// Bundles dist/ from src/ and the kernels: the library, the command line, and the kernels on their own.
import { copyFileSync } from "node:fs";
import { build } from "esbuild";

await build({
  entryPoints: ["src/index.ts"],
  bundle: true,
  splitting: true,
  format: "esm",
  platform: "neutral",
  mainFields: ["module", "main"],
  target: "es2022",
  loader: { ".wasm": "binary" },
  outdir: "dist",
  preserveSymlinks: true, // else a linked node_modules leaves its folder's name in the bundle's comments
  logLevel: "warning",
});
copyFileSync("build/release.wasm", "dist/kernels.wasm");
copyFileSync("build/portable.wasm", "dist/kernels.portable.wasm");
