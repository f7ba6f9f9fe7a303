import type { TraceSpan } from "../formats/trace.ts";
import type { Pacer } from "../pacing/index.ts";
import type { Traffic } from "../traffic.ts";
import type { DrivePlan } from "./plan.ts";
import type { Chunk } from "./run.ts";

export interface TraceHooks {
  /** Told what takes place on DPUs and links, as `formatTrace` writes it: chunk by chunk, and at the end every outage. */
  onSpan?: (span: TraceSpan) => void;
}

/** What a chunk occupies: a track and for how many bytes a nanosecond. */
type Track = readonly [process: string, track: string, bytesPerNs: number | undefined];

/** Tells of each chunk how long it occupies its DPU and every link of its route whose rate is known. */
export function spansOf(plan: DrivePlan, traffic: Traffic, onSpan: (span: TraceSpan) => void): (chunk: Chunk) => void {
  const freeNs = new Map<string, number>();
  return ({ row, atNs, bytes }) => {
    const name = `load ${traffic.fenceId[row]}`;
    for (const [process, track, bytesPerNs] of tracksOf(plan, traffic.sourceGpu[row]!, traffic.destinationGpu[row]!)) {
      if (bytesPerNs === undefined || bytesPerNs === Number.POSITIVE_INFINITY) continue;
      // A burst is read faster than the pace: its chunks are drawn one behind the other.
      const startNs = Math.max(atNs, freeNs.get(process + track) ?? 0);
      const endNs = startNs + bytes / bytesPerNs;
      freeNs.set(process + track, endNs);
      onSpan({ process, track, name, startNs, endNs, args: { bytes } });
    }
  };
}

/** Tells of every outage that began by `untilNs`. */
export function tellOutages(pacer: Pacer, untilNs: number, onSpan: (span: TraceSpan) => void): void {
  for (let dpu = 0; dpu < pacer.dpus; dpu++)
    for (const { beginNs, endNs } of pacer.outagesOf(dpu, untilNs))
      onSpan({ process: "outages", track: `DPU ${dpu} ports`, name: "outage", startNs: beginNs, endNs });
}

function tracksOf({ pacer, gpusPerNode, gpusPerPod }: DrivePlan, sourceGpu: number, destinationGpu: number): Track[] {
  const dpu = Math.floor(destinationGpu / pacer.gpusPerDpu!);
  const tracks: Track[] = [
    ["DPUs", `DPU ${dpu}`, pacer.paceBytesPerNs],
    ["links", `DPU ${dpu} ports`, pacer.portsBytesPerNs],
    ["links", `GPU ${sourceGpu} out`, pacer.sourceEgressBytesPerNs],
    ["links", `GPU ${destinationGpu} in`, pacer.gpuIngressBytesPerNs],
  ];
  for (const [kind, gpusEach, bytesPerNs] of [
    ["node", gpusPerNode, pacer.nodeBytesPerNs],
    ["pod", gpusPerPod, pacer.podBytesPerNs],
  ] as const) {
    const [from, to] = [Math.floor(sourceGpu / gpusEach), Math.floor(destinationGpu / gpusEach)];
    if (from === to) continue;
    tracks.push(["links", `${kind} ${from} out`, bytesPerNs], ["links", `${kind} ${to} in`, bytesPerNs]);
  }
  return tracks;
}
