import type { RunCounts } from "./index.ts";
import type { Requests, ServedTimes } from "./requests.ts";

/** Of many requests; quantiles lie between neighbours where they must, as NumPy has them. */
export interface RequestTimes {
  meanNs: number;
  p50Ns: number;
  p90Ns: number;
  p95Ns: number;
  p99Ns: number;
}

/** What serving came to. */
export interface ServingReport {
  requests: number;
  /** From arrival to the first token, and from the instant that the engine's queue took the request in, as engines count it. */
  ttft: RequestTimes;
  queuedTtft: RequestTimes;
  /** Each token after the first, (end - first) / (n - 1); null where all requests write one. */
  tpot: RequestTimes | null;
  /** From arrival to the last token, and from the queue. */
  latency: RequestTimes;
  queuedLatency: RequestTimes;
  /** From the first arrival to the last token. */
  spanNs: number;
  inputTokensPerSecond: number;
  outputTokensPerSecond: number;
  requestsPerSecond: number;
  steps: number;
  /** Steps with prompts in them. */
  mixedSteps: number;
  meanStepNs: number;
  /** Tokens that a step writes. */
  tokensPerStep: number;
  /** Of the span, when a step was under way. */
  busyShare: number;
  /** Sequences that made room for others and were computed anew. */
  preemptions: number;
}

/** Times of the requests that `among` says, of all unless given. */
export function requestTimes(
  requests: Requests,
  { queuedNs, firstNs, endNs }: ServedTimes,
  among: (request: number) => boolean = () => true,
): Pick<ServingReport, "ttft" | "queuedTtft" | "tpot" | "latency" | "queuedLatency"> {
  const { arrivalNs, outputTokens } = requests;
  const chosen = Array.from(arrivalNs.keys()).filter(among);
  const of = (time: (request: number) => number) => timesOf(chosen.map(time));
  const several = chosen.filter((i) => outputTokens[i]! > 1);
  return {
    ttft: of((i) => firstNs[i]! - arrivalNs[i]!),
    queuedTtft: of((i) => firstNs[i]! - queuedNs[i]!),
    tpot: several.length === 0 ? null : timesOf(several.map((i) => tpotNs({ firstNs, endNs }, outputTokens, i))),
    latency: of((i) => endNs[i]! - arrivalNs[i]!),
    queuedLatency: of((i) => endNs[i]! - queuedNs[i]!),
  };
}

/** What each token after the first takes, of one request of several. */
export function tpotNs(
  { firstNs, endNs }: Pick<ServedTimes, "firstNs" | "endNs">,
  outputTokens: Uint32Array,
  request: number,
): number {
  return (endNs[request]! - firstNs[request]!) / (outputTokens[request]! - 1);
}

export function timesOf(ns: readonly number[]): RequestTimes {
  const sorted = Float64Array.from(ns).sort();
  const at = (share: number) => {
    const place = share * (sorted.length - 1);
    const [below, above] = [sorted[Math.floor(place)]!, sorted[Math.ceil(place)]!];
    return below + (place - Math.floor(place)) * (above - below);
  };
  return {
    meanNs: sorted.reduce((sum, one) => sum + one, 0) / sorted.length,
    p50Ns: at(0.5),
    p90Ns: at(0.9),
    p95Ns: at(0.95),
    p99Ns: at(0.99),
  };
}

export function servingReportOf(requests: Requests, times: ServedTimes, counts: RunCounts): ServingReport {
  const { arrivalNs, inputTokens, outputTokens } = requests;
  const spanNs = times.endNs.reduce((last, end) => Math.max(last, end), 0) - arrivalNs[0]!;
  const perSecond = (amount: number) => amount / (spanNs / 1e9);
  const sum = (tokens: Uint32Array) => tokens.reduce((all, one) => all + one, 0);
  return {
    requests: arrivalNs.length,
    ...requestTimes(requests, times),
    spanNs,
    inputTokensPerSecond: perSecond(sum(inputTokens)),
    outputTokensPerSecond: perSecond(sum(outputTokens)),
    requestsPerSecond: perSecond(arrivalNs.length),
    steps: counts.steps,
    mixedSteps: counts.mixedSteps,
    meanStepNs: counts.stepNs / counts.steps,
    tokensPerStep: counts.tokens / counts.steps,
    busyShare: counts.stepNs / spanNs,
    preemptions: counts.preemptions,
  };
}
