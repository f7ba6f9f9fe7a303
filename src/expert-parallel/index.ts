import { loadPhases } from "../budget/load.ts";
import { completeScenario, pathOf } from "../budget/scenario.ts";
import { checkKeys, checkWhole } from "../check.ts";
import { expertSlots, fabricOf } from "../cluster/index.ts";
import type { CommTable } from "../formats/comm.ts";
import { exactPath } from "../path.ts";
import { type DecodingOptions, type DecodingPlan, planDecoding } from "../simulation/plan.ts";
import { type CommTimes, commTimesFor } from "./comm.ts";
import { COMM_TABLES } from "./measured.ts";
import { sampleRanks } from "./ranks.ts";

export { type CommTimes, commTimesFor } from "./comm.ts";
export { COMM_TABLES } from "./measured.ts";

/** Tokens that travel to their experts, beside weights that travel to tokens. */
export interface ExpertParallelOptions {
  /** Model, cluster, batch, gaps, what is cold; those of `simulateDecoding`. */
  decoding?: DecodingOptions;
  /** GPUs that hold all experts together; a node, or as many nodes as it takes, unless given. */
  ranks?: number;
  /** Measured times; `COMM_TABLES` unless given. */
  times?: readonly CommTable[];
  /** Sequences of a GPU to compare at, ascending. */
  batches?: readonly number[];
  /** Layers whose routes are drawn for each batch; 32 unless given. */
  samples?: number;
}

/** A step of a GPU either way. */
export interface ParallelPoint {
  batch: number;
  /** With all weights there. */
  residentNs: number;
  /** Tokens travel: r + gap + dispatch + the slowest rank's experts + combine, layer by layer. */
  tokensNs: number;
  /** Weights travel: the least they take, as if no load waited for another GPU's. */
  weightsNs: number;
  /** Of a layer. */
  dispatchNs: number;
  combineNs: number;
  slowestRankNs: number;
  /** The slowest rank's rows over the mean. */
  imbalance: number;
}

/** The GPUs that would hold all experts together have no room for them. */
export interface ExpertParallelNoRoom {
  status: "infeasible";
  model: string;
  /** GPUs that there are for it. */
  ranks: number;
  /** Experts that fit into these, and experts that there are. */
  room: number;
  experts: number;
  /** In a sentence. */
  because: string;
}

export interface ExpertParallelReport {
  status: "feasible";
  model: string;
  ranks: number;
  /** Whose times: the same shape, or the nearest one's at as many bytes. */
  times: CommTimes["source"];
  /** At the batch that was asked for, and at others. */
  at: ParallelPoint;
  points: ParallelPoint[];
  /** Batches from which on the other way is faster, up to the largest that was looked at. */
  crossings: { batch: number; faster: "tokens" | "weights" }[];
  /** Which is faster at the smallest batch. */
  first: "tokens" | "weights";
  notes: string[];
}

const BATCHES = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512];

/**
 * Steps when tokens travel, and when weights do, by batch; and the batch from which tokens are faster. Where the ranks have no room
 * for all experts, that is the answer.
 */
export function compareExpertParallel(
  options: ExpertParallelOptions = {},
): ExpertParallelReport | ExpertParallelNoRoom {
  checkKeys("options", options, ["decoding", "ranks", "times", "batches", "samples"]);
  const { decoding = {}, batches = BATCHES, samples = 32, times: tables = COMM_TABLES } = options;
  const plan = planDecoding(decoding);
  const { model, cluster } = plan;
  const ranks = options.ranks ?? ranksFor(plan);
  checkWhole("ranks", ranks, 1, cluster.gpus);
  checkWhole("samples", samples, 1, 1e5);
  batches.forEach((batch, i) => {
    checkWhole("batches", batch, i === 0 ? 1 : batches[i - 1]! + 1, 2 ** 14);
  });
  const [room, experts] = [expertSlots(cluster, model) * ranks, model.moeLayers.length * model.experts];
  if (room < experts) {
    const because = `${ranks} GPUs have room for ${room} of ${experts} experts of ${model.name}`;
    return { status: "infeasible", model: model.name, ranks, room, experts, because };
  }
  const comm = commTimesFor(tables, cluster.gpu.name, model, Math.ceil(ranks / cluster.gpusPerNode));
  const seed = decoding.seed ?? 1;
  const pointAt = pointsOf(plan, { ranks, comm, samples, seed });
  const points = batches.map(pointAt);
  const faster = ({ tokensNs, weightsNs }: ParallelPoint) => (tokensNs < weightsNs ? "tokens" : "weights");
  const crossings = points.slice(1).flatMap((point, i) => {
    if (faster(point) === faster(points[i]!)) return [];
    let [low, high] = [points[i]!.batch, point.batch];
    while (high - low > 1) {
      const middle = Math.floor((low + high) / 2);
      if (faster(pointAt(middle)) === faster(point)) high = middle;
      else low = middle;
    }
    return [{ batch: high, faster: faster(point) }] as ExpertParallelReport["crossings"];
  });
  const first = faster(points[0]!);
  return {
    status: "feasible",
    model: model.name,
    ranks,
    times: comm.source,
    at: pointAt(plan.batch),
    points,
    crossings,
    first,
    notes: notesOf(plan, ranks, comm, batches.at(-1)!),
  };
}

