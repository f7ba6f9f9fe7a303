import { DRAWN, HISTOGRAM_COUNTS, OUTAGE_NS, QUANTILES } from "../../assembly/layout.ts";
import * as sim from "../../assembly/simulation-layout.ts";
import { seedWords } from "../random.ts";
import { workspace } from "../wasm.ts";
import { type EnginePlan, FAULT_WORDS_OF_TABLES, layOut } from "./memory.ts";
import { partsOf } from "./parts.ts";

/** Ways of loads are drawn from the streams before it, one a GPU. */
const FIRST_DEMAND_STREAM = 2 ** 30;

/** What a GPU is given for its next step. */
export interface GpuStep {
  /** Where a layer's blocks begin in `demand`, and where the last layer's end. */
  starts: Uint32Array;
  demand: Uint32Array;
  /** The same of what is predicted as a layer is routed: pairs of block and confidence, a u32 and an f32. */
  aheadStarts: Uint32Array;
  aheadBlocks: Uint32Array;
  aheadConfidence: Float32Array;
  /** Attention and router of each layer, and what its multiplication takes at least. */
  setCompute: (attentionNs: number, multiplyNs: number) => void;
}

/** A cluster that decodes: steps are given to its units of GPUs, and it tells which is through first. */
export class Engine {
  readonly plan: EnginePlan;
  readonly units: number;
  /** Of loads that were demanded: cells of a Histogram, from the router's choice to the weights in place. */
  readonly times: Float64Array;
  readonly #state: Float64Array;
  readonly #words: Uint32Array;
  readonly #parts: ReturnType<typeof partsOf>;
  readonly #start: (unit: number, atNs: number) => void;
  readonly #run: () => number;
  readonly #strike: (server: number, beginNs: number, endNs: number) => void;
  readonly #draw: (gpu: number, step: number) => void;
  readonly #bits: Uint32Array;

  constructor(plan: EnginePlan) {
    const parts = partsOf(plan);
    const { kernels, views, at } = workspace({
      state: ["F64", parts.bytes / 8],
      tables: ["F32", 6 * QUANTILES],
      faults: ["F32", parts.faults ? FAULT_WORDS_OF_TABLES : 0],
      bits: ["U32", 2 * plan.layers.length],
    });
    const [low, high] = seedWords({ seed: plan.fabric.seed });
    const { state } = views;
    layOut(plan, parts, state, views, (server) => kernels.startFaults(at.state, at.faults, server));
    this.plan = plan;
    this.units = plan.fabric.gpus / plan.unitGpus;
    this.times = state.subarray(parts.at.times / 8, parts.at.times / 8 + HISTOGRAM_COUNTS);
    this.#state = state;
    this.#words = new Uint32Array(state.buffer, state.byteOffset, 2 * state.length);
    this.#parts = parts;
    this.#start = (unit, atNs) => kernels.startStep(at.state, unit, atNs);
    this.#bits = views.bits;
    this.#draw = (gpu, step) =>
      kernels.drawBitsAt(at.bits, low, high, FIRST_DEMAND_STREAM + gpu, step * 2 * plan.layers.length);
    this.#run = () => kernels.runDecoding(at.state);
    this.#strike = (server, beginNs, endNs) => kernels.strikeServer(at.state, server, beginNs, endNs);
  }

  /** Where the next step of a GPU is written; the same arrays every time. */
  stepOf(gpu: number): GpuStep {
    const { at } = this.#parts;
    const words = this.#words;
    const starts = this.plan.layers.length + 1;
    const part = (from: number, length: number) => words.subarray(from, from + length);
    const row = at.gpus + gpu * sim.GPU;
    const pairs = part((at.ahead + gpu * this.plan.aheadMost * sim.AHEAD) / 4, 2 * this.plan.aheadMost);
    return {
      starts: part(at.starts / 4 + gpu * starts, starts),
      demand: part(at.demand / 4 + gpu * this.plan.demandMost, this.plan.demandMost),
      aheadStarts: part(at.aheadStarts / 4 + gpu * starts, starts),
      aheadBlocks: pairs,
      aheadConfidence: new Float32Array(pairs.buffer, pairs.byteOffset, pairs.length),
      setCompute: (attentionNs, multiplyNs) => {
        this.#state[(row + sim.GPU_ATTENTION_NS) / 8] = attentionNs;
        this.#state[(row + sim.GPU_MULTIPLY_NS) / 8] = multiplyNs;
      },
    };
  }

