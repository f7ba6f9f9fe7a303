import { type Certificate, certify, type LocalDeadline, localDeadline } from "../certificate.ts";
import type { Lattice } from "../convolution.ts";
import type { LoadPhases } from "./load.ts";
import type { Scenario } from "./scenario.ts";

/** The schedulability theorem for the loads of one DPU, without faults, stalls or a source that several DPUs read. */
export interface CertificateReport extends Certificate, Omit<LocalDeadline, "deadlineNs"> {
  /** Asked of the DPU at once by all its GPUs, and whether that was stated or is one a GPU. */
  loadsAtOnce: number;
  stated: boolean;
  /** How often one more may come, in the long run; null where none does. */
  everyNs: number | null;
  localDeadlineNs: number;
  /** What the DPU serves: the least of all rates that a load passes through, as if it were paced to it. */
  bytesPerNs: number;
  limitedBy: string;
  /** What can be certified: so many loads at once within this deadline, or as many as are asked for within that one; null where none is late enough. */
  mostLoadsAtOnce: number;
  tightestDeadlineNs: number | null;
  /** Whether the bound of a traversal lies where the distribution is only extrapolated. */
  extrapolated: boolean;
}

/**
 * Worked out at the least rate of all because deadline order promises nothing where a second resource binds; for a DPU that
 * is itself paced to that rate, none does.
 */
export function certificateReport(
  { fabric, demand, objective }: Scenario,
  path: Lattice,
  phases: LoadPhases,
): CertificateReport {
  const { loadsPerStep, stepNs, expertBytes } = demand;
  const loadsAtOnce = demand.loadsAtOnce ?? fabric.gpusPerDpu;
  const loadsPerNs = (fabric.gpusPerDpu * loadsPerStep) / stepNs;
  const { deadlineNs, ...bound } = localDeadline(path, { ...fabric, ...objective });
  const loads = {
    name: "loads",
    burstBytes: loadsAtOnce * expertBytes,
    bytesPerNs: loadsPerNs * expertBytes,
    chunkBytes: Math.min(fabric.chunkBytes, expertBytes),
    deadlineNs,
    earlyNs: bound.earlyNs,
  };
  const found = certify([loads], { bytesPerNs: phases.bytesPerNs, latencyNs: fabric.translateNs });
  const burst = found.bursts[0]!.burstBytesMax ?? 0;
  return {
    ...found,
    ...bound,
    loadsAtOnce,
    stated: demand.loadsAtOnce !== null,
    everyNs: loadsPerNs > 0 ? 1 / loadsPerNs : null,
    localDeadlineNs: deadlineNs,
    bytesPerNs: phases.bytesPerNs,
    limitedBy: phases.limitedBy,
    mostLoadsAtOnce: Math.floor(burst / expertBytes),
    tightestDeadlineNs: Number.isFinite(found.latenessNs) ? objective.deadlineNs + found.latenessNs : null,
    extrapolated: bound.epsilon < fabric.optics.hop.extrapolatedBelow,
  };
}
