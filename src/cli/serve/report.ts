import { basename } from "node:path";
import {
  type Calibration,
  duration,
  type FigureError,
  figure,
  percent,
  type RequestFile,
  type RequestTimes,
  type ServingErrors,
  type ServingResult,
  type StepOfBatch,
} from "../../index.ts";
import { again, heading, paint, say, sayNext, sayTable, sayWrapped } from "../print.ts";
import type { ServeFlags } from "./index.ts";

/** What was served, and by whom. */
export interface Served {
  read: RequestFile;
  model: string;
  gpu: string;
  ranks: number;
  result: ServingResult;
  calibration: Calibration | null;
  /** Decode steps over a fabric, by batch. */
  table: StepOfBatch[] | null;
}

const COLUMNS: readonly [keyof RequestTimes, string][] = [
  ["meanNs", "mean"],
  ["p50Ns", "median"],
  ["p90Ns", "p90"],
  ["p95Ns", "p95"],
  ["p99Ns", "p99"],
];

/** Prints times of requests, what the engine did, and how far from measured times all this is. */
export function sayServing(served: Served, file: string, { svg, json: _, ...flags }: ServeFlags): void {
  const { read, model, gpu, ranks, result, calibration, table } = served;
  const { report } = result;
  const on = ranks === 1 ? gpu : `${ranks} x ${gpu}`;
  say(`${paint.bold(basename(file))}: ${figure(report.requests)} requests, ${model} on ${on}`);
  sayWrapped(
    "",
    paint.dim(
      `${figure(report.requestsPerSecond)} requests a second are served, ${figure(report.inputTokensPerSecond)} tokens read and ${figure(report.outputTokensPerSecond)} written, over ${duration(report.spanNs)}`,
    ),
  );
  heading("Times of requests");
  const rows: [string, RequestTimes | null][] = [
    ["first token", report.ttft],
    ["each token after", report.tpot],
    ["last token", report.latency],
  ];
  sayTable(
    ["", ...COLUMNS.map(([, name]) => name)],
    rows.flatMap(([name, times]) => (times ? [[name, ...COLUMNS.map(([key]) => duration(times[key]))]] : [])),
    COLUMNS.map((_, i) => i + 1),
  );
  heading("Steps");
  sayWrapped(
    "",
    `${figure(report.steps)} of ${duration(report.meanStepNs)} in the mean, ${percent(report.mixedSteps / report.steps)} with prompts; ${figure(report.tokensPerStep)} tokens each; busy ${percent(report.busyShare)} of the time; ${figure(report.preemptions)} sequences were computed anew.`,
  );
  if (read.sharedPrefixShare)
    sayWrapped(
      "",
      paint.dim(
        `${percent(read.sharedPrefixShare)} of the tokens read are of prefixes that an earlier request had too: they were computed anew, which a cache of prefixes may spare.`,
      ),
    );
  if (table) {
    heading("Decode steps over the fabric, by sequences of a GPU");
    sayTable(
      ["sequences", ...table.map(({ batch }) => String(batch))],
      [["a step", ...table.map(({ meanNs }) => duration(meanNs))]],
      table.map((_, i) => i + 1),
    );
  }
  if (calibration) sayCalibration(calibration);
  if (svg !== undefined) say(`\nThe picture is in ${svg}`);
  sayNext([
    ...(read.measured && !flags.calibrate && !table
      ? [[again("--calibrate"), "fits the costs of steps to half of what was measured"] as const]
      : []),
    ...(svg === undefined ? [[again("--svg serve.svg"), "draws the times of all requests"] as const] : []),
    [again("--json"), "all of it, for programs"],
  ]);
}

function sayCalibration({ costs, fitted, heldOut, runs }: Calibration): void {
  heading(`Costs that fit every other request, in ${runs} runs`);
  sayTable(
    ["", "", ""],
    [
      ["flops", percent(costs.flopsShare), "of the peak"],
      ["HBM", percent(costs.hbmShare), "of its rate"],
      ["links", percent(costs.linkShare), "of the rate between ranks"],
      ["a step", duration(costs.overheadNs), "whatever is in it"],
      ["with prompts", duration(costs.prefillOverheadNs), "beyond that"],
      ["a sequence", duration(costs.sequenceNs), "in each step"],
    ],
    [1],
  );
  if (heldOut) sayErrors(`The other ${heldOut.requests} requests, from the engine's queue`, heldOut);
  else sayErrors(`All ${fitted.requests} requests, which were fitted`, fitted);
  sayWrapped(
    "",
    paint.dim("Both halves share steps: all requests were replayed, the times of one half were looked at."),
  );
}

function sayErrors(title: string, errors: ServingErrors): void {
  heading(title);
  const rows = (["ttft", "tpot", "latency"] as const).flatMap((key) => {
    const one = errors[key];
    const row = (name: string, of: (error: FigureError) => string) => [
      name,
      ...COLUMNS.map(([column]) => of(one![column])),
    ];
    const name = { ttft: "first token", tpot: "each token after", latency: "last token" }[key];
    if (!one) return [];
    return [
      row(`${name}, measured`, ({ measuredNs }) => duration(measuredNs)),
      row("  simulated", ({ simulatedNs }) => duration(simulatedNs)),
      row("  off by", ({ error }) => `${error < 0 ? "" : "+"}${(100 * error).toFixed(1)}%`),
    ];
  });
  sayTable(
    ["", ...COLUMNS.map(([, name]) => name)],
    rows,
    COLUMNS.map((_, i) => i + 1),
  );
}
