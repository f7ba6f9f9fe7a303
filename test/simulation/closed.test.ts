import { describe, expect, inject, test } from "vitest";
import { Distribution } from "../../src/distribution.ts";
import type { OpticsAround } from "../../src/optics/index.ts";
import type { EnginePlan } from "../../src/simulation/memory.ts";
import { FENCE_NS, FIXED_NS, PORTS, POST_NS, steady, TRANSLATE_NS } from "../drive/shared.ts";
import { type AskedStep, TALLIED } from "../reference/decoded.ts";
import { outagesOf } from "../reference/links.ts";
import { type Decoded, decode, planOf } from "./shared.ts";

// What decoding comes to where that can be written down.

const GAP_NS = 62e3;
const ATTENTION_NS = 30e3;
const MULTIPLY_NS = 50e3;
const CAUSES = TALLIED.slice(0, 8);

/** Asks for the blocks given, layer by layer. */
const stepOf = (...asked: number[][]): AskedStep => ({
  attentionNs: ATTENTION_NS,
  multiplyNs: MULTIPLY_NS,
  layers: asked.map((blocks) => ({ asked: blocks, ahead: [] })),
});

/** Each hop takes 100 ns, three of them. */
const optics = steady(100);
const WAY_NS = 3 * 100 + FIXED_NS;
const BEFORE_NS = POST_NS + TRANSLATE_NS + WAY_NS;
const AFTER_NS = FENCE_NS + WAY_NS;

const sumOf = (step: Decoded["steps"][number], gpu = 0) =>
  CAUSES.reduce((sum, cause) => sum + step.tallies[gpu]![cause], 0);

test("with nothing to load, a step is the sum of its parts and a gap a layer, to the last bit", () => {
  const layers = [1, 2, 3].map((i) => ({ beforeNs: i * 1000, afterNs: i * 500, expertBytes: 20e6, allBytes: 335e6 }));
  const { steps, engine } = decode(planOf({ gpus: 2, optics }, { layers }), 2, () => stepOf([], [], []));
  // 335 MB at 3,350 bytes/ns take 100 us, which is more than MULTIPLY_NS.
  const stepNs = 3 * (ATTENTION_NS + GAP_NS + 100e3) + 6 * 1000 + 6 * 500;
  expect(steps.map(({ startNs, endNs }) => [startNs, endNs])).toEqual(
    [0, 0, 1, 1].map((i) => [i * stepNs, (i + 1) * stepNs]),
  );
  expect(engine.counts.posted).toBe(0);
});

test.each([
  ["blocking", (dataNs: number) => ATTENTION_NS + Math.max(GAP_NS, BEFORE_NS + dataNs + AFTER_NS) + MULTIPLY_NS],
  ["additive", (dataNs: number) => ATTENTION_NS + GAP_NS + BEFORE_NS + dataNs + AFTER_NS + MULTIPLY_NS],
  [
    "overlapped",
    // A quarter of the bytes is cold.
    (dataNs: number) =>
      ATTENTION_NS + Math.max(GAP_NS + MULTIPLY_NS * 0.75, BEFORE_NS + dataNs + AFTER_NS) + MULTIPLY_NS * 0.25,
  ],
] as const)("one GPU and one miss: what a load takes, and when %s multiplies", (fence, stepNs) => {
  for (const expertBytes of [20e6, 300e6]) {
    const shape = { expertBytes, allBytes: 4 * expertBytes };
    const plan = planOf({ gpus: 2, optics }, { fence, hbmBytesPerNs: 1e6 }, { shape });
    const { steps, loads } = decode(plan, 1, (gpu) => stepOf(gpu === 0 ? [1] : []));
    const dataNs = expertBytes / PORTS;
    const step = steps.find(({ unit }) => unit === 0)!;
    expect(Math.abs(step.endNs - stepNs(dataNs))).toBeLessThan(0.1); // a way is an f32
    expect(loads).toHaveLength(1);
    expect(loads[0]!.soloNs).toBe(dataNs);
    expect(Math.abs(sumOf(step) - step.endNs)).toBeLessThan(1e-6 * 1e-6 * step.endNs + 1e-6);
  }
});

