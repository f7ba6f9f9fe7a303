import { type DriveReport, type DurationSummary, duration, figure, percent } from "../../index.ts";
import { again, heading, paint, say, sayNext, sayTable, sayWrapped, steady, typed } from "../print.ts";
import type { DriveFlags } from "./options.ts";

/** Prints what came of a drive by each of the means. */
export function sayAll(reports: readonly DriveReport[], what: string, flags: DriveFlags): void {
  const { trace, svg, gpusPerNode } = flags;
  const [report] = reports as [DriveReport];
  const { loads, gpus, bytes, dpus, cancels, fences } = report;
  say(
    `${paint.bold(what)}: ${figure(loads)} loads, ${figure(bytes / 1e9)} GB, between ${gpus} GPUs over ${report.optics}`,
  );
  const others = [cancels && `${figure(cancels)} cancels`, fences && `${figure(fences)} fences`].filter(Boolean);
  say(
    paint.dim(
      `${dpus.length} DPUs; ${[...others, `${duration(report.spanNs)} from the first post to the last end`].join(", ")}`,
    ),
  );
  heading("How long a load takes, from post to end");
  sayTable(
    ["", "median", "p99", "p99.9", "most", "in time", "late or dropped"],
    reports.map((one) => [one.means, ...timesOf(one.loadNs), figure(one.outcomes.done), missesOf(one)]),
    [1, 2, 3, 4, 5],
  );
  heading("How long it waits in its DPU's queue");
  sayTable(
    ["", "median", "p99", "p99.9", "most", "mean"],
    reports.map((one) => [one.means, ...timesOf(one.queueNs), timeOf(one.queueNs.meanNs)]),
    [1, 2, 3, 4, 5],
  );
  sayGpuWaits(reports);
  for (const one of reports) sayMind(one);
  sayDpus(report);
  const unshown = reports.slice(1).map(({ means }) => `--means ${means}`);
  if (unshown.length > 0) say(paint.dim(`those of ${unshown.join(", ")}: by that, or with --json`));
  for (const one of reports) sayFaults(one);
  if (svg !== undefined) say(`\nThe picture is in ${svg}`);
  if (trace !== undefined) say(`\nThe trace is in ${trace}: open it at https://ui.perfetto.dev or chrome://tracing`);
  sayNext([
    ...(reports.length > 1 || gpusPerNode !== undefined
      ? []
      : [[again("--means all"), "beside a CPU's loads and a coherent fabric's"] as const]),
    ...(trace === undefined && reports.length === 1
      ? [[again("--trace drive.json"), "what every DPU and link did"] as const]
      : []),
    ...(svg === undefined ? [[again("--svg drive.svg"), "draws how long loads take"] as const] : []),
    [again("--json"), "all of it, for programs"],
    [typed("drive --help"), "every figure that can be given"],
  ]);
}

/** Where doorbells had to wait for a place in their DPU's queue, how long. */
function sayGpuWaits(reports: readonly DriveReport[]): void {
  const waited = reports.filter(({ gpuWaitNs }) => gpuWaitNs.mostNs > 0);
  if (waited.length === 0) return;
  heading("How long its doorbell waits at the GPU for a place there");
  sayTable(
    ["", "median", "p99", "p99.9", "most", "mean"],
    waited.map((one) => [one.means, ...timesOf(one.gpuWaitNs), timeOf(one.gpuWaitNs.meanNs)]),
    [1, 2, 3, 4, 5],
  );
}

function timesOf({ medianNs, p99Ns, p999Ns, mostNs }: DurationSummary): string[] {
  return [medianNs, p99Ns, p999Ns, mostNs].map(timeOf);
}

function timeOf(ns: number): string {
  return ns === 0 ? "none" : steady(ns);
}

function missesOf({ misses: { count, share, low, high } }: DriveReport): string {
  if (count === 0) return paint.green(`0 (at most ${percent(high)})`);
  return `${paint.red(figure(count))} = ${percent(share)} ${paint.dim(`(${percent(low)} .. ${percent(high)})`)}`;
}

function sayMind({ means, expired, pushedBack, outcomes }: DriveReport): void {
  const words = [
    expired > 0 && `${figure(expired)} could not make their deadline any more and were told so at once`,
    outcomes.dropped > 0 && `${figure(outcomes.dropped)} of them were dropped`,
    outcomes.cancelled > 0 && `${figure(outcomes.cancelled)} were cancelled`,
    pushedBack > 0 && `${figure(pushedBack)} found their DPU's queue full and waited at the GPU`,
  ].filter(Boolean);
  if (words.length > 0) sayWrapped(`${means}: `, paint.dim(`${words.join("; ")}.`));
}

const DPUS_SHOWN = 16;

function sayDpus({ dpus, means }: DriveReport): void {
  const busy = dpus.filter(({ loads }) => loads > 0).sort((a, b) => b.bytes - a.bytes || a.dpu - b.dpu);
  heading(`Per DPU (${means}), the busiest first`);
  sayTable(
    ["DPU", "loads", "misses", "GB/s", "of its pace", "queue median", "queue p99", "load p99"],
    busy
      .slice(0, DPUS_SHOWN)
      .map(({ dpu, loads, misses, bytesPerNs, paceShare, queueNs, loadNs }) => [
        String(dpu),
        figure(loads),
        figure(misses),
        figure(bytesPerNs),
        percent(paceShare),
        timeOf(queueNs.medianNs),
        timeOf(queueNs.p99Ns),
        steady(loadNs.p99Ns),
      ]),
    [0, 1, 2, 3, 4, 5, 6, 7],
  );
  if (busy.length > DPUS_SHOWN) say(paint.dim(`and ${busy.length - DPUS_SHOWN} more: --json has all`));
}

const HELD_SHOWN = 8;

function sayFaults({ means, faults: { outages, linkTimeShare, held } }: DriveReport): void {
  if (outages === 0 && held.length === 0) return;
  heading(`Faults (${means})`);
  say(
    `${figure(outages)} outages of DPUs' ports, each of one link: a link is out ${percent(linkTimeShare)} of the time`,
  );
  say(held.length === 0 ? "Faults held no load" : `Faults held ${figure(held.length)} loads:`);
  if (held.length === 0) return;
  const longest = [...held].sort((a, b) => b.heldNs - a.heldNs);
  sayTable(
    ["load", "DPU", "links held", "ended at", ""],
    longest
      .slice(0, HELD_SHOWN)
      .map(({ fenceId, dpu, heldNs, endNs, outcome }) => [
        String(fenceId),
        String(dpu),
        steady(heldNs),
        steady(endNs),
        outcome,
      ]),
    [0, 1, 2, 3],
  );
  if (held.length > HELD_SHOWN) say(paint.dim(`and ${figure(held.length - HELD_SHOWN)} more: --json names each`));
}
