import { ENTRY, NODE, NONE, PAGE, QUEUE } from "./layout";

// Heaps of four children a node (Johnson, 1975), one a queue, in pages of one arena: so that any number of queues share it,
// and a node's children lie in one cache line. A heap's entry i is number i + 3 of the queue's pages, which its row of
// `pages` names; behind a stack of the free ones and its height:
//
//     pages:   | height | free pages ... | queue 0's pages ... | queue 1's ...
//
// Every node tells its place, so that it can be taken out wherever it is. The least key is first, of equal ones the least tie.

/** Whether node `a` comes before node `b`. */
export function isBefore(nodes: StaticArray<f64>, a: u32, b: u32): bool {
  const keyA = nodes[a * NODE];
  const keyB = nodes[b * NODE];
  return keyA < keyB || (keyA === keyB && nodes[a * NODE + 1] < nodes[b * NODE + 1]);
}

/** The node that is first in a queue, or NONE. */
export function rootOf(queues: StaticArray<f64>, queue: u32): u32 {
  return changetype<StaticArray<u32>>(queues)[queue * QUEUE * 2 + 2];
}

/** The queue that a node is in, or NONE. */
export function queueOf(nodes: StaticArray<f64>, node: u32): u32 {
  return changetype<StaticArray<u32>>(nodes)[node * NODE * 2 + 5];
}

/** Puts a node, which is in no queue, in `queue`. */
export function push(
  nodes: StaticArray<f64>,
  entries: StaticArray<f64>,
  pages: StaticArray<u32>,
  queues: StaticArray<f64>,
  queue: u32,
  node: u32,
): void {
  const row = rowOf(nodes, entries, queue);
  const size = changetype<StaticArray<u32>>(queues)[queue * QUEUE * 2 + 3]++;
  if (startsPage(size)) pages[row + (size + 3) / PAGE] = pages[pages[0]--];
  changetype<StaticArray<u32>>(nodes)[node * NODE * 2 + 5] = queue;
  rise(nodes, entries, pages, row, size, node);
  setRoot(entries, pages, queues, queue, row);
}

/** Takes a node out of the queue that it is in. */
export function take(
  nodes: StaticArray<f64>,
  entries: StaticArray<f64>,
  pages: StaticArray<u32>,
  queues: StaticArray<f64>,
  node: u32,
): void {
  const words = changetype<StaticArray<u32>>(nodes);
  const queue = words[node * NODE * 2 + 5];
  const at = words[node * NODE * 2 + 4];
  const row = rowOf(nodes, entries, queue);
  const last = --changetype<StaticArray<u32>>(queues)[queue * QUEUE * 2 + 3];
  words[node * NODE * 2 + 5] = NONE;
  if (at !== last) {
    // The last entry fills the gap. It hardly ever belongs far above a leaf: so the gap sinks to one, and the entry rises there.
    const filler = nodeAt(entries, entryAt(pages, row, last));
    rise(nodes, entries, pages, row, sink(nodes, entries, pages, row, at, last), filler);
  }
  if (startsPage(last)) pages[++pages[0]] = pages[row + (last + 3) / PAGE];
  if (last === 0) changetype<StaticArray<u32>>(queues)[queue * QUEUE * 2 + 2] = NONE;
  else setRoot(entries, pages, queues, queue, row);
}

/** Moves a gap at `at` down to a leaf of a heap of `size` entries, and returns where it is then. */
function sink(
  nodes: StaticArray<f64>,
  entries: StaticArray<f64>,
  pages: StaticArray<u32>,
  row: u32,
  at: u32,
  size: u32,
): u32 {
  for (let child: u32 = 4 * at + 1; child < size; child = 4 * at + 1) {
    const first = entryAt(pages, row, child);
    const end = first + min<u32>(4, size - child) * ENTRY;
    let least = first;
    let leastKey = entries[first];
    for (let other = first + ENTRY; other < end; other += ENTRY) {
      // Without a branch where it can be: which of two is the lesser cannot be foretold.
      const key = entries[other];
      let isLess: u32 = key < leastKey ? 1 : 0;
      if (key === leastKey) isLess = isBefore(nodes, nodeAt(entries, other), nodeAt(entries, least)) ? 1 : 0;
      least ^= (least ^ other) & (0 - isLess);
      leastKey = min(leastKey, key);
    }
    setEntry(nodes, entries, entryAt(pages, row, at), leastKey, nodeAt(entries, least), at);
    at = child + (least - first) / ENTRY;
  }
  return at;
}

/** Moves a gap at `at` up, past parents that come after `node`, and fills it with that. */
function rise(
  nodes: StaticArray<f64>,
  entries: StaticArray<f64>,
  pages: StaticArray<u32>,
  row: u32,
  at: u32,
  node: u32,
): void {
  const key = nodes[node * NODE];
  while (at > 0) {
    const parent = (at - 1) >> 2;
    const entry = entryAt(pages, row, parent);
    const parentKey = entries[entry];
    if (parentKey < key || (parentKey === key && isBefore(nodes, nodeAt(entries, entry), node))) break;
    setEntry(nodes, entries, entryAt(pages, row, at), parentKey, nodeAt(entries, entry), at);
    at = parent;
  }
  setEntry(nodes, entries, entryAt(pages, row, at), key, node, at);
}

function setEntry(nodes: StaticArray<f64>, entries: StaticArray<f64>, entry: u32, key: f64, node: u32, at: u32): void {
  entries[entry] = key;
  changetype<StaticArray<u32>>(entries)[entry * 2 + 2] = node;
  changetype<StaticArray<u32>>(nodes)[node * NODE * 2 + 4] = at;
}

function setRoot(
  entries: StaticArray<f64>,
  pages: StaticArray<u32>,
  queues: StaticArray<f64>,
  queue: u32,
  row: u32,
): void {
  changetype<StaticArray<u32>>(queues)[queue * QUEUE * 2 + 2] = nodeAt(entries, entryAt(pages, row, 0));
}

function nodeAt(entries: StaticArray<f64>, entry: u32): u32 {
  return changetype<StaticArray<u32>>(entries)[entry * 2 + 2];
}

/** Where in `entries` a heap's entry `at` is. */
function entryAt(pages: StaticArray<u32>, row: u32, at: u32): u32 {
  return (pages[row + (at + 3) / PAGE] * PAGE + ((at + 3) % PAGE)) * ENTRY;
}

/** Whether a heap's entry `at` is the first one on its page. */
function startsPage(at: u32): bool {
  return at === 0 || (at + 3) % PAGE === 0;
}

/** Where in `pages` those of a queue are. */
function rowOf(nodes: StaticArray<f64>, entries: StaticArray<f64>, queue: u32): u32 {
  const capacity = <u32>(nodes.length / (2 * NODE));
  return 1 + <u32>entries.length / (PAGE * ENTRY) + queue * ((capacity + 3 + PAGE - 1) / PAGE);
}
