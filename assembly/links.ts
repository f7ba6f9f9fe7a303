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
  OUTAGE_END_NS,
  OUTAGE_GAP_NS,
  OUTAGE_NS,
  PASSED_NS,
  PASSED_UNTIL_NS,
  QUANTILES,
  RATE,
  SEED_HIGH,
  SEED_LOW,
  STALL_BYTES,
  STALL_GAP_BYTES,
  STALLED_NS,
  STALLED_UNTIL_NS,
  STALLS_NS,
  TAKEN_NS,
} from "./layout";
import { whole } from "./places";
import { bitsOf } from "./random";

// A link carries one chunk after the other at its rate. It may train again: then it carries nothing for a while, and what was
// on it goes on after; or a frame stalls on it, and all behind that. Several links in step, such as a DPU's ports, over which
// every chunk is striped, are one here: each chunk ends with its last port, so an outage of one holds all.

/**
 * From when a link can carry a chunk, `fromNs` at the earliest: when what is on it is through, and the outages that it has passed
 * are over. What comes later may still put that off.
 */
export function freeFromNs(pacer: StaticArray<f64>, link: u32, fromNs: f64): f64 {
  return max(fromNs, pacer[link + TAKEN_NS]);
}

/** Has a link, for which it has come to be `ns`, pass the outages that have begun by then. */
export function passOutages(pacer: StaticArray<f64>, faults: StaticArray<f32>, link: u32, ns: f64): void {
  while (pacer[link + OUTAGE_NS] <= ns) {
    pacer[link + TAKEN_NS] = max(pacer[link + TAKEN_NS], pacer[link + OUTAGE_END_NS]);
    pacer[link + PASSED_NS] += pacer[link + OUTAGE_END_NS] - pacer[link + OUTAGE_NS];
    pacer[link + PASSED_UNTIL_NS] = pacer[link + OUTAGE_END_NS];
    drawOutage(pacer, faults, link);
  }
}

// What is on a link meets outages that the link has not come to yet: those are looked up, and not passed, for something
// else may go out before them.

/** Has a link that is free carry bytes from `atNs` on, and returns how long frames of them stall. */
export function carry(pacer: StaticArray<f64>, faults: StaticArray<f32>, link: u32, bytes: f64, atNs: f64): f64 {
  const stallNs = stallFor(pacer, faults, link, bytes);
  pacer[link + TAKEN_NS] = upForNs(pacer, faults, link, atNs, bytes / pacer[link + RATE] + stallNs);
  pacer[link + STALLS_NS] += stallNs;
  pacer[link + STALLED_UNTIL_NS] = pacer[link + TAKEN_NS];
  pacer[link + STALLED_NS] = stallNs;
  return stallNs;
}

/** How long the frames of the next `bytes` on a link stall. */
export function stallFor(pacer: StaticArray<f64>, faults: StaticArray<f32>, link: u32, bytes: f64): f64 {
  let stallNs = 0.0;
  pacer[link + STALL_BYTES] -= bytes;
  while (pacer[link + STALL_BYTES] < 0) {
    stallNs += drawStall(pacer, faults, link, FAULT_STALLS);
    pacer[link + STALL_BYTES] += pacer[STALL_GAP_BYTES] * drawStall(pacer, faults, link, FAULT_GAPS);
  }
  return stallNs;
}

/** When a link, which is up at `atNs` and has come to that, has been up for `ns` from then on. */
export function upForNs(pacer: StaticArray<f64>, faults: StaticArray<f32>, link: u32, atNs: f64, ns: f64): f64 {
  let endNs = atNs + ns;
  let number = drawnOutages(pacer, link);
  let outageNs = pacer[link + OUTAGE_NS];
  let outageEndNs = pacer[link + OUTAGE_END_NS];
  while (outageNs < endNs) {
    endNs += outageEndNs - outageNs;
    outageNs = beginsNs(pacer, faults, link, number, outageEndNs);
    outageEndNs = outageNs + lastsNs(pacer, faults, link, number++);
  }
  return endNs;
}

/** When the first outage of a link that ends after `ns` begins, or when it ends. */
export function nextOutageNs(pacer: StaticArray<f64>, faults: StaticArray<f32>, link: u32, ns: f64, isEnd: bool): f64 {
  let number = drawnOutages(pacer, link);
  let outageNs = pacer[link + OUTAGE_NS];
  let outageEndNs = pacer[link + OUTAGE_END_NS];
  while (outageEndNs <= ns) {
    outageNs = beginsNs(pacer, faults, link, number, outageEndNs);
    outageEndNs = outageNs + lastsNs(pacer, faults, link, number++);
  }
  return isEnd ? outageEndNs : outageNs;
}

/** How long a link has been held by faults up to `ns`, which is no earlier than what it has come to. */
export function lostByNs(pacer: StaticArray<f64>, faults: StaticArray<f32>, link: u32, ns: f64): f64 {
  let lost = pacer[link + PASSED_NS] - max(0, pacer[link + PASSED_UNTIL_NS] - ns);
  lost += pacer[link + STALLS_NS] - min(pacer[link + STALLED_NS], max(0, pacer[link + STALLED_UNTIL_NS] - ns));
  let number = drawnOutages(pacer, link);
  let outageNs = pacer[link + OUTAGE_NS];
  let outageEndNs = pacer[link + OUTAGE_END_NS];
  while (outageNs < ns) {
    lost += min(outageEndNs, ns) - outageNs;
    outageNs = beginsNs(pacer, faults, link, number, outageEndNs);
    outageEndNs = outageNs + lastsNs(pacer, faults, link, number++);
  }
  return lost;
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

/** The outage after the one that ends at OUTAGE_END_NS. */
function drawOutage(pacer: StaticArray<f64>, faults: StaticArray<f32>, link: u32): void {
  const number = drawnOutages(pacer, link);
  changetype<StaticArray<u32>>(pacer)[(link + DRAWN) * 2] = number + 1;
  pacer[link + OUTAGE_NS] = beginsNs(pacer, faults, link, number, pacer[link + OUTAGE_END_NS]);
  pacer[link + OUTAGE_END_NS] = pacer[link + OUTAGE_NS] + lastsNs(pacer, faults, link, number);
}

/** How many outages of a link were drawn: the number of the one after the next. */
function drawnOutages(pacer: StaticArray<f64>, link: u32): u32 {
  return changetype<StaticArray<u32>>(pacer)[(link + DRAWN) * 2];
}

/** When outage `number` of a link begins, the one before having ended at `fromNs`. */
function beginsNs(pacer: StaticArray<f64>, faults: StaticArray<f32>, link: u32, number: u32, fromNs: f64): f64 {
  return fromNs + pacer[link + OUTAGE_GAP_NS] * drawFrom(faults, FAULT_GAPS, faultBits(pacer, link, 0, 2 * number));
}

function lastsNs(pacer: StaticArray<f64>, faults: StaticArray<f32>, link: u32, number: u32): f64 {
  return drawFrom(faults, FAULT_OUTAGES, faultBits(pacer, link, 0, 2 * number + 1));
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
