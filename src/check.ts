/** Refuses all but a finite number. */
export function checkFinite(name: string, value: number): void {
  if (typeof value !== "number") throw new TypeError(`${name} must be a number, got ${describe(value)}`);
  if (!Number.isFinite(value)) throw new RangeError(`${name} must be finite, got ${value}`);
}

/** Refuses all but a finite number above 0. */
export function checkPositive(name: string, value: number): void {
  checkFinite(name, value);
  if (!(value > 0)) throw new RangeError(`${name} must be above 0, got ${value}`);
}

/** Refuses all but a finite number from `least` up. */
export function checkAtLeast(name: string, value: number, least: number): void {
  checkFinite(name, value);
  if (!(value >= least)) throw new RangeError(`${name} must be at least ${least}, got ${value}`);
}

/** Refuses all but a number from `low` to `high`. */
export function checkBetween(name: string, value: number, low: number, high: number): void {
  checkFinite(name, value);
  if (!(value >= low && value <= high)) throw new RangeError(`${name} must be from ${low} to ${high}, got ${value}`);
}

/** Refuses all but a whole number from `low` to `high`. */
export function checkWhole(name: string, value: number, low: number, high: number): void {
  checkBetween(name, value, low, high);
  if (!Number.isInteger(value)) throw new RangeError(`${name} must be a whole number, got ${value}`);
}

/** Refuses all but true and false. */
export function checkBoolean(name: string, value: boolean): void {
  if (typeof value !== "boolean") throw new TypeError(`${name} must be a boolean, got ${describe(value)}`);
}

/** Refuses all but a bigint of 64 bits, none of them a sign. */
export function checkUint64(name: string, value: bigint): void {
  if (typeof value !== "bigint") throw new TypeError(`${name} must be a bigint, got ${describe(value)}`);
  if (BigInt.asUintN(64, value) !== value) throw new RangeError(`${name} must be from 0 to 2^64 - 1, got ${value}`);
}

/** Refuses all but a positive multiple of `step`, up to `most`. */
export function checkMultiple(name: string, value: number, step: number, most = Number.MAX_SAFE_INTEGER): void {
  checkFinite(name, value);
  if (!(value > 0 && value % step === 0))
    throw new RangeError(`${name} must be a positive multiple of ${step}, got ${value}`);
  if (value > most) throw new RangeError(`${name} must be at most ${most}, got ${value}`);
}

/** Refuses all but exactly `length` values. */
export function checkLength(name: string, values: ArrayLike<number>, length: number): void {
  if (values.length !== length) throw new RangeError(`${name} must hold ${length} values, got ${values.length}`);
}

/** Refuses all but an object, and a key of it that is not among `known`, naming the nearest that is. */
export function checkKeys(name: string, object: object, known: readonly string[]): void {
  if (typeof object !== "object" || object === null || Array.isArray(object))
    throw new TypeError(`${name} must be an object, got ${describe(object)}`);
  for (const key of Object.keys(object)) {
    if (!known.includes(key)) throw new TypeError(`${name} has no field ${key}${didYouMean(key, known)}`);
  }
}

/** `; did you mean X?` where a known word is near enough, else a list of the known ones. */
export function didYouMean(word: string, known: readonly string[]): string {
  const [nearest] = known
    .map((candidate) => ({ candidate, edits: editDistance(word.toLowerCase(), candidate.toLowerCase()) }))
    .sort((a, b) => a.edits - b.edits);
  if (nearest && nearest.edits <= Math.max(2, word.length / 3)) return `; did you mean ${nearest.candidate}?`;
  return `; there are ${known.join(", ")}`;
}

/** What a wrong argument is, in a few words. */
export function describe(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "an array";
  return typeof value === "string" ? JSON.stringify(value) : typeof value;
}

/** Levenshtein's distance. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const swap = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(swap, row[j]! + 1, next[j - 1]! + 1));
    }
    row = next;
  }
  return row[b.length]!;
}