  /** Two random words a layer for a GPU's step: the same whatever else happens. The next call overwrites them. */
  bitsOf(gpu: number, step: number): Uint32Array {
    this.#draw(gpu, step);
    return this.#bits;
  }

  /** Has a unit, whose GPUs' steps are written, begin at `atNs`, which is not before what has happened. */
  start(unit: number, atNs: number): void {
    this.#start(unit, atNs);
  }

  /** Goes on until a unit is through with its step, and says which; -1 if nothing is under way. */
  run(): number {
    return this.#run();
  }

  /** When a unit's present or last step began, and when the slowest of its GPUs was or is through with its layer. */
  startNs(unit: number): number {
    return this.#state[(this.#parts.at.units + unit * sim.UNIT + sim.UNIT_START_NS) / 8]!;
  }
  endNs(unit: number): number {
    return this.#state[(this.#parts.at.units + unit * sim.UNIT + sim.UNIT_END_NS) / 8]!;
  }

  /** A GPU's tally (see assembly/simulation-layout.ts) since it was last cleared. */
  tally(gpu: number): Float64Array {
    const first = (this.#parts.at.gpus + gpu * sim.GPU + sim.GPU_TALLY_AT) / 8;
    return this.#state.subarray(first, first + sim.TALLY);
  }

  /** How many loads were posted, how often one overtook another, how many events there were, prefetches refused. */
  get counts(): { posted: number; overtaken: number; events: number; refused: number } {
    const whole = (word: number) => this.#words[2 * word]!;
    return {
      posted: whole(sim.SIM_POSTED),
      overtaken: whole(sim.SIM_OVERTAKEN),
      events: whole(sim.SIM_HAPPENED),
      refused: whole(sim.SIM_REFUSED),
    };
  }

  /** About what a layer takes, for prefetches. */
  set layerNs(ns: number) {
    this.#state[sim.SIM_LAYER_NS] = ns;
  }

  /** How long the servers of a kind were busy, one by one. */
  busyNs(kind: number): number[] {
    const server = this.#parts.servers.find((candidate) => candidate.kind === kind);
    if (!server) return [];
    const count = Math.ceil(this.plan.fabric.gpus / server.gpus);
    const busyNs = (i: number) => this.#state[(server.first + i * sim.SERVER + sim.SERVER_BUSY_NS) / 8]!;
    return Array.from({ length: count }, (_, i) => busyNs(i));
  }

  /** All that a run goes on from, the steps that are under way included. */
  save(): Float64Array {
    return this.#state.slice();
  }
  restore(state: Float64Array): void {
    this.#state.set(state);
  }

  /** Links in step that may go out, and how many there are of them: by the number that `strike` takes. */
  get failing(): { server: number; links: number }[] {
    const { gpus } = this.plan.fabric;
    return this.#parts.servers.flatMap(({ first, gpus: each, links }) =>
      links === 0
        ? []
        : Array.from({ length: Math.ceil(gpus / each) }, (_, i) => ({ server: (first + i * sim.SERVER) / 8, links })),
    );
  }

  /** Has links that never go out by themselves do so once, not before what has happened: what is on them is put off. */
  strike(server: number, beginNs: number, endNs: number): void {
    this.#strike(server, beginNs, endNs);
  }

  /** Whether any links have gone out by then. */
  wasOut(byNs: number): boolean {
    return this.failing.some(
      ({ server }) => this.#words[2 * (server + DRAWN)]! > 1 || this.#state[server + OUTAGE_NS]! < byNs,
    );
  }

  /** Takes the rows of the log out. */
  takeLog(): { words: Uint32Array; values: Float64Array; rows: number } {
    const rows = this.#words[2 * sim.SIM_LOG]!;
    const first = this.#parts.at.log / 8;
    const end = first + rows * sim.LOG_ROW;
    this.#words[2 * sim.SIM_LOG] = 0;
    return { words: this.#words.slice(2 * first, 2 * end), values: this.#state.slice(first, end), rows };
  }
}
