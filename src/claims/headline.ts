import { simulatePrefetch } from "../prefetch/index.ts";
import { ROUTE_MIX } from "../routes/mix.ts";
import { duration, figure, percent } from "../words.ts";
import type { ClaimCurve } from "./answer.ts";
import { stated } from "./fact.ts";
import { type JointSolution, jointSolution } from "./joint.ts";
import { calibratedRun } from "./judge-decoding.ts";
import { articleModel, changedOptics, type Laboratory, SEEDS } from "./laboratory.ts";

/** Whether optics matter to decoding, once experts are fetched ahead. */
export interface ClaimHeadline {
  words: string;
  /** What retimed optics add to a cold load, over co-packaged ones, and to a step of 14 of them. */
  addedNsPerLoad: number;
  addedShareOfStep: number;
  /** Loads that a step would have to wait for if that were to cost it 1%; beyond the 56 gates no recall makes it so. */
  loadsForOnePercent: number;
  /** The probability of a stalled frame at which retimed optics cost a step 1%, against the share that is foreseen in time. */
  stallsForOnePercent: ClaimCurve;
  /** Where it matters with recall and utilisation together. */
  joint: JointSolution;
  /** What a token waits by optics and utilisation with everything foreseen a layer ahead. */
  foreseen: { utilisation: number; optics: string; stallNsPerToken: number }[];
}

/** A share of the fabric's time that others may take. */
const BUSY = 0.5;
/** What is enough of a step to be worth other optics. */
const WORTH = 0.01;

export function headlineOf(laboratory: Laboratory): ClaimHeadline {
  const [retimed, coPackaged] = ["dsp-800g", "cpo-800g"].map((name) => calibratedRun(laboratory, name));
  const stepNs = coPackaged!.interTokenLatency.meanNs.mean;
  const loads = coPackaged!.loads.askedPerStep.mean;
  const addedNs = retimed!.interTokenLatency.meanNs.mean - stepNs;
  const addedNsPerLoad = addedNs / loads;
  const loadsForOnePercent = addedNsPerLoad > 0 ? (WORTH * stepNs) / addedNsPerLoad : Number.MAX_VALUE;
  const probability = 1e-4;
  const { lowNs, highNs } = {
    lowNs: stated("optics.dsp-fec", "stallLow"),
    highNs: stated("optics.dsp-fec", "stallHigh"),
  };
  const stalled = calibratedRun(
    laboratory,
    changedOptics("dsp-800g", { stall: { probabilityPerFrame: probability, lowNs, highNs } }),
  );
  const nsPerProbability =
    (stalled.interTokenLatency.meanNs.mean - retimed!.interTokenLatency.meanNs.mean) / loads / probability;
  const points = [0, 0.2, 0.4, 0.58, 0.8, 0.9, 0.95].map((foreseen) => {
    const waited = loads * (1 - foreseen);
    return { x: foreseen, y: Math.max(0, (WORTH * stepNs) / waited - addedNsPerLoad) / nsPerProbability };
  });
  const atStated = points.find(({ x }) => x === stated("prefetch.accuracy"))!;
  const foreseen = foreseenBy(laboratory);
  const joint = jointSolution(laboratory, addedNsPerLoad, WORTH);
  const busy = foreseen
    .filter(({ utilisation }) => utilisation === BUSY)
    .map(({ stallNsPerToken }) => duration(stallNsPerToken));
  return {
    addedNsPerLoad,
    addedShareOfStep: addedNs / stepNs,
    loadsForOnePercent,
    stallsForOnePercent: {
      title: "Stalled frames at which retimed optics cost a step 1%",
      x: "share of loads that are foreseen in time",
      y: "probability that a frame stalls",
      isLog: true,
      points,
    },
    joint,
    foreseen,
    words: [
      aloneWords({ addedNsPerLoad, addedShareOfStep: addedNs / stepNs, loadsForOnePercent }),
      `What may matter are faults: with ${percent(atStated.x)} foreseen, 1 frame in ${figure(1 / atStated.y)} would have to stall. With all experts foreseen a layer ahead, on a fabric that others keep busy for half of the time, a token of 8 layers waits ${busy[0]} over co-packaged and ${busy[1]} over retimed optics: what is left is queueing.`,
      jointWords(joint, addedNsPerLoad),
    ].join(" "),
  };
}

/** What optics come to where nothing queues and nothing is foreseen. */
export function aloneWords(found: Pick<ClaimHeadline, "addedNsPerLoad" | "addedShareOfStep" | "loadsForOnePercent">) {
  const { addedNsPerLoad, addedShareOfStep, loadsForOnePercent } = found;
  if (addedNsPerLoad <= 0)
    return "Retimed optics add nothing to a load: at no recall does the latency of optics matter.";
  const gates = articleModel().moeLayers.length;
  const matters =
    loadsForOnePercent > gates
      ? "at no recall does the latency of optics matter"
      : `the latency of optics matters where more than ${percent(loadsForOnePercent / gates)} of gates wait for one`;
  return `Retimed optics add ${duration(addedNsPerLoad)} to a load: ${percent(addedShareOfStep)} of a step, with nothing foreseen. To cost 1% a step would have to wait for ${figure(loadsForOnePercent)} loads, and it has ${gates} gates: ${matters}.`;
}

function jointWords({ points, recalls, mostShare }: JointSolution, addedNsPerLoad: number): string {
  const all = points.map(({ utilisation }) => utilisation);
  const range = `${percent(Math.min(...all))} to ${percent(Math.max(...all))}`;
  const reached = recalls.filter(({ recall }) => recall !== null);
  const gates = articleModel().moeLayers.length;
  const found =
    reached.length === 0
      ? `optics cost a step 1% at no recall: ${percent(mostShare)} at the most, with intervals. None can, as long as loads are carried in the order in which they come: a queue hands on no more lateness than comes in, so that ${gates} gates are ${duration(gates * addedNsPerLoad)} late at the worst.`
      : `optics cost a step 1% up to a recall of ${reached.map(({ utilisation, recall }) => `${percent(recall!)} at ${percent(utilisation)}`).join(", ")}.`;
  return `Decoded at recalls from 0 to 1 and DPUs that are busy for ${range} of the time, ${found}`;
}

function foreseenBy(laboratory: Laboratory): ClaimHeadline["foreseen"] {
  const utilisations = laboratory.isQuick ? [BUSY] : [0, BUSY, 0.9];
  return ["cpo-800g", "dsp-800g"].flatMap((optics) =>
    simulatePrefetch({
      optics,
      model: { ...ROUTE_MIX, layers: 8 },
      expertBytes: stated("sla.data-phase", "bytes"),
      budgetBytes: stated("sla.data-phase", "bytes") * 8 * 32,
      layerNs: (stated("results.p50", "before") * 1e6) / 56,
      utilisations,
      policies: ["none", "oracle"],
      prefillTokens: 8,
      decodeTokens: 8,
      gpus: 1,
      fabric: { gpusPerDpu: 1 },
      repetitions: SEEDS,
      seed: laboratory.seed,
    })
      .rows.filter(({ policy }) => policy === "oracle")
      .map(({ utilisation, stallNsPerToken }) => ({ utilisation, optics, stallNsPerToken: stallNsPerToken.mean })),
  );
}
