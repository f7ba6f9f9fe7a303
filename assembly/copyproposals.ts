import { drop, exchangeCopies, occupy, vacate } from "./copyslots";
import { CLOSED, FORCED, NONE, SHAPE_COPIES, SHAPE_COPIES_MAX, SHAPE_GPUS, SHAPE_LIMITED } from "./layout";
import { below } from "./random";

// What can be done to a plan with several copies: drawn, written out, done. See copymoves.ts.

/** A proposal: what is done, the expert, its copy, the GPU that it goes to, the copy there, how many both experts have then. */
const WHAT = 0;
export const EXPERT = 1;
const OWN = 2;
const TARGET = 3;
export const OTHER = 4;
export const LENGTH = 5;
export const THEIR_LENGTH = 6;

/** What can be done: a copy goes elsewhere, changing places with the other or leaving it without; one is added, dropped, put first. */
const SWAP = 0;
const OUST = 1;
const ADD = 2;
const DROP = 3;
const FIRST = 4;

/** Draws what is to be tried; false if it is of no use, or breaks a rule. */
export function propose(
  proposal: StaticArray<u32>,
  bits: StaticArray<u32>,
  draw: i32,
  at: StaticArray<u32>,
  counts: StaticArray<u32>,
  holders: StaticArray<u32>,
  candidates: StaticArray<u32>,
  flags: StaticArray<u32>,
  shape: StaticArray<u32>,
  firstSlots: StaticArray<u32>,
): bool {
  const gpus = shape[SHAPE_GPUS];
  const least = shape[SHAPE_COPIES];
  const most = shape[SHAPE_COPIES_MAX];
  const expert = below(bits[draw], counts.length);
  const count = counts[expert];
  const first = expert * most;
  // Two parts for each copy, one each for adding and dropping, one for the order where it matters.
  const more: u32 = most > least ? 2 : 0;
  const part = below(bits[draw + 1], 2 * count + more + (shape[SHAPE_LIMITED] !== 0 && count > 1 ? 1 : 0));
  const drawn = below(bits[draw + 2], count);
  proposal[EXPERT] = expert;
  proposal[OTHER] = NONE;
  proposal[TARGET] = NONE;
  if (part >= 2 * count + more) {
    proposal[WHAT] = FIRST;
    proposal[OWN] = drawn;
    return drawn > 0;
  }
  if (part === 2 * count) {
    proposal[WHAT] = DROP;
    proposal[OWN] = drawn;
    return count > least && (flags[expert * gpus + at[first + drawn]] & FORCED) === 0;
  }
  const adds = part > 2 * count;
  const own = adds ? count : part >>> 1;
  if (adds ? count === most : (flags[expert * gpus + at[first + own]] & FORCED) !== 0) return false;
  // The better ones more often: the lesser of two places in the list.
  const two = bits[draw + 2];
  const listed = candidates.length / counts.length;
  const target = candidates[expert * listed + min(below(two << 16, listed), below(two & 0xffff0000, listed))];
  if (target === NONE || isOn(at, first, count, target)) return false;
  const other = holders[firstSlots[target] + below(bits[draw + 3], firstSlots[target + 1] - firstSlots[target])];
  proposal[OWN] = own;
  proposal[TARGET] = target;
  proposal[OTHER] = other;
  proposal[WHAT] = adds ? ADD : SWAP;
  if (other === NONE) return true;
  const theirs = other / most;
  if ((flags[theirs * gpus + target] & FORCED) !== 0) return false;
  if (adds || (more !== 0 && (bits[draw + 3] & 1) !== 0)) {
    if (!adds) proposal[WHAT] = OUST;
    return counts[theirs] > least;
  }
  const gpu = at[first + own];
  return (flags[theirs * gpus + gpu] & CLOSED) === 0 && !isOn(at, theirs * most, counts[theirs], gpu);
}

/** Where the copies of both experts would be. */
export function writeTrial(
  trial: StaticArray<u32>,
  proposal: StaticArray<u32>,
  at: StaticArray<u32>,
  counts: StaticArray<u32>,
  most: u32,
): void {
  const what = proposal[WHAT];
  const own = proposal[OWN];
  const other = proposal[OTHER];
  const first = proposal[EXPERT] * most;
  let length = counts[proposal[EXPERT]];
  for (let i: u32 = 0; i < length; i++) trial[i] = at[first + i];
  if (what === FIRST) {
    trial[0] = trial[own];
    trial[own] = at[first];
  } else if (what === DROP) {
    trial[own] = trial[--length];
  } else {
    trial[own] = proposal[TARGET];
    if (what === ADD) length++;
  }
  proposal[LENGTH] = length;
  proposal[THEIR_LENGTH] = 0;
  if (other === NONE) return;
  const theirFirst = (other / most) * most;
  let theirLength = counts[other / most];
  for (let i: u32 = 0; i < theirLength; i++) trial[most + i] = at[theirFirst + i];
  trial[most + other - theirFirst] = what === SWAP ? at[first + own] : trial[most + --theirLength];
  proposal[THEIR_LENGTH] = theirLength;
}

/** Does what is proposed to lists and slots. */
export function commit(
  at: StaticArray<u32>,
  counts: StaticArray<u32>,
  places: StaticArray<u32>,
  holders: StaticArray<u32>,
  used: StaticArray<u32>,
  firstSlots: StaticArray<u32>,
  proposal: StaticArray<u32>,
  most: u32,
): void {
  const expert = proposal[EXPERT];
  const what = proposal[WHAT];
  const other = proposal[OTHER];
  const copy = expert * most + proposal[OWN];
  if (what === FIRST) {
    exchangeCopies(at, places, holders, expert * most, copy);
    return;
  }
  // Who leaves a slot for good leaves no gap in its list; who is swapped keeps its number.
  const leaver = what === DROP ? copy : other;
  if (leaver !== NONE) {
    const whose = leaver / most;
    const last = what === SWAP ? leaver : whose * most + --counts[whose];
    drop(at, places, holders, used, firstSlots, leaver, last);
  }
  if (what === DROP) return;
  const gpu = at[copy];
  if (what === ADD) counts[expert]++;
  else vacate(at, places, holders, used, firstSlots, copy);
  if (other !== NONE && what === SWAP) occupy(at, places, holders, used, firstSlots, other, gpu);
  occupy(at, places, holders, used, firstSlots, copy, proposal[TARGET]);
}

function isOn(at: StaticArray<u32>, first: u32, count: u32, gpu: u32): bool {
  for (let copy = first; copy < first + count; copy++) if (at[copy] === gpu) return true;
  return false;
}
