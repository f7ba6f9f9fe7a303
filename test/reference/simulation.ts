import type { EnginePlan } from "../../src/simulation/memory.ts";
import {
  type AskedStep,
  blankGpu,
  blankTally,
  type Gpu,
  type LayerRow,
  type Load,
  type LoadRow,
  putDown,
  type StepRow,
} from "./decoded.ts";
import { fabricOf, type ReferenceFabric } from "./fabric.ts";
import { HeldBlocks } from "./held.ts";
import { quantileOf } from "./latency.ts";
import { isWorthwhile } from "./worth.ts";

// Decoding again: everything happens at its own instant, in one list of what is to come, and servers go chunk by chunk.

export class ReferenceDecoding {
  readonly loads: LoadRow[] = [];
  readonly layers: LayerRow[] = [];
  readonly steps: StepRow[] = [];
  refused = 0;
  readonly #plan: EnginePlan;
  readonly #stepOf: (gpu: number, step: number) => AskedStep;
  readonly #stepsMost: number;
  readonly #fabric: ReferenceFabric;
  readonly #held: HeldBlocks[];
  readonly #gpus: Gpu[];
  readonly #stepsDone: number[];
  readonly #stepStartNs: number[];
  readonly #underWay = new Map<number, Load>();
  #toCome: { ns: number; sequence: number; happen: () => void }[] = [];
  #sequence = 0;
  #nowNs = 0;

  /** Decodes `steps` steps of each unit at once. */
  constructor(plan: EnginePlan, steps: number, stepOf: (gpu: number, step: number) => AskedStep) {
    this.#plan = plan;
    this.#stepOf = stepOf;
    this.#stepsMost = steps;
    const { gpus } = plan.fabric;
    this.#fabric = fabricOf(plan, (turn, nowNs) => this.#carried(this.#underWay.get(turn.load)!, nowNs));
    this.#held = Array.from({ length: gpus }, (_, gpu) => new HeldBlocks(plan, gpu));
    this.#gpus = Array.from({ length: gpus }, blankGpu);
    const units = gpus / plan.unitGpus;
    this.#stepsDone = Array.from({ length: units }, () => 0);
    this.#stepStartNs = Array.from({ length: units }, () => 0);
    for (let unit = 0; unit < units; unit++) this.#startStep(unit);
    for (;;) {
      const event = this.#toCome[0];
      const server = this.#fabric.servers.reduce((a, b) => (b.edgeNs < a.edgeNs ? b : a));
      if (event && event.ns <= server.edgeNs) {
        this.#toCome.shift();
        this.#nowNs = event.ns;
        event.happen();
      } else if (server.edgeNs < Number.POSITIVE_INFINITY) {
        this.#nowNs = server.edgeNs;
        server.edge();
      } else break;
    }
  }

  /** How long servers of a kind were busy. */
  busyNs(kind: number): number[] {
    return (this.#fabric.kinds.get(kind) ?? []).map((server) => this.#fabric.servers[server]!.busyNs);
  }

  #at(ns: number, happen: () => void): void {
    this.#toCome.push({ ns, sequence: this.#sequence++, happen });
    this.#toCome.sort((a, b) => a.ns - b.ns || a.sequence - b.sequence);
  }

  #gpusOf(unit: number): number[] {
    return Array.from({ length: this.#plan.unitGpus }, (_, i) => unit * this.#plan.unitGpus + i);
  }

  #startStep(unit: number): void {
    this.#stepStartNs[unit] = this.#nowNs;
    for (const number of this.#gpusOf(unit)) {
      const gpu = this.#gpus[number]!;
      gpu.layer = 0;
      gpu.step = this.#stepOf(number, this.#stepsDone[unit]!);
      gpu.tally = blankTally();
    }
    this.#beginLayer(unit);
  }

