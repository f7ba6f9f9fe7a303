import { checkKeys, checkLength, checkWhole } from "../check.ts";
import { DECODE, MOST_EXPERTS, MOST_LAYERS, NO_EXPERT, PREFILL, type Routes } from "../routes/routes.ts";

/** What is asked of a cache of experts, event by event: distinct experts of one layer. */
export interface Accesses {
  layers: number;
  /** Experts of a layer. */
  experts: number;
  /** `layer * experts + expert`, in order of use. */
  blocks: Uint32Array;
  /** Where in `blocks` each event begins, and where the last one ends. */
  starts: Uint32Array;
  /** Of each event: 0 prefill, 1 decode. */
  phases: Uint8Array;
}

/** Refuses accesses whose events do not lie one behind the other, from the first of `blocks` to the last. */
export function checkAccesses({ blocks, starts, phases }: Accesses): void {
  checkLength("starts", starts, phases.length + 1);
  if (starts[0] !== 0) throw new RangeError(`starts must begin at 0, got ${starts[0]}`);
  for (let event = 0; event < phases.length; event++)
    if (starts[event + 1]! < starts[event]!)
      throw new RangeError(`starts must ascend, got ${starts[event + 1]} after ${starts[event]} at event ${event}`);
  if (starts[phases.length] !== blocks.length)
    throw new RangeError(`starts must end at ${blocks.length}, as blocks do, got ${starts[phases.length]}`);
}

/**
 * What routes ask of a cache. A token of decode is one event a layer: its distinct experts in the router's order. The prefill
 * of a prompt is one event a layer: the distinct experts of all its tokens, by last use.
 */
export function accessesOf(routes: Routes): Accesses {
  const { layers, experts, k, tokens, prompt, phase, chosen } = routes;
  const made = new Events(layers, experts, chosen.length, tokens * layers);
  for (let token = 0; token < tokens; token++) {
    for (let layer = 0; layer < layers; layer++) {
      const from = (token * layers + layer) * k;
      made.add(prompt[token]!, phase[token]!, layer, chosen, from, from + k);
    }
  }
  made.endPrefill();
  return made.all();
}

/** A row of routes: one token in one layer. */
interface Row {
  prompt: number;
  phase: number;
  layer: number;
  experts: ArrayLike<number>;
}

/**
 * The same of rows that come one by one, in batches of about `batch` accesses: what a whole trace asks for, in constant
 * memory. Rows of a prefill may come token by token or layer by layer.
 */
export async function* streamAccesses(
  rows: AsyncIterable<Row> | Iterable<Row>,
  { layers, experts, batch = 65536, ...rest }: { layers: number; experts: number; batch?: number },
): AsyncGenerator<Accesses, void, undefined> {
  checkKeys("options", rest, ["layers", "experts", "batch"]);
  checkWhole("batch", batch, 1, 2 ** 24);
  const made = new Events(layers, experts, batch, batch);
  for await (const { prompt, phase, layer, experts: chosen } of rows) {
    made.add(prompt, phase, layer, chosen, 0, chosen.length);
    if (made.count >= batch) yield made.take();
  }
  made.endPrefill();
  if (made.count > 0) yield made.take();
}

/** Batches put together again: what Belady takes of a trace that is read as a stream, in 4 bytes an access and 5 an event. */
export async function gatherAccesses(batches: AsyncIterable<Accesses> | Iterable<Accesses>): Promise<Accesses> {
  const parts: Accesses[] = [];
  let [accesses, events] = [0, 0];
  for await (const part of batches) {
    parts.push(part);
    accesses += part.blocks.length;
    events += part.phases.length;
  }
  if (parts.length === 0) throw new RangeError("batches must hold at least 1 event, got none");
  checkWhole("accesses", accesses, 1, 2 ** 32 - 2);
  const { layers, experts } = parts[0]!;
  const blocks = new Uint32Array(accesses);
  const starts = new Uint32Array(events + 1);
  const phases = new Uint8Array(events);
  let [access, event] = [0, 0];
  for (const part of parts) {
    blocks.set(part.blocks, access);
    phases.set(part.phases, event);
    for (let i = 0; i < part.phases.length; i++) starts[event + i] = access + part.starts[i]!;
    access += part.blocks.length;
    event += part.phases.length;
  }
  starts[events] = access;
  return { layers, experts, blocks, starts, phases };
}

