import { bytesPerNsFromGbps } from "../units.ts";
import { type LoadPhases, portBytesPerNs, portsNeeded, type Resource, resources, type Traversals } from "./load.ts";
import type { Scenario } from "./scenario.ts";

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

export function jitterReport({ fabric, objective }: Scenario, { threeSigma }: Traversals): JitterReport {
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

/** Moving an expert's bytes, whatever the optics. */
export interface TransferReport {
  onePortNs: number;
  onePortAtGoodputNs: number;
  /** Ports for the data phase within its limit. */
  portsForDataLimit: { goodputShare: number; ports: number; because: string }[];
  ingress: { name: string; bytesPerNs: number; ns: number; meetsDeadline: boolean }[];
}

/** What GPUs of today take in, one way, and the goodputs worth a row. */
const INGRESS = [
  { name: "PCIe 5.0 x16", bytesPerNs: 63 },
  { name: "900 GB/s of scale-up links", bytesPerNs: 450 },
  { name: "1.8 TB/s of scale-up links", bytesPerNs: 900 },
  { name: "3.6 TB/s of scale-up links", bytesPerNs: 1800 },
] as const;

export function transferReport({ fabric, demand, objective }: Scenario): TransferReport {
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

/** The deadline taken apart. */
export interface SlaReport {
  phasesNs: number;
  /** Negative where the local part alone is longer than the deadline. */
  perHopNs: number;
  command: { ns: number; limitNs: number; holds: boolean };
  data: { ns: number; limitNs: number; holds: boolean };
  fence: { ns: number; limitNs: number; holds: boolean };
}

export function slaReport({ fabric, objective }: Scenario, phases: LoadPhases): SlaReport {
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

/** The share of the time that each resource is busy, the busiest first. */
export function utilisations(scenario: Scenario): { name: string; share: number }[] {
  const { expertBytes, loadsPerStep, stepNs } = scenario.demand;
  const share = ({ bytesPerNs, gpus }: Resource) => (gpus * loadsPerStep * expertBytes) / (bytesPerNs * stepNs);
  return resources(scenario)
    .map((resource) => ({ name: resource.name, share: share(resource) }))
    .sort((a, b) => b.share - a.share);
}