  #beginLayer(unit: number): void {
    for (const number of this.#gpusOf(unit)) {
      const gpu = this.#gpus[number]!;
      gpu.startNs = this.#nowNs;
      gpu.routerNs = this.#nowNs + this.#plan.layers[gpu.layer]!.beforeNs + gpu.step.attentionNs;
      gpu.readyNs = gpu.routerNs;
      gpu.endNs = Number.NaN;
      gpu.last = null;
      this.#at(gpu.routerNs, () => this.#route(number));
    }
  }

  #route(number: number): void {
    const gpu = this.#gpus[number]!;
    const { forced, layers } = this.#plan;
    const held = this.#held[number]!;
    const { asked, ahead } = gpu.step.layers[gpu.layer]!;
    const bytes = layers[gpu.layer]!.expertBytes;
    const dueNs = this.#nowNs + this.#plan.deadlineNs;
    gpu.heldBytes = gpu.coldBytes = gpu.waitsFor = 0;
    for (const block of asked) {
      gpu.tally.asked++;
      if (!forced && held.has(block)) {
        gpu.heldBytes += bytes;
        gpu.tally.held++;
        if (held.use(block)) gpu.tally.usedPrefetches++;
        continue;
      }
      gpu.coldBytes += bytes;
      gpu.waitsFor++;
      const coming = forced ? undefined : held.coming.get(block);
      if (coming === undefined) {
        const load = this.#post(number, block, false, this.#nowNs, dueNs);
        if (!forced) held.reserve(block, load.number);
      } else {
        gpu.tally.merged++;
        gpu.tally.usedPrefetches++;
        this.#promote(this.#underWay.get(coming)!, dueNs);
      }
    }
    if (forced) gpu.heldBytes = Math.max(0, layers[gpu.layer]!.allBytes - gpu.coldBytes);
    else if (asked.length > 0) gpu.tally.wastedBytes += held.evict(gpu.layer, asked);
    for (const [block, confidence] of ahead) this.#foresee(number, block, confidence, asked);
    if (gpu.waitsFor === 0) this.#weightsAreThere(number);
  }

  #foresee(number: number, block: number, confidence: number, asked: readonly number[]): void {
    const held = this.#held[number]!;
    const gpu = this.#gpus[number]!;
    if (held.has(block) || held.coming.has(block)) return;
    const { experts, predictNs, layers, layerNs, prefetchesMost } = this.#plan;
    const aheadLayers = (Math.floor(block / experts) + layers.length - gpu.layer) % layers.length || layers.length;
    const dueNs = this.#nowNs + aheadLayers * layerNs;
    const [dpu] = this.#fabric.routeOf(this.#fabric.sourceOf(number, block), number);
    const underWay = [...this.#underWay.values()].filter((load) => load.gpu === number && !load.demanded).length;
    const isWorth = isWorthwhile(this.#plan, {
      confidence,
      leadNs: dueNs - this.#nowNs,
      bytes: layers[Math.floor(block / experts)]!.expertBytes,
      utilisation: this.#fabric.servers[dpu!]!.utilisation,
      beforeNs: this.#fabric.servers[dpu!]!.untilNs(this.#nowNs) - this.#nowNs,
      loadNs: this.#fabric.loadNs,
      loadBytesPerNs: this.#fabric.loadBytesPerNs,
      evicts: held.lacks(block),
    });
    if (!isWorth || underWay >= prefetchesMost) {
      this.refused++;
      return;
    }
    const load = this.#post(number, block, true, this.#nowNs + predictNs, dueNs);
    held.reserve(block, load.number);
    gpu.tally.wastedBytes += held.evict(Math.floor(block / experts), asked);
  }

  #post(number: number, block: number, prefetched: boolean, postedNs: number, dueNs: number): Load {
    const { layers, experts, fabric, unitGpus } = this.#plan;
    const source = this.#fabric.sourceOf(number, block);
    const step = this.#stepsDone[Math.floor(number / unitGpus)]!;
    const bits = this.#fabric.bitsOf(number, step * layers.length * experts + block);
    const [there, back] = this.#fabric.tablesOf(source, number);
    const arrivedNs = postedNs + fabric.beforeNs + quantileOf(there, Number(bits & 0xffffffffn));
    const bytes = layers[Math.floor(block / experts)]!.expertBytes;
    const load: Load = {
      gpu: number,
      block,
      source,
      postedNs,
      arrivedNs,
      doneNs: 0,
      readyNs: 0,
      soloNs: 0,
      bytes,
      demanded: !prefetched,
      prefetched,
      number: this.#sequence++,
      key: this.#fabric.byDeadline ? dueNs + (prefetched ? 2 ** 50 : 0) : arrivedNs,
      fenceNs: fabric.afterNs + quantileOf(back, Number(bits >> 32n)),
      stage: "posted",
      turns: [],
    };
    this.#underWay.set(load.number, load);
    const { tally } = this.#gpus[number]!;
    tally.loads++;
    tally.bytes += bytes;
    if (prefetched) tally.prefetches++;
    this.#at(arrivedNs, () => this.#arrive(load));
    return load;
  }

  #arrive(load: Load): void {
    load.stage = "carried";
    this.#gpus[load.gpu]!.carried++;
    this.#gpus[load.source]!.tally.servedBytes += load.bytes;
    load.turns = this.#fabric.routeOf(load.source, load.gpu).map((server) => {
      const leftNs = load.bytes / this.#fabric.servers[server]!.rate;
      return { server, turn: { load: load.number, key: load.key, sequence: this.#sequence++, leftNs } };
    });
    load.soloNs = Math.max(...load.turns.map(({ turn }) => turn.leftNs));
    for (const { turn, server } of load.turns) this.#fabric.servers[server]!.join(turn, this.#nowNs);
  }

  /** A prefetch that is on its way is asked for. */
  #promote(load: Load, dueNs: number): void {
    load.demanded = true;
    if (!this.#fabric.byDeadline) return;
    load.key = dueNs;
    for (const { turn, server } of load.turns)
      this.#fabric.servers[server]!.promote(turn, { key: dueNs, sequence: this.#sequence++ }, this.#nowNs);
  }

  /** One server has carried a load: the last one, perhaps. */
  #carried(load: Load, nowNs: number): void {
    if (load.turns.some(({ turn, server }) => this.#fabric.servers[server]!.turns.includes(turn))) return;
    const gpu = this.#gpus[load.gpu]!;
    gpu.carried--;
    load.stage = "fenced";
    load.doneNs = nowNs;
    load.readyNs = nowNs + load.fenceNs;
    // What is asked for is the most recent from when its data has come, what was foreseen from when it could be used.
    if (load.demanded && !this.#plan.forced) this.#held[load.gpu]!.arrive(load.block, false);
    this.#at(load.readyNs, () => this.#ready(load, load.demanded && this.#held[load.gpu]!.has(load.block)));
  }

  #ready(load: Load, isHeld: boolean): void {
    const gpu = this.#gpus[load.gpu]!;
    this.#underWay.delete(load.number);
    if (!isHeld && !this.#plan.forced) this.#held[load.gpu]!.arrive(load.block, !load.demanded);
    this.loads.push(load);
    if (!load.demanded) return;
    if (load.readyNs - gpu.routerNs > this.#plan.deadlineNs) gpu.tally.late++;
    if (load.readyNs > gpu.readyNs) {
      gpu.readyNs = load.readyNs;
      gpu.last = load;
    }
    if (--gpu.waitsFor === 0) this.#weightsAreThere(load.gpu);
  }

  #weightsAreThere(number: number): void {
    const gpu = this.#gpus[number]!;
    // The rate that HBM has left is that of the instant at which all can be multiplied.
    this.#at(Math.max(gpu.routerNs + this.#plan.gapNs, gpu.readyNs), () => this.#multiply(number));
  }

  #multiply(number: number): void {
    const { contended, hbmBytesPerNs, fence, gapNs, layers } = this.#plan;
    const gpu = this.#gpus[number]!;
    const { tally, heldBytes, coldBytes, routerNs, readyNs } = gpu;
    const rate = hbmBytesPerNs - (contended ? this.#fabric.takenBytesPerNs(number, gpu.carried > 0) : 0);
    const allBytes = heldBytes + coldBytes;
    const { multiplyNs } = gpu.step;
    const ofHeldNs = Math.max((multiplyNs * heldBytes) / allBytes, heldBytes / rate);
    const ofColdNs = Math.max((multiplyNs * coldBytes) / allBytes, coldBytes / rate);
    const ofAllNs = Math.max(multiplyNs, allBytes / rate);
    const afterNs = layers[gpu.layer]!.afterNs;
    let [computeNs, stallNs] = [ofAllNs, Math.max(0, readyNs - (routerNs + gapNs))];
    if (fence === "additive") stallNs = readyNs - routerNs;
    if (fence === "overlapped" && coldBytes > 0) {
      computeNs = ofHeldNs + ofColdNs;
      stallNs = Math.max(0, readyNs - (routerNs + gapNs + ofHeldNs));
    }
    gpu.endNs = routerNs + gapNs + stallNs + computeNs + afterNs;
    tally.gap += gapNs;
    tally.compute += routerNs - gpu.startNs + computeNs + afterNs;
    putDown(gpu, stallNs);
    this.layers.push({ ...gpu, gpu: number, layer: gpu.layer });
    this.#at(gpu.endNs, () => this.#layerEnds(number));
  }

  #layerEnds(number: number): void {
    const unit = Math.floor(number / this.#plan.unitGpus);
    const gpus = this.#gpusOf(unit).map((gpu) => this.#gpus[gpu]!);
    if (gpus.some(({ endNs }) => !(endNs <= this.#nowNs))) return;
    for (const gpu of gpus) {
      gpu.tally.barrier += this.#nowNs - gpu.endNs;
      gpu.endNs = Number.NaN;
      gpu.layer++;
    }
    if (gpus[0]!.layer < this.#plan.layers.length) {
      this.#beginLayer(unit);
      return;
    }
    const step = this.#stepsDone[unit]!++;
    const startNs = this.#stepStartNs[unit]!;
    this.steps.push({ unit, step, startNs, endNs: this.#nowNs, tallies: gpus.map(({ tally }) => ({ ...tally })) });
    if (step + 1 < this.#stepsMost) this.#startStep(unit);
  }
}
