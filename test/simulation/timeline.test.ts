import { expect, test } from "vitest";
import { simulateDecoding } from "../../src/simulation/index.ts";
import { sourceScenario } from "../../src/simulation/scenario.ts";

const source = sourceScenario();

test.each([0, 1023])("a timeline has all layers, and all loads, however many GPUs step together: GPU %i", (gpu) => {
  const cluster = { ...source.cluster!, gpus: 1024 };
  const options = { ...source, cluster, syncGpus: 1024, steps: 1 };
  const { timeline } = simulateDecoding(options, { repetitions: 1, outages: 0, timeline: { gpu } });
  const { layers, loads, stepNs } = timeline;
  expect(layers.map(({ layer }) => layer)).toEqual(Array.from({ length: 56 }, (_, layer) => layer));
  expect([layers[0]!.startNs, layers.every(({ endNs }) => endNs <= stepNs)]).toEqual([0, true]);
  // A layer that waited did so for a load of its own.
  const waited = layers.filter(({ routerNs, readyNs }) => readyNs > routerNs).map(({ layer }) => layer);
  expect(waited.length).toBeGreaterThan(0);
  expect(loads.map(({ layer }) => layer)).toEqual(waited);
});
