import { type Chart, lineChart } from "../plot.ts";
import { percent } from "../words.ts";
import type { ResidencyReport } from "./report.ts";
import type { ResidencySweep } from "./sweep.ts";

/** Hits of decode, or of prefill where there is no decode, against the budget, a line a policy; the cliff of LRU is marked. */
export function residencyChart(
  { points, cliff }: ResidencySweep,
  { title, subtitle = "" }: { title?: string; subtitle?: string } = {},
): string {
  const phase = points.some(({ decode }) => decode.accesses > 0) ? "decode" : "prefill";
  const policies = [...new Set(points.map(({ policy }) => policy))];
  const pointOf = (report: ResidencyReport) => {
    const y = report[phase].hitShare;
    return y === null ? [] : [{ x: report.budgetBytes / 1e9, y, radius: 2.5 }];
  };
  const series = policies.map((policy) => ({
    name: policy,
    points: points
      .filter((report) => report.policy === policy)
      .sort((a, b) => a.budgetBytes - b.budgetBytes)
      .flatMap(pointOf),
  }));
  const budgets = points.map(({ budgetBytes }) => budgetBytes / 1e9);
  const cliffAt = cliff.cliffBytes === null ? null : cliff.cliffBytes / 1e9;
  const chart: Chart = {
    title: title ?? `How much of what ${phase} asks for is there already`,
    subtitle,
    x: { label: "bytes that are held, in GB", from: 0, to: Math.max(...budgets, cliffAt ?? 0) },
    y: { label: `hits of ${phase}`, from: 0, to: 1, format: percent },
    series,
    ...(cliffAt === null ? {} : { marks: [{ x: cliffAt, label: "cliff of lru" }] }),
  };
  return lineChart(chart);
}
