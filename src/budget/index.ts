import { FRAME_BYTES, type OpticsProfile } from "../optics.ts";
import { leastWhole, type ShareInterval, shareInterval } from "../statistics.ts";
import { bytesPerNsFromGbps } from "../units.ts";
import { duration, figure, percent } from "../words.ts";
import { type CertificateReport, certificateReport } from "./certificate.ts";
import { type RetrainEffect, retrainEffect, type StallEffect, stallEffect } from "./faults.ts";
import {
  exactMissShare,
  type LoadPhases,
  loadPhases,
  portBytesPerNs,
  portsNeeded,
  type Resource,
  resources,
  sampledMisses,
  stallTrials,
  type Traversals,
  TraversalTable,
} from "./load.ts";
import {
  completeScenario,
  type Demand,
  type Fabric,
  MOST_HOPS,
  MOST_PORTS,
  type Objective,
  type Scenario,
  type ScenarioInput,
} from "./scenario.ts";

/** One condition of a verdict. */
export interface Term {
  name: "bandwidth" | "load" | "jitter" | "tail" | "faults" | "certificate";
  /** What is compared with `limit`. Null where nobody states what it would take to know it. */
  value: number | null;
  limit: number;
  unit: "ns" | "share" | "misses per million loads";
  /** What is left of the limit, as a share of it; negative where it is exceeded. */
  margin: number | null;
  /** Null, which the verdict can only rest on, where nobody states what would decide. */
  holds: boolean | null;
  /** The arithmetic, in words. */
  because: string;
}

/** 3 sigma of the latency against the command budget. */
export interface JitterReport {
  /** Of one hop: as the profile states it of the body, and of the whole distribution. */
  hopBody3SigmaNs: number;
  hop3SigmaNs: number;
  hopShare: number;
  /** Of the path: at the scenario's correlation and at both ends. */
  path3SigmaNs: number;
  path3SigmaApartNs: number;
  path3SigmaTogetherNs: number;
  pathBody3SigmaTogetherNs: number;
  pathShare: number;
}

/** P(miss) of a load on an idle fabric, both ways. */
export interface MissReport {
  /** By convolution. */
  exact: number;
  /** By drawing loads. */
  sampled: ShareInterval & { misses: number; draws: number; confidence: number };
  /** Whether the exact one lies in the interval of the sampled one. */
  agree: boolean;
  /** Where the deadline lies in the tail, whether the distribution is only extrapolated there. */
  extrapolated: boolean;
}

/** Moving an expert's bytes, whatever the optics. */
export interface TransferReport {
  onePortNs: number;
  onePortAtGoodputNs: number;
  /** Ports for the data phase within its limit. */
  portsForDataLimit: { goodputShare: number; ports: number; because: string }[];
  ingress: { name: string; bytesPerNs: number; ns: number; meetsDeadline: boolean }[];
}

/** The deadline taken apart. */
export interface SlaReport {
  phasesNs: number;
  perHopNs: number;
  command: { ns: number; limitNs: number; holds: boolean };
  data: { ns: number; limitNs: number; holds: boolean };
  fence: { ns: number; limitNs: number; holds: boolean };
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
  warnings: string[];
}

export interface CheckOptions {
  /** Loads drawn for the sampled P(miss); 1,000,000 unless given. */
  draws?: number;
  seed?: number;
}

/** So sure is the interval in which the two P(miss) must agree. */
const AGREEMENT = 0.999;

/** The hops that stand for anywhere. */
const RADIUS_MAX = 3;

/** Decides whether expert fetches of a scenario are schedulable. */
export function checkSchedulability(input: ScenarioInput, { draws = 1_000_000, seed = 1 }: CheckOptions = {}): Verdict {
  const scenario = completeScenario(input);
  const paths = new TraversalTable();
  const found = assess(scenario, paths);
  const { phases, pair, exact } = found;
  const { optics, ...fabric } = scenario.fabric;
  const { misses, draws: drawn } = sampledMisses(scenario, phases, draws, seed);
  const sampled = shareInterval(misses, drawn, AGREEMENT);
  const stall = stallEffect(scenario, phases, pair, stallTrials(scenario));
  const terms = sorted(found.terms);
  const radiusHops = leastWhole(1, RADIUS_MAX + 1, (hops) => !holds(withFabric(scenario, { hops }), paths)) - 1;
  return {
    schedulable: terms.every((term) => term.holds !== false),
    conditions: conditions(scenario, found.retrain, stall, found.certificate),
    optics: optics.profile,
    fabric,
    demand: scenario.demand,
    objective: scenario.objective,
    terms,
    binding: terms[0]!.name,
    radiusHops,
    load: phases,
    utilisation: utilisations(scenario),
    sla: slaReport(scenario, phases),
    transfer: transferReport(scenario),
    jitter: found.jitter,
    miss: {
      exact,
      sampled: { ...sampled, misses, draws: drawn, confidence: AGREEMENT },
      agree: exact >= sampled.low && exact <= sampled.high,
      extrapolated: exact < optics.hop.extrapolatedBelow,
    },
    stall,
    retrain: found.retrain,
    certificate: found.certificate,
    warnings: warnings(scenario, phases, exact),
  };
}

