import { describe, expect, test } from "vitest";
import { type CapacityReport, capacityCurves, planCapacity } from "../src/capacity/index.ts";
import type { CapacityOptions } from "../src/capacity/problem.ts";
import { clusterReach, opticsReach } from "../src/capacity/reach.ts";
import { gpuNamed } from "../src/gpus.ts";
import { modelNamed, modelOf } from "../src/models/index.ts";
import { kvBytesOf, totalsOf } from "../src/models/shape.ts";
import { opticsNamed } from "../src/optics/index.ts";
import { Roofline } from "../src/roofline.ts";

const frontier = modelNamed("frontier-1.8t");
/** Nothing but room for experts binds. */
const roomy: CapacityOptions = { model: frontier, sequences: 1, loadsPerStep: 0, sloNs: 1e12, landingSlots: 0 };
const need = ({ needs }: CapacityReport, name: string) => needs.find((one) => one.name === name)!.gpus;

describe("slots", () => {
  test("one copy of 11,264 experts of 160 MB is 22.5 GPUs of 80 GB, so 23 with nothing else in them", () => {
    // All else shared by so many GPUs that nothing of it is left on one.
    const bare = { ...roomy, otherGpus: 2 ** 16, cluster: { gpusPerNode: 1, kvReserveShare: 0 } };
    expect(planCapacity({ ...bare, sequence: 0 })).toMatchObject({ status: "feasible", gpus: 23, binding: "slots" });
  });

  test("all else, and what is kept for sequences, leave 64 GB less 13.6 GB a GPU: 36, which are 5 nodes of 8", () => {
    const report = planCapacity(roomy);
    const slots = Math.floor((0.8 * 80e9 - totalsOf(frontier).otherBytes) / 160e6);
    expect(report.state).toMatchObject({ slots, copies: 1 });
    expect(report.gpus).toBe(8 * Math.ceil(11_264 / slots / 8));
    expect(planCapacity({ ...roomy, cluster: { gpusPerNode: 1 } }).gpus).toBe(Math.ceil(11_264 / slots));
    expect(planCapacity({ ...roomy, landingSlots: 5 }).state.slots).toBe(slots - 5);
    expect(planCapacity({ ...roomy, copiesMin: 3 }).gpus).toBe(8 * Math.ceil((3 * 11_264) / slots / 8));
  });

  test("experts within reach: a copy for each neighbourhood, or none fits", () => {
    const pods = {
      ...roomy,
      radiusHops: 2,
      cluster: { gpusPerPod: 48 },
      sequences: 400,
      estimate: ({ batch }: { batch: number }) => batch,
    };
    // A pod of 48 holds all: as many pods as the SLO takes, a copy each.
    const report = planCapacity({ ...pods, sloNs: 2 });
    expect(report).toMatchObject({ status: "feasible", gpus: 240, binding: "slo", state: { copies: 5, batch: 2 } });
    expect(need(report, "slots")).toBe(40);
    const none = planCapacity({ ...roomy, radiusHops: 1, gpusMax: 256 });
    expect(none).toMatchObject({ status: "infeasible", gpus: null, binding: "slots", candidates: 32 });
    expect(none.state.copies).toBe(32);
  });

  test("groups that hold all experts fetch nothing", () => {
    const group = (groupGpus: number) => planCapacity({ model: frontier, groupGpus, sequences: 256, gpusMax: 512 });
    expect(group(32)).toMatchObject({ status: "infeasible", binding: "slots" });
    const report = group(64);
    expect(report).toMatchObject({ status: "feasible", state: { loadsPerStep: 0 } });
    expect(report.gpus! % 64).toBe(0);
    expect(() => planCapacity({ model: frontier, groupGpus: 64, loadsPerStep: 1 })).toThrow(
      "loadsPerStep must be 0 where groupGpus hold all experts, got 1",
    );
  });
});

