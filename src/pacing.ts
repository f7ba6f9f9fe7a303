import { BUCKET, LINKS, NONE, ROUTE } from "../assembly/layout.ts";
import { checkAtLeast, checkPositive, checkWhole, describe } from "./check.ts";
import { workspace } from "./wasm.ts";

/** A load to be read: weights of one expert, from the HBM of one GPU to that of another. */
export interface Load {
  /** Names the load; no two that are under way share one. */
  fenceId: number;
  sourceGpu: number;
  destinationGpu: number;
  sizeBytes: number;
  /** When it must have ended: when its last read is completed. */
  deadlineNs: number;
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

/** How a load ended. */
export interface LoadEnd {
  fenceId: number;
  outcome: "done" | "late" | "cancelled";
  endNs: number;
}

export interface ExecutorOptions {
  gpus: number;
  /** GPUs that share a DPU: the first so many, and so on; 8 unless given. */
  gpusPerDpu?: number;
  /** What one DPU reads in the long run; 1,600 unless given. */
  paceBytesPerNs?: number;
  /** What it may read at once beyond that; one chunk unless given. */
  burstBytes?: number;
  /** A more urgent load overtakes another at the edge of a chunk; 1,000,000 unless given. */
  chunkBytes?: number;
  /** What one GPU gives to all who read from it; not limited unless given. */
  sourceEgressBytesPerNs?: number;
  /** What one GPU takes in; not limited unless given. */
  gpuIngressBytesPerNs?: number;
  /** Loads under way at once; a further one is not accepted; 4,096 unless given. */
  capacity?: number;
  /** The most urgent first, or in order of arrival; by deadline unless given. */
  order?: "deadline" | "arrival";
}

const READS = 1024;

/**
 * Paces reads: never faster than the buckets of DPUs, sources and destinations allow, the most urgent load first. The clock
 * and the completions are its owner's: submit loads, advance to an instant, issue the reads that it returns, say which are
 * complete.
 */
export class Executor {
  readonly #kernels;
  readonly #at;
  readonly #views;
  readonly #gpus: number;
  readonly #gpusPerDpu: number;
  readonly #dpus: number;
  readonly #chunkBytes: number;
  readonly #byDeadline: boolean;
  readonly #firstSource: number;
  readonly #firstSink: number;
  readonly #loads: (Load | undefined)[];
  readonly #bytesMissing: Float64Array;
  readonly #slots = new Map<number, number>();
  readonly #free: number[];
  #arrivals = 0;
  #nowNs = 0;

