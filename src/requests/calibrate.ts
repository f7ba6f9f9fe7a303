import { checkKeys, checkLength, checkWhole } from "../check.ts";
import { type ServingOptions, simulateServing } from "./index.ts";
import { type RequestTimes, requestTimes, tpotNs } from "./report.ts";
import type { Requests, ServedTimes } from "./requests.ts";
import { COST_KEYS, COST_NS_MAX, type StepCosts } from "./steps.ts";

/** How far a simulated figure is from the measured one. */
export interface FigureError {
  measuredNs: number;
  simulatedNs: number;
  /** Simulated over measured, less 1. */
  error: number;
}

/** Mean and quantiles of one time, each beside what was measured. */
export type TimeErrors = Record<keyof RequestTimes, FigureError>;

/** Simulated times beside measured ones. */
export interface ServingErrors {
  requests: number;
  /** From the engine's queue, as engines count it. */
  ttft: TimeErrors;
  tpot: TimeErrors | null;
  latency: TimeErrors;
  /** Of each request's own time: the mean of its error, without sign. */
  meanAbsoluteError: { ttft: number; tpot: number; latency: number };
}

/** How costs are looked for. */
export interface CalibrateOptions {
  /** Which requests' times are looked at; every other, beginning with the first, unless given. All are replayed. */
  among?: (request: number) => boolean;
  /** Runs at the most; 400 unless given. */
  runs?: number;
  /** Told after each run how many there were. */
  onProgress?: (runs: number) => void;
}

/** Costs that fit, and how well. */
export interface Calibration {
  costs: Required<StepCosts>;
  /** Root mean square of ln(simulated / measured) over TTFT and TPOT of the requests looked at. */
  residual: number;
  runs: number;
  /** Of the requests looked at, and of the others; null where there are no others. */
  fitted: ServingErrors;
  heldOut: ServingErrors | null;
}

/** Where the search begins: what kernels reach as a rule, and a launch or two. */
const START: Required<StepCosts> = {
  flopsShare: 0.5,
  hbmShare: 0.7,
  linkShare: 0.5,
  overheadNs: 3e6,
  prefillOverheadNs: 10e6,
  sequenceNs: 2e4,
};
const SHARES: readonly string[] = ["flopsShare", "hbmShare", "linkShare"];

/** Simulated times beside measured ones, of the requests that `among` says. */
export function compareServing(
  requests: Requests,
  simulated: ServedTimes,
  measured: ServedTimes,
  among: (request: number) => boolean = () => true,
): ServingErrors {
  checkLength("measured.endNs", measured.endNs, requests.arrivalNs.length);
  const [ours, theirs] = [requestTimes(requests, simulated, among), requestTimes(requests, measured, among)];
  const beside = (a: RequestTimes, b: RequestTimes) =>
    Object.fromEntries(
      (Object.keys(a) as (keyof RequestTimes)[]).map((key) => [
        key,
        { measuredNs: b[key], simulatedNs: a[key], error: a[key] / b[key] - 1 },
      ]),
    ) as TimeErrors;
  const chosen = Array.from(requests.arrivalNs.keys()).filter(among);
  const absolute = (of: (times: ServedTimes, i: number) => number, which = chosen) =>
    which.reduce((sum, i) => sum + Math.abs(of(simulated, i) / of(measured, i) - 1), 0) / which.length;
  return {
    requests: chosen.length,
    ttft: beside(ours.queuedTtft, theirs.queuedTtft),
    tpot: ours.tpot && beside(ours.tpot, theirs.tpot!),
    latency: beside(ours.queuedLatency, theirs.queuedLatency),
    meanAbsoluteError: {
      ttft: absolute(({ queuedNs, firstNs }, i) => firstNs[i]! - queuedNs[i]!),
      tpot: absolute(
        (times, i) => tpotNs(times, requests.outputTokens, i),
        chosen.filter((i) => requests.outputTokens[i]! > 1),
      ),
      latency: absolute(({ queuedNs, endNs }, i) => endNs[i]! - queuedNs[i]!),
    },
  };
}

/**
 * Costs of a step with which the times of some requests come out as they were measured, in the sense of least squares. The others'
 * times are not looked at, yet all requests are replayed, for they share steps.
 */
