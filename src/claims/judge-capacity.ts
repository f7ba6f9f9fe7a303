import { planCapacity } from "../capacity/index.ts";
import { type CapacityOptions, type CapacityPoint, completeCapacity } from "../capacity/problem.ts";
import { estimatedStepNs } from "../capacity/terms.ts";
import { gpuNamed } from "../gpus.ts";
import { Roofline } from "../roofline.ts";
import { simulateDecoding } from "../simulation/index.ts";
import type { DecodingOptions } from "../simulation/plan.ts";
import { figure } from "../words.ts";
import { type ClaimFindings, type ClaimNeed, compared, solve } from "./answer.ts";
import { stated } from "./fact.ts";
import { overSeeds } from "./judge-deadline.ts";
import { CALIBRATED_ON, calibratedLoad, calibratedRun } from "./judge-decoding.ts";
import type { Judges } from "./judges.ts";
import { articleModel, type Laboratory, SEEDS } from "./laboratory.ts";

const GPU = "h100";
const sized = (options: Omit<CapacityOptions, "model">) =>
  planCapacity({ model: "frontier-1.8t", cluster: { gpu: GPU }, ...options });
/** The fewest GPUs, in nodes of 8, that hold a copy of all experts and take tokens to them. */
const GROUP = 64;
/** Sequences of the sources' scenario. */
const SEQUENCES = 128;

/** The same where steps are decoded: their p99 must hold. What a mean step is too long for is not run. */
function simulated(sequences: number, laboratory: Laboratory, seed: number): number {
  const base: CapacityOptions = { model: "frontier-1.8t", cluster: { gpu: GPU }, sequences };
  const problem = completeCapacity(base);
  const estimate = (point: CapacityPoint) => {
    const meanNs = estimatedStepNs(problem, point);
    if (meanNs > problem.sloNs) return meanNs;
    const { gpus, batch, sequence, loadsPerStep } = point;
    const options: DecodingOptions = {
      model: problem.model,
      cluster: { ...problem.cluster, gpus },
      batch,
      sequence,
      cold: { share: loadsPerStep / problem.model.moeLayers.length },
      copies: 1,
      fence: "additive",
      steps: laboratory.isQuick ? 20 : 60,
      seed,
    };
    return simulateDecoding(options, { repetitions: 1, outages: 0 }).report.interTokenLatency.p99Ns.mean;
  };
  return planCapacity({ ...base, estimate }).gpus ?? Number.MAX_VALUE;
}

const fetched = (sequences: number) => sized({ sequences }).gpus ?? Number.MAX_VALUE;

/** The most sequences that so many GPUs bear in groups that hold all experts. */
function sequencesBorne(gpusMax: number): number {
  let [low, high] = [SEQUENCES, 2 ** 20];
  while (high - low > 1) {
    const sequences = Math.floor((low + high) / 2);
    if (sized({ sequences, groupGpus: GROUP, gpusMax }).gpus === null) high = sequences;
    else low = sequences;
  }
  return low;
}

