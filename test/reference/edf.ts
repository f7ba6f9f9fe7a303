// A server that reads loads chunk by chunk, the most urgent first, event by event; and the certificate's inequality, looked
// at on a dense grid.

export interface Load {
  arrivalNs: number;
  bytes: number;
  /** An instant, not a duration. */
  deadlineNs: number;
  chunkBytes: number;
  /** Whose egress it takes up; all alike unless given. */
  source?: number;
}

export interface Server {
  bytesPerNs: number;
  latencyNs: number;
  /** `each`: every load is translated for latencyNs, several at a time. `idle`: the server takes latencyNs to begin after it idled. */
  latency?: "each" | "idle";
  /** What one source sends; a source that has sent a chunk faster has to make up for it. */
  sourceBytesPerNs?: number;
}

/** When each load ends. Of loads that are equally urgent, the first in the list goes first. */
export function serve(
  loads: readonly Load[],
  { bytesPerNs, latencyNs, latency = "each", sourceBytesPerNs = Infinity }: Server,
  urgency: (load: Load, i: number) => number = (load) => load.deadlineNs,
): number[] {
  const readyNs = loads.map(({ arrivalNs }) => arrivalNs + (latency === "each" ? latencyNs : 0));
  const left = loads.map(({ bytes }) => bytes);
  const ends = loads.map(() => Infinity);
  const sourceFreeNs = new Map<number, number>();
  const sourceOf = (i: number) => loads[i]!.source ?? 0;
  const freeNs = (i: number) => sourceFreeNs.get(sourceOf(i)) ?? -Infinity;
  let [now, idle] = [-Infinity, true];
  for (;;) {
    const open = loads.flatMap((_, i) => (left[i]! > 0 ? [i] : []));
    if (open.length === 0) return ends;
    const waiting = open.filter((i) => readyNs[i]! <= now);
    if (waiting.length === 0) {
      now = Math.min(...open.map((i) => readyNs[i]!));
      idle = true;
      continue;
    }
    if (idle) {
      idle = false;
      if (latency === "idle") now += latencyNs;
      continue;
    }
    const able = waiting.filter((i) => freeNs(i) <= now);
    if (able.length === 0) {
      now = Math.min(...open.map((i) => Math.max(readyNs[i]!, freeNs(i))));
      continue;
    }
    const next = able.reduce((first, i) => (urgency(loads[i]!, i) < urgency(loads[first]!, first) ? i : first));
    const bytes = Math.min(left[next]!, loads[next]!.chunkBytes);
    const endNs = Math.max(now + bytes / bytesPerNs, now + bytes / sourceBytesPerNs);
    sourceFreeNs.set(sourceOf(next), sourceBytesPerNs === Infinity ? now : now + bytes / sourceBytesPerNs);
    now += bytes / bytesPerNs;
    left[next]! -= bytes;
    if (left[next] === 0) ends[next] = endNs;
  }
}

interface Shaped {
  burstBytes: number;
  bytesPerNs: number;
  deadlineNs: number;
  chunkBytes: number;
  earlyNs?: number;
}

/** What the server serves less what may have to be served, at the instants 0, step, 2 x step ... and just before each: the least. */
export function leastMargin(
  loads: readonly Shaped[],
  { bytesPerNs, latencyNs }: Server,
  stepNs: number,
  untilNs: number,
): number {
  const first = Math.min(...loads.map(({ deadlineNs }) => deadlineNs));
  let least = Infinity;
  for (let at = 0; at <= untilNs; at += stepNs) {
    for (const t of [at - 1e-7, at]) {
      if (t < first) continue;
      let needed = 0;
      for (const load of loads)
        if (t >= load.deadlineNs) needed += load.burstBytes + load.bytesPerNs * (t - load.deadlineNs);
      const later = loads.filter(({ deadlineNs, earlyNs = 0 }) => deadlineNs + earlyNs > t);
      needed += Math.max(0, ...later.map(({ chunkBytes }) => chunkBytes));
      least = Math.min(least, bytesPerNs * (t - latencyNs) - needed);
    }
  }
  return least;
}

/** Loads of one kind as a token bucket lets them out that is full at `startNs`: each so long after it could, first to last. */
export function throughBucket(
  { burstBytes, bytesPerNs }: Pick<Shaped, "burstBytes" | "bytesPerNs">,
  loadBytes: number,
  startNs: number,
  waitsNs: readonly number[],
): number[] {
  let [tokens, at] = [burstBytes, startNs];
  const postedNs: number[] = [];
  for (const waitNs of waitsNs) {
    if (tokens < loadBytes && bytesPerNs === 0) break;
    const dueNs = Math.max(0, loadBytes - tokens) / (bytesPerNs || 1) + waitNs;
    tokens = Math.min(burstBytes, tokens + bytesPerNs * dueNs) - loadBytes;
    at += dueNs;
    postedNs.push(at);
  }
  return postedNs;
}
