import { EventHeap } from "./events.ts";
import { quantileOf, wordsFrom } from "./words.ts";

// What the kernels of assembly/simulation.ts do of a cluster without faults, caches and prefetches whose GPUs each decode for
// themselves, in TypeScript: a heap of events, queues of turns as lists, all in typed arrays, and hashes in halves of 32 bits.

/** A cluster, as numbers. */
export interface DecodingTwinOptions {
  gpus: number;
  gpusPerDpu: number;
  layers: number;
  experts: number;
  /** Of a DPU, a source and a sink. */
  rates: readonly [dpu: number, source: number, sink: number];
  chunkBytes: number;
  expertBytes: number;
  allBytes: number;
  /** Before a doorbell and after a completion; quantiles of what paths add. */
  beforeNs: number;
  afterNs: number;
  thereNs: Float32Array;
  backNs: Float32Array;
  gapNs: number;
  deadlineNs: number;
  hbmBytesPerNs: number;
  /** Two that hold each block. */
  holders: Uint32Array;
  /** See `startOf` in assembly/random.ts: of each GPU, low and high. */
  starts: Uint32Array;
}

const NONE = 0xffffffff;
const KINDS = 3;
const STEP = 0x80000000;
const [COMMAND, WAIT, DATA, FENCE, COMPUTE, GAP, CAUSES] = [0, 1, 2, 3, 4, 5, 6];

export class DecodingTwin {
  readonly #o: DecodingTwinOptions;
  /** Where a GPU's layers begin in its demand, and what it asks for. */
  readonly starts: Uint32Array;
  readonly demand: Uint32Array;
  readonly attentionNs: Float64Array;
  readonly multiplyNs: Float64Array;
  /** Where the time of each GPU went. */
  readonly tallyNs: Float64Array;
  readonly startNs: Float64Array;
  readonly endNs: Float64Array;
  posted = 0;
  // GPUs.
  readonly #layer: Uint32Array;
  readonly #steps: Uint32Array;
  readonly #waitsFor: Uint32Array;
  readonly #layerNs: Float64Array;
  readonly #routerNs: Float64Array;
  readonly #readyNs: Float64Array;
  readonly #phases: Float64Array;
  // Loads.
  readonly #gpu: Uint32Array;
  readonly #source: Uint32Array;
  readonly #isCarried: Uint8Array;
  readonly #key: Float64Array;
  readonly #postedNs: Float64Array;
  readonly #arrivedNs: Float64Array;
  readonly #fenceNs: Float64Array;
  readonly #free: Uint32Array;
  #freeCount: number;
  // Turns, KINDS a load.
  readonly #beginNs: Float64Array;
  readonly #doneNs: Float64Array;
  readonly #serviceNs: Float64Array;
  readonly #next: Uint32Array;
  readonly #previous: Uint32Array;
  readonly #server: Uint32Array;
  // Servers: DPUs, sources, sinks.
  readonly #head: Uint32Array;
  readonly #tail: Uint32Array;
  readonly #events: EventHeap;

  constructor(options: DecodingTwinOptions, demandMost: number) {
    const { gpus, layers } = options;
    const [words, floats] = [(length: number) => new Uint32Array(length), (length: number) => new Float64Array(length)];
    const loads = gpus;
    this.#o = options;
    this.starts = words(gpus * (layers + 1));
    this.demand = words(gpus * demandMost);
    this.attentionNs = floats(gpus);
    this.multiplyNs = floats(gpus);
    this.tallyNs = floats(gpus * CAUSES);
    this.startNs = floats(gpus);
    this.endNs = floats(gpus);
    this.#layer = words(gpus);
    this.#steps = words(gpus);
    this.#waitsFor = words(gpus);
    this.#layerNs = floats(gpus);
    this.#routerNs = floats(gpus);
    this.#readyNs = floats(gpus);
    this.#phases = floats(gpus * 4);
    this.#gpu = words(loads);
    this.#source = words(loads);
    this.#isCarried = new Uint8Array(loads);
    this.#key = floats(loads);
    this.#postedNs = floats(loads);
    this.#arrivedNs = floats(loads);
    this.#fenceNs = floats(loads);
    this.#free = Uint32Array.from({ length: loads }, (_, i) => loads - 1 - i);
    this.#freeCount = loads;
    this.#beginNs = floats(loads * KINDS);
    this.#doneNs = floats(loads * KINDS);
    this.#serviceNs = floats(loads * KINDS);
    this.#next = words(loads * KINDS).fill(NONE);
    this.#previous = words(loads * KINDS).fill(NONE);
    this.#server = words(loads * KINDS);
    const servers = 3 * gpus;
    this.#head = words(servers).fill(NONE);
    this.#tail = words(servers).fill(NONE);
    this.#events = new EventHeap(2 * loads + gpus);
  }

