import { figure as figureOf } from "../../../index.ts";
import type { PlacementAnswer, Side } from "../../jobs/placement/plans.ts";
import type { Grid, Heat } from "./map.ts";

/** GPUs in a row of a picture without layers, unless nodes say otherwise. */
const ACROSS = 16;

/** Where a place of the picture lies: GPUs down and layers across, or GPUs alone, node by node. */
export function gridOf({ objective, gpus, gpusPerNode, layers, scope }: PlacementAnswer): Grid {
  if (objective === "balance") {
    const isSummed = scope === "step";
    return {
      rows: gpus,
      columns: layers.length + (isSummed ? 1 : 0),
      rowName: (row) => `GPU ${row}`,
      columnName: (column) => (column === layers.length ? "all" : String(layers[column])),
      columnLabel: isSummed ? "layer, and the sum of all" : "layer",
      gpuAt: (row) => row,
      areRowsGpus: true,
    };
  }
  const isNode = gpusPerNode < gpus && gpusPerNode >= 4 && gpusPerNode <= 2 * ACROSS;
  const columns = isNode ? gpusPerNode : Math.min(gpus, ACROSS);
  return {
    rows: Math.ceil(gpus / columns),
    columns,
    rowName: (row) => `GPU ${row * columns}–`,
    columnName: String,
    columnLabel: isNode ? "GPU of the node; a click drains it" : "GPU of the row; a click drains it",
    gpuAt: (row, column) => (row * columns + column < gpus ? row * columns + column : -1),
    areRowsGpus: false,
  };
}

/** Which layer a column stands for: 0 where there are none, and that of the sums is one behind the last. */
export const layerAt = ({ objective }: PlacementAnswer, column: number): number =>
  objective === "balance" ? column : 0;

/** A side as a picture. */
export function sceneOf(answer: PlacementAnswer, side: Side): Heat {
  const { gpus, layers, drained } = answer;
  const grid = gridOf(answer);
  const values = new Float64Array(grid.rows * grid.columns).fill(Number.NaN);
  const marks = new Uint8Array(values.length);
  const came = cameTo(side, gpus, layers.length);
  const sums = answer.scope === "step" ? sumsOf(answer, side) : null;
  for (let row = 0; row < grid.rows; row++)
    for (let column = 0; column < grid.columns; column++) {
      const gpu = grid.gpuAt(row, column);
      if (gpu < 0) continue;
      const at = layerAt(answer, column) * gpus + gpu;
      values[row * grid.columns + column] = column === layers.length && sums ? sums[gpu]! : side.heat[at]!;
      marks[row * grid.columns + column] = came[at] ?? 0;
    }
  const words = (row: number, column: number) => {
    const value = values[row * grid.columns + column]!;
    const layer =
      answer.objective === "latency" ? "" : column === layers.length ? ", all layers" : `, layer ${layers[column]}`;
    return `GPU ${grid.gpuAt(row, column)}${layer}: ${Number.isNaN(value) ? "holds nothing" : `${figureOf(value)} times the mean`}. Enter drains the GPU, or takes that back.`;
  };
  return { grid, values, marks, drained: new Set(drained), words };
}

/** `[layer][gpu]`: whether something came. */
function cameTo({ came, gpuOfSlot }: Side, gpus: number, layers: number): Uint8Array {
  const all = new Uint8Array(gpus * layers);
  came.forEach((isNew, i) => {
    if (isNew) all[Math.floor(i / gpuOfSlot.length) * gpus + gpuOfSlot[i % gpuOfSlot.length]!] = 1;
  });
  return all;
}

/** What GPUs bear of all layers together, over the mean. */
function sumsOf({ loads, experts, gpus, layers }: PlacementAnswer, { heat }: Side): Float64Array {
  const totals = layers.map((_, l) => loads.subarray(l * experts, (l + 1) * experts).reduce((a, b) => a + b, 0));
  const all = totals.reduce((a, b) => a + b, 0) || 1;
  return Float64Array.from({ length: gpus }, (_, gpu) =>
    totals.reduce((sum, total, l) => sum + (total / all) * heat[l * gpus + gpu]!, 0),
  );
}
