import {
  type ClaimAnswer,
  type ClaimHeadline,
  claimsHeadline,
  FACTS,
  type FactKind,
  judgeClaims,
} from "../../index.ts";

export interface LedgerQuestion {
  isQuick: boolean;
  seed: number;
}

/** How far the judging is: answers that were not told before. */
export interface LedgerProgress {
  answers: ClaimAnswer[];
  done: number;
  all: number;
}

export interface LedgerAnswer {
  answers: ClaimAnswer[];
  headline: ClaimHeadline;
}

/** What is known without running anything first, so that there is something to read. */
const ORDER: readonly FactKind[] = ["input", "context", "derived", "measured", "simulated"];

/** Judges every statement. */
export async function ledger(
  { isQuick, seed }: LedgerQuestion,
  progress: (now: LedgerProgress) => boolean,
): Promise<LedgerAnswer> {
  const ids = [...FACTS].sort((a, b) => ORDER.indexOf(a.kind) - ORDER.indexOf(b.kind)).map(({ id }) => id);
  let untold: ClaimAnswer[] = [];
  let done = 0;
  const onAnswer = (answer: ClaimAnswer) => {
    untold.push(answer);
    if (progress({ answers: untold, done: ++done, all: ids.length + 1 })) untold = [];
  };
  const answers = await judgeClaims({ ids, isQuick, seed, onAnswer });
  return { answers, headline: claimsHeadline({ isQuick, seed }) };
}
