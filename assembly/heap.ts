import { NODE, NONE } from "./layout";

// Pairing heaps (Fredman, Sedgewick, Sleator, Tarjan, 1986) over one table of nodes (see NODE), so that any number of
// queues share it and a node moves from one to another without a copy. A heap is its root, or NONE: the node of the least
// key, and of equal keys the least tie.

const WORDS = 2 * NODE;
const CHILD = 4;
const NEXT = 5;
const PREVIOUS = 6;

/** Whether node `a` comes before node `b`. */
export function isBefore(nodes: StaticArray<f64>, a: u32, b: u32): bool {
  const keyA = nodes[a * NODE];
  const keyB = nodes[b * NODE];
  return keyA < keyB || (keyA === keyB && nodes[a * NODE + 1] < nodes[b * NODE + 1]);
}

/** The heap of `root` and of `node`, which is in none. */
export function pushed(nodes: StaticArray<f64>, root: u32, node: u32): u32 {
  const links = changetype<StaticArray<u32>>(nodes);
  links[node * WORDS + CHILD] = NONE;
  links[node * WORDS + NEXT] = NONE;
  links[node * WORDS + PREVIOUS] = NONE;
  return root === NONE ? node : melded(nodes, root, node);
}

/** The heap without its root. */
export function withoutRoot(nodes: StaticArray<f64>, root: u32): u32 {
  const links = changetype<StaticArray<u32>>(nodes);
  // Neighbours are united in pairs from the left, the pairs into one from the right: chained by their next link.
  let pairs: u32 = NONE;
  let at = links[root * WORDS + CHILD];
  while (at !== NONE) {
    let pair = at;
    const other = links[pair * WORDS + NEXT];
    at = NONE;
    if (other !== NONE) {
      at = links[other * WORDS + NEXT];
      pair = melded(nodes, pair, other);
    }
    links[pair * WORDS + NEXT] = pairs;
    pairs = pair;
  }
  if (pairs === NONE) return NONE;
  let heap = pairs;
  pairs = links[heap * WORDS + NEXT];
  while (pairs !== NONE) {
    const next = links[pairs * WORDS + NEXT];
    heap = melded(nodes, pairs, heap);
    pairs = next;
  }
  links[heap * WORDS + NEXT] = NONE;
  links[heap * WORDS + PREVIOUS] = NONE;
  return heap;
}

/** The heap of `root` without `node`, which is in it. */
export function without(nodes: StaticArray<f64>, root: u32, node: u32): u32 {
  const rest = withoutRoot(nodes, node);
  if (node === root) return rest;
  const links = changetype<StaticArray<u32>>(nodes);
  const next = links[node * WORDS + NEXT];
  const previous = links[node * WORDS + PREVIOUS];
  if (links[previous * WORDS + CHILD] === node) links[previous * WORDS + CHILD] = next;
  else links[previous * WORDS + NEXT] = next;
  if (next !== NONE) links[next * WORDS + PREVIOUS] = previous;
  return rest === NONE ? root : melded(nodes, root, rest);
}

/** The heap of two; what is next to them is left as it is. */
function melded(nodes: StaticArray<f64>, a: u32, b: u32): u32 {
  if (isBefore(nodes, b, a)) {
    const swapped = a;
    a = b;
    b = swapped;
  }
  const links = changetype<StaticArray<u32>>(nodes);
  const child = links[a * WORDS + CHILD];
  links[b * WORDS + NEXT] = child;
  links[b * WORDS + PREVIOUS] = a;
  if (child !== NONE) links[child * WORDS + PREVIOUS] = b;
  links[a * WORDS + CHILD] = b;
  return a;
}
