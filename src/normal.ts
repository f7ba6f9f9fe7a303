// The logarithm, the exponential and the normal distribution, from additions, products, quotients and square roots alone, which
// every host rounds alike: a host's own Math.log may differ in the last bit, and a table built with it would differ with it.

// ln 2 in two pieces: the first has so few bits that a multiple of it is exact (fdlibm's e_log.c).
const LN2_HIGH = 0.69314718036912381649;
const LN2_LOW = 1.90821492927058770002e-10;

/** The natural logarithm of a positive, finite `x`, within 1 unit in the last place. */
export function ln(x: number): number {
  if (!(x > 0 && x < Number.POSITIVE_INFINITY)) throw new RangeError(`x must be above 0 and finite, got ${x}`);
  // The host guesses, and what follows puts it right: the guess cannot change the result.
  let exponent = Math.min(1023, Math.floor(Math.log2(x)));
  let m = x / 2 ** exponent;
  while (m >= Math.SQRT2) {
    m /= 2;
    exponent++;
  }
  while (m < Math.SQRT1_2) {
    m *= 2;
    exponent--;
  }
  // ln m = 2 artanh t, and |t| is at most 0.172: 11 terms of its series leave 1e-18. 2 t is f - t f, of which f is exact.
  const f = m - 1;
  const t = f / (m + 1);
  const square = t * t;
  return exponent * LN2_HIGH - (t * (f - 2 * square * polynomial(LATER_TERMS, square)) - exponent * LN2_LOW - f);
}

/** 1/3, 1/5 ... 1/21 */
const LATER_TERMS = Array.from({ length: 10 }, (_, i) => 1 / (2 * i + 3));

/** e^x of an x up to 0, within 1e-12; 0 where doubles end. */
export function exp(x: number): number {
  if (x < -745) return 0;
  let [term, sum] = [1, 1];
  const small = x / 1024;
  for (let i = 1; i < 12; i++) {
    term *= small / i;
    sum += term;
  }
  for (let i = 0; i < 10; i++) sum *= sum;
  return sum;
}

// Wichura, "Algorithm AS 241: the percentage points of the normal distribution" (1988), PPND16.
const CENTRE = [
  [
    3.387132872796366608, 133.14166789178437745, 1971.5909503065514427, 13731.693765509461125, 45921.953931549871457,
    67265.770927008700853, 33430.575583588128105, 2509.0809287301226727,
  ],
  [
    1, 42.313330701600911252, 687.1870074920579083, 5394.1960214247511077, 21213.794301586595867, 39307.89580009271061,
    28729.085735721942674, 5226.495278852545925,
  ],
] as const;
const FLANK = [
  [
    1.42343711074968357734, 4.6303378461565452959, 5.7694972214606914055, 3.64784832476320460504,
    1.27045825245236838258, 0.24178072517745061177, 0.0227238449892691845833, 7.7454501427834140764e-4,
  ],
  [
    1, 2.05319162663775882187, 1.6763848301838038494, 0.68976733498510000455, 0.14810397642748007459,
    0.0151986665636164571966, 5.475938084995344946e-4, 1.05075007164441684324e-9,
  ],
] as const;
const TAIL = [
  [
    6.6579046435011037772, 5.4637849111641143699, 1.7848265399172913358, 0.29656057182850489123,
    0.026532189526576123093, 0.0012426609473880784386, 2.71155556874348757815e-5, 2.01033439929228813265e-7,
  ],
  [
    1, 0.59983220655588793769, 0.13692988092273580531, 0.0148753612908506148525, 7.868691311456132591e-4,
    1.8463183175100546818e-5, 1.4215117583164458887e-7, 2.04426310338993978564e-15,
  ],
] as const;

/** The standard normal value that is exceeded with probability `u`, 0 < u < 1. */
export function normalQuantile(u: number): number {
  const q = 0.5 - u;
  if (Math.abs(q) <= 0.425) return q * ratio(CENTRE, 0.180625 - q * q);
  const r = Math.sqrt(-ln(Math.min(u, 1 - u)));
  const z = r <= 5 ? ratio(FLANK, r - 1.6) : ratio(TAIL, r - 5);
  return q < 0 ? -z : z;
}

function ratio([above, below]: readonly [readonly number[], readonly number[]], x: number): number {
  return polynomial(above, x) / polynomial(below, x);
}

function polynomial(coefficients: readonly number[], x: number): number {
  let sum = 0;
  for (let i = coefficients.length - 1; i >= 0; i--) sum = sum * x + coefficients[i]!;
  return sum;
}