/** Events as they grow. */
class Events {
  readonly #layers: number;
  readonly #experts: number;
  #blocks: Uint32Array;
  #starts: Uint32Array;
  #phases: Uint8Array;
  #blockCount = 0;
  #eventCount = 0;
  /** Of each block: when the prefill under way used it last, counted from 1. */
  readonly #used: Float64Array;
  #clock = 0;
  #prompt = -1;
  /** Of each block: the row that named it last. */
  readonly #named: Float64Array;
  #rows = 0;

  constructor(layers: number, experts: number, accesses: number, events: number) {
    checkWhole("layers", layers, 1, MOST_LAYERS);
    checkWhole("experts", experts, 1, MOST_EXPERTS);
    this.#layers = layers;
    this.#experts = experts;
    this.#blocks = new Uint32Array(accesses);
    this.#starts = new Uint32Array(events + 1);
    this.#phases = new Uint8Array(events);
    this.#used = new Float64Array(layers * experts);
    this.#named = new Float64Array(layers * experts);
  }

  get count(): number {
    return this.#blockCount;
  }

  add(prompt: number, phase: number, layer: number, chosen: ArrayLike<number>, from: number, to: number): void {
    if (!(layer < this.#layers)) checkWhole("layer", layer, 0, this.#layers - 1);
    if (this.#clock > 0 && (phase === DECODE || prompt !== this.#prompt)) this.endPrefill();
    this.#prompt = prompt;
    this.#rows++;
    if (this.#blockCount + to - from > this.#blocks.length) this.#blocks = longer(this.#blocks, to - from);
    const before = this.#blockCount;
    for (let i = from; i < to; i++) {
      const expert = chosen[i]!;
      if (expert === NO_EXPERT) continue;
      if (!(expert < this.#experts)) checkWhole(`an expert in layer ${layer}`, expert, 0, this.#experts - 1);
      const block = layer * this.#experts + expert;
      if (phase === PREFILL) this.#used[block] = ++this.#clock;
      else if (this.#named[block] !== this.#rows) this.#blocks[this.#blockCount++] = block;
      this.#named[block] = this.#rows;
    }
    if (this.#blockCount > before) this.#endEvent(DECODE);
  }

  /** Turns what a prefill used into its events. */
  endPrefill(): void {
    for (let layer = 0; layer < this.#layers && this.#clock > 0; layer++) {
      const blocks = Array.from({ length: this.#experts }, (_, expert) => layer * this.#experts + expert)
        .filter((block) => this.#used[block]! > 0)
        .sort((a, b) => this.#used[a]! - this.#used[b]!);
      if (this.#blockCount + blocks.length > this.#blocks.length) this.#blocks = longer(this.#blocks, blocks.length);
      this.#blocks.set(blocks, this.#blockCount);
      this.#blockCount += blocks.length;
      if (blocks.length > 0) this.#endEvent(PREFILL);
    }
    this.#used.fill(0);
    this.#clock = 0;
  }

  #endEvent(phase: number): void {
    if (this.#eventCount === this.#phases.length) {
      this.#starts = longer(this.#starts, 1);
      const phases = new Uint8Array(this.#starts.length - 1);
      phases.set(this.#phases);
      this.#phases = phases;
    }
    this.#phases[this.#eventCount++] = phase;
    this.#starts[this.#eventCount] = this.#blockCount;
  }

  /** All events so far. */
  all(): Accesses {
    return {
      layers: this.#layers,
      experts: this.#experts,
      blocks: this.#blocks.subarray(0, this.#blockCount),
      starts: this.#starts.subarray(0, this.#eventCount + 1),
      phases: this.#phases.subarray(0, this.#eventCount),
    };
  }

  /** All events so far, copied; what comes after them begins anew. */
  take(): Accesses {
    const { blocks, starts, phases, ...shape } = this.all();
    this.#blockCount = 0;
    this.#eventCount = 0;
    return { ...shape, blocks: blocks.slice(), starts: starts.slice(), phases: phases.slice() };
  }
}

function longer(values: Uint32Array, more: number): Uint32Array {
  const grown = new Uint32Array(2 * values.length + more);
  grown.set(values);
  return grown;
}
