const product = new Uint32Array(2);

/** The words that are `index` behind a start, low and high: see `wordsFrom` in assembly/random.ts. The next call overwrites them. */
export function wordsFrom(startLow: number, startHigh: number, index: number): Uint32Array {
  multiply(0x7f4a7c15, 0x9e3779b9, index, 0);
  const sum = product[0]! + startLow;
  let low = sum >>> 0;
  let high = (product[1]! + startHigh + (sum > 0xffffffff ? 1 : 0)) >>> 0;
  multiply((low ^ ((low >>> 30) | (high << 2))) >>> 0, (high ^ (high >>> 30)) >>> 0, 0x1ce4e5b9, 0xbf58476d);
  low = product[0]!;
  high = product[1]!;
  multiply((low ^ ((low >>> 27) | (high << 5))) >>> 0, (high ^ (high >>> 27)) >>> 0, 0x133111eb, 0x94d049bb);
  low = product[0]!;
  high = product[1]!;
  product[0] = low ^ ((low >>> 31) | (high << 1));
  product[1] = high ^ (high >>> 31);
  return product;
}

/** The lower 64 bits of a product of two numbers of 64 bits, as halves. */
function multiply(aLow: number, aHigh: number, bLow: number, bHigh: number): void {
  const [a0, a1, b0, b1] = [aLow & 0xffff, aLow >>> 16, bLow & 0xffff, bLow >>> 16];
  const p00 = a0 * b0;
  const middle = (a1 * b0 + (p00 >>> 16)) >>> 0;
  const p01 = (a0 * b1 + (middle & 0xffff)) >>> 0;
  product[0] = Math.imul(aLow, bLow);
  product[1] = a1 * b1 + (middle >>> 16) + (p01 >>> 16) + Math.imul(aLow, bHigh) + Math.imul(aHigh, bLow);
}

const CELLS = 128;
const float = new Float32Array(1);
const spelled = new Uint32Array(float.buffer);

/** The quantile at exceedance probability bits / 2^32. */
export function quantileOf(quantilesNs: Float32Array, bits: number): number {
  float[0] = (bits | 1) >>> 0;
  const cell = (spelled[0]! >>> 16) - 127 * CELLS;
  const low = quantilesNs[cell]!;
  const rise = Math.fround(quantilesNs[cell + 1]! - low);
  return Math.fround(low + Math.fround(Math.fround((spelled[0]! & 0xffff) / 65536) * rise));
}
