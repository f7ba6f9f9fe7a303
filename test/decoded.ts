import type { RunOptions, simulateDecoding } from "../src/index.ts";

/** Reports and timelines of a small cluster as text: outages, barriers, caches, prefetches and contention are part of them. */
export function decodedText(library: { simulateDecoding: typeof simulateDecoding }): string {
  const run: RunOptions = { repetitions: 2, outages: 3 };
  const given = library.simulateDecoding(
    { model: "mixtral-8x7b", cluster: { gpus: 4, gpu: "h200", optics: "lpo-800g" }, steps: 6, syncGpus: 2, seed: 5 },
    run,
  );
  const layers = 32;
  const tokens = 24;
  const routes = {
    layers,
    experts: 8,
    k: 2,
    tokens,
    prompt: Uint32Array.from({ length: tokens }, (_, token) => token >> 3),
    phase: new Uint8Array(tokens).fill(1),
    chosen: Uint16Array.from({ length: tokens * layers * 2 }, (_, i) => ((i >> 1) * 5 + (i & 1) * 3 + (i >> 7)) % 8),
  };
  const routed = library.simulateDecoding(
    {
      model: "mixtral-8x7b",
      cluster: { gpus: 4, gpu: "h200" },
      cold: { routes, cacheBytes: 8e9 },
      copies: 1,
      prefetch: "weighed",
      contention: true,
      steps: 5,
      warmup: 3,
      seed: 6,
    },
    run,
  );
  return JSON.stringify([given, routed]);
}
