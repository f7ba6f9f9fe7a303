import {
  AFTER_READ_NS,
  BUCKET,
  BUCKETS,
  BY_DEADLINE,
  CHUNK_BYTES,
  ENTRY,
  FIRST_SINK,
  FIRST_SOURCE,
  FREE,
  GPUS,
  GPUS_PER_DPU,
  LOAD,
  NODE,
  NONE,
  PACER,
  PAGE,
  QUEUE,
} from "../assembly/layout.ts";
import { checkAtLeast, checkPositive, checkWhole, describe } from "./check.ts";
import { workspace } from "./wasm.ts";

/** Words of a page table that are still sensible: 256 MiB. */
const MOST_PAGES = 2 ** 26;

export interface PacerOptions {
  gpus: number;
  /** GPUs that share a DPU: the first so many, and so on; 8, or all if they are fewer, unless given. */
  gpusPerDpu?: number;
  /** What one DPU reads in the long run; 1,600 unless given. */
  paceBytesPerNs?: number;
  /** What it may read at once; at least a chunk, and one chunk unless given. */
  burstBytes?: number;
  /** A more urgent load overtakes another at the edge of a chunk; 1,000,000 unless given. */
  chunkBytes?: number;
  /** What one GPU gives to all who read from it; not limited unless given. */
  sourceEgressBytesPerNs?: number;
  /** What one GPU takes in; not limited unless given. */
  gpuIngressBytesPerNs?: number;
  /** From a load's last byte read to its end (path and fence): it must be read so long before its deadline; 0 unless given. */
  afterReadNs?: number;
  /** Loads under way at once; a further one is not accepted; 4,096 unless given. */
  capacity?: number;
  /** The most urgent first, or in order of arrival; by deadline unless given. */
  order?: "deadline" | "arrival";
  /** Rows that one call takes or gives; 1,024 unless given. */
  batch?: number;
}

/** Rows of loads: filled by the caller, all but `slot`. */
export interface LoadColumns {
  sourceGpu: Uint32Array;
  destinationGpu: Uint32Array;
  /** From 1 to 2^53 - 1. */
  sizeBytes: Float64Array;
  /** When the load must have ended. */
  deadlineNs: Float64Array;
  /** 1 to drop the load once it cannot be read by its deadline, 0 to finish it late. */
  dropLate: Uint32Array;
  /** By what name the load goes until it has ended. */
  slot: Uint32Array;
}

/** Rows of what happened, in order of time. */
export interface EventColumns {
  slot: Uint32Array;
  /** Of the next chunk to read; 0 if the load can no longer be read by its deadline. */
  bytes: Float64Array;
  /** What of the load is to be read after that. */
  bytesLeft: Float64Array;
  atNs: Float64Array;
}