  /** Has a GPU, whose demand of a step is given, begin it. */
  start(gpu: number, atNs: number): void {
    this.startNs[gpu] = atNs;
    this.#layer[gpu] = 0;
    this.#go(gpu, atNs);
  }

  /** Goes on until a GPU is through with its step, and says which; -1 if nothing is under way. */
  run(): number {
    for (let what = this.#events.pop(); what >= 0; what = this.#events.pop()) {
      if (what >= STEP) return what - STEP;
      this.#attend(what);
    }
    return -1;
  }

  /** Layers, one after the other, up to one that must wait for a load. */
  #go(gpu: number, fromNs: number): void {
    const { layers, gapNs } = this.#o;
    const first = gpu * (layers + 1);
    let atNs = fromNs;
    for (let layer = this.#layer[gpu]!; layer < layers; layer++) {
      const routerNs = atNs + this.attentionNs[gpu]!;
      this.#layerNs[gpu] = atNs;
      this.#routerNs[gpu] = routerNs;
      this.#readyNs[gpu] = routerNs;
      const count = this.starts[first + layer + 1]! - this.starts[first + layer]!;
      if (count > 0) {
        this.#layer[gpu] = layer;
        this.#waitsFor[gpu] = count;
        for (let i = 0; i < count; i++)
          this.#post(gpu, this.demand[this.#demandAt(gpu) + this.starts[first + layer]! + i]!, routerNs);
        return;
      }
      atNs = this.#endLayer(gpu, routerNs + gapNs);
    }
    this.endNs[gpu] = atNs;
    this.#steps[gpu]!++;
    this.#events.push(atNs, STEP + gpu);
  }

  #demandAt(gpu: number): number {
    return gpu * (this.demand.length / this.#o.gpus);
  }

  /** All weights are there: multiplies, and puts every nanosecond down to something. */
  #endLayer(gpu: number, beginNs: number): number {
    const { gapNs, allBytes, hbmBytesPerNs } = this.#o;
    const tally = gpu * CAUSES;
    const leftNs = Math.max(this.multiplyNs[gpu]!, allBytes / hbmBytesPerNs);
    let stallNs = Math.max(0, this.#readyNs[gpu]! - beginNs);
    const endNs = beginNs + stallNs + leftNs;
    this.tallyNs[tally + GAP]! += gapNs;
    this.tallyNs[tally + COMPUTE]! += this.#routerNs[gpu]! - this.#layerNs[gpu]! + leftNs;
    for (let phase = FENCE; phase >= COMMAND && stallNs > 0; phase--) {
      const ns = phase === COMMAND ? stallNs : Math.min(stallNs, this.#phases[4 * gpu + phase]!);
      this.tallyNs[tally + phase]! += ns;
      stallNs -= ns;
    }
    return endNs;
  }

  #post(gpu: number, block: number, atNs: number): void {
    const { holders, layers, experts, beforeNs, afterNs, thereNs, backNs, deadlineNs } = this.#o;
    const load = this.#free[--this.#freeCount]!;
    const other = holders[2 * block + (gpu & 1)]!;
    const source = other === gpu ? holders[2 * block + (1 - (gpu & 1))]! : other;
    const words = wordsFrom(
      this.#o.starts[2 * gpu]!,
      this.#o.starts[2 * gpu + 1]!,
      this.#steps[gpu]! * layers * experts + block,
    );
    const arrivedNs = atNs + (beforeNs + quantileOf(thereNs, words[0]!));
    this.#gpu[load] = gpu;
    this.#source[load] = source;
    this.#isCarried[load] = 0;
    this.#key[load] = atNs + deadlineNs;
    this.#postedNs[load] = atNs;
    this.#arrivedNs[load] = arrivedNs;
    this.#fenceNs[load] = afterNs + quantileOf(backNs, words[1]!);
    this.posted++;
    this.#events.push(arrivedNs, load);
  }

  #attend(load: number): void {
    const nowNs = this.#events.nowNs;
    const gpu = this.#gpu[load]!;
    const first = load * KINDS;
    const { gpus, gpusPerDpu, rates, expertBytes } = this.#o;
    if (this.#isCarried[load] === 0) {
      this.#isCarried[load] = 1;
      this.#server[first] = (gpu / gpusPerDpu) | 0;
      this.#server[first + 1] = gpus + this.#source[load]!;
      this.#server[first + 2] = 2 * gpus + gpu;
      for (let kind = 0; kind < KINDS; kind++) this.#join(first + kind, expertBytes / rates[kind]!, rates[kind]!);
    }
    const doneNs = Math.max(this.#doneNs[first]!, this.#doneNs[first + 1]!, this.#doneNs[first + 2]!);
    if (doneNs > nowNs) {
      this.#events.push(doneNs, load);
      return;
    }
    for (let kind = 0; kind < KINDS; kind++) this.#leaveDone(this.#server[first + kind]!);
    this.#free[this.#freeCount++] = load;
    const readyNs = nowNs + this.#fenceNs[load]!;
    if (readyNs > this.#readyNs[gpu]!) {
      this.#readyNs[gpu] = readyNs;
      const carriedNs = nowNs - this.#arrivedNs[load]!;
      const soloNs = expertBytes / Math.min(rates[0], rates[1], rates[2]);
      const heldNs = Math.max(0, carriedNs - soloNs);
      this.#phases[4 * gpu + COMMAND] = this.#arrivedNs[load]! - this.#postedNs[load]!;
      this.#phases[4 * gpu + WAIT] = heldNs;
      this.#phases[4 * gpu + DATA] = carriedNs - heldNs;
      this.#phases[4 * gpu + FENCE] = this.#fenceNs[load]!;
    }
    if (--this.#waitsFor[gpu]! > 0) return;
    const endNs = this.#endLayer(gpu, this.#routerNs[gpu]! + this.#o.gapNs);
    this.#layer[gpu]!++;
    this.#go(gpu, endNs);
  }

  /** Lets those go who have been carried. */
  #leaveDone(server: number): void {
    let head = this.#head[server]!;
    while (head !== NONE && this.#doneNs[head]! <= this.#events.nowNs) {
      const next = this.#next[head]!;
      if (next !== NONE) this.#previous[next] = NONE;
      head = next;
    }
    this.#head[server] = head;
    if (head === NONE) this.#tail[server] = NONE;
  }

  #join(job: number, serviceNs: number, rate: number): void {
    const server = this.#server[job]!;
    const nowNs = this.#events.nowNs;
    this.#leaveDone(server);
    this.#serviceNs[job] = serviceNs;
    const key = this.#key[(job / KINDS) | 0]!;
    let before = this.#tail[server]!;
    while (before !== NONE && this.#key[(before / KINDS) | 0]! > key) before = this.#previous[before]!;
    const head = this.#head[server]!;
    let atNs = nowNs;
    if (before !== NONE) atNs = this.#doneNs[before]!;
    else if (head !== NONE) {
      atNs = this.#cut(head, this.#o.chunkBytes / rate);
      if (atNs === this.#doneNs[head]) before = head;
    }
    const after = before === NONE ? head : this.#next[before]!;
    this.#next[job] = after;
    this.#previous[job] = before;
    if (before === NONE) this.#head[server] = job;
    else this.#next[before] = job;
    if (after === NONE) this.#tail[server] = job;
    else this.#previous[after] = job;
    for (let at = job; at !== NONE; at = this.#next[at]!) {
      this.#beginNs[at] = atNs;
      atNs += this.#serviceNs[at]!;
      this.#doneNs[at] = atNs;
    }
  }

  /** Where the turn under way ends its present chunk. */
  #cut(head: number, chunkNs: number): number {
    const beginNs = this.#beginNs[head]!;
    if (beginNs >= this.#events.nowNs) return beginNs;
    const serviceNs = this.#serviceNs[head]!;
    const carriedNs = Math.ceil((this.#events.nowNs - beginNs) / chunkNs) * chunkNs;
    if (carriedNs > serviceNs - chunkNs * 1e-6) return this.#doneNs[head]!;
    this.#serviceNs[head] = serviceNs - carriedNs;
    return beginNs + carriedNs;
  }
}
