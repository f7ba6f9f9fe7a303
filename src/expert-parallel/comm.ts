import { checkAtLeast } from "../check.ts";
import type { CommPoint, CommTable } from "../formats/comm.ts";
import type { ModelShape } from "../models/shape.ts";

/** Times of a model on a GPU, by tokens. */
export interface CommTimes {
  source: Omit<CommTable, "points"> & { isSameGpu: boolean; isSameShape: boolean };
  /** Tokens beyond which nothing was measured. */
  mostTokens: number;
  at(tokens: number): CommPoint;
}

/** What stands in for GPUs that nobody has measured: the newest one that is. */
const NEWEST = "b200";

/**
 * The table nearest to a model, a GPU and so many nodes: of the same GPU, over as many nodes, and as wide, with as many bytes a
 * token, and as many experts.
 */
export function commTimesFor(tables: readonly CommTable[], gpu: string, model: ModelShape, nodes = 1): CommTimes {
  if (tables.length === 0) throw new RangeError("times must hold at least 1 table, got 0");
  const isOf = (table: CommTable, name: string) => table.system.split("_")[0] === name;
  const isSameGpu = tables.some((table) => isOf(table, gpu));
  const named = tables.filter((table) => isOf(table, isSameGpu ? gpu : NEWEST));
  const { hidden, expertsPerToken, experts } = model;
  const apart = (table: CommTable) =>
    Math.abs(Math.log((table.hidden * table.expertsPerToken) / (hidden * expertsPerToken))) +
    Math.abs(Math.log(table.hidden / hidden)) +
    // Of two tables with the same bytes the one with as many experts.
    0.01 * Math.abs(Math.log(table.experts / experts));
  const candidates = named.length > 0 ? named : tables;
  const nodesApart = (table: CommTable) => Math.abs(Math.log(table.nodes / nodes));
  const least = Math.min(...candidates.map(nodesApart));
  const table = candidates
    .filter((one) => nodesApart(one) === least)
    .reduce((best, next) => (apart(next) < apart(best) ? next : best));
  const isSameShape = table.hidden === hidden && table.expertsPerToken === expertsPerToken && table.experts === experts;
  // Another shape's times are read where it sends as many bytes.
  const ratio = (hidden * expertsPerToken) / (table.hidden * table.expertsPerToken);
  const { points, ...source } = table;
  return {
    source: { ...source, isSameGpu, isSameShape },
    mostTokens: points.at(-1)!.tokens / ratio,
    at(tokens) {
      checkAtLeast("tokens", tokens, 0);
      return { ...between(points, tokens * ratio), tokens };
    },
  };
}

/** Straight lines between points, level below the first, on with the last line's slope beyond. */
function between(points: readonly CommPoint[], tokens: number): CommPoint {
  const [first] = points as [CommPoint];
  if (points.length === 1 || tokens <= first.tokens) return first;
  const found = points.findIndex((point) => point.tokens >= tokens);
  const high = found < 0 ? points.length - 1 : found;
  const [a, b] = [points[high - 1]!, points[high]!];
  const share = (tokens - a.tokens) / (b.tokens - a.tokens);
  const line = (key: "dispatchNs" | "combineNs") => a[key] + share * (b[key] - a[key]);
  return { tokens, dispatchNs: line("dispatchNs"), combineNs: line("combineNs") };
}
