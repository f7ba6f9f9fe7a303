import { basename } from "node:path";
import { figure, type HitReport, type Policy, percent, type ResidencyReport } from "../../index.ts";
import {
  again,
  heading,
  paint,
  quoted,
  say,
  sayNext,
  sayTable,
  sayWrapped,
  sizeWords,
  tenths,
  typed,
} from "../print.ts";
import type { ResidencyFlags } from "./index.ts";
import type { Swept } from "./sweep.ts";

/** Prints hits and bytes read, a row a budget and a column a policy. */
export function sayResidency(answer: Swept, file: string, { svg, guide, policies }: ResidencyFlags): void {
  const { sweep, layers, experts, totalBytes, notes } = answer;
  const [first] = sweep.points as [ResidencyReport];
  say(`${paint.bold(basename(file))}: ${layers} layers of ${experts} experts, ${sizeWords(totalBytes)} in all`);
  const asked = (
    [
      ["prefill", first.prefill],
      ["decode", first.decode],
    ] as const
  )
    .filter(([, { accesses }]) => accesses > 0)
    .map(([phase, { accesses }]) => `${phase} asks for ${figure(accesses)} experts`);
  const pinned = first.pinnedBytes > 0 ? `; ${sizeWords(first.pinnedBytes)} are pinned, within the budget` : "";
  sayWrapped("", paint.dim(`${asked.join(", ")}${pinned}`));
  for (const note of notes) sayWrapped(paint.yellow("note: "), note);
  for (const phase of ["decode", "prefill"] as const)
    if (first[phase].accesses > 0 && sweep.points.every((point) => point[phase].hits === 0)) {
      heading(`Hits of ${phase}`);
      say("none, by any policy at any budget");
    } else if (first[phase].accesses > 0) sayGrid(`Hits of ${phase}`, answer, phase, hitWords);
  sayGrid("Bytes read, which pinning once is not", answer, null, ({ readBytes }) => sizeWords(readBytes));
  sayCliff(answer);
  if (svg !== undefined) say(`\nThe picture is in ${svg}`);
  sayNext([
    ...(guide === undefined && policies === undefined
      ? [[again("--guide blend"), "holds what a predictor expects"] as const]
      : []),
    ...(svg === undefined ? [[again("--svg residency.svg"), "draws hits against the budget"] as const] : []),
    [again("--json"), "all of it, for programs"],
    [typed(`predict ${quoted(file)}`), "how much of it can be foreseen"],
  ]);
}

function hitWords({ hitShare, hits }: HitReport, { policy, warnings }: ResidencyReport): string {
  if (hitShare === null) return "-";
  const star = policy !== "lru" && warnings.length > 0 ? paint.yellow("*") : "";
  return hits === 0 ? paint.red("none") : `${tenths(hitShare)}${star}`;
}

function sayGrid(
  title: string,
  { sweep: { points }, totalBytes }: Swept,
  phase: "prefill" | "decode" | null,
  words: (hits: HitReport, report: ResidencyReport) => string,
): void {
  const policies = [...new Set(points.map(({ policy }) => policy))];
  const budgets = [...new Set(points.map(({ budgetBytes }) => budgetBytes))].sort((a, b) => a - b);
  const of = (policy: Policy, budget: number) => {
    const report = points.find((point) => point.policy === policy && point.budgetBytes === budget)!;
    return words(phase === null ? report : report[phase], report);
  };
  heading(title);
  const rows = budgets.map((budget) => [
    sizeWords(budget),
    percent(budget / totalBytes),
    ...policies.map((policy) => of(policy, budget)),
  ]);
  // Budgets that change nothing any more are said in a line.
  const differs = (row: readonly string[]) => row.slice(2).join() !== rows.at(-1)!.slice(2).join();
  const shown = rows.slice(0, rows.findLastIndex(differs) + 2);
  sayTable(["budget", "of all", ...policies], shown, [0, 1, ...policies.map((_, i) => i + 2)]);
  if (shown.length < rows.length) say(paint.dim(`and the same at more, up to ${rows.at(-1)![0]}`));
}

/** What a reader must know of recency and of Belady. */
function sayCliff({ sweep: { points, cliff }, layers, sizesDiffer }: Swept): void {
  const { cliffBytes, cycleBytes } = cliff;
  const hasDecode = points[0]!.decode.accesses > 0;
  const words: string[] = [];
  if (hasDecode && cliffBytes !== null) {
    const below = points.filter(({ policy, warnings }) => policy === "lru" && warnings.length > 0);
    const list = [...new Set(below.map(({ budgetBytes }) => sizeWords(budgetBytes)))].join(", ");
    const cycle =
      cycleBytes === null ? "" : ` One token asks for at least ${sizeWords(cycleBytes)} over ${layers} layers.`;
    words.push(
      `${paint.bold("The cliff of lru: ")}below ${sizeWords(cliffBytes)} it hits nothing in decode, as each expert is gone before its layer comes again.${cycle}${list ? ` ${paint.yellow(`Below it here: ${list}.`)}` : ""}`,
    );
  } else if (hasDecode && cycleBytes !== null)
    words.push(
      `${paint.bold("The cliff of lru: ")}it hits nothing in decode at any budget, as no expert is asked for twice.`,
    );
  if (sizesDiffer && points.some(({ policy }) => policy === "belady"))
    words.push("belady is the furthest next use: with experts of unequal sizes it is not the most that bytes allow.");
  const excess = points.find(({ policy, warnings }) => policy !== "lru" && warnings.length > 0);
  if (excess)
    words.push(
      `${paint.yellow("*")} layer and layerlfu hold more than their budget there: a layer's share is less than one token asks of it, and that is held until the next token.`,
    );
  if (words.length > 0) say();
  for (const one of words) sayWrapped("- ", one);
}
