import {
  BEST,
  DPU,
  DPUS,
  DPUS_AT,
  FAN,
  INNER,
  LINK,
  LINKS_AT,
  LOAD,
  LOADS_AT,
  QUEUES,
  SLOT_BITS,
  TREES,
  WAITING,
} from "./layout";

// Where in the array of a pacer things are: see layout.ts.

/** A whole number of the header, or of a DPU. */
export function whole(pacer: StaticArray<f64>, at: u32): u32 {
  return changetype<StaticArray<u32>>(pacer)[at * 2];
}

export function dpuAt(pacer: StaticArray<f64>, dpu: u32): u32 {
  return whole(pacer, DPUS_AT) + dpu * whole(pacer, DPU);
}

/** One of a DPU's trees: KEYS, LATEST_STARTS, ARRIVALS; and BEST. */
export function treeAt(pacer: StaticArray<f64>, dpu: u32, tree: u32): u32 {
  return dpu + TREES + tree * (FAN * whole(pacer, INNER) + 8);
}

/** The link that a gate is. */
export function gateAt(pacer: StaticArray<f64>, gate: u32): u32 {
  return whole(pacer, LINKS_AT) + (gate - whole(pacer, DPUS)) * LINK;
}

export function dpuOf(pacer: StaticArray<f64>, slot: u32): u32 {
  return slot >> whole(pacer, SLOT_BITS);
}

export function placeOf(pacer: StaticArray<f64>, slot: u32): u32 {
  return slot & ((1 << whole(pacer, SLOT_BITS)) - 1);
}

export function loadAt(pacer: StaticArray<f64>, slot: u32): u32 {
  return dpuAt(pacer, dpuOf(pacer, slot)) + whole(pacer, LOADS_AT) + placeOf(pacer, slot) * LOAD;
}

/** The place of the load that is first of those that a DPU may read. */
export function bestPlace(pacer: StaticArray<f64>, dpu: u32): u32 {
  return whole(pacer, treeAt(pacer, dpu, BEST));
}

export function hasGates(pacer: StaticArray<f64>): bool {
  return whole(pacer, QUEUES) > whole(pacer, DPUS);
}

/** Where in `waiting` the row of a slot is; behind the roots, one a gate. */
export function waitingAt(pacer: StaticArray<f64>, slot: u32): u32 {
  return whole(pacer, QUEUES) - whole(pacer, DPUS) + slot * WAITING;
}

/** The number of the load in `place` of a DPU. */
export function slotAt(pacer: StaticArray<f64>, dpu: u32, place: u32): u32 {
  return (((dpu - whole(pacer, DPUS_AT)) / whole(pacer, DPU)) << whole(pacer, SLOT_BITS)) | place;
}
