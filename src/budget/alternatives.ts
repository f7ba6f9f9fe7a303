import { type CoherentReadings, coherentLoad, type ReactiveLoad, reactiveLoad, traversalAt } from "../coherency.ts";
import { compareLanes, type LaneReport, UTILISATION_MAX } from "../lanes.ts";
import { FRAME_BYTES } from "../optics/index.ts";
import { fixedNs, type LoadPhases } from "./load.ts";
import { utilisations } from "./reports.ts";
import { pathOf, type Scenario } from "./scenario.ts";

/** What bulk on the same links does to the scenario's doorbells, lane by lane. */
export interface LanesReport {
  /** The share of the time that bulk keeps a link busy. */
  utilisation: number;
  /** Who says so: the scenario, the load that the ports carry, or nobody, where that load is none or more than they carry. */
  from: "stated" | "load" | "assumed";
  frameBytes: number;
  lanes: LaneReport[];
}

/** Where neither the scenario nor its load says how busy links are. */
const UTILISATION = 0.8;

export function lanesReport(scenario: Scenario): LanesReport {
  const { bulkUtilisation, hops, optics } = scenario.fabric;
  const ofPorts = utilisations(scenario).find(({ name }) => name === "destination ports")!.share;
  const known = ofPorts > 0 && ofPorts <= UTILISATION_MAX;
  const utilisation = bulkUtilisation ?? (known ? ofPorts : UTILISATION);
  return {
    utilisation,
    from: bulkUtilisation !== null ? "stated" : known ? "load" : "assumed",
    frameBytes: FRAME_BYTES,
    lanes: compareLanes({ utilisation, hops, portGbps: optics.profile.portGbps }),
  };
}

/** The same load with all hops at one quantile: as it is checked, and by other means. */
export interface MeansReport {
  pacedNs: number;
  reactive: ReactiveLoad;
  coherent: CoherentReadings;
}

/** The same load by other means, with hops at their median and at their p99. */
export interface AlternativesReport {
  outstandingMisses: number;
  median: MeansReport;
  p99: MeansReport;
}

export function alternativesReport(scenario: Scenario, phases: LoadPhases): AlternativesReport {
  const { fabric, demand } = scenario;
  const { translateNs, localFenceNs, outstandingMisses } = fabric;
  const load = { bytes: demand.expertBytes, bytesPerNs: phases.bytesPerNs };
  const meansAt = (exceedance: number): MeansReport => {
    const traversal = traversalAt(pathOf(fabric), exceedance);
    const pathNs = traversal.hopsNs + traversal.pipelineNs + traversal.serdesNs;
    return {
      pacedNs: fixedNs(scenario, phases) + 2 * pathNs,
      reactive: reactiveLoad(traversal, { ...load, translateNs, localFenceNs }),
      coherent: coherentLoad(traversal, { ...load, outstanding: outstandingMisses }),
    };
  };
  return { outstandingMisses, median: meansAt(0.5), p99: meansAt(0.01) };
}
