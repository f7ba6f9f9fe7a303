import { existsSync, readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import type { LatencyProblem } from "../../src/placement/problem.ts";
import type { BalanceTask } from "../../src/placement/slots.ts";

const FOLDER = "../shared/data";

/** Where a file of ../shared/data lies, from the project's root. */
export const sharedFile = (name: string): string => `${FOLDER}/${name}`;

/** Whether ../shared/data has a file. */
export const hasShared = (name: string): boolean => existsSync(sharedFile(name));

function parsed(name: string) {
  return JSON.parse(gunzipSync(readFileSync(sharedFile(name))).toString());
}

/** A problem of ../shared/data/placement/hop-*.json.gz: slots alone, or read bandwidth too. */
export function hopProblem(name: string, isLimited: boolean): LatencyProblem {
  const { G, gpusPerNode, nodesPerPod, hop, slotsPerGpu, bwCapPerGpu, load, src, demand } = parsed(name);
  return {
    objective: "latency",
    cluster: { gpus: G, gpusPerNode, gpusPerPod: gpusPerNode * nodesPerPod, slotsPerGpu },
    tierCosts: hop,
    demand: (src as number[][]).map((groups, expert) => ({ groups, demand: demand[expert] })),
    ...(isLimited ? { loads: load, gpuLoadMax: bwCapPerGpu } : {}),
  };
}

/** A problem of ../shared/data/placement/eplb-*.json.gz. */
export function eplbProblem(name: string): BalanceTask {
  const { weight, gpus, slots } = parsed(name);
  return { loads: weight, gpus, slots };
}
