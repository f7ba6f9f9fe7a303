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
  readonly options;
  readonly dpus: Bucket[];
  readonly ports: Bucket[];
  readonly sources: Bucket[];
  readonly sinks: Bucket[];
  readonly nodes: { up: Bucket[]; down: Bucket[] };
  readonly pods: { up: Bucket[]; down: Bucket[] };
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
      queueDepth: 1024,
      order: "deadline",
      onExpire: "finish",
      gpusPerNode: Math.min(8, gpus),
      gpusPerPod: Math.min(64, gpus),
      // What nothing limits carries anything in no time.
      portsBytesPerNs: Number.POSITIVE_INFINITY,
      sourceEgressBytesPerNs: Number.POSITIVE_INFINITY,
      gpuIngressBytesPerNs: Number.POSITIVE_INFINITY,
      nodeBytesPerNs: Number.POSITIVE_INFINITY,
      podBytesPerNs: Number.POSITIVE_INFINITY,
      ...options,
    };
    const { gpusPerDpu, gpusPerNode, gpusPerPod, paceBytesPerNs, burstBytes } = this.options;
    const list = (count: number, bytesPerNs: number, burst: number): Bucket[] =>
      Array.from({ length: count }, () => {
        const savedNs = (burst - chunkBytes) / bytesPerNs;
        return { bytesPerNs, savedNs, readyNs: -savedNs };
      });
    const links = (gpusEach: number, bytesPerNs: number) => list(Math.ceil(gpus / gpusEach), bytesPerNs, chunkBytes);
    this.dpus = list(Math.ceil(gpus / gpusPerDpu), paceBytesPerNs, burstBytes);
    this.ports = links(gpusPerDpu, this.options.portsBytesPerNs);
    this.sources = links(1, this.options.sourceEgressBytesPerNs);
    this.sinks = links(1, this.options.gpuIngressBytesPerNs);
    const [node, pod] = [this.options.nodeBytesPerNs, this.options.podBytesPerNs];
    this.nodes = { up: links(gpusPerNode, node), down: links(gpusPerNode, node) };
    this.pods = { up: links(gpusPerPod, pod), down: links(gpusPerPod, pod) };
  }

  /** All that a load draws on. */
  #bucketsOf({ sourceGpu, destinationGpu }: Load): Bucket[] {
    const dpu = this.#dpuOf({ destinationGpu });
    const between = (gpusEach: number, { up, down }: { up: Bucket[]; down: Bucket[] }) => {
      const [from, to] = [Math.floor(sourceGpu / gpusEach), Math.floor(destinationGpu / gpusEach)];
      return from === to ? [] : [up[from]!, down[to]!];
    };
    return [
      this.dpus[dpu]!,
      this.ports[dpu]!,
      this.sources[sourceGpu]!,
      this.sinks[destinationGpu]!,
      ...between(this.options.gpusPerNode, this.nodes),
      ...between(this.options.gpusPerPod, this.pods),
    ];
  }

  get underWay(): number {
    return this.loads.length;
  }

  get nextEventNs(): number {
    return this.#next()?.atNs ?? Number.POSITIVE_INFINITY;
  }

  submit<T extends Load>(loads: readonly T[], nowNs = this.nowNs): T[] {
    this.#moveTo(nowNs);
    return loads.filter((load) => {
      const dpu = this.#dpuOf(load);
      if (this.loads.filter((other) => this.#dpuOf(other) === dpu).length === this.options.queueDepth) return true;
      this.loads.push({
        dropLate: this.options.onExpire === "drop",
        ...load,
        sequence: this.sequence++,
        bytesLeft: load.sizeBytes,
        bytesMissing: load.sizeBytes,
        expired: false,
        buckets: this.#bucketsOf(load),
      });
      return false;
    });
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

  #dpuOf(load: Pick<Load, "destinationGpu">): number {
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
