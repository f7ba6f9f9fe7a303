import { DOORBELL_CANCEL, DOORBELL_FENCE, DOORBELL_LOAD, LANES, NONE } from "../../assembly/layout.ts";
import { type Path, PathSampler } from "../latency.ts";
import { Pacer } from "../pacing/index.ts";
import { loadRows, type Traffic } from "../traffic.ts";
import type { DrivePlan } from "./plan.ts";

/** How a doorbell ended. */
export type Outcome = "done" | "late" | "dropped" | "cancelled";

export const OUTCOMES = ["none", "done", "late", "dropped", "cancelled"] as const;
const [, DONE, LATE, DROPPED, CANCELLED] = OUTCOMES.keys();

/** What came of each row of a traffic; of cancels and fences only `outcome` and `endNs`. */
export interface Ends {
  /** Places in OUTCOMES. */
  outcome: Uint8Array;
  endNs: Float64Array;
  /** When its doorbell was in its DPU's queue: it may have waited for a place there. */
  arrivalNs: Float64Array;
  /** When its first chunk was read. */
  firstReadNs: Float64Array;
  /** When its last byte had come, the answer's path and what is behind it aside. */
  dataNs: Float64Array;
  /** How long faults held its links. */
  heldNs: Float64Array;
  /** 1 for a load that could not make its deadline any more when it was told. */
  expired: Uint8Array;
}

/** A chunk read of the load of a row. */
export interface Chunk {
  row: number;
  atNs: number;
  bytes: number;
  endNs: number;
}

export interface RunHooks {
  /** Told now and then how many loads have ended. */
  onProgress?: (ended: number) => void;
  onChunk?: (chunk: Chunk) => void;
}

const BATCH = 1024;
/** Loads from one word of progress to the next. */
const PROGRESS = 4096;
/** What is left at the end is done in strides. */
const STRIDE_NS = 1e6;

/** Traversals of paths, one at a time, all of what was drawn. */
class Draws {
  readonly #sampler: PathSampler;
  #drawn: Float32Array = new Float32Array();
  #next = 0;

  constructor(path: Path, seed: number, stream: number) {
    this.#sampler = new PathSampler(path, { seed, stream, batch: LANES * 256 });
  }

  next(): number {
    if (this.#next === this.#drawn.length) {
      this.#drawn = this.#sampler.next();
      this.#next = 0;
    }
    return this.#drawn[this.#next++]!;
  }
}

/** Drives doorbells through the fabric of a plan until every load has ended. */
export class Run {
  readonly pacer: Pacer;
  readonly ends: Ends;
  /** Doorbells that found no place in their DPU's queue at first. */
  pushedBack = 0;
  readonly #plan: DrivePlan;
  readonly #traffic: Traffic;
  readonly #hooks: RunHooks;
  readonly #loadOf: Uint32Array;
  readonly #rowIn: Uint32Array;
  readonly #slotOf: Uint32Array;
  readonly #doorbells: Draws[];
  readonly #answers: Draws[];
  readonly #leastAnswerNs: number[];
  /** Rows that wait at their GPUs for a place, by DPU. */
  readonly #waiting = new Map<number, number[]>();
  /** Cancels under way, in order of arrival. */
  readonly #cancels: number[] = [];
  #ended = 0;

