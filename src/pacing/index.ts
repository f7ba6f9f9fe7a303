import {
  BYTES_LEFT,
  EVENT_AT_NS,
  EVENT_BYTES,
  EVENT_BYTES_LEFT,
  EVENT_COLUMNS,
  EVENT_END_NS,
  EVENT_HELD_NS,
  FREE,
  HEADER,
  LOAD,
} from "../../assembly/layout.ts";
import { checkAtLeast, checkFinite, checkWhole } from "../check.ts";
import { seedWords } from "../random.ts";
import { workspace } from "../wasm.ts";
import { latestInstantNs, outageGapNs } from "./faults.ts";
import { layOut, type Plan, planOf } from "./memory.ts";
import { completePacer, type PacerOptions } from "./options.ts";

export type { LinkFaults } from "./faults.ts";
export type { PacerOptions } from "./options.ts";

/** Rows of loads: filled by the caller, all but `slot`. */
export interface LoadColumns {
  sourceGpu: Uint32Array;
  destinationGpu: Uint32Array;
  /** From 1 to 2^53 - 1. */
  sizeBytes: Float64Array;
  /** When the load must have ended. */
  deadlineNs: Float64Array;
  /** When its doorbell reaches the DPU, where a place is kept for it from now on; an instant that has passed means now. */
  arrivalNs: Float64Array;
  /** 1 to drop the load once it cannot be read by its deadline, 0 to finish it late. */
  dropLate: Uint32Array;
  /** By what name the load goes until it has ended; `NONE` if its DPU had no place for it. */
  slot: Uint32Array;
}

/** Rows of what happened: on one DPU in order of time; on all of them where they share sources, sinks or links of the tree. */
export interface EventColumns {
  slot: Uint32Array;
  /** Of the next chunk to read; 0 if the load can no longer be read by its deadline. */
  bytes: Float64Array;
  /** What of the load is to be read after that. */
  bytesLeft: Float64Array;
  atNs: Float64Array;
  /** When what was read of the load so far has come, path and fence aside. */
  endNs: Float64Array;
  /** How long faults have held the load's links up to `endNs`, since it arrived, link by link. */
  heldNs: Float64Array;
}

/** A time in which a link carries nothing. */
export interface Outage {
  beginNs: number;
  endNs: number;
}

/** Outages listed in one call. */
const OUTAGES = 64;

/**
 * Paces reads: never faster than DPUs, ports, sources, destinations and links of the tree allow, the most urgent load first. It speaks
 * in columns, a batch a call; `Executor` says the same in objects.
 *
 * A load is read in chunks, of which any needs a whole chunk's credit of its DPU and of its gates. It expires when it would
 * be too late even if it were read at full pace from now on, bursts aside; and once only, unless it is given another deadline.
 */
export class Pacer {
  /** What the next `submit` takes. */
  readonly loads: Readonly<LoadColumns>;
  /** What the last `advance` gave, and what the next `complete` takes: the caller may write others there. */
  readonly events: Readonly<EventColumns>;
  /** What the last `complete` ended. */
  readonly endedSlot: Uint32Array;
  readonly batch: number;
  readonly dpus: number;
  /** All slots are below it. */
  readonly slots: number;
  readonly #submit: (count: number, nowNs: number) => number;
  readonly #advance: (nowNs: number) => number;
  readonly #complete: (count: number) => number;
  readonly #cancel: (slot: number, nowNs: number) => number;
  readonly #reprioritise: (slot: number, deadlineNs: number, nowNs: number) => number;
  readonly #list: (dpu: number, first: number, fromNs: number) => Outage[];
  readonly #pacer: Float64Array;
  readonly #words: Uint32Array;
  readonly #plan: Plan;
  readonly #gpus: number;
  readonly #gpusPerDpu: number;
  readonly #latestNs: number;
  #nowNs = 0;

