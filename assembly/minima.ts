import { FAN, FAN_BITS, LOAD, SEQUENCE } from "./layout";

// Trees of minima: a node holds the least of its 32 children, so the root the least of all. Leaves stay where they are,
// whatever their keys: nothing that names one ever moves. Inner nodes come first, and what is behind them are leaves:
//
//     | 0 | 1 .. 32 | 33 .. 64 | 65 .. 96 | ......      children of node n: 32n + 1 .. 32n + 32
//
// A tree's nodes are `words[tree + n]`; a leaf that stands for nothing is Infinity.

/** Gives `leaf` another key. */
export function setKey(words: StaticArray<f64>, tree: u32, inner: u32, leaf: u32, key: f64): void {
  let node = inner + leaf;
  let oldKey = words[tree + node];
  setWord(words, tree + node, key);
  while (node > 0) {
    node = parentOf(node);
    const least = words[tree + node];
    if (key > least) {
      if (oldKey > least) return; // some other child is the least, as before
      key = leastOf(words, tree + firstChildOf(node));
    }
    if (key === least) return;
    setWord(words, tree + node, key);
    oldKey = least;
  }
}

/** Takes the key of `leaf` away. */
export function clearKey(words: StaticArray<f64>, tree: u32, inner: u32, leaf: u32): void {
  const node = inner + leaf;
  if (words[tree + node] > words[tree + parentOf(node)]) setWord(words, tree + node, Infinity);
  else setKey(words, tree, inner, leaf, Infinity);
}

/** The first leaf that has the least key. */
export function leastLeaf(words: StaticArray<f64>, tree: u32, inner: u32): u32 {
  const key = words[tree];
  let node: u32 = 0;
  while (node < inner) {
    const first = firstChildOf(node);
    node = first + ctz(equalsOf(words, tree + first, key));
  }
  return node - inner;
}

// The tree that reads are chosen from also says which leaf a node's key is of: of equal keys that of the load that was
// accepted first. `best[node]` is the leaf, `loads + leaf * LOAD` its load's row in `words`.

/** Gives `leaf`, which has no key, one. */
export function enter(
  words: StaticArray<f64>,
  tree: u32,
  best: u32,
  loads: u32,
  inner: u32,
  leaf: u32,
  key: f64,
): void {
  const leaves = changetype<StaticArray<u32>>(words);
  const sequence = words[loads + leaf * LOAD + SEQUENCE];
  let node = inner + leaf;
  setWord(words, tree + node, key);
  while (node > 0) {
    node = parentOf(node);
    const least = words[tree + node];
    if (least < key || (least === key && words[loads + leaves[best + node] * LOAD + SEQUENCE] < sequence)) return;
    setWord(words, tree + node, key);
    leaves[best + node] = leaf;
  }
}

/** Takes the key of `leaf` away. */
export function leave(words: StaticArray<f64>, tree: u32, best: u32, loads: u32, inner: u32, leaf: u32): void {
  const leaves = changetype<StaticArray<u32>>(words);
  let node = inner + leaf;
  setWord(words, tree + node, Infinity);
  while (node > 0) {
    node = parentOf(node);
    if (leaves[best + node] !== leaf) return;
    const child = firstOf(words, tree, best, loads, firstChildOf(node));
    setWord(words, tree + node, words[tree + child]);
    leaves[best + node] = leaves[best + child];
  }
}

/** The one that comes first of the 32 nodes from `first` on. */
function firstOf(words: StaticArray<f64>, tree: u32, best: u32, loads: u32, first: u32): u32 {
  const leaves = changetype<StaticArray<u32>>(words);
  const key = leastOf(words, tree + first);
  let equals = equalsOf(words, tree + first, key);
  let child = first + ctz(equals);
  if (key === Infinity) return child;
  for (equals &= equals - 1; equals !== 0; equals &= equals - 1) {
    const other = first + ctz(equals);
    const isEarlier =
      words[loads + leaves[best + other] * LOAD + SEQUENCE] < words[loads + leaves[best + child] * LOAD + SEQUENCE];
    if (isEarlier) child = other;
  }
  return child;
}

function parentOf(node: u32): u32 {
  return (node - 1) >> FAN_BITS;
}

function firstChildOf(node: u32): u32 {
  return (node << FAN_BITS) + 1;
}

/** Writes a word together with its neighbour, so that `leastOf` need not wait until it is in memory: it reads two at once. */
function setWord(words: StaticArray<f64>, at: u32, key: f64): void {
  if (ASC_FEATURE_SIMD) {
    const pair = changetype<usize>(words) + ((<usize>(at & ~1)) << 3);
    const mask = i64x2.eq(i64x2.splat(at & 1), i64x2(0, 1));
    v128.store(pair, v128.bitselect(f64x2.splat(key), v128.load(pair), mask));
  } else {
    words[at] = key;
  }
}

/** The least of a node's children. */
function leastOf(words: StaticArray<f64>, first: u32): f64 {
  if (ASC_FEATURE_SIMD) {
    const at = changetype<usize>(words) + ((<usize>first) << 3);
    let least = f64x2.splat(Infinity);
    for (let line = at; line < at + 256; line += 64) {
      const low = f64x2.pmin(v128.load(line), v128.load(line, 16));
      least = f64x2.pmin(least, f64x2.pmin(low, f64x2.pmin(v128.load(line, 32), v128.load(line, 48))));
    }
    return f64x2.extract_lane(f64x2.pmin(least, i64x2.shuffle(least, least, 1, 0)), 0);
  }
  let least = words[first];
  for (let i = first + 1; i < first + FAN; i++) least = min(least, words[i]);
  return least;
}

/** Which of a node's children are `key`, one bit each, the first the lowest. */
function equalsOf(words: StaticArray<f64>, first: u32, key: f64): u32 {
  let equals: u32 = 0;
  if (ASC_FEATURE_SIMD) {
    const at = changetype<usize>(words) + ((<usize>first) << 3);
    const keys = f64x2.splat(key);
    for (let i = 0; i < FAN; i += 8) {
      const line = at + ((<usize>i) << 3);
      const low = i32x4.shuffle(f64x2.eq(v128.load(line), keys), f64x2.eq(v128.load(line, 16), keys), 0, 2, 4, 6);
      const high = i32x4.shuffle(f64x2.eq(v128.load(line, 32), keys), f64x2.eq(v128.load(line, 48), keys), 0, 2, 4, 6);
      const eight = i16x8.narrow_i32x4_s(low, high);
      equals |= i8x16.bitmask(i8x16.narrow_i16x8_s(eight, i16x8.splat(0))) << i;
    }
  } else {
    for (let i = 0; i < FAN; i++) equals |= (words[first + i] === key ? 1 : 0) << i;
  }
  return equals;
}