/** Nodes that hold all experts, in GPUs. */
function ranksFor({ model, cluster }: DecodingPlan): number {
  const { gpusPerNode, gpus } = cluster;
  const nodes = Math.ceil(
    (model.moeLayers.length * model.experts) / Math.max(1, expertSlots(cluster, model)) / gpusPerNode,
  );
  return Math.min(gpus, nodes * gpusPerNode);
}

function notesOf({ cluster }: DecodingPlan, ranks: number, comm: CommTimes, batch: number): string[] {
  const notes: string[] = [];
  const { source } = comm;
  if (!source.isSameGpu) notes.push(`no times of ${cluster.gpu.name} are known: those of ${source.system} stand in`);
  if (!source.isSameShape)
    notes.push(
      `times are those of ${source.hidden} x ${source.expertsPerToken} of ${source.experts}, at as many bytes a token`,
    );
  const nodes = Math.ceil(ranks / cluster.gpusPerNode);
  const further = `, and ${ranks} GPUs are ${nodesWords(nodes)}: both take longer, by how much these times do not tell`;
  notes.push(
    `dispatch and combine are means, measured on ${nodesWords(source.nodes)}${nodes > source.nodes ? further : ""}`,
  );
  if (batch > comm.mostTokens)
    notes.push(`beyond ${Math.floor(comm.mostTokens)} tokens a GPU times go on as they did before`);
  return notes;
}

const nodesWords = (nodes: number) => (nodes === 1 ? "one node" : `${nodes} nodes`);

/** How a step is worked out at any batch. */
function pointsOf(
  plan: DecodingPlan,
  { ranks, comm, samples, seed }: { ranks: number; comm: CommTimes; samples: number; seed: number },
): (batch: number) => ParallelPoint {
  const { model, roofline, sequence, engine } = plan;
  const layers = model.moeLayers.length;
  const { gapNs } = engine;
  // What is given for a step scales all of it alike.
  const scale = (plan.residentStepNs - layers * gapNs) / roofline.step(plan.batch, sequence).totalNs;
  const gemmNs = (distinct: number, rows: number) => scale * roofline.gemmNs(distinct, rows);
  const weights = weightsOf(plan, gemmNs);
  const routes = "routes" in plan.cold ? plan.cold.routes : null;
  const known = new Map<number, ParallelPoint>();
  const at = (batch: number): ParallelPoint => {
    const step = roofline.step(batch, sequence);
    const otherNs = scale * (step.totalNs - step.gemmNs);
    const drawn = sampleRanks(model, { tokens: batch * ranks, ranks, samples, seed, routes });
    const slowestRankNs = drawn.meanOfSlowest(gemmNs);
    const { dispatchNs, combineNs } = comm.at(batch);
    return {
      batch,
      residentNs: otherNs + layers * (gapNs + gemmNs(step.distinctExperts, batch * model.expertsPerToken)),
      tokensNs: otherNs + layers * (gapNs + dispatchNs + slowestRankNs + combineNs),
      weightsNs: otherNs + layers * weights(step.distinctExperts, batch * model.expertsPerToken),
      dispatchNs,
      combineNs,
      slowestRankNs,
      imbalance: drawn.imbalance,
    };
  };
  return (batch) => {
    const point = known.get(batch) ?? at(batch);
    known.set(batch, point);
    return point;
  };
}

/**
 * A layer's mean from router to end when weights travel and nothing is shared with other GPUs. Each expert is asked for and cold
 * with the same chance, apart from others: how many are is binomial.
 */
function weightsOf(plan: DecodingPlan, gemmNs: (distinct: number, rows: number) => number) {
  const { model, cluster, cold, engine } = plan;
  const { gapNs, fence } = engine;
  const { optics, ...fabric } = fabricOf(cluster, "node");
  const scenario = completeScenario({ optics, fabric, demand: { expertBytes: model.expertBytes } });
  const phases = loadPhases(scenario, exactPath(pathOf(scenario.fabric)));
  const blocks = model.moeLayers.length * model.experts;
  const coldShare =
    "share" in cold
      ? Math.min(1, cold.share / model.expertsPerToken)
      : Math.max(0, 1 - expertSlots(cluster, model) / blocks);
  return (distinct: number, rows: number): number => {
    const chances = binomial(model.experts, Math.min(1, (distinct / model.experts) * coldShare));
    return chances.reduce((sum, chance, count) => {
      const loadNs = count === 0 ? 0 : phases.commandNs + count * phases.dataNs + phases.fenceNs;
      const missing = Math.min(count, distinct);
      const layerNs = {
        blocking: Math.max(gapNs, loadNs) + gemmNs(distinct, rows),
        additive: gapNs + loadNs + gemmNs(distinct, rows),
        overlapped:
          count === 0
            ? gapNs + gemmNs(distinct, rows)
            : Math.max(gapNs + gemmNs(distinct - missing, rows), loadNs) + gemmNs(missing, 0),
      }[fence];
      return sum + chance * layerNs;
    }, 0);
  };
}

/** The chances of 0, 1 .. `count` hits. */
export function binomial(count: number, share: number): number[] {
  const chances = [1];
  for (let i = 0; i < count; i++) {
    chances.push(0);
    for (let hits = i + 1; hits >= 0; hits--)
      chances[hits] = chances[hits]! * (1 - share) + (hits > 0 ? chances[hits - 1]! * share : 0);
  }
  return chances;
}
