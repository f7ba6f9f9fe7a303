import { betaQuantile, CONFIDENCE } from "../statistics.ts";

/** How a predictor did in a tenth of a trace. */
export interface LearningStep {
  /** Tokens learnt from before: the mean of the decoding tokens in this step. */
  tokens: number;
  /** Of the experts that they used, warm or scored: how many were among the first k. */
  recallK: number;
  /** The interval that holds the true recall in 95 of 100 such steps; null where there is but one of what it is drawn from. */
  interval: [low: number, high: number] | null;
  /** What differs from one to the next and so tells the interval: prompts where five or more reach into the step, else blocks of tokens. */
  over: "prompts" | "blocks";
}

const STEPS = 10;
const LEAST_PROMPTS = 5;
/** Of one step: few, for tokens beside each other are alike, and long blocks are less so. */
const BLOCKS = 5;

/** The recall of ten equal steps of a trace, from what each token used and what of it was hit; steps without any are left out. */
export function learningOf(prompt: Uint32Array, used: Uint32Array, hits: Uint32Array): LearningStep[] {
  const { length } = prompt;
  return Array.from({ length: STEPS }, (_, step) => {
    const [from, to] = [step, step + 1].map((edge) => Math.floor((edge * length) / STEPS)) as [number, number];
    return Array.from({ length: to - from }, (_, i) => from + i).filter((token) => used[token]! > 0);
  })
    .filter((tokens) => tokens.length > 0)
    .map((tokens) => {
      const isByPrompt = new Set(tokens.map((token) => prompt[token])).size >= LEAST_PROMPTS;
      const sums = new Map<number, { used: number; hits: number }>();
      tokens.forEach((token, i) => {
        const unit = isByPrompt ? prompt[token]! : Math.floor((i * BLOCKS) / tokens.length);
        const sum = sums.get(unit) ?? { used: 0, hits: 0 };
        sums.set(unit, { used: sum.used + used[token]!, hits: sum.hits + hits[token]! });
      });
      return {
        tokens: tokens.reduce((sum, token) => sum + token, 0) / tokens.length,
        ...ratioOf([...sums.values()]),
        over: isByPrompt ? "prompts" : "blocks",
      };
    });
}

/** Hits over what was used, and its interval: Student's, with the variance of a ratio of sums (Cochran, "Sampling techniques", 6.3). */
function ratioOf(units: readonly { used: number; hits: number }[]): Pick<LearningStep, "recallK" | "interval"> {
  const sumOf = (of: (unit: { used: number; hits: number }) => number) =>
    units.reduce((sum, unit) => sum + of(unit), 0);
  const used = sumOf((unit) => unit.used);
  const recallK = sumOf((unit) => unit.hits) / used;
  const free = units.length - 1;
  if (free === 0) return { recallK, interval: null };
  const squares = sumOf((unit) => (unit.hits - recallK * unit.used) ** 2);
  const half = (studentQuantile(free) * Math.sqrt((squares * units.length) / free)) / used;
  return { recallK, interval: [Math.max(0, recallK - half), Math.min(1, recallK + half)] };
}

/** What Student's t of so many degrees of freedom exceeds, to either side, with a chance of 1 - CONFIDENCE. */
function studentQuantile(free: number): number {
  const share = betaQuantile(1 - CONFIDENCE, free / 2, 1 / 2);
  return Math.sqrt(free * (1 / share - 1));
}
