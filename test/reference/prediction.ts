import type { Routes } from "../../src/routes/routes.ts";

// Markov's rule again, from the whole past at each prediction: nothing is counted ahead of time, so nothing can be counted too early.

/** What each expert scores in `layer` of `token`, when what is seen ends `horizon` layers before. */
export function markovScores(routes: Routes, token: number, layer: number, horizon: number): number[] {
  const { layers, experts, k } = routes;
  const chosenOf = (t: number, l: number) =>
    [...routes.chosen.subarray((t * layers + l) * k, (t * layers + l + 1) * k)].filter((expert) => expert !== 0xffff);
  const before = Array.from({ length: token }, (_, t) => t).filter((t) => chosenOf(t, layer).length > 0);
  const share = (tokens: readonly number[], expert: number) =>
    tokens.filter((t) => chosenOf(t, layer).includes(expert)).length;
  const all = Array.from({ length: experts }, (_, expert) => expert);
  const popularity = all.map((expert) => (before.length === 0 ? k / experts : share(before, expert) / before.length));
  const from = layer < horizon ? [] : chosenOf(token, layer - horizon);
  if (from.length === 0) return popularity;
  return all.map((expert) => {
    const rows = from.map((i) => {
      const tokens = before.filter((t) => chosenOf(t, layer - horizon).includes(i));
      return (share(tokens, expert) + 2 * popularity[expert]!) / (tokens.length + 2);
    });
    return rows.reduce((sum, row) => sum + row, 0) / rows.length;
  });
}
