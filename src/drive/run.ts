import { DOORBELL_CANCEL, DOORBELL_FENCE, DOORBELL_LOAD, NONE } from "../../assembly/layout.ts";
import { Pacer } from "../pacing/index.ts";
import { loadRows, type Traffic } from "../traffic.ts";
import type { DrivePlan } from "./plan.ts";
import { Waiting } from "./waiting.ts";
import { Ways } from "./ways.ts";

/** How a doorbell ended. */
export type Outcome = "done" | "late" | "dropped" | "cancelled";

/** All of them, each at the place that `Ends` spells it by; at 0 what has not ended. */
export const OUTCOMES = ["none", "done", "late", "dropped", "cancelled"] as const;
const [, DONE, LATE, DROPPED, CANCELLED] = OUTCOMES.keys();

/** What came of each row of a traffic; of cancels and fences only `outcome` and `endNs`. */
export interface Ends {
  /** Places in OUTCOMES. */
  outcome: Uint8Array;
  endNs: Float64Array;
  /** When its doorbell was in its DPU's queue: it may have waited for a place there. */
  arrivalNs: Float64Array;
  /** How much later that was than its first doorbell, which found no place, came to the DPU. */
  gpuWaitNs: Float64Array;
  /** When its first chunk was read. */
  firstReadNs: Float64Array;
  /** When its last byte had come, the answer's path and what is behind it aside. */
  dataNs: Float64Array;
  /** How long faults held its links, link by link. */
  heldNs: Float64Array;
  /** 1 for a load that could not make its deadline any more when it was told. */
  expired: Uint8Array;
}

/** What each DPU has read, of loads that were then dropped or cancelled too. */
export interface Reads {
  bytes: Float64Array;
  /** When the first chunk was read; Infinity if none was. */
  firstNs: Float64Array;
  /** When the last of it had come. */
  lastNs: Float64Array;
}

/** A chunk read of the load of a row. */
export interface Chunk {
  row: number;
  atNs: number;
  bytes: number;
  /** When all that was read of the load so far has come. */
  endNs: number;
}

/** Who is told while a run goes on. */
export interface RunHooks {
  /** Told now and then how many loads have ended. */
  onProgress?: (ended: number) => void;
  /** Told of every chunk, on one DPU in order of time. */
  onChunk?: (chunk: Chunk) => void;
}

const BATCH = 1024;
/** Loads from one word of progress to the next. */
const PROGRESS = 4096;
/** What is left at the end is done in strides. */
const STRIDE_NS = 1e6;

