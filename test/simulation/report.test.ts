import { expect, test } from "vitest";
import { TALLY_ASKED, TALLY_HELD } from "../../assembly/simulation-layout.ts";
import { DECODE, type Routes } from "../../src/routes/routes.ts";
import { decode } from "../../src/simulation/decode.ts";
import { simulateDecoding } from "../../src/simulation/index.ts";
import { type DecodingOptions, planDecoding } from "../../src/simulation/plan.ts";

const model = "mixtral-8x7b";
const cluster = { gpus: 2, gpu: "r200" };

test("what optics take is not known where nobody states what a bit takes", () => {
  const joules = (optics: string) =>
    simulateDecoding({ model, cluster: { ...cluster, optics }, steps: 2 }, { repetitions: 1, outages: 0 }).report
      .joulesPerToken;
  expect(joules("pcb").fabric).toBeNull();
  expect(joules("cpo-800g").fabric!.mean).toBeGreaterThan(0);
});

test("of HBM is read what routes choose: two experts a layer, where four sequences choose alike", () => {
  const routes: Routes = {
    layers: 1,
    experts: 8,
    k: 2,
    tokens: 1,
    prompt: Uint32Array.of(0),
    phase: Uint8Array.of(DECODE),
    chosen: Uint16Array.of(0, 1),
  };
  const options: DecodingOptions = { model, cluster, cold: { routes }, batch: 4, steps: 3 };
  const { report } = simulateDecoding(options, { repetitions: 1 });
  // All are there after the warmup.
  expect(report.loads.bytesPerStep.mean).toBe(0);
  const { hbmBytes } = planDecoding(options).roofline.step(4, 2048, 2);
  const readBytes = report.hbmBytesPerNs.mean * report.interTokenLatency.meanNs.mean;
  expect(readBytes / hbmBytes).toBeCloseTo(1, 9);
});

test("no load of a step before the counted ones is among those whose times are told", () => {
  for (let seed = 1; seed <= 6; seed++) {
    const plan = planDecoding({
      model,
      cluster: { ...cluster, gpus: 8 },
      cold: { share: 0.5 },
      warmup: 5,
      steps: 5,
      seed,
    });
    const { times, sums } = decode(plan);
    expect(times!.count).toBeGreaterThan(0);
    // A step waits for all it asks for, so none of them ends in a later one.
    expect(times!.count).toBeLessThanOrEqual(sums[TALLY_ASKED]! - sums[TALLY_HELD]!);
  }
});
