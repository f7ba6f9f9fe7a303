import type { ExpertParallelReport } from "../expert-parallel/index.ts";
import type { Evidence } from "../optics/index.ts";
import { escaped } from "../plot.ts";
import { duration, figure, percent } from "../words.ts";
import type { OutageReport, OutageTimes } from "./outages.ts";
import { causesChart, sensitivityChart, timelineChart } from "./pictures.ts";
import type { DecodingReport, Figure, Times } from "./report.ts";
import type { SensitivityReport } from "./sensitivity.ts";
import type { DecodingTimeline } from "./timeline.ts";
import type { DecodingVerdict } from "./verdict.ts";

/** What a page shows; all but the first four may be left out. */
export interface DecodingPage {
  title: string;
  report: DecodingReport;
  timeline: DecodingTimeline;
  verdict: DecodingVerdict;
  evidence: readonly Evidence[];
  expertParallel?: ExpertParallelReport;
  sensitivity?: SensitivityReport;
}

const STYLE = `:root{color-scheme:light dark}body{font:15px/1.5 system-ui,sans-serif;max-width:920px;margin:2rem auto;padding:0 1rem;color:#1a1a1a;background:#fff}
h1{font-size:1.5rem;margin-bottom:.3rem}h2{font-size:1.15rem;margin-top:2.2rem}table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:.3rem .7rem .3rem 0;border-bottom:1px solid #8884;vertical-align:top}td.n,th.n{text-align:right}
.holds{color:#00734f}.fails,.impossible{color:#b04a00}.unknown{color:#7a6a00}.soft{opacity:.72}svg{max-width:100%;height:auto}
@media(prefers-color-scheme:dark){body{color:#eee;background:#151515}.holds{color:#3ec79b}.fails,.impossible{color:#ff8a4c}.unknown{color:#d8c24a}}`;

const VERDICTS: Record<DecodingVerdict["status"], string> = {
  holds: "The objective holds",
  fails: "The objective does not hold",
  unknown: "Too close to call",
  impossible: "No fabric can keep the objective",
};

