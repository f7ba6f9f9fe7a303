import { describe, didYouMean } from "../check.ts";
import { fileError } from "../measurement.ts";
import { leastWhole } from "../statistics.ts";

/** What a text of JSON holds; an error names the line that is none. */
export function parseJson(text: string, file: string): unknown {
  const message = complaint(text);
  if (message === null) return JSON.parse(text);
  throw fileError(
    file,
    text.slice(0, faultAt(text, message)).split("\n").length,
    "JSON",
    message.replaceAll("\n", " "),
  );
}

/** The object that one line of a file of JSON lines is. */
export function objectOfLine(file: string, line: number, text: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw fileError(file, line, "a JSON object", (error as Error).message.replaceAll("\n", " "));
  }
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw fileError(file, line, "a JSON object", describe(value));
  return value as Record<string, unknown>;
}

/** What the parser has against `text`. */
function complaint(text: string): string | null {
  try {
    JSON.parse(text);
    return null;
  } catch (error) {
    return (error as Error).message;
  }
}

/** Where in `text` the parser stopped. It does not tell of an unexpected token: that is where the shortest text with one ends. */
function faultAt(text: string, message: string): number {
  const [, position] = /position (\d+)/.exec(message) ?? [];
  if (position !== undefined) return Number(position);
  return (
    leastWhole(1, text.length + 1, (length) => /^Unexpected token/.test(complaint(text.slice(0, length)) ?? "")) - 1
  );
}

/** A value of a JSON file, told where it stands: what it must be is said of that place. */
export class JsonValue {
  readonly file: string;
  /** Where it stands, e.g. `demand[3].groups`; empty for all of the file. */
  readonly place: string;
  readonly value: unknown;

  constructor(file: string, place: string, value: unknown) {
    this.file = file;
    this.place = place;
    this.value = value;
  }

  /** What is wrong with it. */
  wrong(expected: string): RangeError {
    const { value } = this;
    const got = value === undefined ? "nothing" : /^[nb]/.test(typeof value) ? `${value}` : describe(value);
    return fileError(this.file, null, this.place ? `${this.place} to be ${expected}` : expected, got);
  }

  /** A value that stands in this one. */
  at(key: string | number): JsonValue {
    const place = typeof key === "number" ? `${this.place}[${key}]` : this.place ? `${this.place}.${key}` : key;
    return new JsonValue(this.file, place, (this.value as Record<string | number, unknown>)[key]);
  }

  get isGiven(): boolean {
    return this.value !== undefined;
  }

  get isList(): boolean {
    return Array.isArray(this.value);
  }

  /** Refuses all but an object, and a key of it that is not among `known`, naming the nearest that is. */
  object(what: string, known?: readonly string[]): this {
    if (typeof this.value !== "object" || this.value === null || this.isList) throw this.wrong(what);
    for (const key of known ? Object.keys(this.value) : [])
      if (!known!.includes(key))
        throw fileError(
          this.file,
          null,
          this.place ? `fields of ${this.place}` : `fields of ${what}`,
          `${key}${didYouMean(key, known!)}`,
        );
    return this;
  }

  /** The values of a list. */
  list(what: string): JsonValue[] {
    if (!Array.isArray(this.value)) throw this.wrong(what);
    return this.value.map((_, i) => this.at(i));
  }

  /** A number of at least `least`. */
  number(least = Number.NEGATIVE_INFINITY): number {
    const { value } = this;
    if (typeof value === "number" && value >= least) return value;
    throw this.wrong(least === Number.NEGATIVE_INFINITY ? "a number" : `a number from ${least} up`);
  }

  whole(low: number, high: number): number {
    const { value } = this;
    if (typeof value === "number" && Number.isInteger(value) && value >= low && value <= high) return value;
    throw this.wrong(`a whole number from ${low} to ${high}`);
  }

  /** A list of numbers of at least `least`. */
  numbers(least = Number.NEGATIVE_INFINITY): Float64Array {
    const { value } = this;
    if (!Array.isArray(value)) throw this.wrong("a list of numbers");
    const numbers = new Float64Array(value.length);
    for (let i = 0; i < value.length; i++) {
      const one: unknown = value[i];
      numbers[i] = typeof one === "number" && one >= least ? one : this.at(i).number(least);
    }
    return numbers;
  }

  /** A list of whole numbers. */
  wholes(low: number, high: number): number[] {
    return this.list("a list of whole numbers").map((one) => one.whole(low, high));
  }
}
