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

export type Knob = NumberKnob | ChoiceKnob | SeveralKnob | SwitchKnob | TextKnob | FileKnob;
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
    default:
      return null;
  }
}
