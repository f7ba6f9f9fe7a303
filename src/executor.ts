import { NONE } from "../assembly/layout.ts";
import { checkAtLeast, checkBoolean, checkWhole, describe } from "./check.ts";
import { checkLoad, Pacer, type PacerOptions } from "./pacing/index.ts";

/** A load to be read: weights of one expert, from the HBM of one GPU to that of another. */
export interface Load {
  /** Names the load; no two that are under way share one. */
  fenceId: number;
  sourceGpu: number;
  destinationGpu: number;
  sizeBytes: number;
  /** When it must have ended: when its last read is completed. */
  deadlineNs: number;
  /** Whether to drop it once it cannot make its deadline; as the executor's `onExpire` says unless given. */
  dropLate?: boolean;
}

/** A read to issue: a chunk of a load. */
export interface Read {
  fenceId: number;
  /** Of the load's bytes, where this chunk begins. */
  offsetBytes: number;
  bytes: number;
  /** When it may go out: not after the instant advanced to. */
  atNs: number;
}

/** A load that can no longer be read by its deadline. */
export interface Expiry {
  fenceId: number;
  /** The latest instant at which its next read could have gone out. */
  atNs: number;
  /** What had not been read by then. */
  bytesLeft: number;
  /** Whether that was its end; what is still to be completed of it must not be then. */
  dropped: boolean;
}

/** How a load ended that did not expire and drop. */
export interface LoadEnd {
  fenceId: number;
  outcome: "done" | "late" | "cancelled";
  endNs: number;
}

export interface ExecutorOptions extends Omit<PacerOptions, "selfCompleting"> {
  /** What becomes of a load that cannot make its deadline any more: it is finished late unless given. */
  onExpire?: "finish" | "drop";
}

/**
 * Paces reads: never faster than DPUs, ports, sources, destinations and links of the tree allow, the most urgent load first. The clock
 * and the completions are its owner's: submit loads, advance to an instant, issue the reads that it returns, say which are
 * complete. All but `advance` takes place before the next event or just as it is due, at the instant of the last call unless
 * another is given; what is refused changes nothing.
 */
export class Executor {
  readonly #pacer: Pacer;
  readonly #gpus: number;
  readonly #dropLate: boolean;
  readonly #underWay = new Map<number, UnderWay>();
  /** The load in each slot. */
  readonly #inSlot: UnderWay[] = [];

  constructor({ onExpire = "finish", ...options }: ExecutorOptions) {
    if (onExpire !== "finish" && onExpire !== "drop")
      throw new RangeError(`onExpire must be "finish" or "drop", got ${describe(onExpire)}`);
    this.#pacer = new Pacer({ ...options, selfCompleting: false });
    this.#gpus = options.gpus;
    this.#dropLate = onExpire === "drop";
  }

  /** The instant of the last call. */
  get nowNs(): number {
    return this.#pacer.nowNs;
  }

  /** Before this instant there is no read to issue and no load that expires, if nothing else is done; Infinity if never. */
  get nextEventNs(): number {
    return this.#pacer.nextEventNs;
  }

  /** Loads under way: submitted and not ended. */
  get underWay(): number {
    return this.#underWay.size;
  }