/** GPUs for 1.8T, and how many sequences make them as many as stated. */
function gpus(before: number, after: number, laboratory?: Laboratory): ClaimFindings {
  const resident = sized({ sequences: SEQUENCES, groupGpus: GROUP });
  const disaggregated = sized({ sequences: SEQUENCES });
  const need = (parameter: string, stated: number, value: number, found: number, because: string): ClaimNeed => ({
    parameter,
    unit: "count",
    value,
    gives: { name: "GPUs", unit: "count", stated, found },
    because,
  });
  const sequences = after;
  const borne = sequencesBorne(before);
  const decoded = (count: number) => laboratory && overSeeds(laboratory, (seed) => simulated(count, laboratory, seed));
  const drawn = decoded(SEQUENCES);
  const held = sized({ sequences: SEQUENCES, groupGpus: GROUP, gpusMax: before });
  return {
    ...(laboratory ? { seeds: SEEDS } : {}),
    figures: [
      compared("all experts in every group", "GPUs", before, resident.gpus ?? 0, 0),
      compared("experts fetched", "GPUs", after, drawn ?? disaggregated.gpus ?? 0, 0),
    ],
    arithmetic: [
      `1.8 TB in ${GPU}s of 80 GB, a fifth kept for sequences: ${resident.needs.map(({ name, gpus }) => `${name} ${gpus ?? "never"}`).join(", ")}`,
      `fetched, ${SEQUENCES} sequences: ${disaggregated.needs.map(({ name, gpus }) => `${name} ${gpus ?? "never"}`).join(", ")}`,
      ...(drawn
        ? [
            `decoded ${SEEDS} times, p99 below 40 ms: ${figure(drawn.mean)} GPUs (${figure(drawn.low)} to ${figure(drawn.high)}); where all experts are held nothing is fetched, and nothing drawn`,
          ]
        : []),
    ],
    because: `${held.gpus} GPUs hold all experts, and how many more serve them hangs on the sequences in flight, which nobody states`,
    needs: [
      need(
        "sequences in flight, all experts in every group",
        before,
        borne,
        sized({ sequences: borne, groupGpus: GROUP }).gpus ?? Number.MAX_VALUE,
        `the most that ${before} GPUs bear, in ${figure(before / GROUP)} groups of ${GROUP}; for ${SEQUENCES} one group does`,
      ),
      need(
        "sequences in flight, experts fetched",
        after,
        sequences,
        decoded(sequences)?.mean ?? fetched(sequences),
        "steps bind: a sequence a GPU keeps them below 40 ms, two do not",
      ),
    ],
    curves: [
      {
        title: "GPUs that fetch the experts of 1.8T, by sequences in flight",
        x: "sequences in flight",
        y: "GPUs",
        isLog: true,
        points: [64, 128, 256, 512, 1024, 2048].map((x) => ({ x, y: fetched(x) })),
      },
    ],
  };
}

/** GPU-hours of a million tokens: GPUs times a step's hours over the sequences that step together. */
const gpuHours = (count: number, stepMs: number, sequences: number) => (count * (stepMs / 3.6e6) * 1e6) / sequences;

function hours(laboratory: Laboratory): ClaimFindings {
  const id = "results.gpu-hours";
  const run = calibratedRun(laboratory);
  const rows = (["before", "after"] as const).map((when) => {
    const [count, step, is] = [stated("results.gpus", when), stated("results.p50", when), stated(id, when)];
    const sequences = solve(-is, 1, 1e6, (n) => -gpuHours(count, step, n), true)!;
    return { when, count, step, is, sequences };
  });
  const ratio = (rows[0]!.count * rows[0]!.step) / (rows[1]!.count * rows[1]!.step);
  return {
    seeds: SEEDS,
    calibratedOn: CALIBRATED_ON,
    figures: [
      compared("before, 128 sequences", "GPU-hours", rows[0]!.is, gpuHours(rows[0]!.count, rows[0]!.step, SEQUENCES)),
      compared("after, 128 sequences on 128 GPUs, simulated", "GPU-hours", rows[1]!.is, run.gpuHoursPerMillionTokens),
      compared("ratio at equal sequences", "ratio", rows[0]!.is / rows[1]!.is, ratio, 0.05),
    ],
    arithmetic: rows.map(
      ({ when, count, step, sequences }) => `${when}: ${count} GPUs x ${step} ms over ${figure(sequences)} sequences`,
    ),
    because: "GPU-hours hang on how many sequences step together, and the two figures take different numbers of them",
    needs: rows.map(({ when, count, step, is, sequences }) => ({
      parameter: `sequences in flight, ${when}`,
      unit: "count",
      value: sequences,
      gives: {
        name: "GPU-hours of a million tokens",
        unit: "GPU-hours",
        stated: is,
        found: gpuHours(count, step, sequences),
      },
      because: "128 are stated as the batch, and not of what",
    })),
  };
}