  constructor(options: ExecutorOptions) {
    const { gpus, gpusPerDpu = 8, paceBytesPerNs = 1600, chunkBytes = 1e6, capacity = 4096 } = options;
    const { burstBytes = chunkBytes, order = "deadline", sourceEgressBytesPerNs, gpuIngressBytesPerNs } = options;
    checkWhole("gpus", gpus, 1, 2 ** 20);
    checkWhole("gpusPerDpu", gpusPerDpu, 1, gpus);
    checkPositive("paceBytesPerNs", paceBytesPerNs);
    checkWhole("chunkBytes", chunkBytes, 1, Number.MAX_SAFE_INTEGER);
    checkAtLeast("burstBytes", burstBytes, chunkBytes);
    checkWhole("capacity", capacity, 1, 2 ** 24);
    if (sourceEgressBytesPerNs !== undefined) checkPositive("sourceEgressBytesPerNs", sourceEgressBytesPerNs);
    if (gpuIngressBytesPerNs !== undefined) checkPositive("gpuIngressBytesPerNs", gpuIngressBytesPerNs);
    if (order !== "deadline" && order !== "arrival")
      throw new RangeError(`order must be "deadline" or "arrival", got ${describe(order)}`);
    this.#gpus = gpus;
    this.#gpusPerDpu = gpusPerDpu;
    this.#dpus = Math.ceil(gpus / gpusPerDpu);
    this.#chunkBytes = chunkBytes;
    this.#byDeadline = order === "deadline";
    this.#firstSource = sourceEgressBytesPerNs === undefined ? NONE : this.#dpus;
    const sources = sourceEgressBytesPerNs === undefined ? 0 : gpus;
    this.#firstSink = gpuIngressBytesPerNs === undefined ? NONE : this.#dpus + sources;
    const rates = [
      ...new Array<number>(this.#dpus).fill(paceBytesPerNs),
      ...new Array<number>(sources).fill(sourceEgressBytesPerNs ?? 0),
      ...new Array<number>(gpuIngressBytesPerNs === undefined ? 0 : gpus).fill(gpuIngressBytesPerNs ?? 0),
    ];
    const leaves = 2 ** Math.ceil(Math.log2(Math.max(2, rates.length)));
    const { kernels, at, views } = workspace({
      slots: ["U32", capacity],
      readSlot: ["U32", READS],
      readBytes: ["F64", READS],
      readAtNs: ["F64", READS],
      urgencyNs: ["F64", capacity],
      arrival: ["U32", capacity],
      bytesLeft: ["F64", capacity],
      route: ["U32", ROUTE * capacity],
      place: ["U32", capacity],
      links: ["U32", LINKS * capacity],
      buckets: ["F64", BUCKET * rates.length],
      roots: ["U32", rates.length],
      wakeNs: ["F64", leaves],
      winners: ["U32", 2 * leaves],
    });
    rates.forEach((rate, bucket) => {
      views.buckets.set([rate, bucket < this.#dpus ? burstBytes : chunkBytes, 0], bucket * BUCKET);
    });
    views.roots.fill(NONE);
    views.place.fill(NONE);
    views.wakeNs.fill(Number.POSITIVE_INFINITY);
    for (let i = 0; i < leaves; i++) views.winners[leaves + i] = i;
    for (let i = leaves - 1; i >= 1; i--) views.winners[i] = views.winners[2 * i]!;
    this.#kernels = kernels;
    this.#at = at;
    this.#views = views;
    this.#loads = new Array(capacity);
    this.#bytesMissing = new Float64Array(capacity);
    this.#free = Array.from({ length: capacity }, (_, i) => capacity - 1 - i);
  }

  /** Loads under way: submitted, and neither ended nor cancelled. */
  get underWay(): number {
    return this.#slots.size;
  }

  /** When there is next a read to issue if nothing else happens; Infinity if never. */
  get nextEventNs(): number {
    return this.#views.wakeNs[this.#views.winners[1]!]!;
  }

  /** Queues loads at `nowNs`, in order, and returns how many: fewer than all once `capacity` is reached. */
  submit(loads: readonly Load[], nowNs: number): number {
    this.#checkNow(nowNs);
    const fresh = new Set<number>();
    loads.forEach((load, i) => {
      this.#checkLoad(load, i);
      if (fresh.has(load.fenceId)) throw new RangeError(`load ${i}: fenceId must be unused, got ${load.fenceId} again`);
      fresh.add(load.fenceId);
    });
    this.#nowNs = nowNs;
    const accepted = Math.min(loads.length, this.#free.length);
    for (let i = 0; i < accepted; i++) this.#views.slots[i] = this.#place(loads[i]!);
    this.#queue(accepted);
    return accepted;
  }

  /** The reads to issue up to `nowNs`, in order of time. */
  advance(nowNs: number): Read[] {
    this.#checkNow(nowNs);
    this.#nowNs = nowNs;
    const { kernels, at, views } = { kernels: this.#kernels, at: this.#at, views: this.#views };
    const reads: Read[] = [];
    for (let count = READS; count === READS; ) {
      count = kernels.issueReads(
        at.readSlot,
        at.readBytes,
        at.readAtNs,
        at.urgencyNs,
        at.arrival,
        at.bytesLeft,
        at.route,
        at.place,
        at.links,
        at.buckets,
        at.roots,
        at.wakeNs,
        at.winners,
        this.#dpus,
        this.#chunkBytes,
        nowNs,
      );
      for (let i = 0; i < count; i++)
        reads.push(this.#read(views.readSlot[i]!, views.readBytes[i]!, views.readAtNs[i]!));
    }
    return reads;
  }

  /** Says that reads have come to their end at `nowNs`, and returns the loads that ended with them. */
  complete(reads: readonly Read[], nowNs: number): LoadEnd[] {
    this.#checkNow(nowNs);
    const bytes = new Map<number, number>();
    reads.forEach((read, i) => {
      const slot = this.#slots.get(read.fenceId);
      const sum = (bytes.get(read.fenceId) ?? 0) + read.bytes;
      if (slot === undefined)
        throw new RangeError(`read ${i}: fenceId must be of a load under way, got ${read.fenceId}`);
      const issued = this.#bytesMissing[slot]! - this.#views.bytesLeft[slot]!;
      if (!(read.bytes > 0) || sum > issued)
        throw new RangeError(
          `read ${i}: bytes must be above 0 and at most the ${issued} issued and not completed, got ${sum}`,
        );
      bytes.set(read.fenceId, sum);
    });
    this.#nowNs = nowNs;
    const ends: LoadEnd[] = [];
    for (const [fenceId, sum] of bytes) {
      const slot = this.#slots.get(fenceId)!;
      this.#bytesMissing[slot]! -= sum;
      if (this.#bytesMissing[slot]! > 0) continue;
      ends.push({ fenceId, outcome: nowNs <= this.#loads[slot]!.deadlineNs ? "done" : "late", endNs: nowNs });
      this.#release(slot);
    }
    return ends;
  }

  /** Takes loads back, wherever they are; reads of them that were issued count for nothing and must not be completed. */
  cancel(fenceIds: readonly number[], nowNs: number): LoadEnd[] {
    this.#checkNow(nowNs);
    const slots = [...new Set(fenceIds)].map((fenceId) => this.#slotOf(fenceId));
    this.#nowNs = nowNs;
    return slots.map((slot) => {
      const { fenceId } = this.#loads[slot]!;
      this.#unqueue(slot);
      this.#release(slot);
      return { fenceId, outcome: "cancelled", endNs: nowNs };
    });
  }

  /** Gives a load another deadline: a prefetch that becomes demanded, for instance. */
  reprioritise(fenceId: number, deadlineNs: number, nowNs: number): void {
    this.#checkNow(nowNs);
    checkAtLeast("deadlineNs", deadlineNs, 0);
    const slot = this.#slotOf(fenceId);
    this.#nowNs = nowNs;
    this.#loads[slot] = { ...this.#loads[slot]!, deadlineNs };
    if (!this.#byDeadline || this.#views.bytesLeft[slot] === 0) return;
    this.#unqueue(slot);
    this.#views.urgencyNs[slot] = deadlineNs;
    this.#views.slots[0] = slot;
    this.#queue(1);
  }

  /** Cancels every load of a DPU that has not been read to its end. */
  drain(dpu: number, nowNs: number): LoadEnd[] {
    checkWhole("dpu", dpu, 0, this.#dpus - 1);
    const unread = [...this.#slots].filter(
      ([, slot]) => this.#views.route[slot * ROUTE] === dpu && this.#views.bytesLeft[slot]! > 0,
    );
    return this.cancel(
      unread.map(([fenceId]) => fenceId),
      nowNs,
    );
  }

  #place(load: Load): number {
    const { route, urgencyNs, arrival, bytesLeft } = this.#views;
    const slot = this.#free.pop()!;
    const gate = (first: number, gpu: number) => (first === NONE ? NONE : first + gpu);
    route.set(
      [
        Math.floor(load.destinationGpu / this.#gpusPerDpu),
        gate(this.#firstSource, load.sourceGpu),
        gate(this.#firstSink, load.destinationGpu),
      ],
      slot * ROUTE,
    );
    urgencyNs[slot] = this.#byDeadline ? load.deadlineNs : 0;
    arrival[slot] = this.#arrivals++;
    bytesLeft[slot] = load.sizeBytes;
    this.#bytesMissing[slot] = load.sizeBytes;
    this.#loads[slot] = load;
    this.#slots.set(load.fenceId, slot);
    return slot;
  }

  #read(slot: number, bytes: number, atNs: number): Read {
    const { fenceId, sizeBytes } = this.#loads[slot]!;
    // One load's reads come in order: what is left after all of this call's reads is less than after this one.
    const offsetBytes = this.#offset[slot] ?? 0;
    this.#offset[slot] = offsetBytes + bytes === sizeBytes ? 0 : offsetBytes + bytes;
    return { fenceId, offsetBytes, bytes, atNs };
  }
  readonly #offset: number[] = [];

  #queue(count: number): void {
    const { at } = { at: this.#at };
    this.#kernels.queueLoads(
      at.slots,
      at.urgencyNs,
      at.arrival,
      at.bytesLeft,
      at.route,
      at.place,
      at.links,
      at.buckets,
      at.roots,
      at.wakeNs,
      at.winners,
      count,
      this.#chunkBytes,
      this.#nowNs,
    );
  }

  #unqueue(slot: number): void {
    const at = this.#at;
    if (this.#views.place[slot] === NONE) return;
    this.#kernels.unqueueLoad(slot, at.urgencyNs, at.arrival, at.place, at.links, at.roots, at.wakeNs, at.winners);
  }

  #release(slot: number): void {
    this.#slots.delete(this.#loads[slot]!.fenceId);
    this.#loads[slot] = undefined;
    this.#offset[slot] = 0;
    this.#free.push(slot);
  }

  #slotOf(fenceId: number): number {
    const slot = this.#slots.get(fenceId);
    if (slot === undefined) throw new RangeError(`fenceId must be of a load under way, got ${fenceId}`);
    return slot;
  }

  #checkNow(nowNs: number): void {
    checkAtLeast("nowNs", nowNs, 0);
    if (nowNs < this.#nowNs) throw new RangeError(`nowNs must be at least ${this.#nowNs}, the last, got ${nowNs}`);
  }

  #checkLoad(load: Load, i: number): void {
    checkWhole(`load ${i}: fenceId`, load.fenceId, 0, Number.MAX_SAFE_INTEGER);
    if (this.#slots.has(load.fenceId))
      throw new RangeError(`load ${i}: fenceId must be unused, got ${load.fenceId}, which is under way`);
    checkWhole(`load ${i}: sourceGpu`, load.sourceGpu, 0, this.#gpus - 1);
    checkWhole(`load ${i}: destinationGpu`, load.destinationGpu, 0, this.#gpus - 1);
    checkWhole(`load ${i}: sizeBytes`, load.sizeBytes, 1, Number.MAX_SAFE_INTEGER);
    checkAtLeast(`load ${i}: deadlineNs`, load.deadlineNs, 0);
  }
}
