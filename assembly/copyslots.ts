import { NONE } from "./layout";

// Copies in slots. Copy c of expert e is number e x most + c: `at` says on which GPU it is, `places` in which slot, `holders`
// which copy a slot holds. The slots of a GPU are a row from its `firstSlots` on, of which the first `used` are taken.

/** Puts a copy into the first free slot of a GPU. */
export function occupy(
  at: StaticArray<u32>,
  places: StaticArray<u32>,
  holders: StaticArray<u32>,
  used: StaticArray<u32>,
  firstSlots: StaticArray<u32>,
  copy: u32,
  gpu: u32,
): void {
  const slot = firstSlots[gpu] + used[gpu]++;
  assert(slot < firstSlots[gpu + 1], "a GPU has room for its copies");
  holders[slot] = copy;
  places[copy] = slot;
  at[copy] = gpu;
}

/** Takes a copy out of its slot; the last one of the GPU takes its place. */
export function vacate(
  at: StaticArray<u32>,
  places: StaticArray<u32>,
  holders: StaticArray<u32>,
  used: StaticArray<u32>,
  firstSlots: StaticArray<u32>,
  copy: u32,
): void {
  const gpu = at[copy];
  const slot = places[copy];
  const last = firstSlots[gpu] + --used[gpu];
  holders[slot] = holders[last];
  places[holders[slot]] = slot;
  holders[last] = NONE;
  at[copy] = NONE;
}

/** Takes a copy out and closes the gap in its expert's list: the last of `count` copies gets its number. */
export function drop(
  at: StaticArray<u32>,
  places: StaticArray<u32>,
  holders: StaticArray<u32>,
  used: StaticArray<u32>,
  firstSlots: StaticArray<u32>,
  copy: u32,
  last: u32,
): void {
  vacate(at, places, holders, used, firstSlots, copy);
  if (copy === last) return;
  at[copy] = at[last];
  places[copy] = places[last];
  holders[places[copy]] = copy;
  at[last] = NONE;
}

/** Lets two copies of an expert change their places in its list. */
export function exchangeCopies(
  at: StaticArray<u32>,
  places: StaticArray<u32>,
  holders: StaticArray<u32>,
  a: u32,
  b: u32,
): void {
  const gpu = at[a];
  const slot = places[a];
  at[a] = at[b];
  places[a] = places[b];
  at[b] = gpu;
  places[b] = slot;
  holders[places[a]] = a;
  holders[slot] = b;
}
