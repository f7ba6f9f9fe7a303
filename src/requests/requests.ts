import { checkAtLeast, checkKeys, checkLength, checkWhole } from "../check.ts";

/** Requests by columns, in order of arrival, which is counted from the first. */
export interface Requests {
  arrivalNs: Float64Array;
  inputTokens: Uint32Array;
  outputTokens: Uint32Array;
}

/** When an engine had what became of each request, on the clock of its arrival. */
export interface ServedTimes {
  /** Its queue took the request in: between steps, so up to a step after its arrival. */
  queuedNs: Float64Array;
  firstNs: Float64Array;
  endNs: Float64Array;
}

/** A sequence of more tokens fits no model: they read 10 million at the most. */
export const TOKENS_MAX = 2 ** 24;

/** Requests of rows in any order; those that arrive together stay in theirs. */
export function requestsOf(rows: readonly { arrivalNs: number; input: number; output: number }[]): Requests {
  const order = rows.toSorted((a, b) => a.arrivalNs - b.arrivalNs);
  const first = order[0]?.arrivalNs ?? 0;
  return {
    arrivalNs: Float64Array.from(order, ({ arrivalNs }) => arrivalNs - first),
    inputTokens: Uint32Array.from(order, ({ input }) => input),
    outputTokens: Uint32Array.from(order, ({ output }) => output),
  };
}

/** Refuses all but requests in order of arrival, each with a token to read and one to write. */
export function checkRequests(requests: Requests): void {
  checkKeys("requests", requests, ["arrivalNs", "inputTokens", "outputTokens"]);
  const { arrivalNs, inputTokens, outputTokens } = requests;
  const count = arrivalNs.length;
  if (count === 0) throw new RangeError("requests must be at least 1, got 0");
  checkLength("inputTokens", inputTokens, count);
  checkLength("outputTokens", outputTokens, count);
  for (let i = 0; i < count; i++) {
    checkAtLeast(`arrivalNs[${i}]`, arrivalNs[i]!, i === 0 ? 0 : arrivalNs[i - 1]!);
    checkWhole(`inputTokens[${i}]`, inputTokens[i]!, 1, TOKENS_MAX);
    checkWhole(`outputTokens[${i}]`, outputTokens[i]!, 1, TOKENS_MAX);
  }
}
