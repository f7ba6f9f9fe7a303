import type { TraceSpan } from "../formats/trace.ts";
import type { Traffic } from "../traffic.ts";
import { type DrivePlan, UNLIMITED_BYTES_PER_NS } from "./plan.ts";
import { outagesFrom } from "./report.ts";
import type { Chunk, Run } from "./run.ts";

/** Who is told what a trace shows. */
export interface TraceHooks {
  /** Told what takes place on DPUs and links, as `formatTrace` writes it: chunk by chunk, and at the end every outage. */
  onSpan?: (span: TraceSpan) => void;
}

/** What a chunk occupies: a track and for how many bytes a nanosecond. */
type Track = readonly [process: string, track: string, bytesPerNs: number];

/** A chunk that is later than its rate says by more than what is lost in rounding was held. */
const ROUNDING_NS = 1e-3;

/**
 * Tells of each chunk how long it occupies its DPU and every link of its route whose rate is known: so long as its bytes take
 * at that rate, and on the DPU's ports, where faults held it, until it has come or they carry the next.
 */
export class Spans {
  readonly #plan: DrivePlan;
  readonly #traffic: Traffic;
  readonly #onSpan: (span: TraceSpan) => void;
  readonly #freeNs = new Map<string, number>();
  /** The last chunk of a DPU's ports, if it was held. */
  readonly #held = new Map<number, TraceSpan>();

  constructor(plan: DrivePlan, traffic: Traffic, onSpan: (span: TraceSpan) => void) {
    this.#plan = plan;
    this.#traffic = traffic;
    this.#onSpan = onSpan;
  }

  /** Takes the next chunk. */
  take({ row, atNs, bytes, endNs: comesNs }: Chunk): void {
    const { pacer } = this.#plan;
    const name = `load ${this.#traffic.fenceId[row]}`;
    const dpu = Math.floor(this.#traffic.destinationGpu[row]! / pacer.gpusPerDpu!);
    this.#tellHeld(dpu, atNs);
    const tracks = tracksOf(this.#plan, dpu, this.#traffic.sourceGpu[row]!, this.#traffic.destinationGpu[row]!);
    const leastNs = bytes / Math.min(...tracks.map(([, , bytesPerNs]) => bytesPerNs));
    const isHeld = pacer.faults !== undefined && comesNs > atNs + leastNs + ROUNDING_NS;
    for (const [process, track, bytesPerNs] of tracks) {
      // A burst is read faster than the pace: its chunks are drawn one behind the other.
      const startNs = Math.max(atNs, this.#freeNs.get(process + track) ?? 0);
      const endNs = startNs + bytes / bytesPerNs;
      this.#freeNs.set(process + track, endNs);
      const span = { process, track, name, startNs, endNs, args: { bytes } };
      if (isHeld && track === portsOf(dpu)) this.#held.set(dpu, { ...span, endNs: comesNs });
      else this.#onSpan(span);
    }
  }

  /** Ends with every outage of DPUs' ports from `fromNs` to `untilNs`. */
  end({ pacer }: Run, fromNs: number, untilNs: number): void {
    for (let dpu = 0; dpu < pacer.dpus; dpu++) {
      this.#tellHeld(dpu, Number.POSITIVE_INFINITY);
      for (const { beginNs, endNs } of outagesFrom(pacer, dpu, fromNs, untilNs))
        this.#onSpan({ process: "outages", track: portsOf(dpu), name: "outage", startNs: beginNs, endNs });
    }
  }

  /** Tells of what was held on a DPU's ports, which carry something else from `nextNs` on. */
  #tellHeld(dpu: number, nextNs: number): void {
    const span = this.#held.get(dpu);
    if (!span) return;
    this.#held.delete(dpu);
    this.#onSpan({ ...span, endNs: Math.min(span.endNs, nextNs) });
  }
}

function portsOf(dpu: number): string {
  return `DPU ${dpu} ports`;
}

/** What a load occupies, those links aside whose rate nobody states. */
function tracksOf(
  { pacer, gpusPerNode, gpusPerPod }: DrivePlan,
  dpu: number,
  sourceGpu: number,
  destinationGpu: number,
): Track[] {
  const tracks: [process: string, track: string, bytesPerNs: number | undefined][] = [
    ["DPUs", `DPU ${dpu}`, pacer.paceBytesPerNs],
    ["links", portsOf(dpu), pacer.portsBytesPerNs],
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
  return tracks.filter((track): track is [string, string, number] => {
    const [, , bytesPerNs] = track;
    return bytesPerNs !== undefined && bytesPerNs < UNLIMITED_BYTES_PER_NS;
  });
}
