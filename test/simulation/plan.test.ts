import { expect, test } from "vitest";
import { DECODE, PREFILL, type Routes } from "../../src/routes/routes.ts";
import { type DecodingOptions, planDecoding } from "../../src/simulation/plan.ts";

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

test("two GPUs fetch from one another, and one that needs nothing may be alone", () => {
  expect(planDecoding({ model, cluster }).copies).toBe(1);
  expect(planDecoding({ model, cluster: { gpus: 1, gpu: "r200" }, cold: { share: 0 } }).copies).toBe(1);
});
