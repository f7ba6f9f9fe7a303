import { expect, test } from "vitest";
import { DECODE, NO_EXPERT, PREFILL, type Routes } from "../../src/routes/routes.ts";
import { simulateDecoding } from "../../src/simulation/index.ts";
import { type DecodingOptions, planDecoding } from "../../src/simulation/plan.ts";
import { boundDecoding } from "../../src/simulation/verdict.ts";

const routesOf = (k: number, phase: number, experts = 8): Routes => ({
  layers: 1,
  experts,
  k,
  tokens: 1,
  prompt: Uint32Array.of(0),
  phase: Uint8Array.of(phase),
  chosen: Uint16Array.from({ length: k }, (_, i) => i),
});
const model = "mixtral-8x7b";
const cluster = { gpus: 2, gpu: "r200" };

test.each<[string, DecodingOptions, string]>([
  ["one GPU has nowhere to fetch from", { cluster: { gpus: 1, gpu: "r200" } }, "GPU 0 holds all 8 experts of layer 0"],
  ["nor has one that holds copies of all", { cluster, copies: 2 }, "GPU 0 holds all 8 experts of layer 0"],
  ["experts beyond the model's", { cluster, cold: { routes: routesOf(1, DECODE, 9) } }, "at most 8 experts a layer"],
  ["more of a token", { cluster, cold: { routes: routesOf(3, DECODE) } }, "at most 2 experts a token"],
  ["nothing decodes", { cluster, cold: { routes: routesOf(2, PREFILL) } }, "must have a token that decodes"],
])("%s: refused", (_, options, message) => {
  expect(() => planDecoding({ model, ...options })).toThrow(message);
});

/** What a program without types may hand in. */
const wrong = (options: object) => options as DecodingOptions;
const routes = routesOf(2, DECODE);

test.each<[string, DecodingOptions, string]>([
  ["a cold that is nothing", wrong({ cold: null }), "cold must be an object, got null"],
  [
    "a share with a cache",
    wrong({ cold: { share: 0.2, cacheByte: 5 } }),
    "cold has no field cacheByte; did you mean cacheBytes?",
  ],
  ["a cache without routes", wrong({ cold: { cacheBytes: 5 } }), "cold, which has no routes, has no field cacheBytes"],
  ["routes and a share", wrong({ cold: { routes, share: 0.2 } }), "cold, which has routes, has no field share"],
  [
    "a part of the cache, in words",
    wrong({ cold: { routes, perLayer: "no" } }),
    'cold: perLayer must be a boolean, got "no"',
  ],
  ["contention in words", wrong({ contention: "no" }), 'contention must be a boolean, got "no"'],
  [
    "foresight that nobody asks for",
    wrong({ foresee: { predictr: "oracle" } }),
    "foresee has no field predictr; did you mean predictor?",
  ],
  ["foresight too far", { foresee: { horizon: 33 } }, "foresee: horizon must be from 1 to 32, got 33"],
  ["what a cluster says of its fabric", wrong({ fabric: { ports: 2 } }), "fabric has no field ports"],
  ["and how many share a DPU", wrong({ fabric: { gpusPerDpu: 2 } }), "fabric has no field gpusPerDpu"],
  ["a seed in words", wrong({ seed: "1" }), 'seed must be a number, got "1"'],
  [
    "more steps than can be kept",
    { cluster: { gpus: 4096, gpu: "r200" }, syncGpus: 2, steps: 1e7 },
    "steps must be at most 65536, after 0 of warmup and where 2048 GPUs or groups of them",
  ],
])("%s: refused", (_, options, message) => {
  expect(() => planDecoding({ model, cluster, ...options })).toThrow(message);
});

test("which step is shown is looked at", () => {
  const run = (timeline: object) => simulateDecoding({ model, cluster, steps: 1 }, { timeline });
  expect(() => run({ gpuu: 3 })).toThrow("timeline has no field gpuu; did you mean gpu?");
  expect(() => run(null as unknown as object)).toThrow("timeline must be an object, got null");
});

test("what fetches take of HBM is stretched as computing is: half as fast a GPU loses half as much of its rate", () => {
  const { engine, roofline, residentStepNs } = planDecoding({ model, cluster });
  expect(engine.stretch).toBe(1);
  const gapsNs = 32 * engine.gapNs;
  const twice = planDecoding({ model, cluster, residentStepNs: 2 * (residentStepNs - gapsNs) + gapsNs }).engine;
  expect(twice.stretch).toBeCloseTo(2, 12);
  expect(twice.hbmBytesPerNs * twice.stretch).toBeCloseTo(roofline.gpu.hbmBytesPerNs, 6);
});

test("contention that leaves nothing of HBM is refused", () => {
  const wide = { ...cluster, gpuIngressBytesPerNs: 1e5, sourceHbmBytesPerNs: 21e3, dpuPaceBytesPerNs: 2e4 };
  expect(() => planDecoding({ model, cluster: wide, contention: true })).toThrow(
    "contention must be false where serving and receiving, 40000 bytes/ns, take all of a GPU's HBM, which has 22000",
  );
  expect(planDecoding({ model, cluster: wide }).engine.contended).toBe(false);
});

test("two GPUs fetch from one another, and one that needs nothing may be alone", () => {
  expect(planDecoding({ model, cluster }).copies).toBe(1);
  expect(planDecoding({ model, cluster: { gpus: 1, gpu: "r200" }, cold: { share: 0 } }).copies).toBe(1);
});

test("with routes no step is below the bound, and one whose tokens all choose alike is there", () => {
  const options = {
    model,
    cluster,
    cold: { routes: routesOf(2, DECODE) },
    batch: 4,
    steps: 3,
  } satisfies DecodingOptions;
  const { report } = simulateDecoding(options, { repetitions: 1 });
  const { stepNs } = boundDecoding(options);
  expect(report.interTokenLatency.p50Ns.mean / stepNs).toBeCloseTo(1, 9);
  expect(stepNs).toBeLessThan(0.9 * report.residentStepNs);
  const none: Routes = { ...routesOf(2, DECODE), chosen: Uint16Array.of(5, NO_EXPERT) };
  expect(boundDecoding({ ...options, cold: { routes: none } }).stepNs).toBeLessThan(stepNs);
});
