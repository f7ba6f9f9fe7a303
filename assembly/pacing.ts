import { makeHeap, meld, without, withoutRoot } from "./heap";
import { BUCKET, NONE, ROUTE } from "./layout";

// Every resource that reads draw on is a token bucket: a DPU, and gates (a source's egress, a GPU's ingress). Buckets are
// numbered, DPUs first. A load waits in the heap of its DPU, or of the gate that has no credit for it, by urgency and
// then by order of arrival. `wakeNs` says when a bucket next has something to do, and a tournament finds the earliest:
//
//     winners:    | - | 1 |  2 | 3 |  4 | 5 | 6 | 7 |  leaves: bucket 0, 1, 2 ...  |      winner[i] of 2i and 2i + 1

/** Puts the first `count` of `slots` in the queues of their DPUs at `nowNs`. */
export function queueLoads(
  slots: StaticArray<u32>,
  urgencyNs: StaticArray<f64>,
  arrival: StaticArray<u32>,
  bytesLeft: StaticArray<f64>,
  route: StaticArray<u32>,
  place: StaticArray<u32>,
  links: StaticArray<u32>,
  buckets: StaticArray<f64>,
  roots: StaticArray<u32>,
  wakeNs: StaticArray<f64>,
  winners: StaticArray<u32>,
  count: i32,
  chunkBytes: f64,
  nowNs: f64,
): void {
  assert(count <= slots.length, "there are as many slots as are to be queued");
  for (let i = 0; i < count; i++) {
    const slot = slots[i];
    const dpu = route[slot * ROUTE];
    makeHeap(links, slot);
    place[slot] = dpu;
    roots[dpu] = meld(links, urgencyNs, arrival, roots[dpu], slot);
    wake(wakeNs, winners, dpu, readyNs(buckets, dpu, min(chunkBytes, bytesLeft[roots[dpu]]), nowNs));
  }
}

/** Takes `slot` out of the queue that it is in. */
export function unqueueLoad(
  slot: u32,
  urgencyNs: StaticArray<f64>,
  arrival: StaticArray<u32>,
  place: StaticArray<u32>,
  links: StaticArray<u32>,
  roots: StaticArray<u32>,
  wakeNs: StaticArray<f64>,
  winners: StaticArray<u32>,
): void {
  const bucket = place[slot];
  roots[bucket] = without(links, urgencyNs, arrival, roots[bucket], slot);
  place[slot] = NONE;
  if (roots[bucket] === NONE) wake(wakeNs, winners, bucket, Infinity);
}

/**
 * Issues reads in order of time up to `nowNs`, each a chunk of the most urgent load that its DPU and its gates have credit
 * for: slot, bytes and instant. Returns how many; as many as there is room for means that there may be more.
 */
