import { type DecodingTimeline, type LayerSpan, type LoadSpan, lateDoorbell } from "../../../index.ts";

/** Whose doorbells are late. */
export type Late = "one" | "all";

/** A step whose doorbells came late, worked out from the step as it was. */
export interface Shifted {
  timeline: DecodingTimeline;
  /** What the layer in question, and the whole step, end later. */
  layerNs: number;
  stepNs: number;
  /** How many layers have a late doorbell. */
  count: number;
}

/**
 * `timeline` with doorbells `lateNs` late: those of `layer` alone, or of all layers. Each keeps its place in its queue, as
 * nothing is simulated anew: who waits at a crowded DPU would meet other neighbours a little later.
 */
export function shifted(timeline: DecodingTimeline, layer: number, lateNs: number, late: Late): Shifted {
  let soFarNs = 0;
  let layerNs = 0;
  let count = 0;
  const loads: LoadSpan[] = [];
  const layers = timeline.layers.map((span): LayerSpan => {
    const isLate = late === "all" || span.layer === layer;
    const found = isLate ? lateDoorbell(timeline, lateNs, span.layer) : null;
    if (found) count++;
    const ownNs = found ? lateNs : 0;
    const readyNs = span.readyNs + soFarNs + ownNs;
    for (const load of timeline.loads) if (load.layer === span.layer) loads.push(later(load, soFarNs + ownNs));
    const begins = { startNs: span.startNs + soFarNs, routerNs: span.routerNs + soFarNs, readyNs };
    if (span.layer === layer) layerNs = found?.shiftNs ?? 0;
    soFarNs += found?.shiftNs ?? 0;
    return { layer: span.layer, ...begins, multiplyNs: span.multiplyNs + soFarNs, endNs: span.endNs + soFarNs };
  });
  return {
    timeline: { ...timeline, stepNs: timeline.stepNs + soFarNs, layers, loads },
    layerNs,
    stepNs: soFarNs,
    count,
  };
}

const later = (load: LoadSpan, ns: number): LoadSpan => ({
  ...load,
  postedNs: load.postedNs + ns,
  arrivedNs: load.arrivedNs + ns,
  doneNs: load.doneNs + ns,
  readyNs: load.readyNs + ns,
});

/** Of the layers that wait for a load the one of the median wait: what is enlarged until somebody chooses. */
export const middleLayer = (timeline: DecodingTimeline): number => lateDoorbell(timeline, 0)?.layer.layer ?? 0;

/** The load that a layer waits for longest; null where it waits for none. */
export const slowestLoad = (timeline: DecodingTimeline, layer: number): LoadSpan | null =>
  lateDoorbell(timeline, 0, layer)?.load ?? null;