function hbm(laboratory: Laboratory): ClaimFindings {
  const id = "results.hbm-bandwidth";
  const roofline = new Roofline(articleModel(), gpuNamed("r200"));
  const rate = (batch: number, stepMs: number) => roofline.step(batch, 2048).hbmBytes / (stepMs * 1e6) / 1e3;
  const [before, after] = [stated("results.p50", "before"), stated("results.p50", "after")];
  const run = calibratedRun(laboratory);
  const nearest = (want: number, step: number) =>
    [1, 2, 3, 4, 6, 8, 12, 16].reduce((best, batch) =>
      Math.abs(rate(batch, step) - want) < Math.abs(rate(best, step) - want) ? batch : best,
    );
  const toTera = ({ mean, low, high }: typeof run.hbmBytesPerNs) => ({
    mean: mean / 1e3,
    low: low! / 1e3,
    high: high! / 1e3,
  });
  const need = (when: "before" | "after", step: number): ClaimNeed => {
    const want = stated(id, when);
    const batch = nearest(want, step);
    return {
      parameter: `sequences of a GPU, ${when}`,
      unit: "count",
      value: batch,
      gives: { name: "HBM", unit: "TB/s", stated: want, found: rate(batch, step) },
      because: "the nearest whole number: more sequences read more of the experts, up to all of them",
    };
  };
  return {
    seeds: SEEDS,
    calibratedOn: CALIBRATED_ON,
    figures: [
      compared("before, a sequence a GPU", "TB/s", stated(id, "before"), rate(1, before)),
      compared("after, a sequence a GPU, simulated", "TB/s", stated(id, "after"), toTera(run.hbmBytesPerNs)),
    ],
    arithmetic: [
      `a step reads ${figure(roofline.step(1, 2048).hbmBytes / 1e9)} GB for one sequence: ${figure(rate(1, before))} TB/s over 31.2 ms`,
      "fetching writes each expert once more, and serving reads it: it adds to HBM's load, and cannot halve it",
    ],
    because:
      "the fall from 2.1 to 0.9 TB/s is one of sequences a GPU, not of where experts are: at equal batch disaggregation raises it",
    needs: [need("before", before), need("after", after)],
  };
}

function fabric(laboratory: Laboratory): ClaimFindings {
  const id = "results.fabric-bandwidth";
  const run = calibratedRun(laboratory);
  const { paceBytesPerNs, loadNs } = calibratedLoad(laboratory);
  const layers = articleModel().moeLayers.length;
  const bits = 8 * articleModel().expertBytes;
  const gbpsAt = (share: number) =>
    (share * layers * bits) / (stated("results.p50", "before") * 1e6 + share * layers * loadNs);
  const needs = (["before", "after"] as const).map((when): ClaimNeed => {
    const want = stated(id, when);
    const share = solve(want, 1e-3, 1, gbpsAt)!;
    const found = laboratory.decode({ cold: { share }, cluster: { gpus: 8, dpuPaceBytesPerNs: paceBytesPerNs } })
      .fabricGbps.mean;
    return {
      parameter: `loads of a step, ${when}`,
      unit: "count",
      value: share * layers,
      gives: { name: "fabric, simulated", unit: "Gb/s", stated: want, found },
      because:
        when === "after"
          ? `${figure((share * layers) / 14)} times the 14 that are waited for: what is fetched besides, unused`
          : "where experts are resident and nothing is fetched, it can only be activations",
    };
  });
  return {
    seeds: SEEDS,
    calibratedOn: CALIBRATED_ON,
    figures: [compared("after", "Gb/s", stated(id, "after"), run.fabricGbps)],
    arithmetic: [
      `14 x 160 MB x 8 / 33.7 ms = ${figure((14 * bits) / 33.7e6)} Gb/s; simulated ${figure(run.fabricGbps.mean)} Gb/s`,
    ],
    because: "what steps wait for is less than what is stated to be carried",
    needs,
  };
}

export const CAPACITY_JUDGES: Judges = {
  "capacity.gpus": () => gpus(stated("capacity.gpus", "resident"), stated("capacity.gpus", "disaggregated")),
  "results.gpus": (laboratory) => gpus(stated("results.gpus", "before"), stated("results.gpus", "after"), laboratory),
  "results.gpu-hours": hours,
  "results.hbm-bandwidth": hbm,
  "results.fabric-bandwidth": fabric,
};
