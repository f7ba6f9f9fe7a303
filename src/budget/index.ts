import { checkKeys, checkWhole } from "../check.ts";
import type { Lattice } from "../convolution.ts";
import { FRAME_BYTES, type OpticsProfile } from "../optics/index.ts";
import { narrowestBodyNs } from "../path.ts";
import { type ShareInterval, shareInterval } from "../statistics.ts";
import { duration, figure } from "../words.ts";
import { type AlternativesReport, alternativesReport, type LanesReport, lanesReport } from "./alternatives.ts";
import type { CertificateReport } from "./certificate.ts";
import { type RetrainEffect, type StallEffect, stallEffect } from "./faults.ts";
import { exactMissShare, fixedNs, type LoadPhases, stallTrials, TraversalTable } from "./load.ts";
import { radiusOf } from "./radius.ts";
import {
  type JitterReport,
  type SlaReport,
  slaReport,
  type TransferReport,
  transferReport,
  utilisations,
} from "./reports.ts";
import { sampledMisses } from "./sampling.ts";
import {
  completeScenario,
  type Demand,
  type Fabric,
  type Objective,
  type Scenario,
  type ScenarioInput,
} from "./scenario.ts";
import { type Assessment, assess, loads, sorted, type Term } from "./terms.ts";

/** P(miss) of a load on an idle fabric, both ways. */
export interface MissReport {
  /** By convolution, of tables that end at 2^-32: below 1e-9 it says no more than that it is rare. */
  exact: number;
  /** By drawing loads. */
  sampled: ShareInterval & { misses: number; draws: number; confidence: number };
  /** The same at a deadline that about 1 load in 100 misses, where the two can contradict each other. */
  near: { deadlineNs: number; exact: number; sampled: ShareInterval };
  /** Whether the exact one lies in the interval of the sampled one, at both deadlines. */
  agree: boolean;
  /** Where the deadline lies in the tail, whether the distribution is only extrapolated there. */
  extrapolated: boolean;
}

/** Whether expert fetches are schedulable, and why. */
export interface Verdict {
  schedulable: boolean;
  /** What the verdict rests on though nobody states it. */
  conditions: string[];
  optics: OpticsProfile;
  fabric: Omit<Fabric, "optics">;
  demand: Demand;
  objective: Objective;
  /** The binding one first; those that nobody can decide last. */
  terms: Term[];
  binding: Term["name"];
  /** The largest number of hops at which all terms hold; 0 if none. */
  radiusHops: number;
  load: LoadPhases;
  utilisation: { name: string; share: number }[];
  sla: SlaReport;
  transfer: TransferReport;
  jitter: JitterReport;
  miss: MissReport;
  stall: StallEffect | null;
  retrain: RetrainEffect | null;
  certificate: CertificateReport;
  /** What bulk does to doorbells, and what other ways to fetch the load would come to: neither decides. */
  lanes: LanesReport;
  alternatives: AlternativesReport;
  warnings: string[];
}

export interface CheckOptions {
  /** Loads drawn for the sampled P(miss); 1,000,000 unless given. */
  draws?: number;
  seed?: number;
}

/** So sure is the interval in which the two P(miss) must agree. */
const AGREEMENT = 0.999;

/** Decides whether expert fetches of a scenario are schedulable. */
export function checkSchedulability(input: ScenarioInput, options: CheckOptions = {}): Verdict {
  checkKeys("options", options, ["draws", "seed"]);
  const { draws = 1_000_000, seed = 1 } = options;
  checkWhole("draws", draws, 1, 1e9);
  const scenario = completeScenario(input);
  const paths = new TraversalTable();
  const found = assess(scenario, paths);
  const { phases, pair, exact } = found;
  const { optics, ...fabric } = scenario.fabric;
  const stall = stallEffect(scenario, phases, pair, stallTrials(scenario));
  const terms = sorted(found.terms);
  return {
    schedulable: terms.every((term) => term.holds !== false),
    conditions: conditions(scenario, found.retrain, stall, found.certificate),
    optics: optics.profile,
    fabric,
    demand: scenario.demand,
    objective: scenario.objective,
    terms,
    binding: terms[0]!.name,
    radiusHops: radiusOf(scenario, paths),
    load: phases,
    utilisation: utilisations(scenario),
    sla: slaReport(scenario, phases),
    transfer: transferReport(scenario),
    jitter: found.jitter,
    miss: missReport(scenario, found, draws, seed),
    stall,
    retrain: found.retrain,
    certificate: found.certificate,
    lanes: lanesReport(scenario),
    alternatives: alternativesReport(scenario, phases),
    warnings: warnings(scenario, phases, exact, found.path),
  };
}

