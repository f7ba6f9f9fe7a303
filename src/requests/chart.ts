import { type Chart, lineChart, type Series } from "../plot.ts";
import { duration, percent } from "../words.ts";
import { tpotNs } from "./report.ts";
import type { Requests, ServedTimes } from "./requests.ts";

/** TTFT and TPOT against the share of requests that have them or more, each from the engine's queue; measured ones beside them. */
export function servingChart(
  requests: Requests,
  times: ServedTimes,
  {
    title = "Time to first token",
    subtitle = "",
    measured,
  }: { title?: string; subtitle?: string; measured?: ServedTimes | null } = {},
): string {
  const several = Array.from(requests.arrivalNs.keys()).filter((i) => requests.outputTokens[i]! > 1);
  const charts: [string, string, (times: ServedTimes) => number[]][] = [
    [
      title,
      "from the queue to the first token",
      ({ queuedNs, firstNs }) => Array.from(firstNs, (ns, i) => ns - queuedNs[i]!),
    ],
    [
      "Time per output token",
      "each token after the first",
      (of) => several.map((i) => tpotNs(of, requests.outputTokens, i)),
    ],
  ];
  return lineChart(
    charts
      .filter(([, , of]) => of(times).length > 0)
      .map(
        ([title, label, of]): Chart => ({
          title,
          subtitle,
          x: { label, log: true, format: duration },
          y: { label: "share of requests that take no longer", from: 0, to: 1, format: percent },
          series: [
            curve("simulated", of(times)),
            ...(measured ? [{ ...curve("measured", of(measured)), isReference: true }] : []),
          ],
        }),
      ),
  );
}

const POINTS = 400;

/** The share up to each value, at no more values than a picture shows. */
function curve(name: string, ns: number[]): Series {
  const sorted = Float64Array.from(ns).sort();
  const count = Math.min(POINTS, sorted.length);
  const points = Array.from({ length: count }, (_, i) => {
    const place = Math.floor(((i + 1) * sorted.length) / count) - 1;
    return { x: sorted[place]!, y: (place + 1) / sorted.length };
  });
  return { name, points };
}
