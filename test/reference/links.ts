import { Distribution } from "../../src/distribution.ts";
import { ln } from "../../src/normal.ts";
import type { Outage } from "../../src/pacing/index.ts";
import { GOLDEN, MASK, mix, quantileOf, splitMix64 } from "./latency.ts";

// Links that fail, and loads over them, again: outages are a list, and whoever wants to know about an instant looks through it.

const GAPS = Distribution.fromFunction((u) => -ln(u)).quantilesNs;

/** The outages of link number `link` (DPUs' ports first, then gates) up to the first that begins at `untilNs` or later. */
export function outagesOf(
  link: number,
  { seed, gapNs, lengthNs, untilNs }: { seed: number; gapNs: number; lengthNs: Distribution; untilNs: number },
): Outage[] {
  let state = mix((mix(BigInt(seed)) + BigInt(2 * link) * GOLDEN) & MASK);
  const draw = (quantilesNs: Float32Array) => {
    let bits: bigint;
    [state, bits] = splitMix64(state);
    return quantileOf(quantilesNs, Number(bits & 0xffffffffn));
  };
  const outages: Outage[] = [];
  for (let atNs = 0; atNs < untilNs; ) {
    const beginNs = atNs + gapNs * draw(GAPS);
    const endNs = beginNs + draw(lengthNs.quantilesNs);
    outages.push({ beginNs, endNs });
    atNs = endNs;
  }
  return outages;
}

export interface ReferenceLink {
  bytesPerNs: number;
  outages: readonly Outage[];
}

/** Of a load: what it asks for, which DPU reads it, and the links that carry it, by number. */
export interface ReferenceLoad {
  submitNs: number;
  sizeBytes: number;
  deadlineNs: number;
  dpu: number;
  route: readonly number[];
}

export interface ReferenceChunk {
  load: number;
  atNs: number;
  bytes: number;
  endNs: number;
  heldNs: number;
}

/** Loads of some DPUs over links that fail: at each step every load is asked when its next chunk could go out. */
export function chunksOf(
  loads: readonly ReferenceLoad[],
  links: readonly ReferenceLink[],
  { paceBytesPerNs, chunkBytes, burstBytes }: { paceBytesPerNs: number; chunkBytes: number; burstBytes: number },
): ReferenceChunk[] {
  const takenNs = links.map(() => 0);
  const left = loads.map(({ sizeBytes }) => sizeBytes);
  const endNs = loads.map(() => 0);
  const savedNs = (burstBytes - chunkBytes) / paceBytesPerNs;
  const creditNs = new Map(loads.map(({ dpu }) => [dpu, -savedNs]));
  const chunks: ReferenceChunk[] = [];
  while (left.some((bytes) => bytes > 0)) {
    const [next] = loads
      .map((load, i) => ({ load, i, atNs: startNs(load, creditNs.get(load.dpu)!, takenNs, links) }))
      .filter(({ i }) => left[i]! > 0)
      .sort((a, b) => a.atNs - b.atNs || a.load.deadlineNs - b.load.deadlineNs || a.i - b.i);
    const { load, i, atNs } = next!;
    const bytes = Math.min(chunkBytes, left[i]!);
    left[i]! -= bytes;
    creditNs.set(load.dpu, Math.max(creditNs.get(load.dpu)!, atNs - savedNs) + bytes / paceBytesPerNs);
    for (const link of load.route) takenNs[link] = upFor(bytes / links[link]!.bytesPerNs, atNs, [links[link]!]);
    const route = load.route.map((link) => links[link]!);
    const leastRate = Math.min(paceBytesPerNs, ...route.map(({ bytesPerNs }) => bytesPerNs));
    endNs[i] = Math.max(endNs[i]!, upFor(bytes / leastRate, atNs, route));
    chunks.push({ load: i, atNs, bytes, endNs: endNs[i]!, heldNs: outNs(route, load.submitNs, endNs[i]!) });
  }
  return chunks;
}

/** The first instant at which there is credit, and every link of a load is free and up. */
function startNs(load: ReferenceLoad, creditNs: number, takenNs: readonly number[], links: readonly ReferenceLink[]) {
  let atNs = Math.max(load.submitNs, creditNs, ...load.route.map((link) => takenNs[link]!));
  const route = load.route.map((link) => links[link]!);
  for (let out = outageAt(route, atNs); out; out = outageAt(route, atNs)) atNs = out.endNs;
  return atNs;
}

function outageAt(links: readonly ReferenceLink[], ns: number): Outage | undefined {
  for (const { outages } of links) {
    const out = outages.find(({ beginNs, endNs }) => beginNs <= ns && ns < endNs);
    if (out) return out;
  }
  return undefined;
}

/** When all links together have been up for `ns` from `atNs` on: from each instant at which that changes to the next. */
function upFor(ns: number, atNs: number, links: readonly ReferenceLink[]): number {
  for (let [nowNs, leftNs] = [atNs, ns]; ; ) {
    const out = outageAt(links, nowNs);
    if (out) {
      nowNs = out.endNs;
      continue;
    }
    const next = links.map(({ outages }) => outages.find(({ beginNs }) => beginNs > nowNs)?.beginNs);
    const nextNs = Math.min(...next.map((ns) => ns ?? Number.POSITIVE_INFINITY));
    if (nowNs + leftNs <= nextNs) return nowNs + leftNs;
    leftNs -= nextNs - nowNs;
    nowNs = nextNs;
  }
}

/** How long links were out from one instant to another, all in all. */
export function outNs(links: readonly ReferenceLink[], fromNs: number, untilNs: number): number {
  return links
    .flatMap(({ outages }) => outages)
    .reduce((sum, { beginNs, endNs }) => sum + Math.max(0, Math.min(endNs, untilNs) - Math.max(beginNs, fromNs)), 0);
}