test("the causes sum to the step, whatever happens", () => {
  const around: OpticsAround = {
    retrain: { ratePerLinkHour: 3.6e6, lowNs: 10e3, highNs: 90e3 },
    stall: { probabilityPerFrame: 1e-5, lowNs: 50, highNs: 5e3 },
  };
  const layers = Array.from({ length: 4 }, () => ({ beforeNs: 10, afterNs: 20, expertBytes: 40e6, allBytes: 160e6 }));
  for (const fence of ["blocking", "overlapped", "additive"] as const) {
    const plan = planOf({ gpus: 8, optics: steady(100, around) }, { fence, layers, unitGpus: 4 });
    const { steps, lostNs } = decode(plan, 20, (gpu, step) => {
      return stepOf(
        ...layers.map((_, layer) => ((gpu + step + layer) % 3 === 0 ? [layer * 8 + ((gpu * 3 + step) % 8)] : [])),
      );
    });
    for (const step of steps)
      for (let gpu = 0; gpu < 4; gpu++) {
        const ns = step.endNs - step.startNs;
        expect(Math.abs(sumOf(step, gpu) - ns) / ns).toBeLessThan(1e-9);
        for (const cause of CAUSES) expect(step.tallies[gpu]![cause]).toBeGreaterThanOrEqual(0);
      }
    expect(Math.max(...lostNs)).toBeGreaterThan(5e3);
  }
});

test("twice the bytes at twice the rates take the same time, bit for bit", () => {
  const optics = steady(100);
  const runOf = (times: number) => {
    const fabric = {
      dpuPaceBytesPerNs: 1024 * times,
      chunkBytes: 2 ** 20 * times,
      sourceEgressBytesPerNs: 300 * times,
      sourceHbmBytesPerNs: 3350 * times,
      gpuIngressBytesPerNs: 450 * times,
      ports: 32 * times,
    };
    const shape = { expertBytes: 20e6 * times, allBytes: 160e6 * times };
    const plan = planOf({ gpus: 8, optics, fabric }, { hbmBytesPerNs: 3350 * times, contended: true }, { shape });
    return decode(plan, 5, (gpu, step) => stepOf([(gpu + step) % 8, (gpu + step + 3) % 8]));
  };
  const [one, two] = [runOf(1), runOf(2)];
  const instants = ({ loads }: Decoded) => loads.map(({ arrivedNs, doneNs, readyNs }) => [arrivedNs, doneNs, readyNs]);
  expect(instants(two)).toEqual(instants(one));
  expect(two.steps.map(({ endNs }) => endNs)).toEqual(one.steps.map(({ endNs }) => endNs));
});

test("two clusters that share nothing are each as if alone", () => {
  // Blocks 0 to 3 lie in the first half, 4 to 7 in the second.
  const copiesIn = (gpus: number) => ({
    starts: Uint32Array.from({ length: 9 }, (_, i) => i),
    gpus: Uint32Array.from({ length: 8 }, (_, i) => ((i >> 2) * 4 + (i & 3)) % gpus),
  });
  const planIn = (gpus: number) =>
    planOf({ gpus, optics, fabric: { gpusPerDpu: 4 } }, { copies: copiesIn(gpus), unitGpus: 4, contended: true });
  const asks = (gpu: number, step: number) =>
    stepOf([(gpu & 4) + ((gpu + step) & 3), (gpu & 4) + ((gpu + step + 2) & 3)]);
  const alone = decode(planIn(4), 6, asks);
  const both = decode(planIn(8), 6, asks);
  expect(alone.loads.length).toBeGreaterThan(40);
  expect(both.loads.filter(({ gpu }) => gpu < 4)).toEqual(alone.loads);
  expect(both.steps.filter(({ unit }) => unit === 0)).toEqual(alone.steps);
});

