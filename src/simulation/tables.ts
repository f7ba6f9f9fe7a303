import { FAULT_GAPS, FAULT_OUTAGES, FAULT_STALLS, QUANTILES } from "../../assembly/layout.ts";
import * as sim from "../../assembly/simulation-layout.ts";
import { convolve } from "../convolution.ts";
import { Distribution } from "../distribution.ts";
import type { DrivePlan } from "../drive/plan.ts";
import type { Path } from "../latency.ts";
import { exp, ln } from "../normal.ts";
import type { CompleteFaults } from "../pacing/faults.ts";
import { exactPath } from "../path.ts";

/** Writes what is drawn of ways there and back, tier by tier; returns the mean of both together of the furthest. */
export function writeTables(fabric: DrivePlan, tables: Float32Array): number {
  const [before, after] = fabric.traversals;
  let meanNs = 0;
  fabric.hopsOfTier.forEach((hops, tier) => {
    const there = tableOf(fabric.doorbellPath(hops), before);
    const back = tableOf(fabric.answerPath(hops), after);
    tables.set(there.quantilesNs, 2 * tier * QUANTILES);
    tables.set(back.quantilesNs, (2 * tier + 1) * QUANTILES);
    meanNs = there.moments().meanNs + back.moments().meanNs;
  });
  return meanNs;
}

/** What so many traversals of a path take together; known of old where hops are those of a table made before. */
function tableOf(path: Path, times: number): Distribution {
  const { hops, faults = [], ...rest } = path;
  const key = JSON.stringify([hops.length, times, rest]);
  const [hop] = hops;
  const isPlain = faults.length === 0 && hops.every((other) => other === hop);
  const table = isPlain ? knownTables.get(hop!)?.get(key) : undefined;
  if (table) return table;
  const one = exactPath(path);
  const all = times === 1 ? one : convolve(Array.from({ length: times }, () => one));
  const made = Distribution.fromFunction((u) => all.quantileNs(u));
  if (isPlain) knownTables.set(hop!, (knownTables.get(hop!) ?? new Map<string, Distribution>()).set(key, made));
  return made;
}

/** By hop: to convolve them takes longer than a short run. */
const knownTables = new WeakMap<Distribution, Map<string, Distribution>>();

let knownChances: Float32Array | undefined;

/**
 * The chances of being overtaken, of Borel and Tanner: see OVERTAKEN_TIMES, and src/prefetch/rule.ts. They are the same in every
 * run, and to work them out takes as long as a short one.
 */
export function writeChances(chances: Float32Array): void {
  if (knownChances) {
    chances.set(knownChances);
    return;
  }
  const { OVERTAKEN_UTILISATIONS: levels, OVERTAKEN_WORKS: works, OVERTAKEN_TIMES: times } = sim;
  for (let u = 0; u < levels; u++)
    for (let w = 0; w < works; w++) {
      const utilisation = u / levels;
      const a = utilisation * (w + 1);
      let lnFactorial = 0;
      for (let n = 0; n < times; n++) {
        if (n > 1) lnFactorial += ln(n);
        const mean = a + n * utilisation;
        const chance = n === 0 ? exp(-a) : a === 0 ? 0 : a * exp(Math.min(0, (n - 1) * ln(mean) - mean - lnFactorial));
        chances[(u * works + w) * times + n] = chance;
      }
    }
  knownChances = chances.slice();
}

/** Tables that faults are drawn from; what never happens takes 0 ns. */
export function writeFaults({ outages, stalls }: CompleteFaults, tables: Float32Array): void {
  tables.set(Distribution.fromFunction((u) => -ln(u)).quantilesNs, FAULT_GAPS * QUANTILES);
  if (outages) tables.set(outages.lengthNs.quantilesNs, FAULT_OUTAGES * QUANTILES);
  if (stalls) tables.set(stalls.lengthNs.quantilesNs, FAULT_STALLS * QUANTILES);
}