  constructor(plan: DrivePlan, traffic: Traffic, hooks: RunHooks = {}) {
    const rows = traffic.postNs.length;
    this.#plan = plan;
    this.#traffic = traffic;
    this.#hooks = hooks;
    this.pacer = new Pacer({ ...plan.pacer, batch: BATCH });
    this.ends = {
      outcome: new Uint8Array(rows),
      endNs: new Float64Array(rows),
      arrivalNs: new Float64Array(rows),
      firstReadNs: new Float64Array(rows).fill(Number.NaN),
      dataNs: new Float64Array(rows),
      heldNs: new Float64Array(rows),
      expired: new Uint8Array(rows),
    };
    this.#loadOf = loadRows(
      traffic,
      (row) => new RangeError(`row ${row}: fenceId must be of a load, its own or another`),
    );
    this.#rowIn = new Uint32Array(this.pacer.slots);
    this.#slotOf = new Uint32Array(rows).fill(NONE);
    const tiers = plan.hopsOfTier;
    this.#doorbells = tiers.map((hops, tier) => new Draws(plan.doorbellPath(hops), plan.seed, 2 * tier));
    this.#answers = tiers.map((hops, tier) => new Draws(plan.answerPath(hops), plan.seed, 2 * tier + 1));
    this.#leastAnswerNs = tiers.map((hops) => {
      const { hops: each, pipelineNs = 0, serdesNs = 0 } = plan.answerPath(hops);
      const traversalNs = pipelineNs + serdesNs + each.reduce((sum, hop) => sum + hop.leastNs, 0);
      return plan.traversals[1] * traversalNs + plan.afterNs;
    });
  }

  /** Runs to the end. */
  run(): void {
    const { postNs } = this.#traffic;
    const { pacer } = this;
    for (let row = 0; row < postNs.length; ) {
      const nowNs = postNs[row]!;
      this.#advance(nowNs);
      // What is posted before the first of these can arrive, is rung with it.
      const from = row;
      do row++;
      while (row < postNs.length && row - from < BATCH && postNs[row]! < nowNs + this.#plan.beforeNs);
      this.#ring(from, row);
    }
    while (pacer.nextEventNs < Number.POSITIVE_INFINITY) this.#advance(pacer.nextEventNs + STRIDE_NS);
    this.#endFences();
    this.#hooks.onProgress?.(this.#ended);
  }

  /** Rings the doorbells of rows `from` to `to`, at the instant of the first. */
  #ring(from: number, to: number): void {
    const { op, destinationGpu, postNs } = this.#traffic;
    const rung: number[] = [];
    for (let row = from; row < to; row++) {
      const arrivalNs = postNs[row]! + this.#onTheWayNs(row);
      this.ends.arrivalNs[row] = arrivalNs;
      if (op[row] === DOORBELL_CANCEL) this.#cancelLater(row);
      if (op[row] !== DOORBELL_LOAD) continue;
      const dpu = this.pacer.dpuOf(destinationGpu[row]!);
      const waiting = this.#waiting.get(dpu);
      if (waiting) {
        waiting.push(row);
        this.pushedBack++;
      } else rung.push(row);
    }
    for (const row of this.#submit(rung)) {
      const dpu = this.pacer.dpuOf(destinationGpu[row]!);
      this.pushedBack++;
      const waiting = this.#waiting.get(dpu);
      if (waiting) waiting.push(row);
      else this.#waiting.set(dpu, [row]);
    }
  }

  /** Rings once more for those who wait for places that are free now, first come, first served. */
  #ringAgain(): void {
    for (const [dpu, rows] of this.#waiting) {
      const free = Math.min(this.pacer.freeOn(dpu), BATCH, rows.length);
      const rung = rows.splice(0, free);
      if (rows.length === 0) this.#waiting.delete(dpu);
      // Who was told of ahead may not have rung yet.
      for (const row of rung)
        this.ends.arrivalNs[row] = Math.max(this.pacer.nowNs, this.#traffic.postNs[row]!) + this.#onTheWayNs(row);
      this.#submit(rung);
    }
  }

  /** From the ring to the DPU's queue. */
  #onTheWayNs(row: number): number {
    const draws = this.#doorbells[this.#tierOf(row)]!;
    let ns = this.#plan.beforeNs;
    for (let i = 0; i < this.#plan.traversals[0]; i++) ns += draws.next();
    return ns;
  }

  /** Submits loads that arrive when they do, and returns those that found no place. */
  #submit(rows: readonly number[]): number[] {
    const { loads } = this.pacer;
    const { sourceGpu, destinationGpu, sizeBytes, deadlineNs } = this.#traffic;
    rows.forEach((row, i) => {
      loads.sourceGpu[i] = sourceGpu[row]!;
      loads.destinationGpu[i] = destinationGpu[row]!;
      loads.sizeBytes[i] = sizeBytes[row]!;
      loads.deadlineNs[i] = Math.max(0, deadlineNs[row]! - this.#leastAnswerNs[this.#tierOf(row)]!);
      loads.arrivalNs[i] = this.ends.arrivalNs[row]!;
      loads.dropLate[i] = this.#plan.drops ? 1 : 0;
    });
    this.pacer.submit(rows.length);
    return rows.filter((row, i) => {
      const slot = loads.slot[i]!;
      if (slot === NONE) return true;
      this.#rowIn[slot] = row;
      this.#slotOf[row] = slot;
      return false;
    });
  }

  /** Goes on to `untilNs`. On the way cancels arrive, and whoever waits for a place rings again as soon as there is one. */
  #advance(untilNs: number): void {
    const { pacer } = this;
    for (let stopNs = this.#nextStopNs(); stopNs <= untilNs; stopNs = this.#nextStopNs()) {
      this.#advanceTo(Math.max(pacer.nowNs, stopNs));
      while (this.#nextCancelNs() <= pacer.nowNs) this.#cancel(this.#cancels.shift()!);
      if (this.#waiting.size > 0) this.#ringAgain();
    }
    this.#advanceTo(untilNs);
  }

  /** The first instant at which a cancel arrives, or a place may come free that somebody waits for. */
  #nextStopNs(): number {
    return Math.min(this.#nextCancelNs(), this.#waiting.size > 0 ? this.pacer.nextEventNs : Number.POSITIVE_INFINITY);
  }

  #nextCancelNs(): number {
    const [next] = this.#cancels;
    return next === undefined ? Number.POSITIVE_INFINITY : this.ends.arrivalNs[next]!;
  }

  #advanceTo(untilNs: number): void {
    const { slot, bytes, bytesLeft, atNs, endNs, heldNs } = this.pacer.events;
    for (let count = BATCH; count === BATCH; ) {
      count = this.pacer.advance(untilNs);
      for (let i = 0; i < count; i++) {
        const row = this.#rowIn[slot[i]!]!;
        if (bytes[i] === 0) {
          this.ends.expired[row] = 1;
          // What has no chance is known to have none before it arrives; it is dropped when it does.
          if (this.#plan.drops) this.#end(row, DROPPED!, Math.max(atNs[i]!, this.ends.arrivalNs[row]!), heldNs[i]!);
          continue;
        }
        if (Number.isNaN(this.ends.firstReadNs[row])) this.ends.firstReadNs[row] = atNs[i]!;
        this.#hooks.onChunk?.({ row, atNs: atNs[i]!, bytes: bytes[i]!, endNs: endNs[i]! });
        if (bytesLeft[i] === 0) this.#arrive(row, endNs[i]!, heldNs[i]!);
      }
    }
  }

  /** The last byte of a load has come. */
  #arrive(row: number, dataNs: number, heldNs: number): void {
    const draws = this.#answers[this.#tierOf(row)]!;
    let endNs = dataNs + this.#plan.afterNs;
    for (let i = 0; i < this.#plan.traversals[1]; i++) endNs += draws.next();
    this.ends.dataNs[row] = dataNs;
    this.#end(row, endNs <= this.#traffic.deadlineNs[row]! ? DONE! : LATE!, endNs, heldNs);
  }

  #end(row: number, outcome: number, endNs: number, heldNs: number): void {
    this.ends.outcome[row] = outcome;
    this.ends.endNs[row] = endNs;
    this.ends.heldNs[row] = heldNs;
    this.#slotOf[row] = NONE;
    if (++this.#ended % PROGRESS === 0) this.#hooks.onProgress?.(this.#ended);
  }

  /** Keeps a cancel until it arrives, in order of arrival. */
  #cancelLater(row: number): void {
    const { arrivalNs } = this.ends;
    let at = this.#cancels.length;
    while (at > 0 && arrivalNs[this.#cancels[at - 1]!]! > arrivalNs[row]!) at--;
    this.#cancels.splice(at, 0, row);
  }

  /** Takes a load back that is not read to its end, or that waits for a place. */
  #cancel(row: number): void {
    const load = this.#loadOf[row]!;
    const atNs = this.ends.arrivalNs[row]!;
    this.ends.endNs[row] = atNs;
    const slot = this.#slotOf[load]!;
    const waiting = this.#waiting.get(this.pacer.dpuOf(this.#traffic.destinationGpu[load]!)) ?? [];
    const place = waiting.indexOf(load);
    if (slot !== NONE) this.pacer.cancel(slot);
    else if (place >= 0) waiting.splice(place, 1);
    const isBack = slot !== NONE || place >= 0;
    this.ends.outcome[row] = isBack ? DONE! : LATE!;
    if (isBack) this.#end(load, CANCELLED!, atNs, 0);
  }

  /** A fence ends when it has arrived and its load has ended. */
  #endFences(): void {
    const { op } = this.#traffic;
    for (let row = 0; row < op.length; row++) {
      if (op[row] !== DOORBELL_FENCE) continue;
      this.ends.outcome[row] = DONE!;
      this.ends.endNs[row] = Math.max(this.ends.arrivalNs[row]!, this.ends.endNs[this.#loadOf[row]!]!);
    }
    for (const row of this.#cancels) this.#cancel(row);
  }

  #tierOf(row: number): 0 | 1 | 2 {
    const [from, to] = [this.#traffic.sourceGpu[row]!, this.#traffic.destinationGpu[row]!];
    const { gpusPerNode, gpusPerPod } = this.#plan;
    if (Math.floor(from / gpusPerNode) === Math.floor(to / gpusPerNode)) return 0;
    return Math.floor(from / gpusPerPod) === Math.floor(to / gpusPerPod) ? 1 : 2;
  }
}