describe("an overtaken load", () => {
  const CHUNK = 1e6;
  // Whole chunks, of which the rate makes no round number: what rounding leaves of the last one must be no chunk of its own.
  const bytesOf = (chunks: number) => chunks * CHUNK;

  /** GPU 0 asks with a later deadline, 1 so much later with an earlier one: their layers differ in what comes before. */
  function overtaking(behindNs: number, fabric: object = {}) {
    const plan = planOf(
      { gpus: 4, optics, fabric: { gpusPerDpu: 4, chunkBytes: CHUNK, ports: 12, ...fabric } },
      {
        forced: false,
        eager: true,
        layers: [0, 1].map(() => ({ beforeNs: 0, afterNs: 0, expertBytes: bytesOf(302), allBytes: 0 })),
        copies: {
          starts: Uint32Array.from({ length: 17 }, (_, i) => i),
          gpus: Uint32Array.from({ length: 16 }, (_, i) => 2 + (i & 1)),
        },
        cache: { budgetBytes: 1e12, perLayer: false },
      },
    );
    // GPU 0 prefetches, so that it is overtaken by GPU 1, which demands.
    return decode(plan, 1, (gpu) => ({
      attentionNs: ATTENTION_NS + (gpu === 1 ? behindNs : gpu === 0 ? 0 : 1e6),
      multiplyNs: MULTIPLY_NS,
      layers: [
        { asked: gpu === 1 ? [1] : [], ahead: gpu === 0 ? [[8, 1] as [number, number]] : [] },
        { asked: [], ahead: [] },
      ],
    }));
  }

  test("is cut at the edge of a chunk, and ends later by exactly what the other takes", () => {
    const rate = (12 / 16) * PORTS;
    const chunkNs = CHUNK / rate;
    const serviceNs = bytesOf(302) / rate;
    // A prefetch is posted 4 us after its router's choice.
    for (const chunks of [3.4, 100.5, 250.01, 300.9]) {
      const { loads } = overtaking(4000 + chunks * chunkNs);
      const [slow, urgent] = [loads.find(({ gpu }) => gpu === 0)!, loads.find(({ gpu }) => gpu === 1)!];
      const startNs = slow.arrivedNs + Math.ceil(chunks) * chunkNs;
      expect(Math.abs(urgent.doneNs - (startNs + serviceNs))).toBeLessThan(1e-6);
      expect(Math.abs(slow.doneNs - (slow.arrivedNs + 2 * serviceNs))).toBeLessThan(1e-6);
    }
  });

  test("goes first if its last chunk is under way", () => {
    // Rates of which 302 chunks' time, and 302 times a chunk's, differ in the last bit either way.
    for (const ports of [3, 5, 6, 7, 9, 10, 11, 12, 13, 14]) {
      const rate = (ports / 16) * PORTS;
      const serviceNs = bytesOf(302) / rate;
      const { loads } = overtaking(4000 + (301.5 * CHUNK) / rate, { ports });
      const [slow, urgent] = [loads.find(({ gpu }) => gpu === 0)!, loads.find(({ gpu }) => gpu === 1)!];
      expect(Math.abs(slow.doneNs - (slow.arrivedNs + serviceNs)), `${ports} ports`).toBeLessThan(1e-6);
      expect(Math.abs(urgent.doneNs - (slow.doneNs + serviceNs)), `${ports} ports`).toBeLessThan(1e-6);
    }
  });
});

describe("faults", () => {
  const asks = (gpu: number, step: number) => stepOf(gpu < 4 ? [(gpu * 3 + step) % 8] : []);
  const planWith = (around: OpticsAround, given: Partial<EnginePlan> = {}) =>
    planOf({ gpus: 8, optics: steady(100, around), fabric: { ports: 4 } }, given, { shape: { expertBytes: 50e6 } });
  // Four ports and three hops, in step: twelve links, each of which goes out every 3.2 ms.
  const retrain = { ratePerLinkHour: 3.6e12 / 3.2e6, lowNs: 40e3, highNs: 40e3 };

  test("outages cost what they last, and are told apart from waiting", () => {
    // One GPU asks, so that nobody waits for another.
    const plan = planWith({ retrain }, {});
    const alone = (gpu: number, step: number) => stepOf(gpu === 0 ? [(step * 3 + 1) % 8] : []);
    const { loads, steps, lostNs } = decode(plan, inject("build") === "debug" ? 100 : 400, alone);
    const untilNs = Math.max(...loads.map(({ doneNs }) => doneNs)) + 1;
    const lengthNs = Distribution.uniform(retrain.lowNs, retrain.highNs);
    const outages = outagesOf(0, { seed: 1, gapNs: 3.2e6 / 12, lengthNs, untilNs });
    let struck = 0;
    loads.forEach((load, i) => {
      let doneNs = load.arrivedNs + load.soloNs;
      for (const { beginNs, endNs } of outages)
        if (endNs > load.arrivedNs && beginNs < doneNs) doneNs += endNs - Math.max(beginNs, load.arrivedNs);
      expect(Math.abs(load.doneNs - doneNs)).toBeLessThan(1e-6);
      expect(Math.abs(lostNs[i]! - (doneNs - load.arrivedNs - load.soloNs))).toBeLessThan(1e-6);
      if (lostNs[i]! > 0) struck++;
    });
    expect(struck).toBeGreaterThan(loads.length / 20);
    for (const { tallies } of steps) expect(tallies[0]!.wait).toBeLessThan(1e-6);
    expect(steps.reduce((sum, { tallies }) => sum + tallies[0]!.outage, 0)).toBeGreaterThan(100e3);
  });

  test("an outage in which nobody is on the way costs nothing, and none can be shorter than without faults", () => {
    const plain = decode(planWith({}), 40, asks);
    const struck = decode(planWith({ retrain }), 40, asks);
    expect(struck.loads.length).toBe(plain.loads.length);
    const totalNs = ({ steps }: Decoded) => Math.max(...steps.map(({ endNs }) => endNs));
    expect(totalNs(struck)).toBeGreaterThan(totalNs(plain));
    for (const { arrivedNs, doneNs, soloNs } of struck.loads) expect(doneNs - arrivedNs).toBeGreaterThan(soloNs - 1e-6);
    for (const { gpu, doneNs, arrivedNs } of struck.loads.filter((_, i) => struck.lostNs[i] === 0)) {
      expect(gpu).toBeLessThan(4);
      expect(doneNs - arrivedNs).toBeLessThan((4 * 50e6) / ((4 / 16) * PORTS) + 1);
    }
  });

  test("stalls of frames lengthen the data of who has them", () => {
    const plan = planWith({ stall: { probabilityPerFrame: 1e-4, lowNs: 300, highNs: 300 } });
    const { loads, lostNs } = decode(plan, 200, (gpu, step) => stepOf(gpu === 0 ? [(step * 3 + 1) % 8] : []));
    // 5,556 frames a load, three hops each: 1.67 stalls of 300 ns a load, give or take six standard errors.
    const mean = lostNs.reduce((sum, ns) => sum + ns, 0) / loads.length / 300;
    const expected = (50e6 / 9000) * 3e-4;
    expect(Math.abs(mean - expected)).toBeLessThan(6 * Math.sqrt(expected / loads.length));
    loads.forEach((load, i) => {
      expect(Math.abs(load.doneNs - load.arrivedNs - load.soloNs - lostNs[i]!)).toBeLessThan(1e-6);
      expect(Math.abs(lostNs[i]! / 300 - Math.round(lostNs[i]! / 300))).toBeLessThan(1e-6);
    });
  });
});

