import { whole } from "./places";
import {
  EVENT_KIND_BITS,
  EVENT_LOAD,
  EVENT_ROW,
  SIM_EVENT,
  SIM_EVENTS,
  SIM_EVENTS_AT,
  SIM_EVENTS_MOST,
  SIM_LOAD,
  SIM_LOAD_FLAGS,
  SIM_LOADS_AT,
  SIM_NOW_NS,
  SIM_SEQUENCE,
} from "./simulation-layout";

// A heap of events in which each row has four children, that lie side by side. Of equal instants the first pushed is first.
// A load that is to be looked at sooner gets another event; the one before is passed over when it comes.

/** Has `what` of a kind happen at `ns`; returns the event's number. */
export function push(state: StaticArray<f64>, ns: f64, kind: u32, what: u32): u32 {
  const words = changetype<StaticArray<u32>>(state);
  if (words[SIM_EVENTS * 2] === whole(state, SIM_EVENTS_MOST)) sweep(state);
  const number: u32 = words[SIM_SEQUENCE * 2]++;
  insert(state, ns, number, (kind << EVENT_KIND_BITS) | what);
  return number;
}

/** Takes the first event, if there is one: its instant becomes SIM_NOW_NS, what it is SIM_EVENT. */
export function pop(state: StaticArray<f64>): bool {
  const words = changetype<StaticArray<u32>>(state);
  const first = whole(state, SIM_EVENTS_AT);
  while (words[SIM_EVENTS * 2] > 0) {
    state[SIM_NOW_NS] = state[first];
    words[SIM_EVENT * 2] = words[first * 2 + 3];
    const isPast = isSuperseded(state, first);
    removeFirst(state, first);
    if (!isPast) return true;
  }
  return false;
}

function removeFirst(state: StaticArray<f64>, first: u32): void {
  const words = changetype<StaticArray<u32>>(state);
  const count: u32 = --words[SIM_EVENTS * 2];
  const last = first + count * EVENT_ROW;
  let at: u32 = 0;
  for (;;) {
    const child: u32 = 4 * at + 1;
    if (child >= count) break;
    let least = first + child * EVENT_ROW;
    const end = first + min(child + 4, count) * EVENT_ROW;
    for (let row = least + EVENT_ROW; row < end; row += EVENT_ROW)
      least = select<u32>(row, least, isBefore(state, row, least));
    if (!isBefore(state, least, last)) break;
    move(state, first + at * EVENT_ROW, least);
    at = (least - first) / EVENT_ROW;
  }
  move(state, first + at * EVENT_ROW, last);
}

function insert(state: StaticArray<f64>, ns: f64, number: u32, what: u32): void {
  const words = changetype<StaticArray<u32>>(state);
  const first = whole(state, SIM_EVENTS_AT);
  let at: u32 = words[SIM_EVENTS * 2]++;
  while (at > 0) {
    const above = (at - 1) >> 2;
    const row = first + above * EVENT_ROW;
    if (state[row] < ns || (state[row] === ns && words[row * 2 + 2] < number)) break;
    move(state, first + at * EVENT_ROW, row);
    at = above;
  }
  const row = first + at * EVENT_ROW;
  state[row] = ns;
  words[row * 2 + 2] = number;
  words[row * 2 + 3] = what;
}

/** Takes out what is superseded. A load has one event that is not, so there is room then. */
function sweep(state: StaticArray<f64>): void {
  const words = changetype<StaticArray<u32>>(state);
  const first = whole(state, SIM_EVENTS_AT);
  const count = words[SIM_EVENTS * 2];
  words[SIM_EVENTS * 2] = 0;
  for (let i: u32 = 0; i < count; i++) {
    const row = first + i * EVENT_ROW;
    if (!isSuperseded(state, row)) insert(state, state[row], words[row * 2 + 2], words[row * 2 + 3]);
  }
}

/** Whether an event is of a load that is to be looked at by another one. */
function isSuperseded(state: StaticArray<f64>, row: u32): bool {
  const words = changetype<StaticArray<u32>>(state);
  const what = words[row * 2 + 3];
  if (what >> EVENT_KIND_BITS !== EVENT_LOAD) return false;
  const load = whole(state, SIM_LOADS_AT) + what * SIM_LOAD;
  return words[(load + SIM_LOAD_FLAGS) * 2 + 1] !== words[row * 2 + 2];
}

function isBefore(state: StaticArray<f64>, a: u32, b: u32): bool {
  const words = changetype<StaticArray<u32>>(state);
  // No branches: which of two comes first is anybody's guess.
  const isTie = i32(state[a] === state[b]) & i32(words[a * 2 + 2] < words[b * 2 + 2]);
  return (i32(state[a] < state[b]) | isTie) !== 0;
}

function move(state: StaticArray<f64>, to: u32, from: u32): void {
  state[to] = state[from];
  state[to + 1] = state[from + 1]; // as f64: bits stay as they are
}
