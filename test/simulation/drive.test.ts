import { expect, test } from "vitest";
import { type Row, runOf, steady, trafficOf } from "../drive/shared.ts";
import type { AskedStep } from "../reference/decoded.ts";
import { decode, planOf } from "./shared.ts";

// The traffic of a simulation, driven through the pacer, which reads chunk by chunk and takes a chunk only when all that it
// passes is free. A load of the simulation takes turns at all its servers at once.

const CHUNK = 1e6;
const GPUS = 8;

/** How much earlier than when driven loads have come, in nanoseconds. */
function earlierNs(rates: { dpuPaceBytesPerNs: number; sourceEgressBytesPerNs: number }) {
  const drive = {
    optics: steady(100),
    gpus: GPUS,
    order: "arrival" as const,
    fabric: {
      chunkBytes: CHUNK,
      gpusPerDpu: 4,
      ports: 4096,
      sourceHbmBytesPerNs: UNBOUND,
      gpuIngressBytesPerNs: UNBOUND,
      ...rates,
    },
  };
  const plan = planOf(drive, { deadlineNs: 1e6 }, { shape: { expertBytes: 30e6 }, copies: 1 });
  let state = 7;
  const draw = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  const stepOf = (gpu: number): AskedStep => ({
    attentionNs: 20e3 + 200e3 * draw(),
    multiplyNs: 0,
    // One at a time: of two that are posted at once either may be first.
    layers: [{ asked: [Math.floor(8 * draw())].filter((block) => (block * 7) % GPUS !== gpu), ahead: [] }],
  });
  const { loads } = decode(plan, 60, stepOf);
  const rows = loads.map(({ gpu, source, postedNs, bytes }, i): Row => {
    return { fenceId: i + 1, postNs: postedNs, source, destination: gpu, sizeBytes: bytes, slackNs: 1e12 };
  });
  const traffic = trafficOf(rows);
  const { ends } = runOf(traffic, { ...drive, queueDepth: 4096 }, GPUS);
  const driven = new Map([...traffic.fenceId].map((fenceId, row) => [fenceId, ends.dataNs[row]!]));
  expect(loads.length).toBeGreaterThan(300);
  return loads.map(({ doneNs }, i) => driven.get(i + 1)! - doneNs);
}

const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
// A gate that is taken for a moment lets another load of the DPU go before, chunk after chunk if they keep step.
const UNBOUND = 1e9;

test.each([
  ["the DPU", { dpuPaceBytesPerNs: 300, sourceEgressBytesPerNs: UNBOUND }, 300],
  ["the source", { dpuPaceBytesPerNs: UNBOUND, sourceEgressBytesPerNs: 60 }, 60],
])("where %s binds, loads come when they do chunk by chunk, to a chunk", (_, fabric, rate) => {
  const found = earlierNs(fabric);
  for (const ns of found) expect(Math.abs(ns)).toBeLessThan(CHUNK / rate);
});

test("where two bind by turns, loads come early on the whole: they wait for both at once", () => {
  // By 50 us in the mean of 410 loads that take 231 us alone; single ones by 567 us, or late by 143 us, as the order differs.
  const found = earlierNs({ dpuPaceBytesPerNs: 300, sourceEgressBytesPerNs: 130 });
  expect(mean(found)).toBeGreaterThan(0);
  expect(mean(found)).toBeLessThan(30e6 / 130);
});
