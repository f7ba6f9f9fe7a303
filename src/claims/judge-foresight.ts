import { evaluatePredictors } from "../prediction/evaluate.ts";
import { RouteGenerator } from "../routes/generate.ts";
import { ROUTE_MIX } from "../routes/mix.ts";
import type { Routes } from "../routes/routes.ts";
import { meanInterval } from "../statistics.ts";
import { figure, percent } from "../words.ts";
import { type ClaimFindings, compared, solve } from "./answer.ts";
import { stated } from "./fact.ts";
import type { Judges } from "./judges.ts";
import { type Laboratory, SEEDS } from "./laboratory.ts";

/** What a layer takes of the sources' resident step, in µs. */
const LAYER_US = (stated("results.p50", "before") * 1e3) / 56;

/** Routes of chat and code, of fewer layers than the mix has. */
export function mixedRoutes(isQuick: boolean, seed: number): Routes {
  const generator = new RouteGenerator({ ...ROUTE_MIX, layers: 16 });
  const decodeTokens = isQuick ? 24 : 64;
  return generator.generate({ prompts: 8, prefillTokens: 32, decodeTokens, seed }).routes;
}

function decay(laboratory: Laboratory): ClaimFindings {
  const horizons = [1, 2, 4, 8, 15];
  const runs = Array.from({ length: SEEDS }, (_, i) =>
    evaluatePredictors(mixedRoutes(laboratory.isQuick, laboratory.seed + i), { predictors: ["markov"], horizons }),
  );
  const recalls = horizons.map((horizon) => ({
    horizon,
    recall: meanInterval(runs.map(({ rows }) => rows.find((row) => row.horizon === horizon)!.recall16)),
  }));
  const [near, far] = [stated("prefetch.decay", "at.0.1"), stated("prefetch.decay", "at.1.1")];
  const [from, to] = [stated("prefetch.decay", "at.0.0"), stated("prefetch.decay", "at.1.0")];
  const kept = (i: number) => recalls[i]!.recall.mean / recalls[0]!.recall.mean;
  const timeUs = solve(far / near, 1, 1e5, (us) => Math.exp(-(to - from) / us), true)!;
  return {
    seeds: SEEDS,
    figures: [
      compared("right one layer ahead, top 16", "share", near, recalls[0]!.recall),
      compared("right two layers ahead, top 16", "share", far, recalls[1]!.recall),
    ],
    arithmetic: [
      ...recalls.map(
        ({ horizon, recall }) =>
          `${horizon} layers (${figure(horizon * LAYER_US)} µs) ahead: ${percent(recall.mean)} (${percent(recall.low)} to ${percent(recall.high)})`,
      ),
      `stated: ${percent(far / near)} of it is left ${to - from} µs later; here ${percent(kept(1))} a layer later, ${percent(kept(4))} after 14`,
    ],
    because:
      "180 and 600 µs lie within one or two layers of 557 µs, and over so few layers a table of successors forgets little",
    needs: [
      {
        parameter: "time constant at which foresight fades",
        unit: "µs",
        value: timeUs,
        gives: { name: "right at 600 µs", unit: "share", stated: far, found: near * Math.exp(-(to - from) / timeUs) },
        because: `routers would have to forget most of what they knew within ${figure(timeUs / LAYER_US)} layers; over the layers that there are they keep ${percent(kept(4))}`,
      },
      {
        parameter: "layers after which so little is left",
        unit: "count",
        value: recalls.find((_, i) => kept(i) <= far / near)?.horizon ?? null,
        gives: { name: "of it left after 14 more layers", unit: "share", stated: far / near, found: kept(4) },
        because:
          "of the distances tried, up to all layers, the least at which the stated share is left, if there is one",
      },
    ],
    curves: [
      {
        title: "How far ahead experts are foreseen (a table of successors, top 16)",
        x: "layers ahead",
        y: "share foreseen",
        isLog: false,
        points: recalls.map(({ horizon, recall }) => ({ x: horizon, y: recall.mean })),
      },
    ],
  };
}

/** Fetching experts that turn out right with such a share: bytes fetched, and bytes in vain, over bytes used. */
const fetchedOverUsed = (right: number) => 1 / right;
const vainOverUsed = (right: number) => (1 - right) / right;

function waste(laboratory: Laboratory): ClaimFindings {
  const want = stated("prefetch.waste");
  const right = stated("prefetch.decay", "at.1.1");
  // Drawn: each guess right with that share, a thousand experts fetched a run.
  const runs = Array.from({ length: SEEDS }, (_, i) =>
    laboratory.guesses(right, laboratory.isQuick ? 4000 : 16_000, laboratory.seed + i),
  );
  const drawn = meanInterval(runs.map(({ fetched, used }) => fetched / used));
  const vain = meanInterval(runs.map(({ fetched, used }) => (fetched - used) / used));
  const needed = solve(-want, 0.01, 1, (share) => -fetchedOverUsed(share))!;
  const neededVain = solve(-want, 0.01, 1, (share) => -vainOverUsed(share))!;
  return {
    seeds: SEEDS,
    figures: [compared("fetched over used", "ratio", want, drawn)],
    readings: [
      { name: "fetched over used", unit: "ratio", found: drawn.mean, fits: compared("", "ratio", want, drawn).fits },
      { name: "in vain over used", unit: "ratio", found: vain.mean, fits: compared("", "ratio", want, vain).fits },
    ],
    verdict: "not reproduced",
    arithmetic: [
      `1 / 0.31 = ${figure(fetchedOverUsed(right))}; (1 - 0.31) / 0.31 = ${figure(vainOverUsed(right))}`,
      `drawn, ${SEEDS} runs: ${figure(drawn.mean)} and ${figure(vain.mean)} (${figure(vain.low)} to ${figure(vain.high)})`,
    ],
    because:
      "with 31% of guesses right, what is fetched is 3.2 times what is used; what is fetched in vain comes near to 2.1 and is not it",
    calibratedOn: ["prefetch.decay"],
    needs: [
      {
        parameter: "guesses that are right, if 2.1 is fetched over used",
        unit: "share",
        value: needed,
        gives: { name: "fetched over used", unit: "ratio", stated: want, found: fetchedOverUsed(needed) },
        because: "between the two accuracies that are stated, at neither",
      },
      {
        parameter: "guesses that are right, if 2.1 is in vain over used",
        unit: "share",
        value: neededVain,
        gives: { name: "in vain over used", unit: "ratio", stated: want, found: vainOverUsed(neededVain) },
        because: "a point above the 31% stated: the likeliest definition",
      },
    ],
  };
}

export const FORESIGHT_JUDGES: Judges = {
  "prefetch.decay": decay,
  "prefetch.waste": waste,
};
