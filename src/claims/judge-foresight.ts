import { evaluatePredictors } from "../prediction/evaluate.ts";
import type { DecodingReport } from "../simulation/report.ts";
import { meanInterval } from "../statistics.ts";
import { figure, percent } from "../words.ts";
import { type ClaimFindings, compared, solve } from "./answer.ts";
import { stated } from "./fact.ts";
import type { Judges } from "./judges.ts";
import { type Laboratory, mixedRoutes, SEEDS } from "./laboratory.ts";

/** What a layer takes of the sources' resident step, in µs. */
const LAYER_US = (stated("results.p50", "before") * 1e3) / 56;

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

/** Experts of a layer that a GPU keeps: as many as a token asks for. */
const KEPT = 8;

/** Fetching experts that turn out right with such a share: bytes fetched, and bytes in vain, over bytes used. */
const fetchedOverUsed = (right: number) => 1 / right;
const vainOverUsed = (right: number) => (1 - right) / right;

function waste(laboratory: Laboratory): ClaimFindings {
  const want = stated("prefetch.waste");
  const right = stated("prefetch.decay", "at.1.1");
  const runs = (kept: number) =>
    Array.from({ length: SEEDS }, (_, i) => laboratory.guessed(right, kept, laboratory.seed + i).loads);
  const over = (loads: readonly DecodingReport["loads"][], of: (one: DecodingReport["loads"]) => number) =>
    meanInterval(loads.map(of));
  const usedShare = ({ usedShare }: DecodingReport["loads"]) => usedShare.mean;
  const [bare, keeping] = [runs(0), runs(KEPT)];
  const drawn = over(bare, (one) => 1 / usedShare(one));
  const vain = over(bare, (one) => (1 - usedShare(one)) / usedShare(one));
  const beside = over(keeping, (one) => (1 - usedShare(one)) / usedShare(one));
  const ofAll = over(
    bare,
    ({ bytesPerStep, wastedBytesPerStep: wasted }) => wasted.mean / (bytesPerStep.mean - wasted.mean),
  );
  const reading = (name: string, found: typeof drawn) => ({
    name,
    unit: "ratio",
    found: found.mean,
    fits: compared("", "ratio", want, found).fits,
  });
  const needed = solve(-want, 0.01, 1, (share) => -fetchedOverUsed(share))!;
  const neededVain = solve(-want, 0.01, 1, (share) => -vainOverUsed(share))!;
  return {
    seeds: SEEDS,
    figures: [compared("fetched over used", "ratio", want, drawn)],
    readings: [
      reading("fetched over used", drawn),
      reading("in vain over used", vain),
      reading(`the same, where GPUs keep ${KEPT} experts of a layer`, beside),
      reading("in vain over all that is used, guessed or not", ofAll),
    ],
    verdict: "not reproduced",
    arithmetic: [
      `1 / 0.31 = ${figure(fetchedOverUsed(right))}; (1 - 0.31) / 0.31 = ${figure(vainOverUsed(right))}`,
      `decoded, ${SEEDS} runs: ${figure(drawn.mean)} and ${figure(vain.mean)} (${figure(vain.low)} to ${figure(vain.high)}); of what was fetched ${percent(over(bare, usedShare).mean)} is used, fewer than guesses are right, for some of those are there already`,
      `where GPUs keep ${KEPT} experts of a layer it is ${figure(beside.mean)} in vain: what is foreseen best is what they keep`,
    ],
    because: `with 31% of guesses right, what is fetched is ${figure(drawn.mean)} times what is used of it; what is fetched in vain comes near to 2.1 and is not it`,
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
