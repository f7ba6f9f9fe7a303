import { expect, test } from "vitest";
import {
  boundDecoding,
  gpuNamed,
  type ModelShape,
  Roofline,
  simulateDecoding,
  sourceScenario,
} from "../../src/index.ts";
import { decode } from "../../src/lab/jobs/decode.ts";
import { optionsOf } from "../../src/lab/jobs/decoding.ts";
import { defaultsOf } from "../../src/lab/knobs.ts";
import { type ScenarioValues, scenarioKnobs } from "../../src/lab/views/decode/knobs.ts";
import { differences, lineOf, scenarioOf, valuesIn } from "../../src/lab/views/decode/scenario.ts";

const defaults: ScenarioValues = defaultsOf(scenarioKnobs);
const boundOf = (values: Partial<ScenarioValues>) =>
  boundDecoding(optionsOf(scenarioOf({ ...defaults, gpus: 16, ...values })));

test("knobs that nobody turned are the sources' own scenario", () => {
  const source = sourceScenario();
  const cluster = { ...source.cluster!, gpus: 16 };
  const { report } = simulateDecoding({ ...source, cluster, steps: 4 }, { repetitions: 1 });
  const { run } = decode(scenarioOf({ ...defaults, gpus: 16, steps: 4, repetitions: 1 }), () => {});
  expect(run!.report).toEqual(report);
});

test("the articles' step moves with sequences as a roofline does, and its gaps do not", () => {
  const source = sourceScenario();
  const roofline = new Roofline(source.model as ModelShape, gpuNamed("r200"));
  const times = roofline.step(4, 2048).totalNs / roofline.step(1, 2048).totalNs;
  const [one, four] = [boundOf({}), boundOf({ batch: 4 })];
  expect(one.stepNs).toBeCloseTo(31.2e6, 3);
  expect(four.gapsNs).toBe(one.gapsNs);
  expect(four.computeNs / one.computeNs).toBeCloseTo(times, 9);
  expect(boundOf({ compute: "stated", resident: 50, batch: 4 }).stepNs).toBeCloseTo(50e6, 3);
  expect(boundOf({ compute: "roofline" }).computeNs).toBeCloseTo(roofline.step(1, 2048).totalNs, 3);
});

test("a scenario survives its line", async () => {
  const turned = { ...defaults, gpus: 64, optics: "dsp-800g", cold: "routes", slo: 33.5 };
  expect(await valuesIn(lineOf(turned))).toEqual(turned);
  expect(await valuesIn(lineOf(defaults))).toEqual(defaults);
  expect(differences(turned, defaults)).toEqual([
    "GPUs: 64, not 128",
    "Optics: retimed pluggables, 800G, not co-packaged optics, 800G",
    "Cold experts: routes: what caches do not hold, not a share of gates, by chance",
    "p99 within: 33.5 ms, not 40 ms",
  ]);
  await expect(valuesIn("view=decode&decode.gpus=1")).rejects.toThrow("decode.gpus must be from 2 to 4096");
});

test("more cached experts than a GPU has room for are refused with what it has room for", () => {
  const crowded = { ...defaults, gpus: 16, gpu: "h100", cold: "routes", cached: 8 };
  expect(() => optionsOf(scenarioOf(crowded))).toThrow(/^cached must be at most \d, as a GPU has room for/);
});
