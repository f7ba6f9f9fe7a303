import { LINKS, NONE } from "./layout";

// Pairing heaps (Fredman, Sedgewick, Sleator, Tarjan, 1986) over one table of nodes, so that any number of queues share
// it and a node moves from one to another without a copy. A heap is its root: the least key, and of equal keys the least
// tie. Children hang in a list; the first one's previous link is its parent.
//
//     links:  | child | next | previous |   one row a node

/** Unites two heaps, either of which may be NONE, and returns the root. */
export function meld(links: StaticArray<u32>, keys: StaticArray<f64>, ties: StaticArray<u32>, a: u32, b: u32): u32 {
  if (a === NONE) return b;
  if (b === NONE) return a;
  if (keys[b] < keys[a] || (keys[b] === keys[a] && ties[b] < ties[a])) {
    const swapped = a;
    a = b;
    b = swapped;
  }
  const child = links[a * LINKS];
  links[b * LINKS + 1] = child;
  links[b * LINKS + 2] = a;
  if (child !== NONE) links[child * LINKS + 2] = b;
  links[a * LINKS] = b;
  return a;
}

/** Makes `node` a heap of its own. */
export function makeHeap(links: StaticArray<u32>, node: u32): void {
  links[node * LINKS] = NONE;
  links[node * LINKS + 1] = NONE;
  links[node * LINKS + 2] = NONE;
}

/** The heap without its root. */
export function withoutRoot(links: StaticArray<u32>, keys: StaticArray<f64>, ties: StaticArray<u32>, root: u32): u32 {
  // Neighbours are united in pairs from the left, the pairs into one from the right: chained by their next link.
  let pairs: u32 = NONE;
  let at = links[root * LINKS];
  while (at !== NONE) {
    const a = at;
    const b = links[a * LINKS + 1];
    at = b === NONE ? NONE : links[b * LINKS + 1];
    links[a * LINKS + 1] = NONE;
    if (b !== NONE) links[b * LINKS + 1] = NONE;
    const pair = meld(links, keys, ties, a, b);
    links[pair * LINKS + 1] = pairs;
    pairs = pair;
  }
  let heap: u32 = NONE;
  while (pairs !== NONE) {
    const next = links[pairs * LINKS + 1];
    links[pairs * LINKS + 1] = NONE;
    heap = meld(links, keys, ties, pairs, heap);
    pairs = next;
  }
  if (heap !== NONE) links[heap * LINKS + 2] = NONE;
  makeHeap(links, root);
  return heap;
}

/** The heap of `root` without `node`, which is in it. */
export function without(
  links: StaticArray<u32>,
  keys: StaticArray<f64>,
  ties: StaticArray<u32>,
  root: u32,
  node: u32,
): u32 {
  if (node === root) return withoutRoot(links, keys, ties, root);
  const next = links[node * LINKS + 1];
  const previous = links[node * LINKS + 2];
  if (links[previous * LINKS] === node) links[previous * LINKS] = next;
  else links[previous * LINKS + 1] = next;
  if (next !== NONE) links[next * LINKS + 2] = previous;
  links[node * LINKS + 1] = NONE;
  return meld(links, keys, ties, root, withoutRoot(links, keys, ties, node));
}
