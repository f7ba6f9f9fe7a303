import { checkAtLeast, checkKeys, checkWhole } from "../check.ts";
import { checkDistribution, type Distribution } from "../distribution.ts";

/** How links fail. Their faults depend on the seed and the link alone, not on what is read or asked when. */
export interface LinkFaults {
  /** 0 unless given. */
  seed?: number;
  /** A link trains again and carries nothing; what is on it goes on after: so often, a link. Never unless given. */
  outages?: { outagesPerLinkNs: number; lengthNs: Distribution };
  /** A frame, and all behind it, is held back: so often, a byte that a link carries. Never unless given. */
  stalls?: { stallsPerByte: number; lengthNs: Distribution };
  /** Links in step, each of which holds all: a DPU's ports, and those of each gate. One of a DPU and none of others unless given. */
  links?: { ports?: number; source?: number; node?: number; pod?: number };
}

/** Faults with every default filled in, checked. */
export type CompleteFaults = ReturnType<typeof completeFaults>;

/** Kernels go through the faults of a chunk one by one, and those of several links over and over: on average no more than so many. */
const STALLS_OF_A_CHUNK = 2 ** 16;
const OUTAGES_OF_A_CHUNK = 2 ** 10;

/** A link's outages are numbered in 31 bits; on average it comes to no more than half of that. */
const OUTAGES_OF_A_LINK = 2 ** 30;

/** What links may have a rate of their own, and so faults; ports have faults in any case. */
type Rates = Record<"source" | "node" | "pod", number | undefined>;

/** What `faults` says, with every default filled in; refuses what is no distribution, rate or number of links. */
export function completeFaults(faults: LinkFaults, rates: Rates) {
  checkKeys("faults", faults, ["seed", "outages", "stalls", "links"]);
  const { seed = 0, outages, stalls, links = {} } = faults;
  checkWhole("faults: seed", seed, 0, Number.MAX_SAFE_INTEGER);
  if (outages) {
    checkKeys("faults: outages", outages, ["outagesPerLinkNs", "lengthNs"]);
    checkAtLeast("faults: outages: outagesPerLinkNs", outages.outagesPerLinkNs, 0);
    checkDistribution("faults: outages: lengthNs", outages.lengthNs);
  }
  if (stalls) {
    checkKeys("faults: stalls", stalls, ["stallsPerByte", "lengthNs"]);
    checkAtLeast("faults: stalls: stallsPerByte", stalls.stallsPerByte, 0);
    checkDistribution("faults: stalls: lengthNs", stalls.lengthNs);
  }
  checkKeys("faults: links", links, ["ports", "source", "node", "pod"]);
  for (const [name, count] of Object.entries(links)) checkWhole(`faults: links: ${name}`, count, 0, 2 ** 20);
  const those = (kind: keyof Rates) => (rates[kind] === undefined ? 0 : (links[kind] ?? 0));
  const { ports = 1 } = links;
  const counts = { ports, source: those("source"), sink: 0, node: those("node"), pod: those("pod") };
  return { seed, outages, stalls, links: counts };
}

/** Refuses faults of which too many meet one chunk of `chunkBytes`, which links carry at `bytesPerNs`. */
export function checkFaultsOfChunk(
  { outages, stalls, links }: CompleteFaults,
  { chunkBytes, bytesPerNs }: { chunkBytes: number; bytesPerNs: number },
): void {
  // A chunk leaves one node or pod and enters another.
  const route = [links.ports, links.source, links.node, links.node, links.pod, links.pod].filter((count) => count > 0);
  let upNs = chunkBytes / bytesPerNs;
  if (stalls) {
    const most = STALLS_OF_A_CHUNK / chunkBytes;
    if (stalls.stallsPerByte > most)
      throw new RangeError(
        `faults: stalls: stallsPerByte must be at most ${most}, ${STALLS_OF_A_CHUNK} a chunk, got ${stalls.stallsPerByte}`,
      );
    upNs += route.length * chunkBytes * stalls.stallsPerByte * stalls.lengthNs.moments().meanNs;
  }
  if (!outages) return;
  // Of a cycle, a gap and an outage, a link is up for the gap; and all of them must be up at once.
  const meanNs = outages.lengthNs.moments().meanNs;
  const rates = route.map((count) => count * outages.outagesPerLinkNs);
  const tookNs = rates.reduce((ns, rate) => ns * (1 + rate * meanNs), upNs);
  const met = rates.reduce((sum, rate) => sum + (tookNs * rate) / (1 + rate * meanNs), 0);
  if (!(met <= OUTAGES_OF_A_CHUNK))
    throw new RangeError(
      `faults: outages: outagesPerLinkNs must be such that a chunk meets at most ${OUTAGES_OF_A_CHUNK}, got ${outages.outagesPerLinkNs}, of which it meets ${Math.round(met)}`,
    );
}

/** From an outage of links in step to the next, on average; Infinity if there are none. */
export function outageGapNs(faults: CompleteFaults | undefined, links: number): number {
  return 1 / (links * (faults?.outages?.outagesPerLinkNs ?? 0));
}

/** The latest instant that there is with these faults; the greatest number if no link goes out. */
export function latestInstantNs(faults: CompleteFaults | undefined): number {
  const links = Math.max(...Object.values(faults?.links ?? { none: 0 }));
  return Math.min(Number.MAX_VALUE, OUTAGES_OF_A_LINK * outageGapNs(faults, links));
}
