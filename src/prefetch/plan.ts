import type { Routes } from "../routes/routes.ts";
import type { Draws } from "./draws.ts";

/**
 * When experts are fetched before their routers ask for them:
 *
 * - `none`: never.
 * - `decided`: where the rule expects it to save more stall than it causes.
 * - `always`: the k likeliest that are not resident.
 * - `oracle`: by the same rule, with the certainty of what will be used.
 */
export const PREFETCH_POLICIES = ["none", "decided", "always", "oracle"] as const;
export type PrefetchPolicy = (typeof PREFETCH_POLICIES)[number];

/** A run: one policy, one utilisation, one seed. */
export interface RunPlan {
  policy: PrefetchPolicy;
  routes: Routes;
  /** `[(token * layers + layer) * experts + expert]`: as foreseen `horizon` layers before; 0 where nothing is foreseen. */
  confidence: Float32Array;
  horizon: number;
  gpus: number;
  gpusPerServer: number;
  /** Of each layer of each GPU. */
  places: number;
  layerNs: number;
  serviceNs: number;
  chunkNs: number;
  /** What of a load's way is not drawn: before the server, and after. */
  commandNs: number;
  fenceNs: number;
  draws: Draws;
  candidates: number;
  utilisation: number;
  queueDepth: number;
  seed: number;
}

/** What a run came to. */
export interface RunResult {
  tokens: number;
  stallNs: number;
  /** From the first router's choice to the end of the last layer, of all GPUs together. */
  decodeNs: number;
  /** Experts that were asked for, and how many of them were not there. */
  asked: number;
  missed: number;
  /** `used` were there in time, but for the `late` ones, which were under way. */
  prefetches: { posted: number; refused: number; used: number; late: number };
  /** Service that prefetches took which were not used. */
  wastedNs: number;
  /** Of all servers: time, and what was busy of it, and of that with background. */
  serverNs: number;
  busyNs: number;
  backgroundNs: number;
}