export function calibrateServing(
  requests: Requests,
  measured: ServedTimes,
  serving: ServingOptions = {},
  options: CalibrateOptions = {},
): Calibration {
  checkKeys("options", options, ["among", "runs", "onProgress"]);
  const { among = (request) => request % 2 === 0, runs = 400, onProgress } = options;
  checkWhole("runs", runs, 10, 1e6);
  checkLength("measured.endNs", measured.endNs, requests.arrivalNs.length);
  checkMeasured(requests, measured);
  const places = Array.from(requests.arrivalNs.keys()).filter(among);
  if (places.length === 0) throw new RangeError("among must say at least 1 request, got 0");
  const searched = COST_KEYS.filter(
    (key) => serving[key] === undefined && (key !== "linkShare" || (serving.ranks ?? 1) > 1),
  );
  const costsAt = (point: readonly number[]): Required<StepCosts> => {
    const costs = { ...START, linkShare: 1 };
    for (const key of COST_KEYS) if (serving[key] !== undefined) costs[key] = serving[key];
    searched.forEach((key, i) => {
      costs[key] = SHARES.includes(key) ? shareOf(point[i]!) : Math.min(COST_NS_MAX, Math.exp(point[i]!));
    });
    return costs;
  };
  const timesAt = (point: readonly number[]) => simulateServing(requests, { ...serving, ...costsAt(point) }).times;
  let calls = 0;
  const residualAt = (point: readonly number[]) => {
    const residual = residualOf(requests, timesAt(point), measured, places);
    onProgress?.(++calls);
    return residual;
  };
  const start = searched.map((key) =>
    SHARES.includes(key) ? Math.log(START[key] / (1 - START[key])) : Math.log(START[key]),
  );
  const { point, value } = leastNear(start, residualAt, runs);
  const times = timesAt(point);
  return {
    costs: costsAt(point),
    residual: value,
    runs: calls + 1,
    fitted: compareServing(requests, times, measured, among),
    heldOut:
      places.length === requests.arrivalNs.length
        ? null
        : compareServing(requests, times, measured, (request) => !among(request)),
  };
}

/** Refuses times of no length, of which none is any multiple. */
function checkMeasured({ outputTokens }: Requests, { queuedNs, firstNs, endNs }: ServedTimes): void {
  for (let i = 0; i < outputTokens.length; i++) {
    if (!(firstNs[i]! > queuedNs[i]!))
      throw new RangeError(
        `measured.firstNs[${i}] must be above ${queuedNs[i]}, when it was queued, got ${firstNs[i]}`,
      );
    if (outputTokens[i]! > 1 && !(endNs[i]! > firstNs[i]!))
      throw new RangeError(`measured.endNs[${i}] must be above ${firstNs[i]}, its first token, got ${endNs[i]}`);
  }
}

/** Any number as a share that a GPU may be said to reach. */
const shareOf = (x: number) => Math.max(Number.EPSILON, 1 / (1 + Math.exp(-x)));

function residualOf(requests: Requests, simulated: ServedTimes, measured: ServedTimes, places: readonly number[]) {
  let sum = 0;
  let count = 0;
  const add = (ours: number, theirs: number) => {
    sum += Math.log(ours / theirs) ** 2;
    count++;
  };
  for (const i of places) {
    add(simulated.firstNs[i]! - simulated.queuedNs[i]!, measured.firstNs[i]! - measured.queuedNs[i]!);
    if (requests.outputTokens[i]! > 1)
      add(tpotNs(simulated, requests.outputTokens, i), tpotNs(measured, requests.outputTokens, i));
  }
  return Math.sqrt(sum / count);
}

/** The least value near `start`, by the simplex of Nelder and Mead (1965), begun anew from its best until that helps no more. */
function leastNear(start: readonly number[], of: (point: readonly number[]) => number, most: number) {
  let calls = 0;
  const valued = (point: readonly number[]) => {
    calls++;
    return { point, value: of(point) };
  };
  let best = valued(start);
  if (start.length === 0) return { ...best, calls };
  for (let size = 1; calls < most; size /= 2) {
    const before = best.value;
    const corners = [best, ...start.map((_, i) => valued(best.point.map((x, k) => (k === i ? x + size : x))))];
    while (calls < most) {
      corners.sort((a, b) => a.value - b.value);
      const [least, worst, next] = [corners[0]!, corners.at(-1)!, corners.at(-2)!];
      if (worst.value - least.value < 1e-5 * least.value) break;
      const centre = start.map(
        (_, k) => corners.slice(0, -1).reduce((sum, { point }) => sum + point[k]!, 0) / start.length,
      );
      const beyond = (by: number) => valued(centre.map((x, k) => x + by * (x - worst.point[k]!)));
      const reflected = beyond(1);
      if (reflected.value < least.value) {
        const expanded = beyond(2);
        corners[corners.length - 1] = expanded.value < reflected.value ? expanded : reflected;
      } else if (reflected.value < next.value) corners[corners.length - 1] = reflected;
      else {
        const contracted = beyond(reflected.value < worst.value ? 0.5 : -0.5);
        if (contracted.value < Math.min(worst.value, reflected.value)) corners[corners.length - 1] = contracted;
        else
          for (let i = 1; i < corners.length; i++)
            corners[i] = valued(corners[i]!.point.map((x, k) => (x + least.point[k]!) / 2));
      }
    }
    best = corners.reduce((a, b) => (b.value < a.value ? b : a));
    if (before - best.value < 1e-3 * before && size < 1) break;
  }
  return { ...best, calls };
}
