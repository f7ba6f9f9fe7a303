import { describe, expect, test } from "vitest";
import { flopsPerNsOf, GPUS, type Gpu, gpuNamed, gpuOf } from "../src/gpus.ts";
import { MODELS } from "../src/models/builtin.ts";
import { modelNamed } from "../src/models/index.ts";
import { distinctExperts, kvBytesOf, totalsOf } from "../src/models/shape.ts";
import { Roofline } from "../src/roofline.ts";

const h100 = gpuNamed("h100");

describe("GPUs", () => {
  test.each(GPUS)("$name is graded, and holds together", (gpu) => {
    expect(gpuOf(gpu)).toBe(gpu);
    expect(gpu.evidence.length).toBeGreaterThan(0);
    const { bf16, fp8, fp4 } = gpu.flopsPerNs;
    for (const [less, more] of [
      [bf16, fp8],
      [fp8, fp4],
    ])
      if (less && more) expect(more).toBeGreaterThan(less);
    // A step of decoding is bound by HBM until each weight that is read is used some hundred times.
    expect(bf16! / gpu.hbmBytesPerNs).toBeGreaterThan(10);
    const ingress = gpu.gpuIngressBytesPerNs ?? gpu.pcieBytesPerNs;
    expect(gpu.hbmBytesPerNs).toBeGreaterThan(ingress / 2);
    expect(ingress).toBeGreaterThanOrEqual(gpu.pcieBytesPerNs);
  });

  test("weights are multiplied in numbers that hold them, if the GPU does that", () => {
    expect([2, 1, 0.53125].map((bytes) => flopsPerNsOf(h100, bytes))).toEqual([989.4e3, 1978.9e3, 989.4e3]);
    expect(flopsPerNsOf(gpuNamed("b200"), 0.53125)).toBe(9e6);
    expect(flopsPerNsOf(gpuNamed("a100"), 1)).toBe(312e3);
  });

  test.each<[unknown, string]>([
    ["h1000", 'gpu must name a built-in GPU, got "h1000"; did you mean h100?'],
    [{ ...h100, hbmByte: 1 }, "gpu has no field hbmByte; did you mean hbmBytes?"],
    [{ ...h100, hbmBytes: 0 }, "hbmBytes must be above 0, got 0"],
    [{ ...h100, flopsPerNs: { bf16: null, fp8: null, fp4: null } }, "flopsPerNs.bf16 must be a number, got null"],
    [{ ...h100, gpuIngressBytesPerNs: -1 }, "gpuIngressBytesPerNs must be above 0, got -1"],
  ])("%j is refused", (gpu, message) => {
    expect(() => gpuOf(gpu as Gpu)).toThrow(message);
  });
});

describe("the roofline", () => {
  const model = modelNamed("mixtral-8x22b");
  const roofline = new Roofline(model, h100);

  test("one token reads two experts a layer: 56 x 2 x 604 MB at 3.35 TB/s", () => {
    const { gemmNs, distinctExperts: distinct } = roofline.step(1, 0);
    expect(distinct).toBeCloseTo(2, 12);
    expect(gemmNs).toBeCloseTo((56 * 2 * 3 * 6144 * 16_384 * 2) / 3350, 3);
  });

  test("many tokens are bound by flops", () => {
    const rows = 1e6;
    expect(roofline.gemmNs(8, rows)).toBeCloseTo((2 * 3 * 6144 * 16_384 * rows) / 989.4e3, 0);
    // Where both are equal: a weight of 2 bytes is used 2 flops a row, by rows x 2 flops / bytes.
    const even = (8 * 2 * 989.4e3) / (2 * 3350);
    expect(roofline.gemmNs(8, even)).toBeCloseTo((8 * model.expertBytes) / 3350, 0);
    expect(roofline.gemmNs(8, 1.01 * even)).toBeGreaterThan(roofline.gemmNs(8, even));
    expect(roofline.gemmNs(8, 0.99 * even)).toBe(roofline.gemmNs(8, even));
  });

  test("attention reads its weights, and each sequence's rows", () => {
    const bytes = model.attentionWeights * 2 + 32 * 2048 * model.kvBytesPerToken;
    expect(roofline.attentionNs(0, 32, 2048)).toBeCloseTo(bytes / 3350, 6);
    expect(() => roofline.attentionNs(56, 1, 1)).toThrow("layer must be from 0 to 55, got 56");
  });

  test.each(MODELS)("$name: a step is the sum of its layers, of which none reads a byte twice", (one) => {
    const of = new Roofline(one, "b200");
    const [batch, sequence] = [37, 4096];
    const step = of.step(batch, sequence);
    let ns = of.headNs(batch);
    for (let layer = 0; layer < one.layers; layer++) {
      ns += of.attentionNs(layer, batch, sequence);
      ns += one.moeLayers.includes(layer)
        ? of.routerNs(batch) + of.gemmNs(step.distinctExperts, batch * one.expertsPerToken) + of.sharedNs(batch)
        : of.denseNs(batch);
    }
    expect(step.totalNs / ns).toBeCloseTo(1, 9);
    expect(step.distinctExperts).toBe(distinctExperts(one.experts, one.expertsPerToken, batch));
    // All weights but those of experts that nobody chose, and of the embeddings that tokens come in by.
    const totals = totalsOf(one);
    const unread = (one.experts - step.distinctExperts) * one.expertBytes * one.moeLayers.length;
    const weights = totals.allBytes - unread - 2 * one.headWeights;
    const kv = step.hbmBytes - weights;
    expect(kv).toBeGreaterThan(0);
    // Rows that are chosen are not all read; a state is read and written.
    const [least, most] = [0, 2 * batch * kvBytesOf(one, sequence)];
    expect(kv).toBeGreaterThan(least);
    expect(kv).toBeLessThanOrEqual(most * (1 + 1e-9));
    // Flops of weights: two for each that is active, for each token.
    expect(step.flops).toBeGreaterThan(2 * batch * totals.activeParameters * (1 - 1e-9));
  });

  test("half of both peaks takes twice as long", () => {
    const half = new Roofline(model, h100, { flopsShare: 0.5, hbmShare: 0.5 });
    expect(half.step(64, 1024).totalNs / roofline.step(64, 1024).totalNs).toBeCloseTo(2, 12);
  });

  test("more of anything never takes less", () => {
    let before = roofline.step(1, 0).totalNs;
    for (const [batch, sequence] of [
      [1, 100],
      [2, 100],
      [2, 5000],
      [64, 5000],
      [512, 5000],
    ] as const) {
      const { totalNs } = roofline.step(batch, sequence);
      expect(totalNs).toBeGreaterThan(before);
      before = totalNs;
    }
  });

  test.each<[() => unknown, string]>([
    [() => new Roofline("mixtral", h100), 'model must name a built-in model, got "mixtral"'],
    [() => new Roofline(model, h100, { hbmShare: 0 }), "hbmShare must be above 0, got 0"],
    [() => new Roofline(model, h100, { flopsShare: 1.5 }), "flopsShare must be from 0 to 1, got 1.5"],
    [() => new Roofline(model, h100, { hbm: 1 } as object), "efficiency has no field hbm"],
    [() => roofline.step(0, 1), "batch must be from 1 to 1048576, got 0"],
    [() => roofline.step(1, -1), "sequence must be from 0 to 1073741824, got -1"],
    [() => roofline.step(1, 1, 9), "distinct must be from 0 to 8, got 9"],
  ])("%s is refused", (act, message) => {
    expect(act).toThrow(message);
  });
});
