import { checkKeys } from "../check.ts";
import { PathSampler, type SamplerOptions } from "../latency.ts";
import { RandomBits } from "../random.ts";
import { leastWhole } from "../statistics.ts";
import { dataPhase, fixedNs, type LoadPhases, stallTrials } from "./load.ts";
import { completeScenario, pathOf, type Scenario, type ScenarioInput } from "./scenario.ts";

/** Draws how long whole loads take on an idle fabric: two traversals, stalls of the worst port, and what never varies. */
export class LoadSampler {
  /** What never varies: post, translation, data and the fence on the GPU. */
  readonly fixedNs: number;
  readonly #varying: (loads: number) => Float64Array;
  readonly #takenNs: Float32Array;

  constructor(input: ScenarioInput, options: Pick<SamplerOptions, "batch" | "seed"> = {}) {
    checkKeys("options", options, ["batch", "seed"]);
    const { batch = 4096, seed = 1 } = options;
    const scenario = completeScenario(input);
    this.fixedNs = fixedNs(scenario, dataPhase(scenario));
    this.#varying = varyingSampler(scenario, batch, seed);
    this.#takenNs = new Float32Array(batch);
  }

  /** The next batch of loads, in nanoseconds. The next call overwrites it. */
  next(): Float32Array {
    const loads = this.#takenNs.length;
    const varyingNs = this.#varying(loads);
    for (let i = 0; i < loads; i++) this.#takenNs[i] = this.fixedNs + varyingNs[i]!;
    return this.#takenNs;
  }
}

/**
 * How many of so many loads end after each of some deadlines, drawn one by one: of `atMostDraws`, or of fewer where each
 * meets many stalls.
 */
export function sampledMisses(
  scenario: Scenario,
  phases: LoadPhases,
  deadlinesNs: readonly number[],
  atMostDraws: number,
  seed: number,
): { misses: number[]; draws: number } {
  const { fabric } = scenario;
  const probability = fabric.optics.profile.stall?.probabilityPerFrame ?? 0;
  const stallDraws = probability === 0 ? 0 : fabric.ports * (1 + stallTrials(scenario) * probability);
  const draws = Math.min(atMostDraws, Math.ceil(MOST_STALL_DRAWS / (stallDraws + 1)));
  const slacksNs = deadlinesNs.map((deadlineNs) => deadlineNs - fixedNs(scenario, phases));
  const batch = 4096;
  const next = varyingSampler(scenario, batch, seed);
  const misses = slacksNs.map(() => 0);
  for (let drawn = 0; drawn < draws; drawn += batch) {
    const loads = Math.min(batch, draws - drawn);
    const varyingNs = next(loads);
    for (let i = 0; i < loads; i++)
      for (let j = 0; j < slacksNs.length; j++) if (varyingNs[i]! > slacksNs[j]!) misses[j]!++;
  }
  return { misses, draws };
}

/**
 * Draws, a batch at a time, what of a load's time varies: the doorbell's traversal, the completion's, and stalls. It is filled
 * in for the first `loads` of the batch: stalls take long.
 */
function varyingSampler(scenario: Scenario, batch: number, seed: number): (loads: number) => Float64Array {
  const path = pathOf(scenario.fabric);
  const there = new PathSampler(path, { batch, seed, stream: 0 });
  const back = new PathSampler(path, { batch, seed, stream: 1 });
  const addStalls = stallSampler(scenario, seed);
  const varyingNs = new Float64Array(batch);
  return (loads) => {
    const [thereNs, backNs] = [there.next(), back.next()];
    for (let i = 0; i < loads; i++) varyingNs[i] = thereNs[i]! + backNs[i]!;
    addStalls(varyingNs, loads);
    return varyingNs;
  };
}

/** Numbers of stalls, and stalls, drawn for one answer at the most: some seconds' worth. */
const MOST_STALL_DRAWS = 1e8;

/** Adds to each load how long its worst port is stalled: port by port, the number of stalls is drawn and then their lengths. */
function stallSampler(scenario: Scenario, seed: number): (takenNs: Float64Array, loads: number) => void {
  const { ports, optics } = scenario.fabric;
  const { stall } = optics.profile;
  const probability = stall?.probabilityPerFrame ?? 0;
  if (!stall || probability === 0) return () => {};
  const { lowNs } = stall;
  const rangeNs = stall.highNs - lowNs;
  const atMost = binomialTable(stallTrials(scenario), probability);
  const bits = new RandomBits({ seed, stream: 2 });
  const words = bits.next();
  let next = 0;
  const uniform = () => {
    if (next === words.length) {
      bits.next();
      next = 0;
    }
    return (words[next++]! + 0.5) / 2 ** 32;
  };
  return (takenNs, loads) => {
    for (let i = 0; i < loads; i++) {
      let worstNs = 0;
      for (let port = 0; port < ports; port++) {
        const u = uniform();
        let ns = 0;
        for (let count = leastWhole(0, atMost.length - 1, (hits) => u < atMost[hits]!); count > 0; count--)
          ns += lowNs + uniform() * rangeNs;
        worstNs = Math.max(worstNs, ns);
      }
      takenNs[i]! += worstNs;
    }
  };
}

/** The probability of at most 0, 1, 2 ... hits in `trials`, until nothing is left; the last entry is 1. */
function binomialTable(trials: number, probability: number): Float64Array {
  if (probability === 1) return Float64Array.from({ length: trials + 1 }, (_, hits) => (hits < trials ? 0 : 1));
  const atMost: number[] = [];
  let lnShare = trials * Math.log1p(-probability);
  let sum = 0;
  for (let hits = 0; hits <= trials; hits++) {
    sum += Math.exp(lnShare);
    atMost.push(sum);
    if (sum > 1 - 1e-12) break;
    lnShare += Math.log((trials - hits) / (hits + 1)) + Math.log(probability) - Math.log1p(-probability);
  }
  atMost[atMost.length - 1] = 1;
  return Float64Array.from(atMost);
}
