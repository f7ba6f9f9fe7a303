import { tolerance } from "./relaxation.ts";

/** After so many evaluations without progress the aim is lowered. */
const PATIENCE = 20;
/** How much of the last direction goes into the next. */
const MOMENTUM = 0.7;
/** Of this share of the distance to the aim, at least, is progress. */
const PROGRESS = 0.05;
/** The first aim is no further off than this share of the value; a last one is not below LEAST_REACH of it, or of what the goal lacks. */
const FIRST_REACH = 0.05;
const LEAST_REACH = 1e-5;
const LEAST_SHARE = 0.01;

/** How long to go on: until the value is above `goal`, after so many evaluations, or as soon as `stopped`. */
export interface Limits {
  goal: number;
  evaluations: number;
  stopped: () => boolean;
}

/** A concave function: its value at `point`, where `evaluate` also leaves a supergradient in `slope`. */
export interface Hill {
  point: Float64Array;
  slope: Float64Array;
  evaluate: () => number;
}

/**
 * Climbs by subgradients with momentum (Camerini, Fratta and Maffioli), with Polyak's steps towards an aim that is lowered
 * when it seems out of reach. From where `best` is; leaves there the best point, and returns the value there.
 */
export function climb({ point, slope, evaluate }: Hill, best: Float64Array, limits: Limits): number {
  const { goal, evaluations, stopped } = limits;
  const direction = new Float64Array(point.length);
  point.set(best);
  let bound = Number.NEGATIVE_INFINITY;
  let reach = 0;
  let stalled = 0;
  let mark = bound;
  for (let i = 0; i < evaluations; i++) {
    const value = evaluate();
    if (i === 0) {
      reach = Math.min(goal - value, FIRST_REACH * Math.abs(value) + 1);
      mark = value;
    }
    if (value > bound) {
      bound = value;
      best.set(point);
    }
    if (bound > goal || stopped()) break;
    if (bound > mark + PROGRESS * reach) {
      mark = bound;
      stalled = 0;
    } else if (++stalled > PATIENCE) {
      mark = bound;
      stalled = 0;
      reach /= 2;
      if (reach < Math.min(LEAST_SHARE * (goal - bound), LEAST_REACH * Math.abs(bound))) break;
      point.set(best);
      direction.fill(0);
      continue;
    }
    let norm = 0;
    for (let j = 0; j < point.length; j++) {
      direction[j] = slope[j]! + MOMENTUM * direction[j]!;
      norm += direction[j]! ** 2;
    }
    if (norm < 1e-12) break;
    const step = (Math.min(goal + tolerance(goal), bound + reach) - value) / norm;
    for (let j = 0; j < point.length; j++) point[j]! += step * direction[j]!;
  }
  return bound;
}
