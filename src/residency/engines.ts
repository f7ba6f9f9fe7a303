import { KEY_LINE, NONE, PINNED, RANDOM_WORDS, RANK_COUNTED, RANK_GIVEN, TALLY_WORDS } from "../../assembly/layout.ts";
import { workspace } from "../wasm.ts";
import type { Cache } from "./policies.ts";

/** Wasm arrays that every policy has. */
interface Batch {
  tally: Float64Array;
  isHit: Uint32Array;
  blocks: Uint32Array;
  starts: Uint32Array;
  phases: Uint32Array;
}

/** A cache of one policy, as its kernel replays on it. */
export interface Engine {
  batch: Batch;
  /** Replays the events in the batch, and tells how many it dealt with. */
  replay: (events: number, firstStamp: number, clock: number) => number;
  isResident: (block: number) => boolean;
  /** Of policies by ranks that are given: where they stand beside the accesses, and what sets those of blocks by scores. */
  ranks?: Uint32Array;
  scores?: Float32Array;
  rankBlocks?: () => Uint32Array;
}

/** The engine of a cache, with room for `length` accesses; `words` seed what it draws. */
export function engineOf(cache: Cache, length: number, words: [number, number, number]): Engine {
  const { policy, experts } = cache;
  if (policy === "random") return randomly(cache, length, words);
  if (policy === "lru" || policy === "layer") return byRecency(cache, length);
  if (policy === "layerlfu" && experts <= MOST_SEARCHED) return byCount(cache, length);
  return byRank(cache, length);
}

/** Experts of a layer up to which looking at all that are held is faster than a heap. */
const MOST_SEARCHED = 512;

/** Arrays of one batch, and the sizes of blocks. */
function batchLayout(cache: Cache, length: number) {
  return {
    tally: ["F64", TALLY_WORDS],
    isHit: ["U32", length],
    blocks: ["U32", length],
    starts: ["U32", length + 1],
    phases: ["U32", length],
    bytes: ["F64", cache.bytes.length],
    usedBytes: ["F64", cache.groups],
    stamps: ["U32", cache.bytes.length],
  } as const;
}

function byRecency(cache: Cache, length: number): Engine {
  const blockCount = cache.bytes.length;
  const { kernels, views, at } = workspace({
    ...batchLayout(cache, length),
    links: ["U32", 2 * (blockCount + cache.groups)],
  });
  views.bytes.set(cache.bytes);
  views.usedBytes.set(cache.pinnedBytes);
  views.links.fill(NONE, 0, 2 * blockCount);
  for (let ring = blockCount; ring < blockCount + cache.groups; ring++) views.links.fill(ring, 2 * ring, 2 * ring + 2);
  for (const block of cache.pinned) views.links[2 * block] = PINNED;
  return {
    batch: views,
    isResident: (block) => views.links[2 * block] !== NONE,
    replay: (events, firstStamp) =>
      kernels.replayRecent(
        at.tally,
        at.isHit,
        at.blocks,
        at.starts,
        at.phases,
        at.bytes,
        at.usedBytes,
        at.links,
        at.stamps,
        events,
        firstStamp,
        cache.shareBytes,
      ),
  };
}

function randomly(cache: Cache, length: number, words: [number, number, number]): Engine {
  const blockCount = cache.bytes.length;
  const { kernels, views, at } = workspace({
    ...batchLayout(cache, length),
    residents: ["U32", blockCount],
    places: ["U32", blockCount],
    counts: ["U32", cache.groups],
    bits: ["U32", 4096],
    random: ["U32", RANDOM_WORDS],
    cursor: ["U32", 1],
  });
  views.bytes.set(cache.bytes);
  views.usedBytes.set(cache.pinnedBytes);
  views.places.fill(NONE);
  for (const block of cache.pinned) views.places[block] = PINNED;
  kernels.seedRandom(at.random, ...words);
  return {
    batch: views,
    isResident: (block) => views.places[block] !== NONE,
    replay: (events, firstStamp) =>
      kernels.replayRandom(
        at.tally,
        at.isHit,
        at.blocks,
        at.starts,
        at.phases,
        at.bytes,
        at.usedBytes,
        at.residents,
        at.places,
        at.counts,
        at.stamps,
        at.bits,
        at.random,
        at.cursor,
        events,
        firstStamp,
        cache.shareBytes,
      ),
  };
}

function byCount(cache: Cache, length: number): Engine {
  const blockCount = cache.bytes.length;
  const places = cache.groups * Math.ceil(blockCount / cache.groups / KEY_LINE) * KEY_LINE;
  const { kernels, views, at } = workspace({
    ...batchLayout(cache, length),
    keys: ["F64", places],
    residents: ["U32", places],
    places: ["U32", blockCount],
    counts: ["U32", cache.groups],
    asked: ["U32", blockCount],
  });
  views.bytes.set(cache.bytes);
  views.usedBytes.set(cache.pinnedBytes);
  views.keys.fill(Number.POSITIVE_INFINITY);
  views.places.fill(NONE);
  for (const block of cache.pinned) views.places[block] = PINNED;
  return {
    batch: views,
    isResident: (block) => views.places[block] !== NONE,
    replay: (events, firstStamp, clock) =>
      kernels.replayCounted(
        at.tally,
        at.isHit,
        at.blocks,
        at.starts,
        at.phases,
        at.bytes,
        at.usedBytes,
        at.keys,
        at.residents,
        at.places,
        at.counts,
        at.stamps,
        at.asked,
        events,
        firstStamp,
        clock,
        cache.shareBytes,
      ),
  };
}

function byRank(cache: Cache, length: number): Engine {
  const blockCount = cache.bytes.length;
  const isGuided = cache.policy === "guided";
  const ranking = isGuided || cache.policy === "belady" ? RANK_GIVEN : RANK_COUNTED;
  const { kernels, views, at } = workspace({
    ...batchLayout(cache, length),
    ranks: ["U32", length],
    keys: ["F64", blockCount],
    heap: ["U32", blockCount],
    places: ["U32", blockCount],
    counts: ["U32", cache.groups],
    latest: ["F64", ranking === RANK_COUNTED ? blockCount : 1],
    scores: ["F32", isGuided ? blockCount : 1],
    blockRanks: ["U32", isGuided ? blockCount : 1],
  });
  views.bytes.set(cache.bytes);
  views.usedBytes.set(cache.pinnedBytes);
  views.places.fill(NONE);
  for (const block of cache.pinned) views.places[block] = PINNED;
  const engine: Engine = {
    batch: views,
    ranks: views.ranks,
    isResident: (block) => views.places[block] !== NONE,
    replay: (events, firstStamp, clock) =>
      kernels.replayRanked(
        at.tally,
        at.isHit,
        at.blocks,
        at.ranks,
        at.starts,
        at.phases,
        at.bytes,
        at.usedBytes,
        at.keys,
        at.heap,
        at.places,
        at.counts,
        at.stamps,
        at.latest,
        events,
        firstStamp,
        clock,
        cache.shareBytes,
        ranking,
      ),
  };
  if (!isGuided) return engine;
  return {
    ...engine,
    scores: views.scores,
    rankBlocks: () => {
      kernels.rankByScores(at.blockRanks, at.scores, at.keys, at.heap, at.places, at.counts);
      return views.blockRanks;
    },
  };
}