  /** Queues loads and returns those that found no place, `queueDepth` of their DPU being under way: submit them again later. */
  submit<T extends Load>(loads: readonly T[], nowNs = this.nowNs): T[] {
    this.#checkLoads(loads);
    this.#pacer.moveTo(nowNs);
    const { loads: columns, batch } = this.#pacer;
    const left: T[] = [];
    for (let start = 0; start < loads.length; start += batch) {
      const rows = loads.slice(start, start + batch);
      rows.forEach(({ sourceGpu, destinationGpu, sizeBytes, deadlineNs, dropLate = this.#dropLate }, row) => {
        columns.sourceGpu[row] = sourceGpu;
        columns.destinationGpu[row] = destinationGpu;
        columns.sizeBytes[row] = sizeBytes;
        columns.deadlineNs[row] = deadlineNs;
        columns.dropLate[row] = dropLate ? 1 : 0;
      });
      this.#pacer.submit(rows.length);
      rows.forEach((load, row) => {
        const { fenceId, sizeBytes, deadlineNs, destinationGpu, dropLate = this.#dropLate } = load;
        const slot = columns.slot[row]!;
        const dpu = this.#pacer.dpuOf(destinationGpu);
        if (slot === NONE) {
          left.push(load);
          return;
        }
        const underWay = { fenceId, sizeBytes, deadlineNs, dropLate, slot, dpu, bytesOut: new Map<number, number>() };
        this.#inSlot[slot] = underWay;
        this.#underWay.set(fenceId, underWay);
      });
    }
    return left;
  }

  /**
   * The reads to issue up to `nowNs` and the loads that expire up to it, each in order of time. A load that is dropped may have
   * reads among them, of before: they must not be completed.
   */
  advance(nowNs: number): { reads: Read[]; expired: Expiry[] } {
    const reads: Read[] = [];
    const expired: Expiry[] = [];
    const { events, batch } = this.#pacer;
    for (let count = batch; count === batch; ) {
      count = this.#pacer.advance(nowNs);
      for (let row = 0; row < count; row++) {
        const { fenceId, sizeBytes, dropLate, bytesOut } = this.#inSlot[events.slot[row]!]!;
        const [bytes, bytesLeft, atNs] = [events.bytes[row]!, events.bytesLeft[row]!, events.atNs[row]!];
        if (bytes > 0) {
          const offsetBytes = sizeBytes - bytesLeft - bytes;
          bytesOut.set(offsetBytes, bytes);
          reads.push({ fenceId, offsetBytes, bytes, atNs });
        } else {
          expired.push({ fenceId, atNs, bytesLeft, dropped: dropLate });
          if (dropLate) this.#underWay.delete(fenceId);
        }
      }
    }
    const inTime = <T extends { atNs: number }>(events: T[]) => events.sort((a, b) => a.atNs - b.atNs);
    return { reads: inTime(reads), expired: inTime(expired) };
  }

  /** Says that reads have come to their end, and returns the loads that ended with them. */
  complete(reads: readonly Read[], nowNs = this.nowNs): LoadEnd[] {
    const offsets = new Map<number, Set<number>>();
    for (const [i, read] of reads.entries()) this.#checkRead(read, i, offsets);
    this.#pacer.moveTo(nowNs);
    const { events, batch } = this.#pacer;
    const ends: LoadEnd[] = [];
    for (let start = 0; start < reads.length; start += batch) {
      const rows = reads.slice(start, start + batch);
      rows.forEach(({ fenceId, offsetBytes, bytes }, row) => {
        const { slot, bytesOut } = this.#underWay.get(fenceId)!;
        bytesOut.delete(offsetBytes);
        events.slot[row] = slot;
        events.bytes[row] = bytes;
      });
      const ended = this.#pacer.complete(rows.length);
      for (let row = 0; row < ended; row++) {
        const { fenceId, deadlineNs } = this.#inSlot[this.#pacer.endedSlot[row]!]!;
        this.#underWay.delete(fenceId);
        ends.push({ fenceId, outcome: nowNs <= deadlineNs ? "done" : "late", endNs: nowNs });
      }
    }
    return ends;
  }

  /** Takes loads back, wherever they are; what is still to be completed of them must not be. */
  cancel(fenceIds: readonly number[], nowNs = this.nowNs): LoadEnd[] {
    const loads = [...new Set(fenceIds)].map((fenceId) => this.#loadOf(fenceId));
    this.#pacer.moveTo(nowNs);
    return loads.map(({ fenceId, slot }) => {
      this.#pacer.cancel(slot);
      this.#underWay.delete(fenceId);
      return { fenceId, outcome: "cancelled", endNs: nowNs };
    });
  }

  /** Gives a load another deadline: a prefetch that becomes demanded, for instance. */
  reprioritise(fenceId: number, deadlineNs: number, nowNs = this.nowNs): void {
    checkAtLeast("deadlineNs", deadlineNs, 0);
    const load = this.#loadOf(fenceId);
    this.#pacer.moveTo(nowNs);
    this.#pacer.reprioritise(load.slot, deadlineNs);
    load.deadlineNs = deadlineNs;
  }

  /** Cancels every load of a DPU that has not been read to its end. */
  drain(dpu: number, nowNs = this.nowNs): LoadEnd[] {
    checkWhole("dpu", dpu, 0, this.#pacer.dpus - 1);
    const unread = [...this.#underWay.values()].filter(
      (load) => load.dpu === dpu && this.#pacer.bytesLeft(load.slot) > 0,
    );
    return this.cancel(
      unread.map(({ fenceId }) => fenceId),
      nowNs,
    );
  }

  #loadOf(fenceId: number): UnderWay {
    const load = this.#underWay.get(fenceId);
    if (load === undefined) throw new RangeError(`fenceId must be of a load under way, got ${fenceId}`);
    return load;
  }

  #checkLoads(loads: readonly Load[]): void {
    const fresh = new Set<number>();
    loads.forEach((load, i) => {
      checkWhole(`load ${i}: fenceId`, load.fenceId, 0, Number.MAX_SAFE_INTEGER);
      if (this.#underWay.has(load.fenceId) || fresh.has(load.fenceId))
        throw new RangeError(`load ${i}: fenceId must be of no load under way, got ${load.fenceId}`);
      fresh.add(load.fenceId);
      checkLoad(i, this.#gpus, load);
      if (load.dropLate !== undefined) checkBoolean(`load ${i}: dropLate`, load.dropLate);
    });
  }

  /** Refuses a read that is not to be completed, or was among those before it, whose offsets it notes. */
  #checkRead({ fenceId, offsetBytes, bytes }: Read, i: number, offsets: Map<number, Set<number>>): void {
    const seen = offsets.get(fenceId) ?? new Set();
    if (this.#underWay.get(fenceId)?.bytesOut.get(offsetBytes) !== bytes || seen.has(offsetBytes))
      throw new RangeError(
        `read ${i} must be issued and not completed, got ${bytes} bytes at ${offsetBytes} of fenceId ${fenceId}`,
      );
    offsets.set(fenceId, seen.add(offsetBytes));
  }
}

/** A load and what it takes to tell how it goes. */
interface UnderWay extends Required<Pick<Load, "fenceId" | "sizeBytes" | "deadlineNs" | "dropLate">> {
  slot: number;
  dpu: number;
  /** Reads to be completed, by offset. */
  bytesOut: Map<number, number>;
}
