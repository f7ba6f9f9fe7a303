/** Complex numbers, parts apart. */
export interface Complex {
  re: Float64Array;
  im: Float64Array;
}

/**
 * Cooley and Tukey's transform in place; the length is a power of two. The butterflies are those of the textbook, bit for bit:
 * only their order is another, two stages at a time, with roots that lie as they are read, which takes a third of the time.
 * Locals are declared one by one: V8 makes the arrays of `[a, b] = ...` in loops this long.
 */
export function transform({ re, im }: Complex): void {
  reverse(re);
  reverse(im);
  let half = 1;
  if (Math.log2(re.length) % 2 === 1) {
    firstStage(re, im);
    half = 2;
  }
  for (; half < re.length; half *= 4) twoStages(re, im, half);
}

/** Each value to the place whose index has its bits in reverse. */
function reverse(values: Float64Array): void {
  const size = values.length;
  for (let i = 1, j = 0; i < size; i++) {
    let bit = size >> 1;
    for (; j & bit; bit >>= 1) j ^= bit;
    j ^= bit;
    if (i < j) {
      const value = values[i]!;
      values[i] = values[j]!;
      values[j] = value;
    }
  }
}

/** The first stage of an odd number: neighbours, whose root is 1 but for the sign of 0. */
function firstStage(re: Float64Array, im: Float64Array): void {
  for (let a = 0; a < re.length; a += 2) {
    const b = a + 1;
    const oddRe = re[b]!;
    const oddIm = im[b]!;
    re[b] = re[a]! - oddRe;
    im[b] = im[a]! - oddIm;
    re[a]! += oddRe;
    im[a]! += oddIm;
  }
}

/** The stage of `half` pairs a with b and c with d, the next one a with c and b with d: in one go, four points are read once. */
function twoStages(re: Float64Array, im: Float64Array, half: number): void {
  const { cos, sin } = rootsOfUnity(half);
  const { cos: nextCos, sin: nextSin } = rootsOfUnity(2 * half);
  for (let start = 0; start < re.length; start += 4 * half)
    for (let k = 0; k < half; k++) {
      const a = start + k;
      const b = a + half;
      const c = b + half;
      const d = c + half;
      const wRe = cos[k]!;
      const wIm = sin[k]!;
      const bOddRe = re[b]! * wRe - im[b]! * wIm;
      const bOddIm = re[b]! * wIm + im[b]! * wRe;
      const aRe = re[a]! + bOddRe;
      const aIm = im[a]! + bOddIm;
      const bRe = re[a]! - bOddRe;
      const bIm = im[a]! - bOddIm;
      const dOddRe = re[d]! * wRe - im[d]! * wIm;
      const dOddIm = re[d]! * wIm + im[d]! * wRe;
      const cRe = re[c]! + dOddRe;
      const cIm = im[c]! + dOddIm;
      const dRe = re[c]! - dOddRe;
      const dIm = im[c]! - dOddIm;
      const uRe = nextCos[k]!;
      const uIm = nextSin[k]!;
      const acRe = cRe * uRe - cIm * uIm;
      const acIm = cRe * uIm + cIm * uRe;
      re[a] = aRe + acRe;
      im[a] = aIm + acIm;
      re[c] = aRe - acRe;
      im[c] = aIm - acIm;
      const vRe = nextCos[k + half]!;
      const vIm = nextSin[k + half]!;
      const bdRe = dRe * vRe - dIm * vIm;
      const bdIm = dRe * vIm + dIm * vRe;
      re[b] = bRe + bdRe;
      im[b] = bIm + bdIm;
      re[d] = bRe - bdRe;
      im[d] = bIm - bdIm;
    }
}

const roots = new Map<number, { cos: Float64Array; sin: Float64Array }>();

/** e^(-pi i k / half) for half of the circle, worked out once a stage: in a row, as the stage reads them. */
function rootsOfUnity(half: number): { cos: Float64Array; sin: Float64Array } {
  let known = roots.get(half);
  if (!known) {
    known = { cos: new Float64Array(half), sin: new Float64Array(half) };
    for (let k = 0; k < half; k++) {
      const angle = (-2 * Math.PI * k) / (2 * half);
      known.cos[k] = Math.cos(angle);
      known.sin[k] = Math.sin(angle);
    }
    roots.set(half, known);
  }
  return known;
}
