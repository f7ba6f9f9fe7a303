import { gpusWithin } from "../cluster/index.ts";
import { opticsNamed, opticsOf } from "../optics/index.ts";
import { exactPath } from "../path.ts";
import { figure, percent } from "../words.ts";
import { type ClaimFindings, compared, solve } from "./answer.ts";
import { FACTS, stated } from "./fact.ts";
import type { Judges } from "./judges.ts";
import type { Laboratory } from "./laboratory.ts";

const nameOf = (family: string) => (family === "pcb" ? "pcb" : `${family}-800g`);

function verdicts(laboratory: Laboratory): ClaimFindings {
  const table = FACTS.find(({ id }) => id === "verdict.table")!.values;
  const rows = Object.entries(table).map(([family, works]) => {
    const { schedulable, terms } = laboratory.verdict(nameOf(family));
    return { family, works: Number(works), schedulable, failed: terms.filter(({ holds }) => holds === false) };
  });
  return {
    figures: rows.map(({ family, works, schedulable }) =>
      compared(`${family} works`, "0 or 1", works, Number(schedulable)),
    ),
    arithmetic: rows.map(
      ({ family, schedulable, failed }) =>
        `${family}: ${schedulable ? "every term holds" : failed.map(({ name, value, limit }) => `${name} ${figure(value!)} over ${figure(limit)}`).join(", ")}`,
    ),
    because:
      "the four verdicts are those of the terms, but what fails retimed and linear optics is the 5% rule on jitter alone: none of their loads is late on an idle fabric",
  };
}

/** Hops at which bodies in step stay within the share of the command phase, as the sources must have counted. */
function radius(laboratory: Laboratory): ClaimFindings {
  const limitNs = stated("rule.five-percent") * stated("sla.phases", "command") * 1e3;
  const families = ["dsp", "lpo", "cpo"];
  const rows = families.map((family) => {
    const { bodyJitter3SigmaNs } = opticsNamed(nameOf(family)).profile;
    const byBody = Math.min(3, Math.floor(limitNs / bodyJitter3SigmaNs));
    return { family, byBody, byWhole: laboratory.verdict(nameOf(family)).radiusHops, bodyJitter3SigmaNs };
  });
  return {
    figures: rows.map(({ family, byBody }) =>
      compared(`${family}, by its body`, "hops", stated("placer.hop-radius", family), byBody, 0),
    ),
    readings: rows.flatMap(({ family, byBody, byWhole }) => [
      {
        name: `${family}, by its body`,
        unit: "hops",
        found: byBody,
        fits: byBody === stated("placer.hop-radius", family),
      },
      {
        name: `${family}, by the whole verdict`,
        unit: "hops",
        found: byWhole,
        fits: byWhole === stated("placer.hop-radius", family),
      },
    ]),
    arithmetic: rows.map(
      ({ family, byBody, bodyJitter3SigmaNs }) =>
        `${family}: ${figure(limitNs)} ns / ${bodyJitter3SigmaNs} ns a hop, 3 at the most = ${byBody}`,
    ),
    because: "retimed optics reach farther than 1 hop by their body's jitter and by the whole distribution's alike",
    needs: [
      {
        parameter: "3 sigma of a retimed hop, above",
        unit: "ns",
        value: limitNs / 2,
        gives: {
          name: "radius",
          unit: "hops",
          stated: stated("placer.hop-radius", "dsp"),
          found: Math.floor(limitNs / (limitNs / 2 + 1e-6)),
        },
        because: "two hops then exceed 5% of the command phase; stated are 84 ns",
      },
    ],
  };
}

