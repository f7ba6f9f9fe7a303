import { quantileOne } from "./latency";
import {
  DPU,
  DPUS,
  DPUS_AT,
  DRAWN,
  FAULT_GAPS,
  FAULT_OUTAGES,
  FAULT_STALLS,
  LINK,
  LINKS_AT,
  LOST_NS,
  LOST_UNTIL_NS,
  OUTAGE_END_NS,
  OUTAGE_GAP_NS,
  OUTAGE_NS,
  QUANTILES,
  RATE,
  SEED_HIGH,
  SEED_LOW,
  STALL_BYTES,
  STALL_GAP_BYTES,
  TAKEN_NS,
} from "./layout";
import { whole } from "./pacer";
import { bitsOf } from "./random";

// A link carries one chunk after the other at its rate. It may train again: then it carries nothing for a while, and what was
// on it goes on after; or a frame stalls on it, and all behind that. Several links in step, such as a DPU's ports, over which
// every chunk is striped, are one here: each chunk ends with its last port, so an outage of one holds all.

/**
 * From when a link can carry a chunk, `fromNs` at the earliest: not before it is free, nor in its next outage. That may be in an
 * outage after that, which is drawn when the next one is passed.
 */
export function freeFromNs(pacer: StaticArray<f64>, link: u32, fromNs: f64): f64 {
  const ns = max(fromNs, pacer[link + TAKEN_NS]);
  return ns >= pacer[link + OUTAGE_NS] ? max(ns, pacer[link + OUTAGE_END_NS]) : ns;
}

/** Has a link, for which it has come to be `ns`, pass the outages that have begun by then. */
export function passOutages(pacer: StaticArray<f64>, faults: StaticArray<f32>, link: u32, ns: f64): void {
  while (pacer[link + OUTAGE_NS] <= ns) {
    pacer[link + TAKEN_NS] = max(pacer[link + TAKEN_NS], pacer[link + OUTAGE_END_NS]);
    passOutage(pacer, faults, link);
  }
}

/** Has a free link carry a chunk from `atNs` on that would end at `endNs`, and returns when it ends for all that befalls the link. */
export function carry(
  pacer: StaticArray<f64>,
  faults: StaticArray<f32>,
  link: u32,
  bytes: f64,
  atNs: f64,
  endNs: f64,
): f64 {
  let heldNs = 0.0;
  while (endNs + heldNs > pacer[link + OUTAGE_NS]) {
    heldNs += pacer[link + OUTAGE_END_NS] - pacer[link + OUTAGE_NS];
    passOutage(pacer, faults, link);
  }
  pacer[link + STALL_BYTES] -= bytes;
  while (pacer[link + STALL_BYTES] < 0) {
    const stallNs = drawStall(pacer, faults, link, FAULT_STALLS);
    pacer[link + STALL_BYTES] += pacer[STALL_GAP_BYTES] * drawStall(pacer, faults, link, FAULT_GAPS);
    heldNs += stallNs;
    pacer[link + LOST_NS] += stallNs;
    pacer[link + LOST_UNTIL_NS] = max(pacer[link + LOST_UNTIL_NS], endNs + heldNs);
  }
  pacer[link + TAKEN_NS] = atNs + bytes / pacer[link + RATE] + heldNs;
  return endNs + heldNs;
}

/** How long a link has been held by faults up to `ns`, which it has come to. */
export function lostByNs(pacer: StaticArray<f64>, link: u32, ns: f64): f64 {
  return pacer[link + LOST_NS] - max(0, pacer[link + LOST_UNTIL_NS] - ns);
}

/** Draws the first outage and the first stall of a link, from 0 on. */
export function startFaults(pacer: StaticArray<f64>, faults: StaticArray<f32>, link: u32): void {
  drawOutage(pacer, faults, link);
  pacer[link + STALL_BYTES] = pacer[STALL_GAP_BYTES] * drawStall(pacer, faults, link, FAULT_GAPS);
}

/**
 * Fills `beginNs` and `endNs` with the outages of link number `number`, from its `first` on; that begins a gap after `fromNs`,
 * the end of the one before. DPUs' ports come first, then gates.
 */
export function listOutages(
  beginNs: StaticArray<f64>,
  endNs: StaticArray<f64>,
  faults: StaticArray<f32>,
  seedLow: u32,
  seedHigh: u32,
  number: u32,
  first: u32,
  gapNs: f64,
  fromNs: f64,
): void {
  assert(beginNs.length === endNs.length, "an outage has a beginning and an end");
  for (let i = 0; i < beginNs.length; i++) {
    const bits = bitsOf(seedLow, seedHigh, 2 * number, 2 * (first + i));
    beginNs[i] = fromNs + gapNs * drawFrom(faults, FAULT_GAPS, bits);
    const more = bitsOf(seedLow, seedHigh, 2 * number, 2 * (first + i) + 1);
    fromNs = beginNs[i] + drawFrom(faults, FAULT_OUTAGES, more);
    endNs[i] = fromNs;
  }
}

function passOutage(pacer: StaticArray<f64>, faults: StaticArray<f32>, link: u32): void {
  pacer[link + LOST_NS] += pacer[link + OUTAGE_END_NS] - pacer[link + OUTAGE_NS];
  pacer[link + LOST_UNTIL_NS] = pacer[link + OUTAGE_END_NS];
  drawOutage(pacer, faults, link);
}

/** The outage after the one that ends at OUTAGE_END_NS. */
function drawOutage(pacer: StaticArray<f64>, faults: StaticArray<f32>, link: u32): void {
  const drawn = changetype<StaticArray<u32>>(pacer)[(link + DRAWN) * 2]++;
  const bits = faultBits(pacer, link, 0, 2 * drawn);
  const more = faultBits(pacer, link, 0, 2 * drawn + 1);
  pacer[link + OUTAGE_NS] =
    pacer[link + OUTAGE_END_NS] + pacer[link + OUTAGE_GAP_NS] * drawFrom(faults, FAULT_GAPS, bits);
  pacer[link + OUTAGE_END_NS] = pacer[link + OUTAGE_NS] + drawFrom(faults, FAULT_OUTAGES, more);
}

/** The next draw for a link's stalls, from one of the tables. */
function drawStall(pacer: StaticArray<f64>, faults: StaticArray<f32>, link: u32, table: u32): f64 {
  const drawn = changetype<StaticArray<u32>>(pacer)[(link + DRAWN) * 2 + 1]++;
  return drawFrom(faults, table, faultBits(pacer, link, 1, drawn));
}

/** The bits of a link's outages (stream 0) or stalls (1): they depend on nothing but the seed, the link and their number. */
function faultBits(pacer: StaticArray<f64>, link: u32, stream: u32, index: u32): u32 {
  const dpus = whole(pacer, DPUS_AT);
  let number: u32 = 0;
  if (link >= dpus) number = (link - dpus) / whole(pacer, DPU);
  else number = whole(pacer, DPUS) + (link - whole(pacer, LINKS_AT)) / LINK;
  return bitsOf(whole(pacer, SEED_LOW), whole(pacer, SEED_HIGH), 2 * number + stream, index);
}

function drawFrom(faults: StaticArray<f32>, table: u32, bits: u32): f64 {
  return quantileOne(changetype<usize>(faults) + <usize>(table * QUANTILES * 4), bits);
}
