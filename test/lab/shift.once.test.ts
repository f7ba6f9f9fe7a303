import { expect, test } from "vitest";
import { type DecodingOptions, type Fence, simulateDecoding, sourceScenario } from "../../src/index.ts";
import { shifted, slowestLoad } from "../../src/lab/views/token/shift.ts";

const LATE_NS = 16e3;

/** A step of a GPU whose loads meet nobody: what is worked out can then be held against what is simulated. */
function stepOf(fence: Fence, fabric: DecodingOptions["fabric"] = {}) {
  const source = sourceScenario();
  const options = {
    ...source,
    cluster: { ...source.cluster!, gpus: 16 },
    cold: { share: 0.1 },
    fence,
    fabric,
    steps: 1,
  };
  return simulateDecoding(options, { repetitions: 1 }).timeline;
}

test.each(["blocking", "overlapped", "additive"] as const)(
  "doorbells shifted by arithmetic are doorbells posted later in a simulation, where loads do not meet: %s",
  (fence) => {
    const onTime = stepOf(fence);
    const late = stepOf(fence, { postNs: 2e3 + LATE_NS });
    const waits = [...onTime.loads, ...late.loads].map((load) => load.doneNs - load.aloneNs - load.arrivedNs);
    expect(Math.max(...waits)).toBeLessThan(1);
    expect(onTime.loads.length).toBeGreaterThan(2);
    const { timeline, count } = shifted(onTime, 0, LATE_NS, "all");
    expect(count).toBe(new Set(onTime.loads.map(({ layer }) => layer)).size);
    expect(timeline.stepNs).toBeCloseTo(late.stepNs, 3);
    timeline.layers.forEach((layer, i) => {
      for (const key of ["startNs", "routerNs", "multiplyNs", "endNs"] as const)
        expect(layer[key]).toBeCloseTo(late.layers[i]![key], 3);
    });
    for (const [i, load] of timeline.loads.entries()) expect(load.readyNs).toBeCloseTo(late.loads[i]!.readyNs, 3);
  },
);

test("one late doorbell shifts its layer's experts and all layers behind it, and none before", () => {
  const onTime = stepOf("blocking");
  const { layer } = onTime.loads[1]!;
  const { timeline, layerNs, stepNs, count } = shifted(onTime, layer, LATE_NS, "one");
  expect(count).toBe(1);
  expect(stepNs).toBe(layerNs);
  expect(layerNs).toBeGreaterThan(0);
  expect(layerNs).toBeLessThanOrEqual(LATE_NS);
  onTime.layers.forEach((span, i) => {
    const now = timeline.layers[i]!;
    expect(now.startNs).toBeCloseTo(span.startNs + (i > layer ? layerNs : 0), 6);
    expect(now.endNs).toBeCloseTo(span.endNs + (i >= layer ? layerNs : 0), 6);
  });
});

test("a doorbell of a layer that waits for nothing cannot be late", () => {
  const onTime = stepOf("blocking");
  const { layer } = onTime.layers.find((span) => slowestLoad(onTime, span.layer) === null)!;
  expect(shifted(onTime, layer, LATE_NS, "one")).toMatchObject({ layerNs: 0, stepNs: 0, count: 0 });
});