describe("sequences, loads, steps", () => {
  test("sequences have room where as many as it takes share the reserve", () => {
    const model = modelOf("mixtral-8x22b");
    const options = {
      ...roomy,
      model,
      sequences: 512,
      sequence: 32_768,
      cluster: { gpu: "h200", kvReserveShare: 0.1 },
      otherGpus: 8,
    };
    const each = Math.floor((0.1 * 141e9) / kvBytesOf(model, 32_768));
    const report = planCapacity(options);
    expect(report.binding).toBe("sequences");
    expect(report.gpus).toBe(8 * Math.ceil(512 / each / 8));
  });

  test("a resource is at most so busy: a longer step makes it less so", () => {
    // 14 loads of 160 MB by each of 8 GPUs, through a DPU of 1,600 bytes/ns.
    const dpuNs = (8 * 14 * 160e6) / 1600;
    const options = (stepNs: number): CapacityOptions => ({
      ...roomy,
      loadsPerStep: 14,
      estimate: () => stepNs,
      cluster: { gpuIngressBytesPerNs: 1e4, sourceEgressBytesPerNs: 1e4, sourceHbmBytesPerNs: 1e4, ports: 1000 },
      gpusMax: 64,
    });
    expect(planCapacity(options(dpuNs / 0.8 + 1)).status).toBe("feasible");
    const late = planCapacity(options(dpuNs / 0.8 - 1));
    expect(late).toMatchObject({ status: "infeasible", binding: "load", next: "slots" });
    expect(late.state.terms.find(({ name }) => name === "load")!.because).toMatch(/^DPU pace: busy for 80%/);
  });

  test("steps as estimated: roofline, gaps and loads, or as given", () => {
    const { state } = planCapacity({ model: frontier, sequences: 64, cluster: { gpu: "r200" }, loadsPerStep: 14 });
    const bare = new Roofline(frontier, gpuNamed("r200")).step(state.batch, 2048).totalNs;
    expect(state.stepNs - bare).toBeCloseTo(44 * 62e3 + 14 * 180e3, 3);
    const given = planCapacity({ ...roomy, sloNs: 100, estimate: ({ gpus }) => 12_345 / gpus });
    expect(given).toMatchObject({ gpus: 128, binding: "slo", next: "slots" });
  });

  test("none smaller bears it: every candidate before fails a term", () => {
    const options: CapacityOptions = { model: "deepseek-v3", sequences: 300, cluster: { gpusPerNode: 4 } };
    const { gpus, candidates, needs } = planCapacity(options);
    expect(candidates).toBe(gpus! / 4);
    expect(Math.max(...needs.map((one) => one.gpus!))).toBeLessThanOrEqual(gpus!);
    expect(planCapacity({ ...options, gpusMax: gpus! - 4 }).status).toBe("infeasible");
  });
});

test("curves: never fewer GPUs for a tighter SLO, and none where nothing is reached", () => {
  const reaches = ["cpo-800g", "lpo-800g"].map((name) => {
    const optics = opticsNamed(name);
    return { optics, ...opticsReach(optics, frontier, { gpu: "r200" }) };
  });
  expect(reaches.map(({ radiusHops }) => radiusHops)).toEqual([3, 0]);
  const slos = [10e6, 20e6, 40e6, 80e6, 160e6];
  const options = { model: frontier, cluster: { gpu: "r200" }, sequences: 512, gpusMax: 1024 };
  const [cpo, lpo] = capacityCurves(options, reaches, slos);
  const gpus = cpo!.points.map((point) => point.gpus ?? Number.POSITIVE_INFINITY);
  expect(gpus.toSorted((a, b) => b - a)).toEqual(gpus);
  expect(gpus.at(-1)).toBeLessThan(64);
  expect(lpo!.points.every((point) => point.gpus === null && point.binding === "slots")).toBe(true);
});

test("a reach is as far as every tier holds over its own optics", () => {
  const reachOf = (tiers: object) => clusterReach(frontier, { gpu: "r200", gpusPerPod: 64, optics: "cpo-800g", tiers });
  expect(reachOf({}).radiusHops).toBe(3);
  const none = { optics: "lpo-800g" };
  expect(reachOf({ anywhere: none }).radiusHops).toBe(2);
  expect(reachOf({ pod: { ports: 1 } }).radiusHops).toBe(1);
  expect(reachOf({ node: none })).toEqual({ radiusHops: 0, loadNs: 0 });
});

test("curves are those of each kind's own rate, on the ports that the cluster has", () => {
  // Sixteen loads a step are more than four ports of 800 Gb/s carry in it; four of 1.6 Tb/s carry them.
  const options = { model: frontier, sequences: 512, gpusMax: 512, loadsPerStep: 16 };
  const reach = { radiusHops: 3, loadNs: 180e3 };
  const reaches = ["cpo-800g", "cpo-1600g"].map((name) => ({ optics: opticsNamed(name), ...reach }));
  const four = { optics: "pcb", ports: 4 };
  for (const stated of [four, { tiers: { node: four, pod: four, anywhere: four } }]) {
    const [slow, fast] = capacityCurves({ ...options, cluster: { gpu: "r200", ...stated } }, reaches, [60e6]);
    expect(slow!.points[0]!.gpus).toBe(null);
    expect(fast!.points[0]!.gpus).toBeLessThan(512);
  }
});

test.each<[object, string]>([
  [{ model: "frontier" }, 'model must name a built-in model, got "frontier"'],
  [{ model: frontier, sequence: -1 }, "sequence must be from 0 to 1073741824, got -1"],
  [{ model: frontier, radiusHops: 4 }, "radiusHops must be from 0 to 3, got 4"],
  [{ model: frontier, sloMs: 4 }, "options has no field sloMs; did you mean sloNs?"],
  [{ model: frontier, cluster: { gpus: 4 } }, "cluster has no field gpus; did you mean gpu?"],
  [{ model: frontier, utilisationMax: 1.1 }, "utilisationMax must be from 0 to 1, got 1.1"],
  [{ model: frontier, gpusMax: 7 }, "gpusMax must leave room for one group or node, got 7"],
])("%# is refused", (options, message) => {
  expect(() => planCapacity(options as CapacityOptions)).toThrow(message);
});
