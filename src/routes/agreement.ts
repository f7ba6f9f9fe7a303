import { type FitOptions, fitRoutes, promptsOf, type RouteStatistics, routeStatistics } from "./fit.ts";
import { RouteGenerator, type RouteModel } from "./generate.ts";
import type { Routes } from "./routes.ts";

/** How near the routes of a workload's model come to those it was taken from. */
export interface WorkloadAgreement {
  workload: string;
  prompts: number;
  tokens: number;
  /** Of the trace's prompts of this workload. */
  target: RouteStatistics;
  /** Of as many prompts and tokens from the model, drawn with other bits than those it was fitted with. */
  reached: RouteStatistics;
}

export interface RouteFit {
  model: RouteModel;
  workloads: WorkloadAgreement[];
}

/** The bits of `fitRoutes` begin with stream 2. */
const FRESH = 1;

/** `fitRoutes`, and how far its model may be trusted: what it was to reach, and what it does. */
export function compareFit(routes: Routes, options: FitOptions = {}): RouteFit {
  const model = fitRoutes(routes, options);
  const numbers = [...new Set(routes.prompt)];
  const names = options.workloads ?? numbers.map(() => "all");
  const workloads = model.workloads.map((workload): WorkloadAgreement => {
    const part = promptsOf(routes, new Set(numbers.filter((_, i) => names[i] === workload.name)));
    const prompts = new Set(part.prompt).size;
    const generated = new RouteGenerator({ ...model, workloads: [workload] }).generate({
      prompts,
      prefillTokens: 0,
      decodeTokens: Math.max(2, Math.round(part.tokens / prompts)),
      seed: model.seed ?? 1,
      stream: FRESH,
    });
    return {
      workload: workload.name,
      prompts,
      tokens: part.tokens,
      target: routeStatistics(part),
      reached: routeStatistics(generated.routes),
    };
  });
  return { model, workloads };
}
