import fc from "fast-check";
import { expect, test } from "vitest";
import { Distribution } from "../src/distribution.ts";
import { Pacer, type PacerOptions } from "../src/pacing/index.ts";
import { chunksOf, outagesOf, outNs, type ReferenceChunk, type ReferenceLink } from "./reference/links.ts";
import { shareOf } from "./share.ts";

const LENGTHS = {
  "1 to 40": Distribution.uniform(1, 40),
  "0.5 to 3": Distribution.uniform(0.5, 3),
  "100 to 200": Distribution.uniform(100, 200),
};

/** One DPU of four GPUs or two of two; where sources have links of their own, these fail too. */
const fabric = fc.record({
  dpus: fc.constantFrom(1, 2),
  seed: fc.nat(),
  gapNs: fc.constantFrom(60, 100, 300),
  lengthNs: fc.constantFrom<(keyof typeof LENGTHS)[]>("1 to 40", "0.5 to 3", "100 to 200"),
  ports: fc.constantFrom(1, 2.5, 8),
  pace: fc.constantFrom(1, 3, 10),
  source: fc.constantFrom(undefined, undefined, 0.7, 2, 5),
  sink: fc.constantFrom(undefined, undefined, undefined, 0.4, 1.5),
  portLinks: fc.constantFrom(0, 1, 1, 2),
  sourceLinks: fc.constantFrom(0, 1, 2),
  chunkBytes: fc.integer({ min: 4, max: 90 }),
  bursts: fc.constantFrom(1, 1, 2.5),
});
const load = fc.record({
  submitNs: fc.oneof(fc.nat({ max: 600 }), fc.nat({ max: 60 })),
  sizeBytes: fc.integer({ min: 1, max: 90 }),
  slackNs: fc.oneof(fc.nat({ max: 900 }), fc.nat({ max: 120 })),
  source: fc.nat({ max: 3 }),
  sink: fc.nat({ max: 3 }),
});
type Drawn = typeof load extends fc.Arbitrary<infer T> ? T : never;
type Fabric = typeof fabric extends fc.Arbitrary<infer T> ? T : never;

const FAR_NS = 1e5;

function optionsOf(fabric: Fabric): PacerOptions {
  const { dpus, seed, gapNs, lengthNs, ports, pace, source, sink, portLinks, sourceLinks, chunkBytes, bursts } = fabric;
  return {
    gpus: 4,
    gpusPerDpu: 4 / dpus,
    paceBytesPerNs: pace,
    portsBytesPerNs: ports,
    chunkBytes,
    burstBytes: bursts * chunkBytes,
    selfCompleting: true,
    ...(source === undefined ? {} : { sourceEgressBytesPerNs: source }),
    ...(sink === undefined ? {} : { gpuIngressBytesPerNs: sink }),
    faults: {
      seed,
      outages: { outagesPerLinkNs: 1 / gapNs, lengthNs: LENGTHS[lengthNs] },
      links: { ports: portLinks, ...(source === undefined ? {} : { source: sourceLinks }) },
    },
  };
}

/** DPUs that share nothing are dealt with one after the other. */
const inTime = (chunks: ReferenceChunk[]) => chunks.toSorted((a, b) => a.atNs - b.atNs || a.load - b.load);

/** Links are DPUs' ports, then sources, then sinks, which do not fail. */
function linksOf({
  dpus,
  seed,
  gapNs,
  lengthNs,
  ports,
  source,
  sink,
  portLinks,
  sourceLinks,
}: Fabric): ReferenceLink[] {
  const list = (link: number, links: number) =>
    links === 0 ? [] : outagesOf(link, { seed, gapNs: gapNs / links, lengthNs: LENGTHS[lengthNs], untilNs: FAR_NS });
  const unlimited = Number.POSITIVE_INFINITY;
  const gpus = [0, 1, 2, 3];
  return [
    ...[0, 1].slice(0, dpus).map((dpu) => ({ bytesPerNs: ports, outages: list(dpu, portLinks) })),
    ...gpus.map((gpu) => ({
      bytesPerNs: source ?? unlimited,
      outages: source === undefined ? [] : list(dpus + gpu, sourceLinks),
    })),
    ...gpus.map(() => ({ bytesPerNs: sink ?? unlimited, outages: [] })),
  ];
}

const dpuOf = ({ dpus }: Fabric, { sink }: Drawn) => Math.floor((sink * dpus) / 4);

const routeOf = (fabric: Fabric, load: Drawn) => [
  dpuOf(fabric, load),
  fabric.dpus + load.source,
  fabric.dpus + 4 + load.sink,
];

