import type { ExecutorOptions, Expiry, Load, LoadEnd, Read } from "../../src/executor.ts";

// The executor again: a list of loads, and at each step every load is asked when it could be read next.

/** A load in the list. */
interface Listed extends Required<Load> {
  sequence: number;
  bytesLeft: number;
  bytesMissing: number;
  expired: boolean;
  buckets: Bucket[];
}

interface Bucket {
  bytesPerNs: number;
  savedNs: number;
  readyNs: number;
}

export class ReferenceExecutor {
  nowNs = 0;
  readonly loads: Listed[] = [];
  readonly options: Required<Omit<ExecutorOptions, "sourceEgressBytesPerNs" | "gpuIngressBytesPerNs" | "batch">>;
  readonly dpus: Bucket[];
  readonly sources: Bucket[] | undefined;
  readonly sinks: Bucket[] | undefined;
  clockNs = 0;
  sequence = 0;

  constructor(options: ExecutorOptions) {
    const { gpus, chunkBytes = 1e6 } = options;
    this.options = {
      gpusPerDpu: Math.min(8, gpus),
      paceBytesPerNs: 1600,
      burstBytes: chunkBytes,
      chunkBytes,
      afterReadNs: 0,
      capacity: 4096,
      order: "deadline",
      onExpire: "finish",
      ...options,
    };
    const { gpusPerDpu, paceBytesPerNs, burstBytes } = this.options;
    const list = (count: number, bytesPerNs: number, burst: number): Bucket[] =>
      Array.from({ length: count }, () => {
        const savedNs = (burst - chunkBytes) / bytesPerNs;
        return { bytesPerNs, savedNs, readyNs: -savedNs };
      });
    const { sourceEgressBytesPerNs: egress, gpuIngressBytesPerNs: ingress } = options;
    this.dpus = list(Math.ceil(gpus / gpusPerDpu), paceBytesPerNs, burstBytes);
    this.sources = egress === undefined ? undefined : list(gpus, egress, chunkBytes);
    this.sinks = ingress === undefined ? undefined : list(gpus, ingress, chunkBytes);
  }

  get underWay(): number {
    return this.loads.length;
  }

  get nextEventNs(): number {
    return this.#next()?.atNs ?? Number.POSITIVE_INFINITY;
  }

  submit(loads: readonly Load[], nowNs = this.nowNs): number {
    this.#moveTo(nowNs);
    const accepted = Math.min(loads.length, this.options.capacity - this.loads.length);
    for (const load of loads.slice(0, accepted)) {
      const gates = [this.sources?.[load.sourceGpu], this.sinks?.[load.destinationGpu]];
      this.loads.push({
        dropLate: this.options.onExpire === "drop",
        ...load,
        sequence: this.sequence++,
        bytesLeft: load.sizeBytes,
        bytesMissing: load.sizeBytes,
        expired: false,
        buckets: [this.dpus[this.#dpuOf(load)]!, ...gates.filter((gate) => gate !== undefined)],
      });
    }
    return accepted;
  }

  advance(nowNs: number): { reads: Read[]; expired: Expiry[] } {
    const reads: Read[] = [];
    const expired: Expiry[] = [];
    for (let event = this.#next(); event && event.atNs <= nowNs; event = this.#next()) {
      const { load, atNs } = event;
      const { fenceId, bytesLeft } = load;
      this.clockNs = atNs;
      if (event.isRead) {
        const bytes = Math.min(this.options.chunkBytes, bytesLeft);
        reads.push({ fenceId, offsetBytes: load.sizeBytes - bytesLeft, bytes, atNs });
        load.bytesLeft -= bytes;
        for (const bucket of load.buckets)
          bucket.readyNs = Math.max(bucket.readyNs, atNs - bucket.savedNs) + bytes / bucket.bytesPerNs;
      } else {
        expired.push({ fenceId, atNs, bytesLeft, dropped: load.dropLate });
        load.expired = true;
        if (load.dropLate) this.#remove(load);
      }
    }
    this.#moveTo(nowNs);
    return { reads, expired };
  }

  complete(reads: readonly Read[], nowNs = this.nowNs): LoadEnd[] {
    this.#moveTo(nowNs);
    const ends: LoadEnd[] = [];
    for (const { fenceId, bytes } of reads) {
      const load = this.#load(fenceId);
      load.bytesMissing -= bytes;
      if (load.bytesMissing > 0) continue;
      this.#remove(load);
      ends.push({ fenceId, outcome: this.nowNs <= load.deadlineNs ? "done" : "late", endNs: this.nowNs });
    }
    return ends;
  }

  cancel(fenceIds: readonly number[], nowNs = this.nowNs): LoadEnd[] {
    this.#moveTo(nowNs);
    return fenceIds.map((fenceId) => {
      this.#remove(this.#load(fenceId));
      return { fenceId, outcome: "cancelled", endNs: this.nowNs };
    });
  }

  reprioritise(fenceId: number, deadlineNs: number, nowNs = this.nowNs): void {
    this.#moveTo(nowNs);
    Object.assign(this.#load(fenceId), { deadlineNs, expired: false });
  }

  drain(dpu: number, nowNs = this.nowNs): LoadEnd[] {
    const unread = this.loads.filter((load) => this.#dpuOf(load) === dpu && load.bytesLeft > 0);
    return this.cancel(
      unread.map(({ fenceId }) => fenceId),
      nowNs,
    );
  }

  /** The next event: the first, a read before an expiry; the most urgent read, the first DPU's expiry; the first submitted. */
  #next(): { atNs: number; isRead: boolean; load: Listed } | undefined {
    const unread = this.loads.filter(({ bytesLeft }) => bytesLeft > 0);
    const local = (load: Listed) => load.deadlineNs - this.options.afterReadNs;
    const reads = unread.map((load) => ({
      atNs: Math.max(this.clockNs, ...load.buckets.map(({ readyNs }) => readyNs)),
      rank: [0, this.options.order === "deadline" ? local(load) : 0, 0, load.sequence],
      load,
    }));
    const expiries = unread
      .filter(({ expired }) => !expired)
      .map((load) => {
        const latestNs = local(load) - load.bytesLeft / Math.min(...load.buckets.map(({ bytesPerNs }) => bytesPerNs));
        const atNs = Math.max(this.clockNs, latestNs);
        return { atNs, rank: [1, this.#dpuOf(load), latestNs, load.sequence], load };
      });
    const [first] = [...reads, ...expiries].sort((a, b) => a.atNs - b.atNs || lexical(a.rank, b.rank));
    return first && { atNs: first.atNs, isRead: first.rank[0] === 0, load: first.load };
  }

  #moveTo(nowNs: number): void {
    this.nowNs = nowNs;
    this.clockNs = nowNs;
  }

  #dpuOf(load: Load): number {
    return Math.floor(load.destinationGpu / this.options.gpusPerDpu);
  }

  #load(fenceId: number): Listed {
    return this.loads.find((load) => load.fenceId === fenceId)!;
  }

  #remove(load: Listed): void {
    this.loads.splice(this.loads.indexOf(load), 1);
  }
}

/** Which of two lists of numbers comes first. */
function lexical(a: readonly number[], b: readonly number[]): number {
  const i = a.findIndex((value, i) => value !== b[i]);
  return i < 0 ? 0 : a[i]! - b[i]!;
}
