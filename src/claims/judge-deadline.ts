import { checkSchedulability } from "../budget/index.ts";
import { exactMissShare, fixedNs, loadPhases, TraversalTable } from "../budget/load.ts";
import { completeScenario } from "../budget/scenario.ts";
import { opticsNamed } from "../optics/index.ts";
import { meanInterval, shareInterval } from "../statistics.ts";
import { figure, percent } from "../words.ts";
import { type ClaimCurve, type ClaimFindings, type ClaimNeed, compared, solve } from "./answer.ts";
import { stated } from "./fact.ts";
import type { Judges } from "./judges.ts";
import { changedOptics, type Laboratory, SEEDS } from "./laboratory.ts";

const DEADLINE_NS = () => stated("sla.slo", "deadline") * 1e3;

/** P(miss) of the sources' load, at a slack behind its median and of frames that stall with such a probability. */
export function stalledMissShare(slackNs: number, probability: number, optics = "dsp-800g"): number {
  const bare = completeScenario({ optics });
  const { path, pair } = new TraversalTable().of(bare.fabric);
  const phases = loadPhases(bare, path);
  const deadlineNs = fixedNs(bare, phases) + 2 * path.quantileNs(0.5) + slackNs;
  return exactMissShare({ ...bare, objective: { ...bare.objective, deadlineNs } }, pair, phases, probability);
}

/** The stall probability of a frame at which that share of loads is late, against the slack that a load leaves of its deadline. */
export function stallsThatMiss(share: number, slacksUs: readonly number[]): { x: number; y: number }[] {
  return slacksUs.flatMap((us) => {
    const probability = solve(share, 1e-9, 0.5, (p) => stalledMissShare(us * 1e3, p), true, 2e-5);
    return probability === null ? [] : [{ x: us, y: probability }];
  });
}

function missTable(laboratory: Laboratory): ClaimFindings {
  const draws = laboratory.isQuick ? 100_000 : 1_000_000;
  const rows = (["dsp", "cpo"] as const).map((family) => {
    const runs = Array.from({ length: SEEDS }, (_, i) =>
      checkSchedulability({ optics: `${family}-800g` }, { draws, seed: laboratory.seed + i }),
    );
    const misses = runs.reduce((sum, { miss }) => sum + miss.sampled.misses, 0);
    const { share, low, high } = shareInterval(misses, SEEDS * draws);
    const figureOf = compared(family, "share", stated("miss.table", family), { mean: share, low, high });
    return { family, figure: figureOf, verdict: runs[0]! };
  });
  const share = stated("miss.table", "dsp");
  const slackUs = (DEADLINE_NS() - rows[0]!.verdict.load.totalNs) / 1e3;
  const slacks = laboratory.isQuick ? [2, 8, slackUs] : [1, 2, 4, 8, 16, 32, slackUs];
  const points = stallsThatMiss(share, slacks);
  const at = points.at(-1)!.y;
  const curve: ClaimCurve = {
    title: `Stalled frames at which ${percent(share)} of loads over retimed optics are late`,
    x: "slack that a load leaves of its deadline, µs",
    y: "probability that a frame stalls",
    isLog: true,
    points,
  };
  return {
    seeds: SEEDS,
    figures: rows.map((row) => row.figure),
    arithmetic: rows.map(
      ({ family, figure: { found, interval }, verdict }) =>
        `${family}: ${percent(found)} (at most ${percent(interval![1])}) of ${figure(SEEDS * draws)} loads are late; by convolution ${percent(verdict.miss.exact)}; a load takes ${figure(verdict.load.totalNs / 1e3)} µs`,
    ),
    because:
      "over any of these optics a load on an idle fabric leaves tens of µs, and nothing stated of their latency is that long: only faults or queues make loads late, and nobody states how often there are any",
    needs: [
      {
        parameter: "probability that a 9,000-byte frame stalls, retimed optics",
        unit: "share",
        value: at,
        gives: { name: "late", unit: "share", stated: share, found: stalledMissShare(slackUs * 1e3, at) },
        because: `at the slack of ${figure(slackUs)} µs that the sources' own phases leave; the curve tells it at others`,
      },
      coPackagedMiss(),
      linearMiss(rows[1]!.verdict.objective.missShareMax),
    ],
    curves: [curve],
  };
}