/** What the naive simulation makes of the same. */
function expectedOf(fabric: Fabric, loads: readonly Drawn[]): ReferenceChunk[] {
  const { pace, chunkBytes, bursts } = fabric;
  const asked = loads.map((load) => {
    const { submitNs, sizeBytes, slackNs } = load;
    return {
      submitNs,
      sizeBytes,
      deadlineNs: submitNs + slackNs,
      dpu: dpuOf(fabric, load),
      route: routeOf(fabric, load),
    };
  });
  const burstBytes = bursts * chunkBytes;
  return inTime(chunksOf(asked, linksOf(fabric), { paceBytesPerNs: pace, chunkBytes, burstBytes }));
}

/** What a pacer says of the same, `looks` being a step to advance by besides, 0 for none, -1 to do all in one. */
function chunksBy(
  fabric: Fabric,
  loads: readonly Drawn[],
  {
    ahead,
    looks,
    tellExpiry = () => {},
  }: { ahead: boolean; looks: number; tellExpiry?: (event: ReferenceChunk) => void },
): ReferenceChunk[] {
  const pacer = new Pacer(optionsOf(fabric));
  const chunks: ReferenceChunk[] = [];
  const loadIn = new Map<number, number>();
  const advance = (nowNs: number) => {
    const { slot, bytes, atNs, endNs, heldNs } = pacer.events;
    const count = pacer.advance(nowNs);
    for (let i = 0; i < count; i++) {
      const load = loadIn.get(slot[i]!)!;
      const event = { load, atNs: atNs[i]!, bytes: bytes[i]!, endNs: endNs[i]!, heldNs: heldNs[i]! };
      if (event.bytes > 0) chunks.push(event);
      else tellExpiry(event);
    }
  };
  const goTo = (untilNs: number) => {
    const isIdle = () => pacer.nextEventNs === Number.POSITIVE_INFINITY;
    if (looks > 0) for (let ns = pacer.nowNs + looks; ns < untilNs && !isIdle(); ns += looks) advance(ns);
    // What is submitted at the instant of an event comes first.
    while (pacer.nextEventNs < untilNs) advance(pacer.nextEventNs);
    if (untilNs < FAR_NS) pacer.moveTo(untilNs);
  };
  loads.forEach(({ submitNs, sizeBytes, slackNs, source, sink }, i) => {
    if (!ahead) goTo(submitNs);
    pacer.loads.sourceGpu[0] = source;
    pacer.loads.destinationGpu[0] = sink;
    pacer.loads.sizeBytes[0] = sizeBytes;
    pacer.loads.deadlineNs[0] = submitNs + slackNs;
    pacer.loads.arrivalNs[0] = submitNs;
    expect(pacer.submit(1)).toBe(1);
    loadIn.set(pacer.loads.slot[0]!, i);
  });
  if (looks < 0) advance(FAR_NS);
  else goTo(FAR_NS);
  return inTime(chunks);
}

const close = (found: readonly ReferenceChunk[], expected: readonly ReferenceChunk[]) => {
  expect(found.map(({ load, bytes }) => [load, bytes])).toEqual(expected.map(({ load, bytes }) => [load, bytes]));
  for (const [i, chunk] of expected.entries())
    for (const name of ["atNs", "endNs", "heldNs"] as const)
      expect(Math.abs(found[i]![name] - chunk[name]), `${name} of chunk ${i}`).toBeLessThan(1e-6);
};

const bySubmission = (loads: Drawn[]) => loads.toSorted((a, b) => a.submitNs - b.submitNs);

test("links carry nothing while they are out, and what is on them goes on after: every chunk, whenever it is asked for", () => {
  let [held, expiries] = [0, 0];
  fc.assert(
    fc.property(
      fabric,
      fc.array(load, { maxLength: 8 }).map(bySubmission),
      fc.constantFrom(0.7, 13, 170),
      (fabric, loads, looks) => {
        const expected = expectedOf(fabric, loads);
        const links = linksOf(fabric);
        const tellExpiry = ({ load, endNs, heldNs }: ReferenceChunk) => {
          const route = routeOf(fabric, loads[load]!).map((link) => links[link]!);
          expect(Math.abs(heldNs - outNs(route, loads[load]!.submitNs, endNs)), "heldNs of an expiry").toBeLessThan(
            1e-6,
          );
          expiries++;
        };
        for (const { heldNs } of expected) held += heldNs > 0 ? 1 : 0;
        close(chunksBy(fabric, loads, { ahead: false, looks: 0, tellExpiry }), expected);
        // At each event, in small steps, and all at once: of loads that are all told ahead too.
        const told = chunksBy(fabric, loads, { ahead: true, looks: 0, tellExpiry });
        close(told, expected);
        expect(chunksBy(fabric, loads, { ahead: true, looks, tellExpiry })).toEqual(told);
        expect(chunksBy(fabric, loads, { ahead: true, looks: -1, tellExpiry })).toEqual(told);
      },
    ),
    { seed: 4, numRuns: shareOf(120) },
  );
  // Outages matter here.
  expect(held).toBeGreaterThan(shareOf(120));
  expect(expiries).toBeGreaterThan(shareOf(120));
});
