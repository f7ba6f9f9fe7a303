import type { Fact } from "./fact.ts";

/** What became of a statement; see the README for what each word promises. */
export const VERDICTS = [
  "input",
  "context",
  "follows",
  "does not follow",
  "reproduced",
  "not reproduced",
  "underdetermined",
] as const;
export type ClaimVerdict = (typeof VERDICTS)[number];

/** A figure as stated, and as it was found. */
export interface ClaimFigure {
  name: string;
  unit: string;
  /** A number, or a range. */
  stated: number | readonly [low: number, high: number];
  found: number;
  /** Of 95%, where it was drawn or measured. */
  interval: readonly [low: number, high: number] | null;
  /** Whether what was found is what is stated, to the digits in which it is. */
  fits: boolean;
}

/** One way to read a statement, and what it comes to. */
export interface ClaimReading {
  name: string;
  unit: string;
  found: number;
  fits: boolean;
}

/** What would have to be true for a statement to hold. */
export interface ClaimNeed {
  parameter: string;
  unit: string;
  /** Null: no value of the parameter does, and `because` is the proof. */
  value: number | null;
  /** What the model gives with that value put back, beside what is stated; null where the model has nothing to put it into. */
  gives: { name: string; unit: string; stated: number; found: number } | null;
  because: string;
}

/** What would have to be true, where one parameter hangs on another. */
export interface ClaimCurve {
  title: string;
  x: string;
  y: string;
  isLog: boolean;
  points: { x: number; y: number }[];
}

/** What is found of one statement. */
export interface ClaimFindings {
  figures?: ClaimFigure[];
  readings?: ClaimReading[];
  /** The arithmetic, line by line. */
  arithmetic: string[];
  /** In a sentence. */
  because: string;
  needs?: ClaimNeed[];
  curves?: ClaimCurve[];
  /** Statements that a parameter behind this answer was solved to meet. */
  calibratedOn?: string[];
  /** Set where figures that fit are not enough, or where several readings fit. */
  verdict?: ClaimVerdict;
  /** Repetitions with other draws behind each interval. */
  seeds?: number;
}

/** A statement and its answer. */
export interface ClaimAnswer extends Fact, Omit<Required<ClaimFindings>, "seeds"> {
  verdict: ClaimVerdict;
  /** Whether a parameter behind it was solved to meet other statements, and this one was not among them. */
  isPrediction: boolean;
  seeds: number | null;
  seconds: number;
}

/** Half a unit of the last digit other than zero in which `value` is stated: 140 stands for 135 to 145, 2.2 for 2.15 to 2.25. */
export function halfDigit(value: number): number {
  if (value === 0) return 0;
  const [digits, power] = value.toExponential().split("e");
  const decimals = (digits!.split(".")[1] ?? "").length;
  return 0.5 * 10 ** (Number(power) - decimals);
}

/** Whether `found`, or any value of its interval, is what is stated. */
export function fits(
  stated: ClaimFigure["stated"],
  found: number,
  interval: ClaimFigure["interval"] = null,
  plusMinus?: number,
): boolean {
  const [low, high] = interval ?? [found, found];
  const slack = 1e-9 * Math.abs(found);
  if (typeof stated !== "number") return high >= stated[0] - slack && low <= stated[1] + slack;
  const half = (plusMinus ?? halfDigit(stated)) + slack;
  return high >= stated - half && low <= stated + half;
}

/** A figure beside what is stated. `found`: one value, or the values of repetitions with their interval. */
export function compared(
  name: string,
  unit: string,
  stated: ClaimFigure["stated"],
  found: number | { mean: number; low: number | null; high: number | null },
  plusMinus?: number,
): ClaimFigure {
  const mean = typeof found === "number" ? found : found.mean;
  const interval =
    typeof found === "number" || found.low === null || found.high === null ? null : ([found.low, found.high] as const);
  return { name, unit, stated, found: mean, interval, fits: fits(stated, mean, interval, plusMinus) };
}

/** The value between `low` and `high` at which a rising `of` comes to `target`, by bisection; null where it lies outside. */
export function solve(
  target: number,
  low: number,
  high: number,
  of: (value: number) => number,
  isLog = false,
  tolerance = 1e-10,
) {
  const to = isLog ? Math.exp : (x: number) => x;
  let [a, b] = isLog ? [Math.log(low), Math.log(high)] : [low, high];
  if (of(low) > target || of(high) < target) return null;
  for (let i = 0; i < 60 && b - a > tolerance * Math.max(Math.abs(a), Math.abs(b), 1e-12); i++) {
    const middle = (a + b) / 2;
    if (of(to(middle)) < target) a = middle;
    else b = middle;
  }
  return to((a + b) / 2);
}

/** An answer with all its fields, and the verdict that its figures make unless the findings say it. */
export function answerOf(fact: Fact, findings: ClaimFindings, seconds = 0): ClaimAnswer {
  const { figures = [], readings = [], needs = [], curves = [], calibratedOn = [] } = findings;
  const holds = figures.every((figure) => figure.fits);
  const [yes, no] =
    fact.kind === "derived" ? (["follows", "does not follow"] as const) : (["reproduced", "not reproduced"] as const);
  const { arithmetic, because, verdict = holds ? yes : no, seeds = null } = findings;
  return {
    ...fact,
    verdict,
    because,
    figures,
    readings,
    arithmetic,
    needs,
    curves,
    calibratedOn,
    isPrediction: calibratedOn.length > 0 && !calibratedOn.includes(fact.id),
    seeds,
    seconds,
  };
}