test("an open queue waits as M/D/1 does", () => {
  // Many GPUs behind one DPU, each of which asks once in a long time: what they ask for is nearly a Poisson stream. A closed
  // system of N sources at utilisation u waits less by about u / N of it.
  const gpus = 256;
  const fabric = { gpusPerDpu: gpus, dpuPaceBytesPerNs: 100, sourceEgressBytesPerNs: 1e4, gpuIngressBytesPerNs: 1e4 };
  const serviceNs = 1e6 / 100;
  const utilisation = 0.6;
  const plan = planOf(
    { gpus, optics, fabric, order: "arrival" },
    { gapNs: 0, copies: spread(gpus) },
    { shape: { expertBytes: 1e6 } },
  );
  let state = 12345;
  const draw = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state + 0.5) / 2 ** 32;
  };
  const thinkNs = (gpus * serviceNs) / utilisation;
  const steps = inject("build") === "debug" ? 40 : 160;
  const { loads } = decode(plan, steps, () => ({
    ...stepOf([0]),
    attentionNs: -Math.log(draw()) * thinkNs,
    multiplyNs: 0,
  }));
  const waits = loads.slice(gpus * 4).map(({ doneNs, arrivedNs, soloNs }) => doneNs - arrivedNs - soloNs);
  const mean = waits.reduce((sum, ns) => sum + ns, 0) / waits.length;
  const theory = (utilisation / (2 * (1 - utilisation))) * serviceNs;
  // Means of 32 stretches give the error; a load's own time adds to the think time, which lowers the utilisation by 0.6%.
  const stretch = Math.floor(waits.length / 32);
  const means = Array.from(
    { length: 32 },
    (_, i) => waits.slice(i * stretch, (i + 1) * stretch).reduce((a, b) => a + b, 0) / stretch,
  );
  const deviation = Math.sqrt(means.reduce((sum, ns) => sum + (ns - mean) ** 2, 0) / 31 / 32);
  expect(Math.abs(mean - theory)).toBeLessThan(4 * deviation + 0.02 * theory);
  expect(deviation).toBeLessThan(0.1 * theory);
});

/** Block 0 on the last GPU, which asks for it of itself; the others of nobody. */
function spread(gpus: number) {
  return { starts: Uint32Array.from({ length: 9 }, (_, i) => i), gpus: new Uint32Array(8).fill(gpus - 1) };
}