  constructor(options: PacerOptions) {
    const complete = completePacer(options);
    const { batch, gpus, gpusPerDpu, dpus } = complete;
    const plan = planOf(complete);
    const { kernels, at, views } = workspace({
      slot: ["U32", batch],
      sourceGpu: ["U32", batch],
      destinationGpu: ["U32", batch],
      sizeBytes: ["F64", batch],
      deadlineNs: ["F64", batch],
      arrivalNs: ["F64", batch],
      dropLate: ["U32", batch],
      eventSlot: ["U32", batch],
      events: ["F64", EVENT_COLUMNS * batch],
      endedSlot: ["U32", batch],
      pacer: ["F64", plan.words],
      waiting: ["U32", plan.waiting],
      faults: ["F32", plan.faults],
      beginNs: ["F64", OUTAGES],
      endNs: ["F64", OUTAGES],
    });
    const state = [at.pacer, at.waiting, at.faults] as const;
    layOut(complete, plan, views, (link) => kernels.startFaults(at.pacer, at.faults, link));
    const rows = [at.sourceGpu, at.destinationGpu, at.sizeBytes, at.deadlineNs, at.arrivalNs, at.dropLate] as const;
    this.#submit = (count, nowNs) => kernels.submitLoads(at.slot, ...rows, ...state, count, nowNs);
    this.#advance = (nowNs) => kernels.advanceLoads(at.eventSlot, at.events, ...state, nowNs);
    this.#complete = (count) => kernels.completeReads(at.endedSlot, at.eventSlot, at.events, at.pacer, count);
    this.#cancel = (slot, nowNs) => kernels.cancelLoad(slot, ...state, nowNs);
    this.#reprioritise = (slot, deadlineNs, nowNs) => kernels.reprioritiseLoad(slot, deadlineNs, ...state, nowNs);
    const { sourceGpu, destinationGpu, sizeBytes, deadlineNs, arrivalNs, dropLate, slot } = views;
    this.loads = { sourceGpu, destinationGpu, sizeBytes, deadlineNs, arrivalNs, dropLate, slot };
    const column = (at: number) => views.events.subarray(at * batch, (at + 1) * batch);
    this.events = {
      slot: views.eventSlot,
      bytes: column(EVENT_BYTES),
      bytesLeft: column(EVENT_BYTES_LEFT),
      atNs: column(EVENT_AT_NS),
      endNs: column(EVENT_END_NS),
      heldNs: column(EVENT_HELD_NS),
    };
    const { faults } = complete;
    const [low, high] = seedWords({ seed: faults?.seed ?? 0 });
    this.#list = (dpu, first, fromNs) => {
      const gapNs = outageGapNs(faults, faults?.links.ports ?? 0);
      if (gapNs === Number.POSITIVE_INFINITY) return [];
      kernels.listOutages(at.beginNs, at.endNs, at.faults, low, high, dpu, first, gapNs, fromNs);
      return Array.from(views.beginNs, (beginNs, i) => ({ beginNs, endNs: views.endNs[i]! }));
    };
    this.endedSlot = views.endedSlot;
    this.batch = batch;
    this.dpus = dpus;
    this.slots = plan.slots;
    this.#pacer = views.pacer;
    this.#words = new Uint32Array(views.pacer.buffer, views.pacer.byteOffset, 2 * plan.words);
    this.#plan = plan;
    this.#gpus = gpus;
    this.#gpusPerDpu = gpusPerDpu;
    this.#latestNs = latestInstantNs(faults);
  }

  /** The instant of the last call. */
  get nowNs(): number {
    return this.#nowNs;
  }

  /** Loads that a DPU has places for now. */
  freeOn(dpu: number): number {
    return this.#words[2 * (this.#plan.dpusAt + dpu * this.#plan.dpu + FREE)]!;
  }

  /** Nothing happens before this instant if nothing else is done; Infinity if never. Where links fail, something may not even then. */
  get nextEventNs(): number {
    const first = HEADER + this.#plan.leaves;
    return this.#pacer[HEADER + this.#words[2 * first + 1]!]!;
  }

  /** Says that it is `nowNs`: before the next event, or as it is due, so that it may yet turn out otherwise. */
  moveTo(nowNs: number): void {
    this.#checkNow(nowNs);
    if (nowNs > this.nextEventNs)
      throw new RangeError(`nowNs must be at most ${this.nextEventNs}, the next event, got ${nowNs}`);
    this.#nowNs = nowNs;
  }

  /** Queues the first `count` of `loads` and returns how many: all but those whose DPU has `queueDepth` of them under way. */
  submit(count: number): number {
    checkWhole("count", count, 0, this.batch);
    this.moveTo(this.#nowNs);
    const accepted = this.#submit(count, this.#nowNs);
    if (accepted < 0) this.#refuse(~accepted);
    return accepted;
  }

  /** Writes to `events` what happens up to `nowNs`, and returns how many; `batch` of them means that there may be more. */
  advance(nowNs: number): number {
    this.#checkNow(nowNs);
    this.#nowNs = nowNs;
    return this.#advance(nowNs);
  }

  /**
   * Takes the first `count` of `events` as completed, those of 0 bytes aside; returns how many loads ended: see `endedSlot`, of
   * which nothing is to be read where they are refused.
   */
  complete(count: number): number {
    checkWhole("count", count, 0, this.batch);
    const ended = this.#complete(count);
    if (ended < 0) {
      const [slot, bytes] = [this.events.slot[~ended]!, this.events.bytes[~ended]!];
      throw new RangeError(`read ${~ended} must be one that was issued, got ${bytes} bytes of slot ${slot}`);
    }
    return ended;
  }

  /** Takes a load back, wherever it is; what is still to be completed of it must not be. */
  cancel(slot: number): void {
    checkWhole("slot", slot, 0, this.slots - 1);
    this.moveTo(this.#nowNs);
    if (!this.#cancel(slot, this.#nowNs)) this.#refuseSlot(slot);
  }

  /** Gives a load another deadline: a prefetch that becomes demanded, for instance. */
  reprioritise(slot: number, deadlineNs: number): void {
    checkWhole("slot", slot, 0, this.slots - 1);
    checkAtLeast("deadlineNs", deadlineNs, 0);
    this.moveTo(this.#nowNs);
    if (!this.#reprioritise(slot, deadlineNs, this.#nowNs)) this.#refuseSlot(slot);
  }

  /** The DPU that reads for a GPU. */
  dpuOf(gpu: number): number {
    return Math.floor(gpu / this.#gpusPerDpu);
  }

  /** What of a load has been neither read nor dropped. */
  bytesLeft(slot: number): number {
    const { dpusAt, dpu, loadsAt, slotBits } = this.#plan;
    const place = slot % 2 ** slotBits;
    return this.#pacer[dpusAt + (slot >>> slotBits) * dpu + loadsAt + place * LOAD + BYTES_LEFT]!;
  }

  /** The outages of a DPU's ports, past and to come, that begin before `untilNs`. */
  outagesOf(dpu: number, untilNs: number): Outage[] {
    checkWhole("dpu", dpu, 0, this.dpus - 1);
    this.#checkInstant("untilNs", untilNs);
    const outages: Outage[] = [];
    for (let fromNs = 0; fromNs < untilNs; fromNs = outages.at(-1)!.endNs) {
      const more = this.#list(dpu, outages.length, fromNs);
      if (more.length === 0) break;
      outages.push(...more);
    }
    return outages.filter(({ beginNs }) => beginNs < untilNs);
  }

  #checkNow(nowNs: number): void {
    this.#checkInstant("nowNs", nowNs);
    if (nowNs < this.#nowNs) throw new RangeError(`nowNs must be at least ${this.#nowNs}, the last, got ${nowNs}`);
  }

  /** Links know only so many outages. */
  #checkInstant(name: string, ns: number): void {
    checkAtLeast(name, ns, 0);
    if (ns > this.#latestNs)
      throw new RangeError(`${name} must be at most ${this.#latestNs} where links fail so often, got ${ns}`);
  }

  #refuse(row: number): never {
    const { sourceGpu, destinationGpu, sizeBytes, deadlineNs, arrivalNs } = this.loads;
    checkLoad(row, this.#gpus, {
      sourceGpu: sourceGpu[row]!,
      destinationGpu: destinationGpu[row]!,
      sizeBytes: sizeBytes[row]!,
      deadlineNs: deadlineNs[row]!,
    });
    checkFinite(`load ${row}: arrivalNs`, arrivalNs[row]!);
    throw new Error(`load ${row} was refused, and there is nothing wrong with it`);
  }

  #refuseSlot(slot: number): never {
    throw new RangeError(`slot must be of a load under way, got ${slot}`);
  }
}

/** Refuses what is no load between `gpus` GPUs. */
export function checkLoad(
  row: number,
  gpus: number,
  load: { sourceGpu: number; destinationGpu: number; sizeBytes: number; deadlineNs: number },
): void {
  checkWhole(`load ${row}: sourceGpu`, load.sourceGpu, 0, gpus - 1);
  checkWhole(`load ${row}: destinationGpu`, load.destinationGpu, 0, gpus - 1);
  checkWhole(`load ${row}: sizeBytes`, load.sizeBytes, 1, Number.MAX_SAFE_INTEGER);
  checkAtLeast(`load ${row}: deadlineNs`, load.deadlineNs, 0);
}
