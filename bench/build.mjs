// Bundles the benches, which measure the library as it is released, and runs them with the arguments given.
import { build } from "esbuild";

await build({
  entryPoints: ["bench/main.ts"],
  bundle: true,
  format: "esm",
  platform: "node",
  packages: "external",
  target: "es2022",
  loader: { ".wasm": "binary", ".txt": "text" },
  outfile: "build/bench.mjs",
  logLevel: "warning",
});
await import("../build/bench.mjs");
