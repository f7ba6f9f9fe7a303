import { checkBetween, checkPositive, checkWhole } from "./check.ts";
import { normalQuantile } from "./normal.ts";

/** How sure an interval is, unless said otherwise: it holds the true value in 95 of 100 repetitions. */
export const CONFIDENCE = 0.95;

/** A share that was counted, and the interval that holds the true one. */
export interface ShareInterval {
  share: number;
  low: number;
  high: number;
}

/** `hits` of `trials`, with the interval of Clopper and Pearson: never narrower than it claims. */
export function shareInterval(hits: number, trials: number, confidence = CONFIDENCE): ShareInterval {
  checkWhole("trials", trials, 1, Number.MAX_SAFE_INTEGER);
  checkWhole("hits", hits, 0, trials);
  checkBetween("confidence", confidence, 0, 1);
  const rest = (1 - confidence) / 2;
  return {
    share: hits / trials,
    low: hits === 0 ? 0 : betaQuantile(rest, hits, trials - hits + 1),
    high: hits === trials ? 1 : betaQuantile(1 - rest, hits + 1, trials - hits),
  };
}

/**
 * The places, counted from 1 in ascending order, between which the quantile that `u` of all values exceed lies in
 * `confidence` of all samples of `count`. A place of 0 or of `count` + 1 says that the sample does not bound it.
 */
export function rankInterval(u: number, count: number, confidence = CONFIDENCE): [low: number, high: number] {
  checkBetween("u", u, 0, 1);
  checkWhole("count", count, 1, Number.MAX_SAFE_INTEGER);
  const rest = (1 - confidence) / 2;
  // Values at or below the quantile are binomial (count, 1 - u): P(at most k) = I_u(count - k, k + 1).
  const atMost = (k: number) => (k < 0 ? 0 : k >= count ? 1 : betaShare(u, count - k, k + 1));
  const low = leastWhole(0, count, (k) => atMost(k) > rest);
  const high = leastWhole(0, count, (k) => atMost(k) >= 1 - rest) + 1;
  return [low, high];
}

/** The regularised incomplete beta function I_x(a, b), by Lentz's continued fraction (Numerical Recipes, section 6.4). */
export function betaShare(x: number, a: number, b: number): number {
  checkBetween("x", x, 0, 1);
  checkPositive("a", a);
  checkPositive("b", b);
  if (x === 0 || x === 1) return x;
  const front = Math.exp(a * Math.log(x) + b * Math.log1p(-x) - lnBeta(a, b));
  // The fraction converges quickly on the near side of the mean; on the other, its mirror does.
  return x < (a + 1) / (a + b + 2) ? (front * betaFraction(x, a, b)) / a : 1 - (front * betaFraction(1 - x, b, a)) / b;
}

/** The x at which I_x(a, b) is `share`, by bisection to the last bit. */
export function betaQuantile(share: number, a: number, b: number): number {
  checkBetween("share", share, 0, 1);
  let [low, high] = [0, 1];
  for (let i = 0; i < 200; i++) {
    const middle = (low + high) / 2;
    if (middle === low || middle === high) break;
    if (betaShare(middle, a, b) < share) low = middle;
    else high = middle;
  }
  return high;
}

/** How many standard errors an interval of `confidence` reaches to either side. */
export function standardErrors(confidence = CONFIDENCE): number {
  return normalQuantile((1 - confidence) / 2);
}

/** A mean, and the interval that holds the true one. */
export interface MeanInterval {
  mean: number;
  low: number;
  high: number;
}

/** The mean of independent `values`, at least 2, with Student's interval: right where they, or many to a value, are normal. */
export function meanInterval(values: readonly number[], confidence = CONFIDENCE): MeanInterval {
  checkWhole("values.length", values.length, 2, Number.MAX_SAFE_INTEGER);
  checkBetween("confidence", confidence, 0, 1);
  const count = values.length;
  const mean = values.reduce((sum, value) => sum + value, 0) / count;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (count - 1);
  // |t| exceeds what is sought with probability 1 - confidence, and then freedom / (freedom + t^2) is below its beta quantile.
  const x = betaQuantile(1 - confidence, (count - 1) / 2, 0.5);
  const half = Math.sqrt((((count - 1) * (1 - x)) / x) * (variance / count));
  return { mean, low: mean - half, high: mean + half };
}

function betaFraction(x: number, a: number, b: number): number {
  const tiny = 1e-300;
  let c = 1;
  let d = 1 / nonZero(1 - ((a + b) * x) / (a + 1), tiny);
  let fraction = d;
  // It takes about sqrt(max(a, b)) rounds.
  for (let m = 1; m < 100_000; m++) {
    for (const numerator of [
      (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m)),
      (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1)),
    ]) {
      d = 1 / nonZero(1 + numerator * d, tiny);
      c = nonZero(1 + numerator / c, tiny);
      fraction *= c * d;
    }
    if (Math.abs(c * d - 1) < 1e-15) break;
  }
  return fraction;
}

function nonZero(value: number, tiny: number): number {
  return Math.abs(value) < tiny ? tiny : value;
}

function lnBeta(a: number, b: number): number {
  return lnGamma(a) + lnGamma(b) - lnGamma(a + b);
}

/** Stirling's series, after the argument was raised to where five terms leave 1e-15. */
function lnGamma(x: number): number {
  let [y, product] = [x, 1];
  while (y < 12) {
    product *= y;
    y++;
  }
  const square = 1 / (y * y);
  const series = (1 / 12 - square * (1 / 360 - square * (1 / 1260 - square * (1 / 1680 - square / 1188)))) / y;
  return (y - 0.5) * Math.log(y) - y + 0.5 * Math.log(2 * Math.PI) + series - Math.log(product);
}

/** The least whole number from `low` to `high` for which `holds`; `high` if there is none below it. */
export function leastWhole(low: number, high: number, holds: (value: number) => boolean): number {
  let [below, above] = [low - 1, high];
  while (above - below > 1) {
    const middle = Math.floor((below + above) / 2);
    if (holds(middle)) above = middle;
    else below = middle;
  }
  return above;
}
