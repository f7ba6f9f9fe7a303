import { LEAST_RATE, PORTS, RATE, ROUTE } from "./layout";
import { carry, lostByNs, nextOutageNs, passOutages } from "./links";
import { gateAt, hasGates, slotAt, waitingAt } from "./places";

// The links that a load draws on: its DPU's ports, and the gates of its route.

/** How many gates are on the route of a load, whose row in `waiting` is `row`. */
function gatesOn(pacer: StaticArray<f64>, waiting: StaticArray<u32>, row: u32): u32 {
  return hasGates(pacer) ? waiting[row + ROUTE] : 0;
}

/** The rate of the slowest that a load of a DPU draws on. */
export function leastRate(pacer: StaticArray<f64>, waiting: StaticArray<u32>, dpu: u32, place: u32): f64 {
  let rate = pacer[dpu + LEAST_RATE];
  const row = waitingAt(pacer, slotAt(pacer, dpu, place));
  const gates = gatesOn(pacer, waiting, row);
  for (let i: u32 = 1; i <= gates; i++) {
    rate = min(rate, pacer[gateAt(pacer, waiting[row + ROUTE + i]) + RATE]);
  }
  return rate;
}

/** Has all links that a load draws on carry some bytes of it, and returns when they have come. */
export function carryAll(
  pacer: StaticArray<f64>,
  waiting: StaticArray<u32>,
  faults: StaticArray<f32>,
  dpu: u32,
  place: u32,
  bytes: f64,
  atNs: f64,
): f64 {
  let ns = bytes / leastRate(pacer, waiting, dpu, place);
  ns += carry(pacer, faults, dpu + PORTS, bytes, atNs);
  const row = waitingAt(pacer, slotAt(pacer, dpu, place));
  const gates = gatesOn(pacer, waiting, row);
  for (let i: u32 = 1; i <= gates; i++) {
    ns += carry(pacer, faults, gateAt(pacer, waiting[row + ROUTE + i]), bytes, atNs);
  }
  if (faults.length === 0) return atNs + ns;
  // None of them carries anything while one is out: so from the end of each outage to the beginning of the next.
  let link = firstToGoOut(pacer, waiting, faults, dpu, row, atNs);
  let outNs = nextOutageNs(pacer, faults, link, atNs, false);
  while (outNs < atNs + ns) {
    ns -= max(outNs, atNs) - atNs;
    atNs = nextOutageNs(pacer, faults, link, atNs, true);
    link = firstToGoOut(pacer, waiting, faults, dpu, row, atNs);
    outNs = nextOutageNs(pacer, faults, link, atNs, false);
  }
  return atNs + ns;
}

/** Which of the links of a load, whose row in `waiting` is `row`, is out at `ns`, or goes out first. */
function firstToGoOut(
  pacer: StaticArray<f64>,
  waiting: StaticArray<u32>,
  faults: StaticArray<f32>,
  dpu: u32,
  row: u32,
  ns: f64,
): u32 {
  let first = dpu + PORTS;
  let firstNs = nextOutageNs(pacer, faults, first, ns, false);
  const gates = gatesOn(pacer, waiting, row);
  for (let i: u32 = 1; i <= gates; i++) {
    const link = gateAt(pacer, waiting[row + ROUTE + i]);
    const outNs = nextOutageNs(pacer, faults, link, ns, false);
    if (outNs >= firstNs) continue;
    first = link;
    firstNs = outNs;
  }
  return first;
}

/** How long the links that a load draws on have been held by faults up to `ns`, no earlier than what they have come to, all in all. */
export function lostNs(
  pacer: StaticArray<f64>,
  waiting: StaticArray<u32>,
  faults: StaticArray<f32>,
  dpu: u32,
  place: u32,
  ns: f64,
): f64 {
  let lost = lostByNs(pacer, faults, dpu + PORTS, ns);
  const row = waitingAt(pacer, slotAt(pacer, dpu, place));
  const gates = gatesOn(pacer, waiting, row);
  for (let i: u32 = 1; i <= gates; i++) {
    lost += lostByNs(pacer, faults, gateAt(pacer, waiting[row + ROUTE + i]), ns);
  }
  return lost;
}

/** Has the links that a load draws on pass the outages that have begun by `nowNs`, which it has come to be. */
export function passAllOutages(
  pacer: StaticArray<f64>,
  waiting: StaticArray<u32>,
  faults: StaticArray<f32>,
  dpu: u32,
  place: u32,
  nowNs: f64,
): void {
  passOutages(pacer, faults, dpu + PORTS, nowNs);
  const row = waitingAt(pacer, slotAt(pacer, dpu, place));
  const gates = gatesOn(pacer, waiting, row);
  for (let i: u32 = 1; i <= gates; i++) {
    passOutages(pacer, faults, gateAt(pacer, waiting[row + ROUTE + i]), nowNs);
  }
}