/** How far a scenario can be pushed, one figure at a time, until it no longer holds. */
export interface Margins {
  /** Null, as below, where the scenario does not hold however small, few or late it is made. */
  largestExpertBytes: number | null;
  /** 64 is as far as is looked. */
  mostHops: number | null;
  fewestPorts: number | null;
  tightestDeadlineNs: number | null;
  mostLoadsPerStep: number | null;
}

/** Turns the verdict round: the largest expert, the most hops, the fewest ports, the tightest deadline, the most loads. */
export function margins(input: ScenarioInput): Margins {
  const scenario = completeScenario(input);
  const paths = new TraversalTable();
  const least = (low: number, high: number, change: (value: number) => Scenario) => {
    const found = leastWhole(low, high + 1, (value) => holds(change(value), paths));
    return found > high ? null : found;
  };
  const most = (low: number, high: number, change: (value: number) => Scenario) => {
    const found = leastWhole(low, high + 1, (value) => !holds(change(value), paths)) - 1;
    return found < low ? null : found;
  };
  const demand = (change: Partial<Demand>) => ({ ...scenario, demand: { ...scenario.demand, ...change } });
  return {
    largestExpertBytes: most(1, 1e12, (expertBytes) => demand({ expertBytes })),
    mostHops: most(1, MOST_HOPS, (hops) => withFabric(scenario, { hops })),
    fewestPorts: least(1, MOST_PORTS, (ports) => withFabric(scenario, { ports })),
    tightestDeadlineNs: least(1, 1e12, (deadlineNs) => ({
      ...scenario,
      objective: { ...scenario.objective, deadlineNs },
    })),
    mostLoadsPerStep: most(1, 1e6, (loadsPerStep) => demand({ loadsPerStep })),
  };
}

function withFabric(scenario: Scenario, change: Partial<Fabric>): Scenario {
  return { ...scenario, fabric: { ...scenario.fabric, ...change } };
}

function holds(scenario: Scenario, paths: TraversalTable): boolean {
  return assess(scenario, paths).terms.every((term) => term.holds !== false);
}

/** Every term of a scenario, by arithmetic and convolution alone. */
function assess(scenario: Scenario, paths: TraversalTable) {
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
  return { terms, phases, pair, exact, jitter, retrain, certificate };
}

function term(name: Term["name"], value: number, limit: number, unit: Term["unit"], because: string): Term {
  const margin = limit > 0 ? (limit - value) / limit : value > 0 ? -1 : 0;
  return { name, value, limit, unit, margin, holds: value <= limit, because };
}

