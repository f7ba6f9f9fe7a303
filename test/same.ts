import { expect } from "vitest";

/** What `expect(found).toEqual(expected)` says, in a tenth of the time where the two are the same: for loops that ask often. */
export function expectEqual(found: unknown, expected: unknown): void {
  if (!isSame(found, expected)) expect(found).toEqual(expected);
}

const isList = (value: unknown): value is ArrayLike<unknown> =>
  Array.isArray(value) || (ArrayBuffer.isView(value) && !(value instanceof DataView));

/** Whether plain objects, arrays and numbers are the same to the last bit; what else they hold must be one and the same. */
function isSame(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  const kind = Object.getPrototypeOf(a);
  if (Object.getPrototypeOf(b) !== kind) return false;
  if (isList(a) && isList(b)) {
    for (let i = 0; i < a.length; i++) if (!isSame(a[i], b[i])) return false;
    return a.length === b.length;
  }
  if (kind !== Object.prototype) return false;
  const keys = Object.keys(a);
  return (
    keys.length === Object.keys(b).length &&
    keys.every((key) => key in b && isSame(a[key as keyof typeof a], b[key as keyof typeof b]))
  );
}
