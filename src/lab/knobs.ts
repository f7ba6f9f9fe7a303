// What can be turned on a page: each view declares its knobs, and panel, address and questions follow from that.

/** One of several words, and what a person reads for it. */
export interface Option {
  value: string;
  label: string;
}

interface Labelled {
  label: string;
  /** A sentence below the control. */
  hint?: string;
  /** What the library calls it where it refuses it: the knob's own name unless given. */
  argument?: string;
  /** Seen only while other knobs stand at these values. */
  when?: Readonly<Record<string, Value>>;
  /** The heading under which it stands, with its neighbours of the same. */
  group?: string;
  /** In the address, but not on the panel: the view itself turns it. */
  isKept?: boolean;
}

export interface NumberKnob extends Labelled {
  kind: "number";
  value: number;
  min: number;
  max: number;
  unit?: string;
  /** The slider's marks are equally far apart in the logarithm. */
  isLog?: boolean;
  isWhole?: boolean;
}

export interface ChoiceKnob extends Labelled {
  kind: "choice";
  value: string;
  options: readonly Option[];
}

export interface SeveralKnob extends Labelled {
  kind: "several";
  value: readonly string[];
  options: readonly Option[];
}

export interface SwitchKnob extends Labelled {
  kind: "switch";
  value: boolean;
}

export interface TextKnob extends Labelled {
  kind: "text";
  value: string;
}

/** A file that somebody gave, with what it holds packed for the address; null where that is too much for one. */
export interface GivenFile {
  name: string;
  bytes: Uint8Array;
  packed: string | null;
}

export interface FileKnob extends Labelled {
  kind: "file";
  value: GivenFile | null;
  /** Endings, for the host's own dialogue: ".csv,.txt". */
  accept: string;
}

/** Whole numbers in ascending order, each once. */
export interface ListKnob extends Labelled {
  kind: "list";
  value: readonly number[];
  min: number;
  max: number;
}

export type Knob = NumberKnob | ChoiceKnob | SeveralKnob | SwitchKnob | TextKnob | FileKnob | ListKnob;
export type Knobs = Readonly<Record<string, Knob>>;

export type Value = Knob["value"];

/** What the knobs stand at. A choice may be any string: its options are known at run time alone. */
export type Values<K extends Knobs = Knobs> = {
  [name in keyof K]: Extract<Knob, { kind: K[name]["kind"] }>["value"];
};

/** What knobs stand at until somebody turns them. */
export function defaultsOf<K extends Knobs>(knobs: K): Values<K> {
  return Object.fromEntries(Object.entries(knobs).map(([name, { value }]) => [name, value])) as Values<K>;
}

/** Why a knob cannot stand at `value`, in words that follow its label; null where it can. */
export function refusal(knob: Knob, value: Value): string | null {
  switch (knob.kind) {
    case "number": {
      if (typeof value !== "number" || Number.isNaN(value)) return "must be a number";
      const unit = knob.unit ? ` ${knob.unit}` : "";
      if (value < knob.min || value > knob.max) return `must be from ${knob.min} to ${knob.max}${unit}, got ${value}`;
      return knob.isWhole && !Number.isInteger(value) ? `must be a whole number, got ${value}` : null;
    }
    case "choice":
      return knob.options.some((option) => option.value === value)
        ? null
        : `must be one of ${knob.options.map((option) => option.value).join(", ")}, got ${value}`;
    case "several": {
      const words = value as readonly string[];
      const odd = words.find((word) => !knob.options.some((option) => option.value === word));
      if (odd !== undefined)
        return `must be of ${knob.options.map((option) => option.value).join(", ")}, got ${odd === "" ? "nothing" : odd}`;
      return words.length === 0 ? "must have at least one" : null;
    }
    case "list": {
      const odd = (value as readonly number[]).some((n) => !(Number.isInteger(n) && n >= knob.min && n <= knob.max));
      return odd ? `must be whole numbers from ${knob.min} to ${knob.max} between commas, such as 3, 8-11` : null;
    }
    default:
      return null;
  }
}

/** Ranges that are longer are nobody's. */
const RANGE_MAX = 2 ** 16;

/** The numbers in `3, 8-11`; NaN for what is none. */
export function readList(text: string): number[] {
  const numbers = text.split(",").flatMap((part) => {
    const [, first, last] = /^\s*(\d+)\s*(?:[-–]\s*(\d+)\s*)?$/.exec(part) ?? [];
    if (first === undefined) return part.trim() === "" ? [] : [Number.NaN];
    const count = Number(last ?? first) - Number(first) + 1;
    return count > 0 && count <= RANGE_MAX ? Array.from({ length: count }, (_, i) => Number(first) + i) : [Number.NaN];
  });
  return [...new Set(numbers)].sort((a, b) => a - b);
}

/** The other way: neighbours as a range. */
export function writtenList(numbers: readonly number[]): string {
  const words: string[] = [];
  for (let i = 0, end = 0; i < numbers.length; i = end) {
    for (end = i + 1; numbers[end] === numbers[end - 1]! + 1; ) end++;
    words.push(end === i + 1 ? `${numbers[i]}` : `${numbers[i]}-${numbers[end - 1]}`);
  }
  return words.join(", ");
}
