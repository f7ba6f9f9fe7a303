import { whole } from "./places";
import {
  EVENT_KIND_BITS,
  EVENT_ROW,
  SIM_EVENT,
  SIM_EVENTS,
  SIM_EVENTS_AT,
  SIM_NOW_NS,
  SIM_SEQUENCE,
} from "./simulation-layout";

// A heap of events in which each row has four children, that lie side by side. Of equal instants the first pushed is first.

/** Has `what` of a kind happen at `ns`. */
export function push(state: StaticArray<f64>, ns: f64, kind: u32, what: u32): void {
  const words = changetype<StaticArray<u32>>(state);
  const first = whole(state, SIM_EVENTS_AT);
  let at: u32 = words[SIM_EVENTS * 2]++;
  while (at > 0) {
    const above = (at - 1) >> 2;
    if (state[first + above * EVENT_ROW] <= ns) break;
    move(state, first + at * EVENT_ROW, first + above * EVENT_ROW);
    at = above;
  }
  const row = first + at * EVENT_ROW;
  state[row] = ns;
  words[row * 2 + 2] = words[SIM_SEQUENCE * 2]++;
  words[row * 2 + 3] = (kind << EVENT_KIND_BITS) | what;
}

/** Takes the first event, if there is one: its instant becomes SIM_NOW_NS, what it is SIM_EVENT. */
export function pop(state: StaticArray<f64>): bool {
  const words = changetype<StaticArray<u32>>(state);
  const first = whole(state, SIM_EVENTS_AT);
  if (words[SIM_EVENTS * 2] === 0) return false;
  state[SIM_NOW_NS] = state[first];
  words[SIM_EVENT * 2] = words[first * 2 + 3];
  const count: u32 = --words[SIM_EVENTS * 2];
  const last = first + count * EVENT_ROW;
  let at: u32 = 0;
  for (;;) {
    const child: u32 = 4 * at + 1;
    if (child >= count) break;
    let least = first + child * EVENT_ROW;
    const end = first + min(child + 4, count) * EVENT_ROW;
    for (let row = least + EVENT_ROW; row < end; row += EVENT_ROW) if (isBefore(state, row, least)) least = row;
    if (!isBefore(state, least, last)) break;
    move(state, first + at * EVENT_ROW, least);
    at = (least - first) / EVENT_ROW;
  }
  move(state, first + at * EVENT_ROW, last);
  return true;
}

function isBefore(state: StaticArray<f64>, a: u32, b: u32): bool {
  const words = changetype<StaticArray<u32>>(state);
  return state[a] < state[b] || (state[a] === state[b] && words[a * 2 + 2] < words[b * 2 + 2]);
}

function move(state: StaticArray<f64>, to: u32, from: u32): void {
  state[to] = state[from];
  state[to + 1] = state[from + 1]; // as f64: bits stay as they are
}