function flexibility(): ClaimFindings {
  const want = stated("placer.flexibility");
  const within = (gpus: number, hops: number) => gpusWithin({ gpus, gpusPerNode: 8, gpusPerPod: gpus }, hops);
  const sizes = [64, 72, 128, 288, 2048];
  return {
    figures: [compared("GPUs within 3 hops over 1, of 128", "ratio", want, within(128, 3) / within(128, 1))],
    readings: sizes.map((gpus) => ({
      name: `${gpus} GPUs in nodes of 8`,
      unit: "ratio",
      found: within(gpus, 3) / within(gpus, 1),
      fits: within(gpus, 3) / within(gpus, 1) === want,
    })),
    arithmetic: [
      "(3 / 1)^2 = 9 holds of places on a plane; GPUs hang in a tree",
      ...sizes.map((gpus) => `${gpus} GPUs: ${within(gpus, 3)} within 3 hops over ${within(gpus, 1)} within 1`),
    ],
    because:
      "a square of the radius does not count GPUs of a tree: how many come within reach hangs on how nodes are filled",
    needs: [
      {
        parameter: "GPUs in nodes of 8",
        unit: "count",
        value: want * 8,
        gives: { name: "gain", unit: "ratio", stated: want, found: within(want * 8, 3) / within(want * 8, 1) },
        because: "nine nodes in all",
      },
    ],
  };
}

/** The share of the command phase that a path's 3 sigma may take before 1% of loads are late on an idle fabric. */
function fivePercent(laboratory: Laboratory): ClaimFindings {
  const rule = stated("rule.five-percent");
  const { load } = laboratory.verdict("cpo-800g");
  const deadlineNs = stated("sla.slo", "deadline") * 1e3;
  const allowed = 1 - stated("sla.slo", "share");
  const slackNs = deadlineNs - load.totalNs;
  const commandNs = stated("sla.phases", "command") * 1e3;
  // The tail is as long as the body is wide: the co-packaged hop's own ratio of the two.
  const { medianNs, p99Ns, bodyJitter3SigmaNs } = opticsNamed("cpo-800g").profile;
  const lateNs = (jitterNs: number) => {
    const { hop } = opticsOf({
      ...opticsNamed("cpo-800g").profile,
      bodyJitter3SigmaNs: jitterNs,
      medianNs: 1e6, // so that no body is cut at half the median: what counts is how far it spreads
      p99Ns: 1e6 + ((p99Ns - medianNs) / bodyJitter3SigmaNs) * jitterNs,
    });
    return 6 * (hop.quantileNs(allowed) - 1e6); // doorbell and completion, in step: no more than that
  };
  const jitterNs = solve(slackNs, 1, 1e5, lateNs, true)!;
  const share = (3 * jitterNs) / commandNs;
  const path = exactPath({ hops: [opticsNamed("lpo-800g").hop], correlation: 1 });
  return {
    figures: [compared("share of the command phase at which 1% of loads are late", "share", rule, share)],
    arithmetic: [
      `a load takes ${figure(load.totalNs / 1e3)} of ${figure(deadlineNs / 1e3)} µs, which leaves ${figure(slackNs / 1e3)} µs for jitter`,
      `1% of loads use it up where a hop's 3 sigma is ${figure(jitterNs)} ns: ${percent(share)} of the command phase over 3 hops`,
      `the noisiest built-in hop, linear, is at ${figure(path.quantileNs(allowed))} ns at its p99 with pipeline and SERDES`,
    ],
    because:
      "nothing in the deadline makes 5% a limit: a rule of thumb, stricter than what the deadline asks for by a factor of tens",
    needs: [
      {
        parameter: "slack that a load leaves of its deadline",
        unit: "µs",
        value: lateNs((rule * commandNs) / 3) / 1e3,
        gives: {
          name: "share at which 1% are late",
          unit: "share",
          stated: rule,
          found: (3 * solve(lateNs((rule * commandNs) / 3), 1, 1e5, lateNs, true)!) / commandNs,
        },
        because: "so little slack would make 5% the limit",
      },
    ],
  };
}

export const VERDICT_JUDGES: Judges = {
  "verdict.table": verdicts,
  "placer.hop-radius": radius,
  "placer.flexibility": flexibility,
  "rule.five-percent": fivePercent,
};