/**
 * Paces reads: never faster than the buckets of DPUs, sources and destinations allow, the most urgent load first. It speaks
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
  readonly #submit: (count: number, nowNs: number) => number;
  readonly #advance: (nowNs: number) => number;
  readonly #complete: (count: number) => number;
  readonly #cancel: (slot: number, nowNs: number) => number;
  readonly #reprioritise: (slot: number, deadlineNs: number, nowNs: number) => number;
  readonly #views;
  readonly #gpus: number;
  #nowNs = 0;

  constructor(options: PacerOptions) {
    const { gpus, gpusPerDpu, pace, burst, chunk, egress, ingress, afterReadNs, capacity, byDeadline, batch } =
      completed(options);
    const dpus = Math.ceil(gpus / gpusPerDpu);
    const gates = [egress, ingress].map((rate) => (rate === undefined ? [] : new Array<number>(gpus).fill(rate)));
    const rates = [...new Array<number>(dpus).fill(pace), ...gates.flat()];
    const queueCount = rates.length + dpus;
    const leaves = 2 ** Math.ceil(Math.log2(queueCount));
    // Every load is in two queues, and of every queue one page may be filled in part.
    const tableLength = queueCount * pagesOf(capacity);
    if (tableLength > MOST_PAGES)
      throw new RangeError(`capacity must be less where ${queueCount} queues share it, got ${capacity}`);
    const pageCount = pagesOf(2 * capacity) + Math.ceil(1.1 * Math.min(queueCount, 2 * capacity));
    const { kernels, at, views } = workspace({
      slot: ["U32", batch],
      sourceGpu: ["U32", batch],
      destinationGpu: ["U32", batch],
      sizeBytes: ["F64", batch],
      deadlineNs: ["F64", batch],
      dropLate: ["U32", batch],
      eventSlot: ["U32", batch],
      eventBytes: ["F64", batch],
      eventBytesLeft: ["F64", batch],
      eventAtNs: ["F64", batch],
      endedSlot: ["U32", batch],
      pacer: ["F64", PACER],
      free: ["U32", capacity],
      loads: ["F64", LOAD * capacity],
      nodes: ["F64", NODE * 2 * capacity],
      entries: ["F64", ENTRY * PAGE * pageCount],
      pages: ["U32", 1 + pageCount + tableLength],
      buckets: ["F64", BUCKET * rates.length],
      queues: ["F64", QUEUE * leaves],
      winners: ["U32", 2 * leaves],
    });
    views.pacer[GPUS] = gpus;
    views.pacer[GPUS_PER_DPU] = gpusPerDpu;
    views.pacer[FIRST_SOURCE] = egress === undefined ? NONE : dpus;
    views.pacer[FIRST_SINK] = ingress === undefined ? NONE : dpus + gates[0]!.length;
    views.pacer[BUCKETS] = rates.length;
    views.pacer[CHUNK_BYTES] = chunk;
    views.pacer[BY_DEADLINE] = byDeadline ? 1 : 0;
    views.pacer[AFTER_READ_NS] = afterReadNs;
    views.pacer[FREE] = capacity;
    rates.forEach((rate, bucket) => {
      const savedNs = bucket < dpus ? (burst - chunk) / rate : 0;
      views.buckets.set([rate, savedNs, -savedNs], bucket * BUCKET); // full at 0
    });
    const words = (view: Float64Array) => new Uint32Array(view.buffer, view.byteOffset, view.length * 2);
    words(views.nodes).fill(NONE);
    for (let i = 0; i < leaves; i++) words(views.queues)[i * QUEUE * 2 + 2] = NONE;
    views.pages[0] = pageCount;
    for (let i = 0; i < pageCount; i++) views.pages[1 + i] = i;
    for (let i = 0; i < capacity; i++) views.free[i] = capacity - 1 - i;
    for (let i = 0; i < leaves; i++) views.queues[i * QUEUE] = Number.POSITIVE_INFINITY;
    for (let i = 0; i < leaves; i++) views.winners[leaves + i] = i;
    for (let i = leaves - 1; i >= 1; i--) views.winners[i] = views.winners[2 * i]!;

    const slots = [at.pacer, at.free, at.loads] as const;
    const state = [...slots, at.nodes, at.entries, at.pages, at.buckets, at.queues, at.winners] as const;
    const rows = [at.sourceGpu, at.destinationGpu, at.sizeBytes, at.deadlineNs, at.dropLate] as const;
    this.#submit = (count, nowNs) => kernels.submitLoads(at.slot, ...rows, ...state, count, nowNs);
    const happened = [at.eventSlot, at.eventBytes, at.eventBytesLeft, at.eventAtNs] as const;
    this.#advance = (nowNs) => kernels.advanceLoads(...happened, ...state, nowNs);
    this.#complete = (count) => kernels.completeReads(at.endedSlot, at.eventSlot, at.eventBytes, ...slots, count);
    this.#cancel = (slot, nowNs) => kernels.cancelLoad(slot, ...state, nowNs);
    this.#reprioritise = (slot, deadlineNs, nowNs) => kernels.reprioritiseLoad(slot, deadlineNs, ...state, nowNs);
    const { sourceGpu, destinationGpu, sizeBytes, deadlineNs, dropLate, slot } = views;
    this.loads = { sourceGpu, destinationGpu, sizeBytes, deadlineNs, dropLate, slot };
    const { eventSlot, eventBytes, eventBytesLeft, eventAtNs } = views;
    this.events = { slot: eventSlot, bytes: eventBytes, bytesLeft: eventBytesLeft, atNs: eventAtNs };
    this.endedSlot = views.endedSlot;
    this.batch = batch;
    this.dpus = dpus;
    this.#views = views;
    this.#gpus = gpus;
  }

  /** The instant of the last call. */
  get nowNs(): number {
    return this.#nowNs;
  }

  /** Loads that can be accepted now. */
  get free(): number {
    return this.#views.pacer[FREE]!;
  }

  /** When there is next an event if nothing else is done; Infinity if never. */
  get nextEventNs(): number {
    return this.#views.queues[this.#views.winners[1]! * QUEUE]!;
  }

  /** Says that it is `nowNs`: before the next event, or as it is due, so that it may yet turn out otherwise. */
  moveTo(nowNs: number): void {
    this.#checkNow(nowNs);
    if (nowNs > this.nextEventNs)
      throw new RangeError(`nowNs must be at most ${this.nextEventNs}, the next event, got ${nowNs}`);
    this.#nowNs = nowNs;
  }

  /** Queues the first `count` of `loads`, in order, and returns how many: fewer than all once `capacity` is reached. */
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

  /** Takes the first `count` of `events` as completed, those of 0 bytes aside; returns how many loads ended: see `endedSlot`. */
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
    checkWhole("slot", slot, 0, this.#views.free.length - 1);
    this.moveTo(this.#nowNs);
    if (!this.#cancel(slot, this.#nowNs)) this.#refuseSlot(slot);
  }

  /** Gives a load another deadline: a prefetch that becomes demanded, for instance. */
  reprioritise(slot: number, deadlineNs: number): void {
    checkWhole("slot", slot, 0, this.#views.free.length - 1);
    checkAtLeast("deadlineNs", deadlineNs, 0);
    this.moveTo(this.#nowNs);
    if (!this.#reprioritise(slot, deadlineNs, this.#nowNs)) this.#refuseSlot(slot);
  }

  /** The DPU that reads for a GPU. */
  dpuOf(gpu: number): number {
    return Math.floor(gpu / this.#views.pacer[GPUS_PER_DPU]!);
  }

  /** What of a load has been neither read nor dropped. */
  bytesLeft(slot: number): number {
    return this.#views.loads[slot * LOAD]!;
  }

  #checkNow(nowNs: number): void {
    checkAtLeast("nowNs", nowNs, 0);
    if (nowNs < this.#nowNs) throw new RangeError(`nowNs must be at least ${this.#nowNs}, the last, got ${nowNs}`);
  }

  #refuse(row: number): never {
    const { sourceGpu, destinationGpu, sizeBytes, deadlineNs } = this.loads;
    checkLoad(row, this.#gpus, {
      sourceGpu: sourceGpu[row]!,
      destinationGpu: destinationGpu[row]!,
      sizeBytes: sizeBytes[row]!,
      deadlineNs: deadlineNs[row]!,
    });
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

/** Pages of a heap of `count` entries; see heap.ts. */
function pagesOf(count: number): number {
  return Math.ceil((count + 3) / PAGE);
}

/** Options with every default filled in, checked. */
function completed(options: PacerOptions) {
  const { gpus, paceBytesPerNs: pace = 1600, chunkBytes: chunk = 1e6, afterReadNs = 0, capacity = 4096 } = options;
  const { burstBytes: burst = chunk, order = "deadline", batch = 1024 } = options;
  const { sourceEgressBytesPerNs: egress, gpuIngressBytesPerNs: ingress } = options;
  checkWhole("gpus", gpus, 1, 2 ** 16);
  const { gpusPerDpu = Math.min(8, gpus) } = options;
  checkWhole("gpusPerDpu", gpusPerDpu, 1, gpus);
  checkPositive("paceBytesPerNs", pace);
  checkWhole("chunkBytes", chunk, 1, Number.MAX_SAFE_INTEGER);
  checkAtLeast("burstBytes", burst, chunk);
  if (egress !== undefined) checkPositive("sourceEgressBytesPerNs", egress);
  if (ingress !== undefined) checkPositive("gpuIngressBytesPerNs", ingress);
  checkAtLeast("afterReadNs", afterReadNs, 0);
  checkWhole("capacity", capacity, 1, 2 ** 22);
  if (order !== "deadline" && order !== "arrival")
    throw new RangeError(`order must be "deadline" or "arrival", got ${describe(order)}`);
  checkWhole("batch", batch, 1, 2 ** 20);
  const byDeadline = order === "deadline";
  return { gpus, gpusPerDpu, pace, burst, chunk, egress, ingress, afterReadNs, capacity, byDeadline, batch };
}