/** Drives doorbells through the fabric of a plan until every load has ended. */
export class Run {
  readonly pacer: Pacer;
  readonly ends: Ends;
  readonly reads: Reads;
  /** Doorbells that found no place in their DPU's queue when they were rung. */
  pushedBack = 0;
  readonly #plan: DrivePlan;
  readonly #traffic: Traffic;
  readonly #hooks: RunHooks;
  readonly #loadOf: Uint32Array;
  readonly #rowIn: Uint32Array;
  readonly #slotOf: Uint32Array;
  readonly #ways: Ways;
  readonly #waiting: Waiting;
  /** Cancels under way, in order of arrival; those before `#nextCancel` have arrived. */
  readonly #cancels: number[] = [];
  #nextCancel = 0;
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
      gpuWaitNs: new Float64Array(rows),
      firstReadNs: new Float64Array(rows).fill(Number.NaN),
      dataNs: new Float64Array(rows),
      heldNs: new Float64Array(rows),
      expired: new Uint8Array(rows),
    };
    const { dpus } = this.pacer;
    this.reads = {
      bytes: new Float64Array(dpus),
      firstNs: new Float64Array(dpus).fill(Number.POSITIVE_INFINITY),
      lastNs: new Float64Array(dpus),
    };
    this.#loadOf = loadRows(
      traffic,
      (row) => new RangeError(`row ${row}: fenceId must be of a load, its own or another`),
    );
    this.#rowIn = new Uint32Array(this.pacer.slots);
    this.#slotOf = new Uint32Array(rows).fill(NONE);
    this.#ways = new Ways(plan, traffic);
    this.#waiting = new Waiting(rows);
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
      this.ends.arrivalNs[row] = postNs[row]! + this.#ways.doorbellNs(row);
      if (op[row] === DOORBELL_CANCEL) this.#cancelLater(row);
      if (op[row] !== DOORBELL_LOAD) continue;
      const dpu = this.pacer.dpuOf(destinationGpu[row]!);
      if (this.#waiting.has(dpu)) this.#waiting.add(dpu, row);
      else rung.push(row);
    }
    for (const row of this.#submit(rung)) this.#waiting.add(this.pacer.dpuOf(destinationGpu[row]!), row);
  }

  /** Rings once more for those who wait for places that are free now, first come, first served. */
  #ringAgain(): void {
    const { nowNs } = this.pacer;
    for (const dpu of this.#waiting.dpus) {
      const rung = this.#waiting.take(dpu, Math.min(this.pacer.freeOn(dpu), BATCH));
      for (const row of rung) {
        // Who was told of ahead and has not rung yet finds a place when it does.
        if (this.#traffic.postNs[row]! >= nowNs) continue;
        this.pushedBack++;
        const arrivalNs = nowNs + this.#ways.doorbellNs(row);
        this.ends.gpuWaitNs[row] = Math.max(0, arrivalNs - this.ends.arrivalNs[row]!);
        this.ends.arrivalNs[row] = arrivalNs;
      }
      this.#submit(rung);
    }
  }

  /** Submits loads that arrive when they do, and returns those that found no place. */
  #submit(rows: readonly number[]): number[] {
    const { loads } = this.pacer;
    const { sourceGpu, destinationGpu, sizeBytes, deadlineNs } = this.#traffic;
    rows.forEach((row, i) => {
      loads.sourceGpu[i] = sourceGpu[row]!;
      loads.destinationGpu[i] = destinationGpu[row]!;
      loads.sizeBytes[i] = sizeBytes[row]!;
      loads.deadlineNs[i] = Math.max(0, deadlineNs[row]! - this.#ways.leastAnswerNs(row));
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
      while (this.#nextCancelNs() <= pacer.nowNs) this.#cancel(this.#cancels[this.#nextCancel++]!);
      if (!this.#waiting.isEmpty) this.#ringAgain();
    }
    this.#advanceTo(untilNs);
  }

  /** The first instant at which a cancel arrives, or a place may come free that somebody waits for. */
  #nextStopNs(): number {
    return Math.min(this.#nextCancelNs(), this.#waiting.isEmpty ? Number.POSITIVE_INFINITY : this.pacer.nextEventNs);
  }

  #nextCancelNs(): number {
    const next = this.#cancels[this.#nextCancel];
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
        this.#read({ row, atNs: atNs[i]!, bytes: bytes[i]!, endNs: endNs[i]! });
        if (bytesLeft[i] === 0) this.#arrive(row, endNs[i]!, heldNs[i]!);
      }
    }
  }

  #read(chunk: Chunk): void {
    const { bytes, firstNs, lastNs } = this.reads;
    const dpu = this.pacer.dpuOf(this.#traffic.destinationGpu[chunk.row]!);
    bytes[dpu] = bytes[dpu]! + chunk.bytes;
    firstNs[dpu] = Math.min(firstNs[dpu]!, chunk.atNs);
    lastNs[dpu] = Math.max(lastNs[dpu]!, chunk.endNs);
    this.#hooks.onChunk?.(chunk);
  }

  /** The last byte of a load has come. */
  #arrive(row: number, dataNs: number, heldNs: number): void {
    const endNs = dataNs + this.#ways.answerNs(row);
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
    while (at > this.#nextCancel && arrivalNs[this.#cancels[at - 1]!]! > arrivalNs[row]!) at--;
    this.#cancels.splice(at, 0, row);
  }

  /** Takes a load back that is not read to its end, or that waits for a place. */
  #cancel(row: number): void {
    const load = this.#loadOf[row]!;
    const atNs = this.ends.arrivalNs[row]!;
    this.ends.endNs[row] = atNs;
    const slot = this.#slotOf[load]!;
    const dpu = this.pacer.dpuOf(this.#traffic.destinationGpu[load]!);
    const waited = this.#waiting.leave(dpu, load);
    if (slot !== NONE) this.pacer.cancel(slot);
    if (waited) this.pushedBack++;
    const isBack = slot !== NONE || waited;
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
    for (const row of this.#cancels.slice(this.#nextCancel)) this.#cancel(row);
  }
}
