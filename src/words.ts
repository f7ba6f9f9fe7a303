/** A number as people read it: three significant digits, or all of a large whole number. */
export function figure(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  const size = Math.abs(Number(value.toPrecision(3)));
  // Nobody counts so many digits.
  if (size >= 1e15) return value.toExponential(2);
  if (size >= 1000) return Math.round(value).toLocaleString("en");
  if (size > 0 && size < 0.001) return value.toExponential(1);
  return String(Number(value.toPrecision(3)));
}

/** A share in percent. */
export function percent(share: number): string {
  return `${figure(100 * share)}%`;
}

const TIMES = [
  { unit: "ns", ns: 1 },
  { unit: "µs", ns: 1e3 },
  { unit: "ms", ns: 1e6 },
  { unit: "s", ns: 1e9 },
];

/** A time in the unit that suits it, with four significant digits: 48.31 ns, 1.6 ms. */
export function duration(ns: number): string {
  const rounded = Number(ns.toPrecision(4));
  const { unit, ns: size } = TIMES.findLast((time) => Math.abs(rounded) >= time.ns) ?? TIMES[0]!;
  return `${Number((rounded / size).toPrecision(4))} ${unit}`;
}
