import {
  checkSchedulability,
  type Demand,
  type Fabric,
  type HopReach,
  type LatencyUnit,
  type Margins,
  margins as marginsOf,
  type Objective,
  type Optics,
  opticsNamed,
  reachByHops,
  readOptics,
  type ScenarioInput,
  type Verdict,
} from "../../index.ts";

/** Whether loads hold, and over what. */
export interface VerdictQuestion {
  /** A built-in profile. */
  optics: string;
  /** A measurement or profile of one's own, as its file holds it: it takes the built-in one's place. */
  own: { name: string; bytes: Uint8Array } | null;
  /** Of the values in it, where it is a column of numbers that does not say. */
  unit: LatencyUnit | null;
  /** How often what optics are known to suffer from strikes; null leaves that to the profile. */
  faults: { stallProbability: number; retrainsPerLinkHour: number } | null;
  fabric: Partial<Omit<Fabric, "optics">>;
  demand: Partial<Demand>;
  objective: Partial<Objective>;
  draws: number;
  seed: number;
}

export async function verdict(question: VerdictQuestion): Promise<Verdict> {
  const { draws, seed } = question;
  return checkSchedulability(await scenarioIn(question), { draws, seed });
}

/** What the same question comes to from each distance. */
export async function reach(question: VerdictQuestion): Promise<HopReach[]> {
  return reachByHops(await scenarioIn(question));
}

/** How far each figure of the same question can be pushed. */
export async function margins(question: VerdictQuestion): Promise<Margins> {
  return marginsOf(await scenarioIn(question));
}

async function scenarioIn({
  optics,
  own,
  unit,
  faults,
  fabric,
  demand,
  objective,
}: VerdictQuestion): Promise<ScenarioInput> {
  const given = own
    ? await readOptics(new TextDecoder().decode(own.bytes), { file: own.name, ...(unit ? { unit } : {}) })
    : opticsNamed(optics);
  return { optics: faults ? withFaults(given, faults) : given, fabric, demand, objective };
}

/** The same optics with the odds of those faults that they are known to suffer from. */
function withFaults(
  optics: Optics,
  { stallProbability, retrainsPerLinkHour }: NonNullable<VerdictQuestion["faults"]>,
): Optics {
  const { stall, retrain } = optics.profile;
  return {
    ...optics,
    profile: {
      ...optics.profile,
      stall: stall && { ...stall, probabilityPerFrame: stallProbability },
      retrain: retrain && { ...retrain, ratePerLinkHour: retrainsPerLinkHour },
    },
  };
}