function faultsTerm({ fabric, objective }: Scenario, retrain: RetrainEffect | null, exact: number): Term {
  const { stall } = fabric.optics.profile;
  const limit = 1e6 * Math.max(0, objective.missShareMax - exact);
  const unstated = [
    ...(retrain && retrain.ratePerLinkHour === null ? ["the rate of retraining"] : []),
    ...(stall && stall.probabilityPerFrame === null ? ["the probability of a frame's stall"] : []),
  ];
  const unit = "misses per million loads";
  if (unstated.length > 0)
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
  return term(
    "faults",
    retrain.missesPerMillionLoads!,
    limit,
    unit,
    `${figure(retrain.outagesPerMillionLoads!)} outages meet a million loads on ${retrain.links} links; ${percent(retrain.missGivenOutage)} of those loads miss`,
  );
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

/** Failed terms first, the worst before the less bad; then what holds, the scarcest first; the undecided last. */
function sorted(terms: Term[]): Term[] {
  const place = ({ margin, holds }: Term) => (margin === null ? 3 : holds === null ? 2 : margin);
  return terms.toSorted((a, b) => place(a) - place(b));
}

function utilisations(scenario: Scenario): { name: string; share: number }[] {
  const { expertBytes, loadsPerStep, stepNs } = scenario.demand;
  const share = ({ bytesPerNs, gpus }: Resource) => (gpus * loadsPerStep * expertBytes) / (bytesPerNs * stepNs);
  return resources(scenario)
    .map((resource) => ({ name: resource.name, share: share(resource) }))
    .sort((a, b) => b.share - a.share);
}

function jitterReport({ fabric, objective }: Scenario, { threeSigma }: Traversals): JitterReport {
  const { profile, hop } = fabric.optics;
  const hop3SigmaNs = 3 * hop.moments().sigmaNs;
  return {
    hopBody3SigmaNs: profile.bodyJitter3SigmaNs,
    hop3SigmaNs,
    hopShare: hop3SigmaNs / objective.commandNs,
    path3SigmaNs: threeSigma.mixedNs,
    path3SigmaApartNs: threeSigma.apartNs,
    path3SigmaTogetherNs: threeSigma.togetherNs,
    pathBody3SigmaTogetherNs: fabric.hops * profile.bodyJitter3SigmaNs,
    pathShare: threeSigma.mixedNs / objective.commandNs,
  };
}

function slaReport({ fabric, objective }: Scenario, phases: LoadPhases): SlaReport {
  const { commandNs, dataNs, fenceNs, deadlineNs, localNs } = objective;
  const against = (ns: number, limitNs: number) => ({ ns, limitNs, holds: ns <= limitNs });
  return {
    phasesNs: commandNs + dataNs + fenceNs,
    perHopNs: (deadlineNs - localNs) / fabric.hops,
    command: against(phases.commandNs, commandNs),
    data: against(phases.dataNs, dataNs),
    fence: against(phases.fenceNs, fenceNs),
  };
}

/** What GPUs of today take in, one way, and the goodputs worth a row. */
const INGRESS = [
  { name: "PCIe 5.0 x16", bytesPerNs: 63 },
  { name: "900 GB/s of scale-up links", bytesPerNs: 450 },
  { name: "1.8 TB/s of scale-up links", bytesPerNs: 900 },
  { name: "3.6 TB/s of scale-up links", bytesPerNs: 1800 },
] as const;

function transferReport({ fabric, demand, objective }: Scenario): TransferReport {
  const { portGbps, goodputShare } = fabric.optics.profile;
  const { expertBytes } = demand;
  const ports = (share: number, because: string) => ({
    goodputShare: share,
    ports: portsNeeded(expertBytes, objective.dataNs, portGbps, share),
    because,
  });
  const rows = [
    ports(goodputShare, "the profile's goodput"),
    ports(
      0.714,
      "what 140 against 100 µs at 1.6 TB/s implies; at 5/7 to the last digit 16 would do, with nothing to spare",
    ),
  ];
  const own = { name: "as given", bytesPerNs: fabric.gpuIngressBytesPerNs };
  return {
    onePortNs: expertBytes / bytesPerNsFromGbps(portGbps),
    onePortAtGoodputNs: expertBytes / portBytesPerNs({ portGbps, goodputShare }),
    portsForDataLimit: rows,
    ingress: [...INGRESS.filter(({ bytesPerNs }) => bytesPerNs !== own.bytesPerNs), own]
      .map(({ name, bytesPerNs }) => {
        const ns = expertBytes / bytesPerNs;
        return { name, bytesPerNs, ns, meetsDeadline: ns <= objective.deadlineNs };
      })
      .sort((a, b) => a.bytesPerNs - b.bytesPerNs),
  };
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

function certificateWords({ demand, fabric }: Scenario, report: CertificateReport): string {
  const { loadsAtOnce, stated, mostLoadsAtOnce, pathBoundNs, epsilon, longTermShare } = report;
  const asked = `${loads(loadsAtOnce)} at once${stated ? "" : ", one a GPU (nobody states it)"}`;
  if (longTermShare > 1) return `${asked}: ${report.because}`;
  const bytes = `${figure(demand.expertBytes / 1e6)} MB each at ${figure(report.bytesPerNs)} bytes/ns (${report.limitedBy})`;
  const inTheWay = `a chunk of ${figure(fabric.chunkBytes / 1e6)} MB in the way, traversals up to ${duration(pathBoundNs)} (all but ${figure(1e6 * epsilon)} in a million)`;
  return `${asked}, ${bytes}, ${inTheWay}; ${mostLoadsAtOnce === 0 ? "not even 1" : figure(mostLoadsAtOnce)} at once would be certain`;
}

const loads = (count: number) => `${figure(count)} ${count === 1 ? "load" : "loads"}`;

function conditions(
  { objective }: Scenario,
  retrain: RetrainEffect | null,
  stall: StallEffect | null,
  certificate: CertificateReport,
): string[] {
  const held: string[] = [];
  if (retrain && retrain.ratePerLinkHour === null)
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

function warnings({ fabric, objective }: Scenario, phases: LoadPhases, exact: number): string[] {
  const said: string[] = [];
  const { hop, profile } = fabric.optics;
  if (hop.samples !== null && exact < hop.extrapolatedBelow)
    said.push(
      `the tail beyond 1 of ${figure(1 / hop.extrapolatedBelow)} is extrapolated from ${figure(hop.samples)} measurements, and P(miss) lies there`,
    );
  if (hop.samples !== null && hop.samples < 10_000)
    said.push(`p99.9 has ${figure(hop.samples / 1000)} measurements beyond it: 10 would be few`);
  if (profile.goodputShare === 1) said.push("goodputShare is 1: frames have headers");
  if (phases.commandNs > objective.commandNs)
    said.push(`the command phase takes ${duration(phases.commandNs)} of its ${duration(objective.commandNs)}`);
  return said;
}