/** A report in one file, without scripts and without anything to fetch, for who was not there. */
export function decodingPage(page: DecodingPage): string {
  const { title, report, timeline, verdict, evidence, expertParallel, sensitivity } = page;
  const { status, of, sloNs, p99, marginNs, bound } = verdict;
  const name = of === "itl" ? "inter-token latency" : "time per output token";
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${escaped(title)}</title>
<style>${STYLE}</style>
<h1>${escaped(title)}</h1>
<p class="soft">${escaped(`${report.model} on ${report.gpus} GPUs, ${report.batch} x ${figure(report.sequence)} tokens each; simulated: ${report.repetitions} runs of ${report.steps} steps`)}</p>
<h2 class="${status}">${VERDICTS[status]}</h2>
<p>${escaped(`The p99 of ${name} is ${p99 ? timeWords(p99) : "not simulated"}; ${duration(sloNs)} must hold, so ${duration(Math.abs(marginNs))} ${marginNs < 0 ? "are missing" : "are left"}. With all weights in place a step takes ${duration(bound.stepNs)}: no fabric does better.`)}</p>
<p>${escaped(bindsWords(verdict))}</p>
<h2>How long</h2>
${table(["", "median", "mean", "p99", "p99.9"], timeRows(report))}
<p class="soft">Intervals are over runs with other draws, 95%. Inter-token latency is from one token to the next; TPOT is its mean over outputs of ${report.tpotTokens} tokens.</p>
${report.outages ? outagesPart(report.outages) : ""}
<h2>Where the time goes</h2>
${causesChart([{ name: "mean step", report }])}
<h2>One step</h2>
${timelineChart(timeline)}
<h2>What it takes</h2>
${table(["a GPU", ""], costRows(report))}
${expertParallel ? parallelPart(expertParallel) : ""}
${sensitivity ? `<h2>What moves the p99</h2>\n${sensitivityChart(sensitivity)}` : ""}
<h2>What this rests on</h2>
${table(
  ["grade", "about", "source", "note"],
  evidence.map(({ grade, about, source, note }) => [grade, about, source, note]),
  4,
)}
</html>
`;
}

/** What outages come to, in sentences: of one, and of as many as there are. */
export function outageWords(outages: OutageReport): string[] {
  const { runs, lowNs, highNs, links, one, ratePerLinkHour, exposure, ratePerLinkHourAtP99 } = outages;
  const { heldSteps, addedNs, longestNs } = one;
  const length = lowNs === highNs ? duration(lowNs) : `${duration(lowNs)} to ${duration(highNs)}`;
  const atP99 =
    ratePerLinkHourAtP99 === null
      ? ""
      : ` From ${figure(ratePerLinkHourAtP99)} an hour of each link on they make the p99.`;
  const held = `A link goes out for ${length}. ${figure(runs)} runs met one outage each, on links and at an instant drawn evenly`;
  const came =
    heldSteps.mean === 0
      ? "no step waited for what it held."
      : `in the mean ${figure(heldSteps.mean)} steps wait for what it holds, and all together take ${duration(addedNs.mean)} longer; the longest took ${duration(longestNs)}.`;
  const often =
    ratePerLinkHour === null || exposure === null
      ? `Nobody states how often that is on one of the ${figure(links)} links.${atP99}`
      : `${figure(links)} links, each ${figure(ratePerLinkHour)} times an hour: a run of this length meets ${figure(exposure.mean)} in the mean, and they are counted for that much.${atP99}`;
  return [`${held}: ${came}`, often];
}

function outagesPart(outages: OutageReport): string {
  const { counted, due } = outages;
  return `<h2>With rare outages counted</h2>
<p>${escaped(outageWords(outages).join(" "))}</p>
${counted && due ? table(["", "mean", "p99", "p99.9"], outageRows(counted, due)) : ""}`;
}

/** Times with outages counted, and what of them is due to those. */
export function outageRows(counted: OutageTimes, due: OutageTimes): string[][] {
  const rows = (name: string, times: Times | null, more: Times | null) => {
    if (!times || !more) return [];
    const of = ({ meanNs, p99Ns, p999Ns }: Times) => [meanNs, p99Ns, p999Ns];
    return [
      [name, ...of(times).map(({ mean }) => duration(mean))],
      ["of that, due to outages", ...of(more).map(({ mean }) => duration(mean))],
    ];
  };
  return [
    ...rows("inter-token latency", counted.interTokenLatency, due.interTokenLatency),
    ...rows("TPOT", counted.tpot, due.tpot),
  ];
}

/** What binds, and whether outages are counted, in a sentence or two. */
export function bindsWords({ binds, status, countsOutages }: DecodingVerdict): string {
  if (status === "impossible")
    return "Computing and gaps bind: faster GPUs, a smaller batch or shorter gaps would help.";
  const outages = countsOutages ? "Rare outages are counted. " : "";
  if (!binds) return `${outages}Nothing but computing and gaps takes time.`;
  const words: Record<string, string> = {
    command: "doorbells on their way",
    wait: "waiting for loads of others",
    data: "carrying bytes",
    fence: "fences",
    outage: "outages of links",
    barrier: "waiting for other GPUs",
  };
  return `${outages}Of what weights add, ${percent(binds.share)} is ${words[binds.cause]}: ${duration(binds.ns)} of a mean step.`;
}

/** A time with its interval. */
export function timeWords({ mean, low, high }: Figure): string {
  return low === null || high === null ? duration(mean) : `${duration(mean)} (${duration(low)} .. ${duration(high)})`;
}

function timeRows({ interTokenLatency, tpot, loads }: DecodingReport): string[][] {
  const row = (name: string, { p50Ns, meanNs, p99Ns, p999Ns }: Times) => [
    name,
    ...[p50Ns, meanNs].map(({ mean }) => duration(mean)),
    ...[p99Ns, p999Ns].map(timeWords),
  ];
  return [
    row("inter-token latency", interTokenLatency),
    ...(tpot ? [row("TPOT", tpot)] : []),
    row("a load that was asked for", loads.times),
  ];
}

/** What optics take of a token's joules, which is not known of those whose energy nobody states. */
function opticsWords({ joulesPerToken }: Pick<DecodingReport, "joulesPerToken">): string {
  return joulesPerToken.fabric ? figure(joulesPerToken.fabric.mean) : "not stated";
}

function costRows({ loads, ...report }: DecodingReport): string[][] {
  return [
    ["loads a step", figure(loads.postedPerStep.mean)],
    ["of what is asked for, late", percent(loads.missShare.mean)],
    ["bytes moved a step", `${figure(loads.bytesPerStep.mean / 1e9)} GB`],
    ["of them fetched in vain", `${figure(loads.wastedBytesPerStep.mean / 1e9)} GB`],
    ["HBM", `${figure(report.hbmBytesPerNs.mean)} GB/s`],
    ["fabric", `${figure(report.fabricGbps.mean)} Gb/s`],
    ["GPU-hours per million tokens", figure(report.gpuHoursPerMillionTokens.mean)],
    ["joules per token, GPU and optics", `${figure(report.joulesPerToken.gpu.mean)} and ${opticsWords(report)}`],
  ];
}

function parallelPart({ at, points, ranks, notes, ...report }: ExpertParallelReport): string {
  return `<h2>If tokens travelled instead</h2>
<p>${escaped(crossingWords(report))}</p>
${table(
  ["sequences a GPU", "tokens travel", "weights travel, at least", "all in place"],
  [at, ...points.filter(({ batch }) => batch !== at.batch)]
    .sort((a, b) => a.batch - b.batch)
    .map(({ batch, tokensNs, weightsNs, residentNs }) => [
      figure(batch),
      ...[tokensNs, weightsNs, residentNs].map(duration),
    ]),
)}
<p class="soft">${escaped([`${ranks} GPUs hold all experts together`, ...notes].join("; "))}.</p>`;
}

/** From which batch on which way is faster. */
export function crossingWords({ first, crossings }: Pick<ExpertParallelReport, "first" | "crossings">): string {
  const way = { tokens: "moving tokens", weights: "moving weights" };
  if (crossings.length === 0) return `At every batch that was looked at ${way[first]} is faster.`;
  const then = crossings.map(({ batch, faster }) => `from ${batch} sequences a GPU on ${way[faster]}`);
  return `With one sequence a GPU ${way[first]} is faster; ${then.join(", ")}.`;
}

/** A table whose columns hold numbers from the second on, or from `numbersFrom` on. */
function table(head: readonly string[], rows: readonly (readonly string[])[], numbersFrom = 1): string {
  const cell = (tag: string) => (words: string, i: number) =>
    `<${tag}${i >= numbersFrom ? ' class="n"' : ""}>${escaped(words)}</${tag}>`;
  const line = (tag: string, cells: readonly string[]) => `<tr>${cells.map(cell(tag)).join("")}</tr>`;
  return `<table>\n${[line("th", head), ...rows.map((row) => line("td", row))].join("\n")}\n</table>`;
}