export function issueReads(
  readSlot: StaticArray<u32>,
  readBytes: StaticArray<f64>,
  readAtNs: StaticArray<f64>,
  urgencyNs: StaticArray<f64>,
  arrival: StaticArray<u32>,
  bytesLeft: StaticArray<f64>,
  route: StaticArray<u32>,
  place: StaticArray<u32>,
  links: StaticArray<u32>,
  buckets: StaticArray<f64>,
  roots: StaticArray<u32>,
  wakeNs: StaticArray<f64>,
  winners: StaticArray<u32>,
  dpuCount: u32,
  chunkBytes: f64,
  nowNs: f64,
): i32 {
  let reads = 0;
  while (reads < readSlot.length) {
    const bucket = winners[1];
    const atNs = wakeNs[bucket];
    if (!(atNs <= nowNs)) break;
    const slot = roots[bucket];
    if (slot === NONE) {
      wake(wakeNs, winners, bucket, Infinity);
      continue;
    }
    const bytes = min(chunkBytes, bytesLeft[slot]);
    const dpu = route[slot * ROUTE];
    // The one that is ready last holds the load back: its own bucket, if it was asked too early.
    const holding = holdingBucket(buckets, route, slot, bucket, bytes, atNs);
    if (bucket < dpuCount && holding === NONE) {
      for (let i = 0; i < ROUTE; i++) charge(buckets, route[slot * ROUTE + i], bytes, atNs);
      bytesLeft[slot] -= bytes;
      readSlot[reads] = slot;
      readBytes[reads] = bytes;
      readAtNs[reads] = atNs;
      reads++;
      if (bytesLeft[slot] <= 0) {
        roots[dpu] = withoutRoot(links, urgencyNs, arrival, slot);
        place[slot] = NONE;
      }
    } else if (holding === bucket) {
      wake(wakeNs, winners, bucket, readyNs(buckets, bucket, bytes, atNs));
      continue;
    } else {
      // From its DPU to the gate that holds it, or from a gate that has credit again back to its DPU.
      const to = bucket < dpuCount ? holding : dpu;
      roots[bucket] = withoutRoot(links, urgencyNs, arrival, slot);
      place[slot] = to;
      roots[to] = meld(links, urgencyNs, arrival, roots[to], slot);
      wake(wakeNs, winners, to, nextNs(bytesLeft, buckets, roots, to, chunkBytes, atNs));
    }
    wake(wakeNs, winners, bucket, nextNs(bytesLeft, buckets, roots, bucket, chunkBytes, atNs));
  }
  return reads;
}

/** Of a load's buckets the one that has credit for `bytes` last, or NONE if all have at `nowNs`; a gate asks only for itself. */
function holdingBucket(
  buckets: StaticArray<f64>,
  route: StaticArray<u32>,
  slot: u32,
  asking: u32,
  bytes: f64,
  nowNs: f64,
): u32 {
  let holding: u32 = NONE;
  let lastNs = nowNs;
  for (let i = 0; i < ROUTE; i++) {
    const bucket = route[slot * ROUTE + i];
    if (bucket === NONE || (asking !== route[slot * ROUTE] && bucket !== asking)) continue;
    const atNs = readyNs(buckets, bucket, bytes, nowNs);
    if (atNs > lastNs) {
      holding = bucket;
      lastNs = atNs;
    }
  }
  return holding;
}

/** When the most urgent load of a bucket's queue may next be looked at. */
function nextNs(
  bytesLeft: StaticArray<f64>,
  buckets: StaticArray<f64>,
  roots: StaticArray<u32>,
  bucket: u32,
  chunkBytes: f64,
  nowNs: f64,
): f64 {
  const slot = roots[bucket];
  return slot === NONE ? Infinity : readyNs(buckets, bucket, min(chunkBytes, bytesLeft[slot]), nowNs);
}

/** The first instant from `nowNs` on at which a bucket has credit for `bytes`. */
function readyNs(buckets: StaticArray<f64>, bucket: u32, bytes: f64, nowNs: f64): f64 {
  const row = bucket * BUCKET;
  return max(nowNs, buckets[row + 2] - (buckets[row + 1] - bytes) / buckets[row]);
}

/** Takes `bytes` out of a bucket. */
function charge(buckets: StaticArray<f64>, bucket: u32, bytes: f64, nowNs: f64): void {
  if (bucket === NONE) return;
  const row = bucket * BUCKET;
  buckets[row + 2] = max(nowNs, buckets[row + 2]) + bytes / buckets[row];
}

/** Has a bucket looked at next at `atNs`, and plays its matches again. Ties go to the lower number: to DPUs before gates. */
function wake(wakeNs: StaticArray<f64>, winners: StaticArray<u32>, bucket: u32, atNs: f64): void {
  wakeNs[bucket] = atNs;
  for (let match = (winners.length / 2 + bucket) >> 1; match >= 1; match >>= 1) {
    const a = winners[2 * match];
    const b = winners[2 * match + 1];
    winners[match] = wakeNs[b] < wakeNs[a] ? b : a;
  }
}
