import { LOAD_DEMANDED, LOAD_PREFETCHED, LOG_LOAD, LOG_ROW } from "../../assembly/simulation-layout.ts";
import { type DriveOptions, planDrive } from "../../src/drive/plan.ts";
import { Engine } from "../../src/simulation/engine.ts";
import type { EnginePlan, LayerShape } from "../../src/simulation/memory.ts";
import {
  type AskedStep,
  type LayerRow,
  type LoadRow,
  type StepRow,
  TALLIED,
  type Tally,
} from "../reference/decoded.ts";

/** A cluster whose blocks are each placed on one GPU in turn, and on the one after it; forced, of one layer, unless given. */
export function planOf(
  drive: DriveOptions & { gpus: number },
  given: Partial<EnginePlan> = {},
  { copies = 2, shape = {} }: { copies?: number; shape?: Partial<LayerShape> } = {},
): EnginePlan {
  const { layers = [{ beforeNs: 0, afterNs: 0, expertBytes: 20e6, allBytes: 160e6, ...shape }], experts = 8 } = given;
  const blocks = layers.length * experts;
  const starts = Uint32Array.from({ length: blocks + 1 }, (_, i) => i * copies);
  const gpus = Uint32Array.from({ length: blocks * copies }, (_, i) => {
    const block = Math.floor(i / copies);
    return (block * 7 + (i % copies)) % drive.gpus;
  });
  return {
    fabric: planDrive(drive, drive.gpus),
    unitGpus: 1,
    layers,
    experts,
    fence: "blocking",
    forced: true,
    contended: false,
    gapNs: 62e3,
    deadlineNs: 180e3,
    predictNs: 4e3,
    hbmBytesPerNs: 3350,
    stretch: 1,
    cache: { budgetBytes: 0, perLayer: false },
    copies: { starts, gpus },
    demandMost: blocks,
    layerDemandMost: experts,
    aheadMost: blocks * 2,
    prefetchesMost: 4,
    logMost: 0,
    layerNs: 200e3,
    eager: false,
    evictedChance: 0.2,
    ...given,
  };
}

/** What decoding came to: the same of the kernels as of the reference. */
export interface Decoded {
  loads: LoadRow[];
  layers: LayerRow[];
  steps: StepRow[];
  refused: number;
}

export interface KernelDecoded extends Decoded {
  engine: Engine;
  /** What faults took of loads, in the order of `loads`. */
  lostNs: number[];
}

/** Writes a step of a GPU. */
export function give(engine: Engine, gpu: number, { attentionNs, multiplyNs, layers }: AskedStep): void {
  const into = engine.stepOf(gpu);
  let [count, foreseen] = [0, 0];
  layers.forEach(({ asked, ahead }, layer) => {
    into.starts[layer] = count;
    into.aheadStarts[layer] = foreseen;
    for (const block of asked) into.demand[count++] = block;
    for (const [block, confidence] of ahead) {
      into.aheadBlocks[2 * foreseen] = block;
      into.aheadConfidence[2 * foreseen + 1] = confidence;
      foreseen++;
    }
  });
  into.starts[layers.length] = count;
  into.aheadStarts[layers.length] = foreseen;
  into.setCompute(attentionNs, multiplyNs);
}

/** Has the kernels decode `steps` steps of each unit. */
export function decode(
  plan: EnginePlan,
  steps: number,
  stepOf: (gpu: number, step: number) => AskedStep,
): KernelDecoded {
  const { gpus } = plan.fabric;
  const engine = new Engine({
    ...plan,
    logMost: 4 * gpus * steps * (plan.demandMost + plan.aheadMost + plan.layers.length),
  });
  const rows: StepRow[] = [];
  const done = new Array<number>(engine.units).fill(0);
  const gpusOf = (unit: number) => Array.from({ length: plan.unitGpus }, (_, i) => unit * plan.unitGpus + i);
  const start = (unit: number, atNs: number) => {
    for (const gpu of gpusOf(unit)) give(engine, gpu, stepOf(gpu, done[unit]!));
    engine.start(unit, atNs);
  };
  for (let unit = 0; unit < engine.units; unit++) start(unit, 0);
  for (let unit = engine.run(); unit >= 0; unit = engine.run()) {
    const [startNs, endNs] = [engine.startNs(unit), engine.endNs(unit)];
    const tallies = gpusOf(unit).map((gpu) => {
      const tally = engine.tally(gpu);
      const named = Object.fromEntries(TALLIED.map((name, i) => [name, tally[i]!])) as Tally;
      tally.fill(0);
      return named;
    });
    rows.push({ unit, step: done[unit]!, startNs, endNs, tallies });
    if (++done[unit]! < steps) start(unit, endNs);
  }
  return { engine, steps: rows, refused: engine.counts.refused, ...logged(engine) };
}

function logged(engine: Engine) {
  const { words, values, rows } = engine.takeLog();
  const loads: (LoadRow & { lostNs: number })[] = [];
  const layers: LayerRow[] = [];
  for (let row = 0; row < rows * LOG_ROW; row += LOG_ROW) {
    const [kind, gpu, what, source] = words.subarray(2 * row, 2 * row + 4);
    const [a, b, c, d, e, f, g, h] = values.subarray(row + 2, row + 10);
    if (kind !== LOG_LOAD) {
      layers.push({ gpu: gpu!, layer: what!, startNs: a!, routerNs: b!, readyNs: c!, endNs: d! });
      continue;
    }
    loads.push({
      gpu: gpu!,
      block: what!,
      source: source!,
      postedNs: a!,
      arrivedNs: b!,
      doneNs: c!,
      readyNs: d!,
      soloNs: e!,
      lostNs: f!,
      bytes: g!,
      demanded: (h! & LOAD_DEMANDED) !== 0,
      prefetched: (h! & LOAD_PREFETCHED) !== 0,
    });
  }
  loads.sort(byPost);
  return { loads, layers, lostNs: loads.map(({ lostNs }) => lostNs) };
}

export const byPost = (a: LoadRow, b: LoadRow) => a.postedNs - b.postedNs || a.gpu - b.gpu || a.block - b.block;
const byLayer = (a: LayerRow, b: LayerRow) => a.startNs - b.startNs || a.gpu - b.gpu;
const byStep = (a: StepRow, b: StepRow) => a.unit - b.unit || a.step - b.step;

/** All that happened as rows of names and numbers, in an order of its own. */
export function rowsOf({ loads, layers, steps }: Decoded): [name: string, value: number][][] {
  const pick = (row: object, names: readonly string[]): [string, number][] =>
    names.map((name) => [name, Number((row as Record<string, number>)[name])]);
  return [
    ...loads
      .toSorted(byPost)
      .map((row) =>
        pick(row, [
          "gpu",
          "block",
          "source",
          "postedNs",
          "arrivedNs",
          "doneNs",
          "readyNs",
          "soloNs",
          "bytes",
          "demanded",
          "prefetched",
        ]),
      ),
    ...layers.toSorted(byLayer).map((row) => pick(row, ["gpu", "layer", "startNs", "routerNs", "readyNs", "endNs"])),
    ...steps
      .toSorted(byStep)
      .flatMap((row) => [
        pick(row, ["unit", "step", "startNs", "endNs"]),
        ...row.tallies.map((tally) => pick(tally, TALLIED)),
      ]),
  ];
}
