import { DOORBELL_CANCEL, DOORBELL_FENCE, DOORBELL_LOAD } from "../../assembly/layout.ts";
import { Distribution } from "../../src/distribution.ts";
import type { DriveOptions } from "../../src/drive/plan.ts";
import { planDrive } from "../../src/drive/plan.ts";
import { Run, type RunHooks } from "../../src/drive/run.ts";
import { type Optics, type OpticsAround, opticsNamed } from "../../src/optics/index.ts";
import { blankTraffic, sortTraffic, type Traffic } from "../../src/traffic.ts";

/** Optics every hop of which takes `hopNs`, and that have no faults unless given. */
export function steady(hopNs: number, around: OpticsAround = {}): Optics {
  const { profile } = opticsNamed("dsp-800g");
  return { profile: { ...profile, stall: null, retrain: null, ...around }, hop: Distribution.uniform(hopNs, hopNs) };
}

/** 16 ports of 800 Gb/s, of which 95.3% carry weights. */
export const PORTS = 16 * 100 * 0.953;
/** Of a traversal: pipeline and SERDES. */
export const FIXED_NS = 20 + 56;
/** From the router's choice to the wire, in the DPU, and on the GPU, as a fabric's defaults are. */
export const [POST_NS, TRANSLATE_NS, FENCE_NS] = [2000, 500, 20_000];

export interface Row {
  op?: "load" | "cancel" | "fence";
  fenceId: number;
  postNs?: number;
  source?: number;
  destination?: number;
  sizeBytes?: number;
  /** From post to deadline. */
  slackNs?: number;
}

const OPS = { load: DOORBELL_LOAD, cancel: DOORBELL_CANCEL, fence: DOORBELL_FENCE };

/** Rows in any order as traffic: loads of 1 MB from GPU 1 to GPU 0 at 0 unless they say otherwise. */
export function trafficOf(rows: readonly Row[]): Traffic {
  const traffic = blankTraffic(rows.length);
  rows.forEach(
    ({ op = "load", fenceId, postNs = 0, source = 1, destination = 0, sizeBytes = 1e6, slackNs = 1e6 }, i) => {
      traffic.op[i] = OPS[op];
      traffic.fenceId[i] = fenceId;
      traffic.postNs[i] = postNs;
      traffic.sourceGpu[i] = source;
      traffic.destinationGpu[i] = destination;
      traffic.sizeBytes[i] = op === "load" ? sizeBytes : 0;
      traffic.deadlineNs[i] = postNs + slackNs;
    },
  );
  return sortTraffic(traffic);
}

/** A drive of which every row can be asked. */
export function runOf(traffic: Traffic, options: DriveOptions, gpus: number, hooks: RunHooks = {}) {
  const plan = planDrive(options, gpus);
  const run = new Run(plan, traffic, hooks);
  run.run();
  return { plan, run, ends: run.ends };
}