/** P(miss) both ways, and both held against each other once more at a deadline that 1 load in 100 would miss. */
function missReport(scenario: Scenario, found: Assessment, draws: number, seed: number): MissReport {
  const { phases, pair, exact } = found;
  const { hop, profile } = scenario.fabric.optics;
  const nearNs = fixedNs(scenario, phases) + pair.quantileNs(0.01);
  const near = { ...scenario, objective: { ...scenario.objective, deadlineNs: nearNs } };
  const nearExact = exactMissShare(near, pair, phases, profile.stall?.probabilityPerFrame ?? 0);
  const { misses, draws: drawn } = sampledMisses(
    scenario,
    phases,
    [scenario.objective.deadlineNs, nearNs],
    draws,
    seed,
  );
  const [sampled, nearSampled] = misses.map((count) => shareInterval(count, drawn, AGREEMENT)) as [
    ShareInterval,
    ShareInterval,
  ];
  const holds = (share: number, { low, high }: ShareInterval) => share >= low && share <= high;
  return {
    exact,
    sampled: { ...sampled, misses: misses[0]!, draws: drawn, confidence: AGREEMENT },
    near: { deadlineNs: nearNs, exact: nearExact, sampled: nearSampled },
    agree: holds(exact, sampled) && holds(nearExact, nearSampled),
    extrapolated: exact < hop.extrapolatedBelow,
  };
}

function conditions(
  { objective }: Scenario,
  retrain: RetrainEffect | null,
  stall: StallEffect | null,
  certificate: CertificateReport,
): string[] {
  const held: string[] = [];
  if (retrain && retrain.ratePerLinkHour === null && retrain.ratePerLinkHourMax !== null)
    held.push(
      `a link trains again at most ${figure(retrain.ratePerLinkHourMax)} times an hour: nobody states how often it does`,
    );
  if (stall && stall.probabilityPerFrame === null)
    held.push(
      `at most ${figure(stall.probabilityPerFrameMax)} of ${FRAME_BYTES.toLocaleString("en")}-byte frames stall on a port: nobody states how many do`,
    );
  if (!certificate.stated) held.push(certificateCondition(certificate, objective));
  return held;
}

function certificateCondition(report: CertificateReport, { deadlineNs }: Objective): string {
  const { mostLoadsAtOnce, loadsAtOnce, tightestDeadlineNs, everyNs } = report;
  const bearable =
    mostLoadsAtOnce === 0
      ? "loads hardly ever wait for each other, as not even one is certain to be in time"
      : `a DPU is asked for at most ${loads(mostLoadsAtOnce)} at once${everyNs === null ? "" : `, and one more every ${duration(everyNs)}`}`;
  const all =
    tightestDeadlineNs === null ? "never end" : `take ${duration(tightestDeadlineNs)} of the ${duration(deadlineNs)}`;
  return `${bearable}: nobody states it, and ${loads(loadsAtOnce)} at once, one a GPU, may ${all}`;
}

function warnings({ fabric, objective }: Scenario, phases: LoadPhases, exact: number, path: Lattice): string[] {
  const said: string[] = [];
  const { hop, profile } = fabric.optics;
  if (hop.samples !== null && exact < hop.extrapolatedBelow)
    said.push(
      `the tail beyond 1 of ${figure(1 / hop.extrapolatedBelow)} is extrapolated from ${figure(hop.samples)} measurements, and P(miss) lies there`,
    );
  if (hop.samples !== null && hop.samples < 10_000)
    said.push(`p99.9 has ${figure(hop.samples / 1000)} measurements beyond it: 10 would be few`);
  if (path.stepNs > narrowestBodyNs([hop]) && narrowestBodyNs([hop]) > 0)
    said.push(
      `latencies reach so far that the convolution tells them apart by ${duration(path.stepNs)} only, more than the body's width: where the two P(miss) differ, trust the drawn one`,
    );
  if (profile.goodputShare === 1) said.push("goodputShare is 1: frames have headers");
  if (phases.commandNs > objective.commandNs)
    said.push(`the command phase takes ${duration(phases.commandNs)} of its ${duration(objective.commandNs)}`);
  return said;
}
