import { duration, figure, percent } from "../words.ts";
import { type CertificateReport, certificateReport } from "./certificate.ts";
import { type RetrainEffect, retrainEffect } from "./faults.ts";
import { exactMissShare, type LoadPhases, loadPhases, portsNeeded, type TraversalTable } from "./load.ts";
import { type JitterReport, jitterReport, utilisations } from "./reports.ts";
import type { Objective, Scenario } from "./scenario.ts";

/** One condition of a verdict. */
export interface Term {
  name: "bandwidth" | "load" | "jitter" | "tail" | "faults" | "certificate";
  /** What is compared with `limit`. Null where nobody states what it would take to know it. */
  value: number | null;
  limit: number;
  unit: "ns" | "share" | "misses per million loads";
  /** What is left of the limit, as a share of it; negative where it is exceeded. */
  margin: number | null;
  holds: boolean | null;
  /** The arithmetic, in words. */
  because: string;
}

/** What the terms of a scenario come to. */
export type Assessment = ReturnType<typeof assess>;

/** Every term of a scenario, by arithmetic and convolution alone. */
export function assess(scenario: Scenario, paths: TraversalTable) {
  const { fabric, objective } = scenario;
  const traversals = paths.of(fabric);
  const { path, pair } = traversals;
  const phases = loadPhases(scenario, path);
  const exact = exactMissShare(scenario, pair, phases, fabric.optics.profile.stall?.probabilityPerFrame ?? 0);
  const jitter = jitterReport(scenario, traversals);
  const retrain = retrainEffect(scenario, phases, exact);
  const certificate = certificateReport(scenario, path, phases);
  const [busiest] = utilisations(scenario);
  const terms = [
    term("bandwidth", phases.totalNs, objective.deadlineNs, "ns", bandwidthWords(scenario, phases)),
    term("load", busiest!.share, objective.utilisationMax, "share", `${busiest!.name} is the busiest resource`),
    term("jitter", jitter.pathShare, objective.jitterShareMax, "share", jitterWords(jitter, objective)),
    term("tail", exact, objective.missShareMax, "share", "P(miss) on an idle fabric, by convolution"),
    certificateTerm(scenario, certificate),
    faultsTerm(scenario, retrain, exact),
  ];
  return { terms, phases, path, pair, exact, jitter, retrain, certificate };
}

/** Whether no term of a scenario fails. */
export function holds(scenario: Scenario, paths: TraversalTable): boolean {
  return assess(scenario, paths).terms.every((term) => term.holds !== false);
}

/** Failed terms first, the worst before the less bad; then what holds, the scarcest first; the undecided last. */
export function sorted(terms: Term[]): Term[] {
  const place = ({ margin, holds }: Term) => (margin === null ? 3 : holds === null ? 2 : margin);
  return terms.toSorted((a, b) => place(a) - place(b));
}

function term(name: Term["name"], value: number, limit: number, unit: Term["unit"], because: string): Term {
  const margin = limit > 0 ? (limit - value) / limit : value > 0 ? -1 : 0;
  return { name, value, limit, unit, margin, holds: value <= limit, because };
}

function faultsTerm({ fabric, objective }: Scenario, retrain: RetrainEffect | null, exact: number): Term {
  const { stall } = fabric.optics.profile;
  const limit = 1e6 * Math.max(0, objective.missShareMax - exact);
  const unstated = [
    ...(retrain && retrain.missesPerMillionLoads === null ? ["the rate of retraining"] : []),
    ...(stall && stall.probabilityPerFrame === null ? ["the probability of a frame's stall"] : []),
  ];
  const unit = "misses per million loads";
  const known = retrain?.missesPerMillionLoads ?? 0;
  // What is known decides where it is too much on its own.
  if (unstated.length > 0 && known <= limit)
    return {
      name: "faults",
      value: null,
      limit,
      unit,
      margin: null,
      holds: null,
      because: `nobody states ${unstated.join(" or ")}`,
    };
  if (!retrain) return term("faults", 0, limit, unit, "no outage is known of");
  if (retrain.missGivenOutage === 0)
    return term("faults", 0, limit, unit, "no outage is long enough to make a load late");
  return term(
    "faults",
    known,
    limit,
    unit,
    `${figure(retrain.outagesPerMillionLoads!)} outages meet a million loads on ${retrain.links} links; ${percent(retrain.missGivenOutage)} of those loads miss`,
  );
}

function bandwidthWords({ demand, objective, fabric }: Scenario, phases: LoadPhases): string {
  const rest = objective.deadlineNs - (phases.totalNs - phases.dataNs);
  const { portGbps, goodputShare } = fabric.optics.profile;
  const ports = rest > 0 ? portsNeeded(demand.expertBytes, rest, portGbps, goodputShare) : null;
  const need = ports === null ? "no number of ports would do" : `${ports} ports would do, if ports were all`;
  return `${figure(demand.expertBytes / 1e6)} MB at ${figure(phases.bytesPerNs)} bytes/ns (${phases.limitedBy}); ${need}`;
}

function jitterWords(jitter: JitterReport, { commandNs }: Objective): string {
  return `3 sigma of the path, ${duration(jitter.path3SigmaNs)}, over ${duration(commandNs)} (hops independent ${duration(jitter.path3SigmaApartNs)}, in step ${duration(jitter.path3SigmaTogetherNs)}; the body alone, in step, ${duration(jitter.pathBody3SigmaTogetherNs)})`;
}

/**
 * Misses are allowed and a certificate allows none, so that its refusal alone does not say that a load will be late: it
 * decides where somebody states how many loads come at once, and elsewhere the verdict rests on what it can bear.
 */
function certificateTerm(scenario: Scenario, report: CertificateReport): Term {
  const { deadlineNs } = scenario.objective;
  const because = certificateWords(scenario, report);
  const found =
    report.longTermShare > 1
      ? term("certificate", report.longTermShare, 1, "share", because)
      : term("certificate", deadlineNs + report.latenessNs, deadlineNs, "ns", because);
  return { ...found, holds: report.stated ? report.certified : null };
}

function certificateWords({ demand, fabric }: Scenario, report: CertificateReport): string {
  const { loadsAtOnce, stated, mostLoadsAtOnce, pathBoundNs, epsilon, longTermShare } = report;
  const asked = `${loads(loadsAtOnce)} at once${stated ? "" : ", one a GPU (nobody states it)"}`;
  if (longTermShare > 1) return `${asked}: ${report.because}`;
  const bytes = `${figure(demand.expertBytes / 1e6)} MB each at ${figure(report.bytesPerNs)} bytes/ns (${report.limitedBy})`;
  const inTheWay = `a chunk of ${figure(fabric.chunkBytes / 1e6)} MB in the way, traversals up to ${duration(pathBoundNs)} (all but ${figure(1e6 * epsilon)} in a million)`;
  return `${asked}, ${bytes}, ${inTheWay}; ${mostLoadsAtOnce === 0 ? "not even 1" : figure(mostLoadsAtOnce)} at once would be certain`;
}

/** How many loads, in words. */
export const loads = (count: number) => `${figure(count)} ${count === 1 ? "load" : "loads"}`;
