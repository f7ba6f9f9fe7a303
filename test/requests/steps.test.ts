import { describe, expect, test } from "vitest";
import {
  calibrateServing,
  distinctExperts,
  modelNamed,
  type RankStep,
  Roofline,
  RooflineSteps,
  requestsOf,
  simulateServing,
} from "../../src/index.ts";

const idle = { decodes: 0, decodeContext: 0, pieces: 0, prefillTokens: 0, prefillContext: 0, prefillRows: 0 };

describe("how long a step takes", () => {
  const model = modelNamed("qwen3-30b");
  const decoding = (decodes: number, each: number): RankStep => ({ ...idle, decodes, decodeContext: decodes * each });

  test.each([1, 8, 64])("%i sequences take the roofline's step, where all is bound by HBM", (batch) => {
    const ours = new RooflineSteps({ model, gpu: "h100" }).stepNs([decoding(batch, 2048)]);
    expect(ours / new Roofline(model, "h100").step(batch, 2048).totalNs).toBeCloseTo(1, 9);
  });

  test("a prompt is bound by flops: 2 a weight and token, and each token's look back", () => {
    const tokens = 8192;
    const work = {
      ...idle,
      pieces: 1,
      prefillTokens: tokens,
      prefillContext: (tokens * (tokens + 1)) / 2,
      prefillRows: tokens,
    };
    const ns = new RooflineSteps({ model, gpu: "h100" }).stepNs([work]);
    const { flopsPerRow } = model.attention[0]!;
    const weights = model.layers * (model.attentionWeights + model.routerWeights + 8 * model.expertWeights);
    const flops = tokens * 2 * weights + ((tokens * (tokens + 1)) / 2) * flopsPerRow * model.layers;
    // The head is one row, bound by HBM.
    const headNs = new Roofline(model, "h100").headNs(1);
    expect(ns).toBeCloseTo(flops / 989_400 + headNs, -3);
  });

  test("two ranks halve the experts and pay for the exchange", () => {
    const one = new RooflineSteps({ model, gpu: "rtx-pro-6000" });
    const two = new RooflineSteps({ model, gpu: "rtx-pro-6000", ranks: 2 });
    const [half, whole] = [decoding(64, 1000), decoding(128, 1000)];
    const experts = (48 * distinctExperts(128, 8, 128) * model.expertBytes) / 1792;
    const exchanged = (2 * 48 * 64 * 2048 * 2) / 63;
    const apart = one.stepNs([half]) - (48 * distinctExperts(128, 8, 64) * model.expertBytes) / 1792;
    expect(two.stepNs([half, half])).toBeCloseTo(apart + experts / 2 + exchanged, 3);
    expect(one.stepNs([whole])).toBeGreaterThan(two.stepNs([half, half]));
  });

  test("overheads are added as they are named, and nothing takes no time", () => {
    const bare = new RooflineSteps({ model, gpu: "h100" });
    const costs = { overheadNs: 5000, prefillOverheadNs: 300, sequenceNs: 10 };
    const laden = new RooflineSteps({ model, gpu: "h100", ...costs });
    const prompt = { ...idle, pieces: 1, prefillTokens: 5, prefillContext: 15, prefillRows: 5 };
    expect(laden.stepNs([decoding(4, 100)]) - bare.stepNs([decoding(4, 100)])).toBeCloseTo(5040, 3);
    expect(laden.stepNs([prompt]) - bare.stepNs([prompt])).toBeCloseTo(5310, 3);
    expect(laden.stepNs([idle])).toBe(0);
  });
});

describe("calibration", () => {
  test("finds the costs that times were made with", () => {
    const rows = Array.from({ length: 40 }, (_, i) => ({
      arrivalNs: i * 4e7,
      input: 100 + ((i * 379) % 900),
      output: 20 + ((i * 7) % 30),
    }));
    const requests = requestsOf(rows);
    const hidden = { flopsShare: 0.4, hbmShare: 0.6, overheadNs: 4e6, prefillOverheadNs: 6e6, sequenceNs: 3e4 };
    const measured = simulateServing(requests, { gpu: "h100", ...hidden }).times;
    const { residual, heldOut, costs } = calibrateServing(requests, measured, { gpu: "h100" }, { runs: 300 });
    expect(residual).toBeLessThan(0.01);
    expect(Math.abs(heldOut!.tpot!.meanNs.error)).toBeLessThan(0.01);
    expect(Math.abs(heldOut!.ttft.meanNs.error)).toBeLessThan(0.01);
    expect(costs.linkShare).toBe(1);
    const told: number[] = [];
    const onProgress = (runs: number) => told.push(runs);
    const some = calibrateServing(requests, measured, { gpu: "h100" }, { runs: 10, onProgress });
    expect(told).toEqual(Array.from({ length: some.runs - 1 }, (_, i) => i + 1));
    const atOnce = { ...measured, firstNs: measured.firstNs.with(2, measured.queuedNs[2]!) };
    expect(() => calibrateServing(requests, atOnce)).toThrow("measured.firstNs[2] must be above");
    const fixed = calibrateServing(requests, measured, { gpu: "h100", ...hidden, overheadNs: 4e6 }, { runs: 10 });
    expect(fixed).toMatchObject({ residual: 0, costs: hidden });
  });
});