/** The slack at which so few co-packaged loads are late. */
function coPackagedMiss(): ClaimNeed {
  const share = stated("miss.table", "cpo");
  const slackNs = solve(-share, 0.1, 1e4, (ns) => -stalledMissShare(ns, 0, "cpo-800g"), true);
  return {
    parameter: "slack that a load over co-packaged optics leaves",
    unit: "ns",
    value: slackNs,
    gives:
      slackNs === null
        ? null
        : { name: "late", unit: "share", stated: share, found: stalledMissShare(slackNs, 0, "cpo-800g") },
    because: "the tail of two traversals is that short; at the slack there is, no load is late",
  };
}

function linearMiss(missShareMax: number): ClaimNeed {
  const { retrain } = checkSchedulability({ optics: "lpo-800g" }, { draws: 1000 });
  const rate = retrain!.ratePerLinkHourMax!;
  const { retrain: outage } = opticsNamed("lpo-800g").profile;
  const again = checkSchedulability(
    { optics: changedOptics("lpo-800g", { retrain: { ...outage!, ratePerLinkHour: rate } }) },
    { draws: 1000 },
  );
  return {
    parameter: "outages of a link, above",
    unit: "an hour",
    value: rate,
    gives: {
      name: "late for outages",
      unit: "share",
      stated: missShareMax,
      found: again.retrain!.missesPerMillionLoads! / 1e6,
    },
    because: "so often would linear links have to train again to use up the 1% that may be late",
  };
}

/** The mean and p99 of loads by a CPU, of which outages of a link hold some: a closed form. */
export function reactiveGap(outagesPerUs: number, loadUs: number, outage: readonly [number, number]) {
  const lengths = Array.from({ length: 400 }, (_, i) => outage[0] + ((i + 0.5) / 400) * (outage[1] - outage[0]));
  const mean = (of: (us: number) => number) => lengths.reduce((sum, us) => sum + of(us), 0) / lengths.length;
  // One that begins while the load is under way holds it for its whole length, one that began before for what is left of it.
  const beyond = (us: number) => outagesPerUs * mean((length) => (length > us ? loadUs + length - us : 0));
  const meanUs = loadUs + outagesPerUs * mean((length) => length * loadUs + length ** 2 / 2);
  const delay = solve(-0.01, 0, outage[1], (us) => -beyond(us));
  return { meanUs, p99Us: loadUs + (delay ?? 0) };
}

