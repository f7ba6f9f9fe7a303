import { CHILD, DPUS, HELD_BY, KEY, NEXT, NONE, PREVIOUS, SEQUENCE } from "./layout";
import { hasGates, loadAt, waitingAt, whole } from "./places";

// Pairing heaps (Fredman, Sedgewick, Sleator, Tarjan, 1986), one a gate, of the loads that wait for it: any number of heaps
// share the slots, and a load is taken out wherever it is. The least key is first, of equal ones the load accepted first.
// A row of `waiting` names its first child, its next sibling, and the sibling before it or, of a first child, the parent.

/** Whether the load in slot `a` comes before that in `b`. */
export function isBefore(pacer: StaticArray<f64>, a: u32, b: u32): bool {
  const rowA = loadAt(pacer, a);
  const rowB = loadAt(pacer, b);
  const keyA = pacer[rowA + KEY];
  const keyB = pacer[rowB + KEY];
  return keyA < keyB || (keyA === keyB && pacer[rowA + SEQUENCE] < pacer[rowB + SEQUENCE]);
}

/** The first of those who wait for a gate, or NONE. */
export function rootOf(pacer: StaticArray<f64>, waiting: StaticArray<u32>, gate: u32): u32 {
  return waiting[gate - whole(pacer, DPUS)];
}

/** The gate that a load waits for, or NONE. */
export function gateOf(pacer: StaticArray<f64>, waiting: StaticArray<u32>, slot: u32): u32 {
  return hasGates(pacer) ? waiting[waitingAt(pacer, slot) + HELD_BY] : NONE;
}

/** Has the load in `slot`, which waits for no gate, wait for one. */
export function hold(pacer: StaticArray<f64>, waiting: StaticArray<u32>, gate: u32, slot: u32): void {
  const row = waitingAt(pacer, slot);
  waiting[row + CHILD] = NONE;
  waiting[row + NEXT] = NONE;
  waiting[row + PREVIOUS] = NONE;
  waiting[row + HELD_BY] = gate;
  const root = gate - whole(pacer, DPUS);
  waiting[root] = meld(pacer, waiting, waiting[root], slot);
}

/** Takes the load in `slot` away from the gate that it waits for. */
export function letGo(pacer: StaticArray<f64>, waiting: StaticArray<u32>, slot: u32): void {
  const row = waitingAt(pacer, slot);
  const root = waiting[row + HELD_BY] - whole(pacer, DPUS);
  waiting[row + HELD_BY] = NONE;
  const children = meldAll(pacer, waiting, waiting[row + CHILD]);
  if (waiting[root] === slot) {
    waiting[root] = children;
    return;
  }
  const next = waiting[row + NEXT];
  const before = waitingAt(pacer, waiting[row + PREVIOUS]);
  if (waiting[before + CHILD] === slot) waiting[before + CHILD] = next;
  else waiting[before + NEXT] = next;
  if (next !== NONE) waiting[waitingAt(pacer, next) + PREVIOUS] = waiting[row + PREVIOUS];
  waiting[root] = meld(pacer, waiting, waiting[root], children);
}

/** One heap of two, whose roots have no siblings: the later root becomes the first child of the other. */
function meld(pacer: StaticArray<f64>, waiting: StaticArray<u32>, a: u32, b: u32): u32 {
  if (a === NONE) return b;
  if (b === NONE) return a;
  const isFirst = isBefore(pacer, a, b);
  const first = isFirst ? a : b;
  const child = isFirst ? b : a;
  const firstRow = waitingAt(pacer, first);
  const childRow = waitingAt(pacer, child);
  const next = waiting[firstRow + CHILD];
  if (next !== NONE) waiting[waitingAt(pacer, next) + PREVIOUS] = child;
  waiting[childRow + NEXT] = next;
  waiting[childRow + PREVIOUS] = first;
  waiting[firstRow + CHILD] = child;
  return first;
}

/** One heap of `first` and all its siblings: two by two, then from the last pair to the first. */
function meldAll(pacer: StaticArray<f64>, waiting: StaticArray<u32>, first: u32): u32 {
  let pairs: u32 = NONE;
  while (first !== NONE) {
    const second = detach(pacer, waiting, first);
    const rest = second === NONE ? NONE : detach(pacer, waiting, second);
    const pair = meld(pacer, waiting, first, second);
    waiting[waitingAt(pacer, pair) + NEXT] = pairs;
    pairs = pair;
    first = rest;
  }
  let heap: u32 = NONE;
  while (pairs !== NONE) {
    const rest = detach(pacer, waiting, pairs);
    heap = meld(pacer, waiting, heap, pairs);
    pairs = rest;
  }
  return heap;
}

/** Parts a slot from its siblings, and returns the next one. */
function detach(pacer: StaticArray<f64>, waiting: StaticArray<u32>, slot: u32): u32 {
  const row = waitingAt(pacer, slot);
  const next = waiting[row + NEXT];
  waiting[row + NEXT] = NONE;
  waiting[row + PREVIOUS] = NONE;
  return next;
}
