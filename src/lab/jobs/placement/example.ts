import { RandomBits } from "../../../index.ts";

/** What is placed where nobody gave a file. */
export interface MadeLoads {
  layers: number;
  experts: number;
  /** Zipf's exponent: 0 makes all experts alike. */
  skew: number;
  seed: number;
}

/** Tokens of a layer that its heaviest expert gets, about. */
const TOKENS = 100_000;
const FOLDS = 2 ** 32;

/**
 * Loads of experts, `[layer][expert]`: Zipf's over ranks that are drawn anew for each layer, each from half to one and a half
 * times that. They are whole tokens, so that hosts whose powers differ in the last bit make the same ones.
 */
export function madeLoads({ layers, experts, skew, seed }: MadeLoads, stream = 0): Float64Array[] {
  const bits = new RandomBits({ batch: 4 * Math.ceil(experts / 2), seed, stream });
  return Array.from({ length: layers }, () => {
    const words = bits.next();
    const ranked = Array.from({ length: experts }, (_, expert) => expert).sort((a, b) => words[a]! - words[b]!);
    const row = new Float64Array(experts);
    ranked.forEach((expert, rank) => {
      row[expert] = Math.round(TOKENS * (rank + 1) ** -skew * (0.5 + words[experts + expert]! / FOLDS));
    });
    return row;
  });
}

/** Loads of which the share `drift` is that of another day. */
export function drifted(made: MadeLoads, drift: number): Float64Array[] {
  const [then, now] = [madeLoads(made), madeLoads(made, 1)];
  return then.map((row, l) => row.map((load, e) => Math.round(load * (1 - drift) + now[l]![e]! * drift)));
}

/** GPUs that ask for an expert. */
const ASKERS = 4;

/** Who asks for whom: each expert's load falls to a few GPUs, of which the first asks for the most. */
export function madeDemand(made: MadeLoads, gpus: number): { groups: number[]; demand: number[] }[] {
  const bits = new RandomBits({ batch: 4, seed: made.seed, stream: 2 });
  return madeLoads(made).flatMap((row) =>
    Array.from(row, (load) => {
      const groups = [...new Set(Array.from(bits.next().slice(0, ASKERS), (word) => word % gpus))];
      return { groups, demand: groups.map((_, i) => Math.round(load / 2 ** (i + 1))) };
    }),
  );
}