export const DEADLINE_JUDGES: Judges = {
  "miss.table": missTable,
  "sla.token-budget": () => {
    const [tokens, step] = [256, 35e3]; // as the statement says in words
    const perToken = step / tokens;
    return {
      figures: [compared("35 ms over 256 tokens", "µs", stated("sla.token-budget"), perToken)],
      verdict: "does not follow",
      arithmetic: [`${step} µs / ${tokens} = ${figure(perToken)} µs`, "35 ms is a time per output token already"],
      because: "the time per output token is each token's own: dividing it by tokens again has no meaning",
      needs: [
        {
          parameter: "what 35 ms are the time of",
          unit: "tokens",
          value: tokens,
          gives: { name: "a token", unit: "µs", stated: stated("sla.token-budget"), found: perToken },
          because: "all 256 tokens one after the other, so that 35 ms would be the whole answer's time",
        },
      ],
    };
  },
  "sla.per-hop": (laboratory) => {
    const { sla, objective, fabric } = laboratory.verdict("cpo-800g");
    const total = sla.perHopNs * fabric.hops + objective.localNs;
    return {
      figures: [
        compared("a hop", "µs", stated("sla.per-hop", "perHop"), sla.perHopNs / 1e3),
        compared("in all", "µs", stated("sla.per-hop", "total"), total / 1e3),
      ],
      arithmetic: [`(180 - ${objective.localNs / 1e3}) / ${fabric.hops} = ${figure(sla.perHopNs / 1e3)} µs`],
      because: "with the 60 µs of what is local outside it; without, a hop would have 60 µs",
    };
  },
  "sla.data-phase": (laboratory) => {
    const { transfer } = laboratory.verdict("cpo-800g");
    const us = stated("sla.data-phase");
    const bytes = stated("sla.data-phase", "bytes");
    return {
      figures: [compared("160 MB over a port", "µs", us, transfer.onePortNs / 1e3)],
      arithmetic: [
        `${figure(bytes)} bytes / 100 bytes/ns = ${figure(transfer.onePortNs / 1e3)} µs over one port at line rate`,
        ...transfer.ingress.map(({ name, ns }) => `a GPU that takes in ${name}: ${figure(ns / 1e3)} µs`),
      ],
      because: "one 800G port takes more than ten times as long: the figure is that of many ports side by side",
      needs: transfer.portsForDataLimit.map(({ goodputShare, ports, because }) => ({
        parameter: "ports of 800 Gb/s side by side",
        unit: "count",
        value: ports,
        gives: {
          name: "160 MB, at the most",
          unit: "µs",
          stated: us,
          found: bytes / (ports * 100 * goodputShare) / 1e3,
        },
        because: `at ${percent(goodputShare)} goodput: ${because}; and a GPU that takes in as much`,
      })),
    };
  },
  "optics.retrain-miss": () => {
    const { retrain } = opticsNamed("lpo-800g").profile;
    const [low, high] = [retrain!.lowNs / DEADLINE_NS(), retrain!.highNs / DEADLINE_NS()];
    return {
      figures: [
        { ...compared("outage over deadline", "ratio", stated("optics.retrain-miss"), high), interval: [low, high] },
      ],
      arithmetic: [`1 to 2 ms / 180 µs = ${figure(low)} to ${figure(high)}`],
      because: "ten times is the upper half of that range; the mean is 8",
    };
  },
  "tpot.headroom": () => {
    const left = stated("tpot.mixtral", "sla") - stated("tpot.mixtral", "cpo.p99");
    return {
      figures: [compared("left of 40 ms", "ms", stated("tpot.headroom"), left)],
      arithmetic: [`40 - 35.2 = ${figure(left)} ms`],
      because: "a difference of two stated figures, and as good as they are",
    };
  },
  "timeline.shift": (laboratory) => {
    const at = (us: number) => laboratory.decode({ fabric: { postNs: us * 1e3 } });
    const [late, onTime] = [stated("timeline.shift", "late"), stated("timeline.shift", "onTime")];
    const [before, after] = [at(onTime), at(late)];
    const loads = before.loads.askedPerStep.mean;
    const shiftUs = (after.interTokenLatency.meanNs.mean - before.interTokenLatency.meanNs.mean) / 1e3;
    const spread = (report: typeof before) =>
      (report.interTokenLatency.meanNs.high! - report.interTokenLatency.meanNs.low!) / 2e3;
    const error = (spread(before) + spread(after)) / loads;
    const each = shiftUs / loads;
    return {
      seeds: SEEDS,
      figures: [
        compared("a token's shift, a cold load", "µs", late - onTime, {
          mean: each,
          low: each - error,
          high: each + error,
        }),
      ],
      arithmetic: [
        `steps are ${figure(shiftUs)} µs longer, with ${figure(loads)} cold loads each: ${figure(each)} µs a load`,
      ],
      because:
        "a layer that waits for its load is as late as the load, and all after it with it, wherever the load is not hidden",
    };
  },
};

/** A mean over seeds with its interval. */
export const overSeeds = (laboratory: Laboratory, of: (seed: number) => number) =>
  meanInterval(Array.from({ length: SEEDS }, (_, i) => of(laboratory.seed + i)));
