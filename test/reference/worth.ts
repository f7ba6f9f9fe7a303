import { OVERTAKEN_TIMES, OVERTAKEN_UTILISATIONS, OVERTAKEN_WORKS } from "../../assembly/simulation-layout.ts";
import { exp, ln } from "../../src/normal.ts";
import type { EnginePlan } from "../../src/simulation/memory.ts";

/**
 * The rule of src/prefetch/rule.ts with a load's time as its mean, and with utilisation and work before it rounded down to the
 * steps that are tabulated.
 */
export function isWorthwhile(
  { eager, fabric, evictedChance, predictNs }: EnginePlan,
  asked: {
    confidence: number;
    leadNs: number;
    bytes: number;
    utilisation: number;
    beforeNs: number;
    loadNs: number;
    loadBytesPerNs: number;
    evicts: boolean;
  },
): boolean {
  if (eager) return true;
  const { confidence, leadNs, bytes, utilisation: rho, beforeNs, loadNs, loadBytesPerNs, evicts } = asked;
  if (rho >= 1) return false;
  const serviceNs = bytes / loadBytesPerNs;
  const demandNs = loadNs + (rho / (2 * (1 - rho))) * serviceNs;
  const lateNs = loadNs + predictNs + beforeNs - leadNs;
  const u = Math.floor(rho * OVERTAKEN_UTILISATIONS) / OVERTAKEN_UTILISATIONS;
  const works = Math.min(OVERTAKEN_WORKS - 1, Math.floor(beforeNs / serviceNs)) + 1;
  let [overtakenNs, left] = [0, 1];
  for (let n = 0; n < OVERTAKEN_TIMES && left > 0; n++) {
    const chance = Math.fround(borelTanner(n, works * u, u));
    overtakenNs += chance * Math.min(demandNs, Math.max(0, lateNs + n * serviceNs));
    left -= chance;
  }
  overtakenNs += Math.max(0, left) * demandNs;
  const chunkNs = (fabric.pacer.chunkBytes ?? 1e6) / loadBytesPerNs;
  const causedNs = (evicts ? evictedChance * demandNs : 0) + ((1 - confidence) * (rho / (1 - rho)) * chunkNs) / 2;
  return confidence * (demandNs - overtakenNs) > causedNs;
}

/** a (a + n u)^(n - 1) e^-(a + n u) / n! */
function borelTanner(n: number, a: number, u: number): number {
  if (n === 0) return exp(-a);
  if (a === 0) return 0;
  let lnFactorial = 0;
  for (let i = 2; i <= n; i++) lnFactorial += ln(i);
  const mean = a + n * u;
  return a * exp(Math.min(0, (n - 1) * ln(mean) - mean - lnFactorial));
}
