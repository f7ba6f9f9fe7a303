import { f64Of, setF64, setU32, u32Of } from "./fields";
import { whole } from "./places";
import {
  EVENT,
  EVENT_KINDS,
  EVENT_LOAD,
  EVENT_NS,
  EVENT_NUMBER,
  EVENT_WHAT,
  SIM_EVENTS,
  SIM_EVENTS_AT,
  SIM_EVENTS_MOST,
  SIM_LOAD_EVENT,
  SIM_NOW_NS,
  SIM_SEQUENCE,
  SIM_TAKEN,
} from "./simulation-layout";

// A heap of events in which each row has four children, that lie side by side. Of equal instants the first pushed is first.
// What is taken leaves its row free, at the top, until the next event comes or is asked for: most events have another one happen,
// which so goes straight down, and no row goes up. A load that is to be looked at sooner gets another event; the one before is
// passed over when it comes.

/** Has what happens to `row`, of a kind, happen at `ns`; returns the event's number. */
export function push(state: StaticArray<f64>, ns: f64, kind: u32, row: u32): u32 {
  const words = changetype<StaticArray<u32>>(state);
  const number: u32 = words[SIM_SEQUENCE * 2]++;
  if (whole(state, SIM_TAKEN) !== 0) {
    words[SIM_TAKEN * 2] = 0;
    sink(state, ns, number, row | kind);
  } else {
    if (words[SIM_EVENTS * 2] === whole(state, SIM_EVENTS_MOST)) sweep(state);
    rise(state, ns, number, row | kind);
  }
  return number;
}

/** Takes the first event, and returns the row that it happens to, and its kind; or NO_ROW. Its instant becomes SIM_NOW_NS. */
export function pop(state: StaticArray<f64>): u32 {
  const words = changetype<StaticArray<u32>>(state);
  const first = whole(state, SIM_EVENTS_AT);
  do {
    if (words[SIM_TAKEN * 2] !== 0) {
      const last = first + --words[SIM_EVENTS * 2] * EVENT;
      sink(state, f64Of(last, EVENT_NS), u32Of(last, EVENT_NUMBER), u32Of(last, EVENT_WHAT));
    }
    words[SIM_TAKEN * 2] = u32(words[SIM_EVENTS * 2] > 0);
    if (words[SIM_TAKEN * 2] === 0) return 0;
  } while (isSuperseded(first));
  state[SIM_NOW_NS] = f64Of(first, EVENT_NS);
  return u32Of(first, EVENT_WHAT);
}

/** Puts an event into the first row, which is free, or where it belongs below. */
function sink(state: StaticArray<f64>, ns: f64, number: u32, what: u32): void {
  const first = whole(state, SIM_EVENTS_AT);
  const behind = first + whole(state, SIM_EVENTS) * EVENT;
  let at = first;
  for (;;) {
    let least: u32 = 4 * at - 3 * first + EVENT;
    if (least >= behind) break;
    const end = min(least + 4 * EVENT, behind);
    for (let row = least + EVENT; row < end; row += EVENT)
      least = select<u32>(row, least, isBefore(row, f64Of(least, EVENT_NS), u32Of(least, EVENT_NUMBER)));
    if (!isBefore(least, ns, number)) break;
    move(at, least);
    at = least;
  }
  write(at, ns, number, what);
}

/** Puts an event behind all others, or where it belongs above. */
function rise(state: StaticArray<f64>, ns: f64, number: u32, what: u32): void {
  const first = whole(state, SIM_EVENTS_AT);
  let place: u32 = changetype<StaticArray<u32>>(state)[SIM_EVENTS * 2]++;
  while (place > 0) {
    const above = (place - 1) >> 2;
    if (isBefore(first + above * EVENT, ns, number)) break;
    move(first + place * EVENT, first + above * EVENT);
    place = above;
  }
  write(first + place * EVENT, ns, number, what);
}

/** Takes out what is superseded. A load has one event that is not, so there is room then. */
function sweep(state: StaticArray<f64>): void {
  const words = changetype<StaticArray<u32>>(state);
  const behind = whole(state, SIM_EVENTS_AT) + words[SIM_EVENTS * 2] * EVENT;
  words[SIM_EVENTS * 2] = 0;
  for (let row = whole(state, SIM_EVENTS_AT); row < behind; row += EVENT) {
    if (!isSuperseded(row)) rise(state, f64Of(row, EVENT_NS), u32Of(row, EVENT_NUMBER), u32Of(row, EVENT_WHAT));
  }
}

/** Whether an event is of a load that is to be looked at by another one. */
function isSuperseded(row: u32): bool {
  const what = u32Of(row, EVENT_WHAT);
  return (what & EVENT_KINDS) === EVENT_LOAD && u32Of(what, SIM_LOAD_EVENT) !== u32Of(row, EVENT_NUMBER);
}

/** Whether an event comes before another one, of which instant and number are given. */
function isBefore(row: u32, ns: f64, number: u32): bool {
  // Ties are rare, so that is the only branch: which of two comes first is anybody's guess.
  const rowNs = f64Of(row, EVENT_NS);
  return rowNs === ns ? u32Of(row, EVENT_NUMBER) < number : rowNs < ns;
}

function move(to: u32, from: u32): void {
  setF64(to, EVENT_NS, f64Of(from, EVENT_NS));
  setF64(to, EVENT_NUMBER, f64Of(from, EVENT_NUMBER)); // and what it is; as f64, bits stay as they are
}

function write(row: u32, ns: f64, number: u32, what: u32): void {
  setF64(row, EVENT_NS, ns);
  setU32(row, EVENT_NUMBER, number);
  setU32(row, EVENT_WHAT, what);
}
