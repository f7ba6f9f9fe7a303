import { InvalidArgumentError } from "commander";

const UNITS: Readonly<Record<string, number>> = {
  "": 1,
  b: 1,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  tb: 1e12,
  kib: 2 ** 10,
  mib: 2 ** 20,
  gib: 2 ** 30,
  tib: 2 ** 40,
};

/** Bytes, with their unit or without: 4GB, 302MB, 1.5GiB, 13219200. */
export function size(text: string): number {
  const [, digits = "", unit = ""] = /^\s*([\d.]+(?:e\d+)?)\s*([a-z]*)\s*$/i.exec(text) ?? [];
  const bytes = Number(digits) * (UNITS[unit.toLowerCase()] ?? Number.NaN);
  if (digits !== "" && bytes > 0) return bytes;
  throw new InvalidArgumentError(`Expected a size above 0 such as 302MB, 4GB or 1GiB, got ${JSON.stringify(text)}.`);
}

/** Sizes between commas. */
export function sizes(text: string): number[] {
  return text.split(",").map(size);
}

/** Names between commas, each once, of those there are. */
export function namesOf<T extends string>(known: readonly T[]): (text: string) => T[] {
  return (text) => {
    const names = text.split(",").map((name) => name.trim());
    const wrong = names.find((name, i) => !(known as readonly string[]).includes(name) || names.indexOf(name) < i);
    if (wrong === undefined) return names as T[];
    throw new InvalidArgumentError(
      (known as readonly string[]).includes(wrong) ? `${wrong} is named twice.` : `There are ${known.join(", ")}.`,
    );
  };
}
