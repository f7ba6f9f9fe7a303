import type { ModelShape } from "../models/shape.ts";
import { RandomBits } from "../random.ts";
import { NO_EXPERT, type Routes } from "../routes/routes.ts";

/** What ranks are asked for in layers that were drawn. */
export interface RankSamples {
  /** The mean over layers of what the slowest rank takes: so many distinct experts, and rows of tokens. */
  meanOfSlowest(gemmNs: (distinct: number, rows: number) => number): number;
  /** The busiest rank's rows over the mean, in the mean over layers. */
  imbalance: number;
}

/**
 * Draws layers: `tokens` choose experts, as tokens of `routes` do or alike and apart, which lie on ranks in equal parts. Where there
 * are more ranks than experts, each is held several times, and its tokens take the copies in turn.
 */
export function sampleRanks(
  { experts, expertsPerToken }: ModelShape,
  options: { tokens: number; ranks: number; samples: number; seed: number; routes: Routes | null },
): RankSamples {
  const { tokens, ranks, samples, seed, routes } = options;
  const next = wordsOf(seed);
  const copies = Math.ceil(ranks / experts);
  const slots = experts * copies;
  const rows = new Float64Array(samples * ranks);
  const distinct = new Float64Array(samples * ranks);
  const asked = new Uint8Array(slots);
  const order = Uint16Array.from({ length: experts }, (_, expert) => expert);
  for (let sample = 0; sample < samples; sample++) {
    asked.fill(0);
    const layer = routes ? below(next, routes.layers) : 0;
    const give = (expert: number, token: number) => {
      const slot = expert * copies + (token % copies);
      const rank = sample * ranks + Math.floor((slot * ranks) / slots);
      rows[rank]!++;
      if (asked[slot]) return;
      asked[slot] = 1;
      distinct[rank]!++;
    };
    for (let token = 0; token < tokens; token++) {
      const row = routes ? (below(next, routes.tokens) * routes.layers + layer) * routes.k : 0;
      for (let i = 0; i < (routes ? routes.k : expertsPerToken); i++) {
        if (routes) {
          if (routes.chosen[row + i] !== NO_EXPERT) give(routes.chosen[row + i]!, token);
          continue;
        }
        // The first places of a shuffle, which goes on from the one before.
        const from = i + below(next, experts - i);
        [order[i], order[from]] = [order[from]!, order[i]!];
        give(order[i]!, token);
      }
    }
  }
  const over = (of: (first: number) => number) =>
    Array.from({ length: samples }, (_, sample) => of(sample * ranks)).reduce((a, b) => a + b, 0) / samples;
  const mostOf = (first: number, of: (rank: number) => number) => {
    let most = 0;
    for (let rank = first; rank < first + ranks; rank++) most = Math.max(most, of(rank));
    return most;
  };
  return {
    meanOfSlowest: (gemmNs) => over((first) => mostOf(first, (rank) => gemmNs(distinct[rank]!, rows[rank]!))),
    imbalance: over((first) => {
      const all = rows.subarray(first, first + ranks).reduce((a, b) => a + b, 0);
      return all > 0 ? (mostOf(first, (rank) => rows[rank]!) * ranks) / all : 1;
    }),
  };
}

/** Words one by one. */
function wordsOf(seed: number): () => number {
  const random = new RandomBits({ seed });
  let words = random.next();
  let used = 0;
  return () => {
    if (used === words.length) {
      words = random.next();
      used = 0;
    }
    return words[used++]!;
  };
}

/** A whole number below `count`, alike but for 1 in 2^32 / count. */
function below(next: () => number, count: number): number {
  return Math.floor((next() / 2 ** 32) * count);
}
