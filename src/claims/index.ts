import { checkKeys, checkWhole, didYouMean } from "../check.ts";
import { answerOf, type ClaimAnswer, type ClaimFindings, type ClaimVerdict } from "./answer.ts";
import { FACTS, type Fact } from "./fact.ts";
import { type ClaimHeadline, headlineOf } from "./headline.ts";
import { CAPACITY_JUDGES } from "./judge-capacity.ts";
import { DEADLINE_JUDGES } from "./judge-deadline.ts";
import { DECODING_JUDGES } from "./judge-decoding.ts";
import { FORESIGHT_JUDGES } from "./judge-foresight.ts";
import { LOAD_JUDGES } from "./judge-loads.ts";
import { MEASURED_JUDGES } from "./judge-measured.ts";
import { PATH_JUDGES } from "./judge-paths.ts";
import { POWER_JUDGES } from "./judge-power.ts";
import { VERDICT_JUDGES } from "./judge-verdicts.ts";
import type { Judges } from "./judges.ts";
import { Laboratory } from "./laboratory.ts";

const JUDGES: Judges = {
  ...CAPACITY_JUDGES,
  ...DEADLINE_JUDGES,
  ...DECODING_JUDGES,
  ...FORESIGHT_JUDGES,
  ...LOAD_JUDGES,
  ...MEASURED_JUDGES,
  ...PATH_JUDGES,
  ...POWER_JUDGES,
  ...VERDICT_JUDGES,
};

/** Which statements are judged, and how thoroughly. */
export interface ClaimsOptions {
  /** All unless given. */
  ids?: readonly string[];
  /** Fewer steps, tokens and doorbells, so that intervals are wider; not unless given. */
  isQuick?: boolean;
  /** Of all that is drawn; 1 unless given. */
  seed?: number;
  /** Told which statement is next, and how many are done. */
  onProgress?: (id: string, done: number, of: number) => void;
  /** Told each answer as it is found. */
  onAnswer?: (answer: ClaimAnswer) => void;
}

/** Judges what the sources state: by arithmetic, by simulation, by measuring here; and says what would have to be true. */
export async function judgeClaims(options: ClaimsOptions = {}): Promise<ClaimAnswer[]> {
  const { laboratory, onProgress } = begun(options);
  const facts = (options.ids ?? FACTS.map(({ id }) => id)).map(factOf);
  const answers: ClaimAnswer[] = [];
  for (const fact of facts) {
    onProgress?.(fact.id, answers.length, facts.length);
    const begin = performance.now();
    const findings = (await JUDGES[fact.id]?.(laboratory)) ?? taken(fact);
    const answer = answerOf(fact, findings, (performance.now() - begin) / 1e3);
    answers.push(answer);
    options.onAnswer?.(answer);
  }
  onProgress?.("", facts.length, facts.length);
  return answers;
}

/** Whether optics matter to decoding, once experts are fetched ahead: what the whole ledger comes to. */
export function claimsHeadline(options: Omit<ClaimsOptions, "ids" | "onProgress" | "onAnswer"> = {}): ClaimHeadline {
  return headlineOf(begun(options).laboratory);
}

function begun(options: ClaimsOptions) {
  checkKeys("options", options, ["ids", "isQuick", "seed", "onProgress", "onAnswer"]);
  const { isQuick = false, seed = 1, onProgress } = options;
  checkWhole("seed", seed, 0, 2 ** 31);
  return { laboratory: new Laboratory(seed, isQuick), onProgress };
}

function factOf(id: string): Fact {
  const fact = FACTS.find((one) => one.id === id);
  if (fact) return fact;
  const ids = FACTS.map((one) => one.id);
  throw new RangeError(`ids must name statements, got ${JSON.stringify(id)}${didYouMean(id, ids)}`);
}

/** What is not computed: parameters that are taken as they are, and statements about the world. */
function taken({ id, kind }: Fact): ClaimFindings {
  if (kind !== "input" && kind !== "context") throw new Error(`${id} is ${kind} and has no judge`);
  const because =
    kind === "input"
      ? "a parameter: taken as it is stated, and graded unverified where a profile has it"
      : "about the world: carried with its source, and not modelled";
  return { arithmetic: [], because, verdict: kind satisfies ClaimVerdict };
}
