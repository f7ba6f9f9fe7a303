import { checkAtLeast, checkBoolean, checkKeys, checkMultiple, checkPositive, checkWhole, describe } from "../check.ts";
import { checkFaultsOfChunk, completeFaults, type LinkFaults } from "./faults.ts";

/** What a pacer paces, and how; only `gpus` must be given. */
export interface PacerOptions {
  gpus: number;
  /** GPUs that share a DPU: the first so many, and so on; 8, or all if they are fewer, unless given. */
  gpusPerDpu?: number;
  /** What one DPU reads in the long run; 1,600 unless given. */
  paceBytesPerNs?: number;
  /** What it may read at once; at least a chunk, and one chunk unless given. */
  burstBytes?: number;
  /** A more urgent load overtakes another at the edge of a chunk; 1,000,000 unless given. */
  chunkBytes?: number;
  /** What a DPU's ports carry together: every chunk is striped over them; not limited unless given. */
  portsBytesPerNs?: number;
  /** What one GPU gives to all who read from it; not limited unless given. */
  sourceEgressBytesPerNs?: number;
  /** What one GPU takes in; not limited unless given. */
  gpuIngressBytesPerNs?: number;
  /** What goes out of a node, and what comes in, of loads from one to another; not limited unless given. */
  nodeBytesPerNs?: number;
  /** GPUs of a node: the first so many, and so on; 8, or all if they are fewer, unless given. */
  gpusPerNode?: number;
  /** What goes out of a pod, and what comes in, of loads from one to another; not limited unless given. */
  podBytesPerNs?: number;
  /** GPUs of a pod: whole nodes, or all; 8 nodes, or all if they are fewer, unless given. */
  gpusPerPod?: number;
  /** How links fail; they do not unless given. */
  faults?: LinkFaults;
  /** From a load's last byte read to its end (path and fence): it must be read so long before its deadline; 0 unless given. */
  afterReadNs?: number;
  /** Loads under way on one DPU; a further one finds no place; 1,024 unless given. */
  queueDepth?: number;
  /** The most urgent first, or in order of arrival; by deadline unless given. */
  order?: "deadline" | "arrival";
  /** Whether a load ends once its last byte has been read, with no call of `complete`: in a simulation, say. Not unless given. */
  selfCompleting?: boolean;
  /** Rows that one call takes or gives; 1,024 unless given. */
  batch?: number;
}

const KEYS: readonly (keyof PacerOptions)[] = [
  "gpus",
  "gpusPerDpu",
  "paceBytesPerNs",
  "burstBytes",
  "chunkBytes",
  "portsBytesPerNs",
  "sourceEgressBytesPerNs",
  "gpuIngressBytesPerNs",
  "nodeBytesPerNs",
  "gpusPerNode",
  "podBytesPerNs",
  "gpusPerPod",
  "faults",
  "afterReadNs",
  "queueDepth",
  "order",
  "selfCompleting",
  "batch",
];

/** What `completePacer` makes of options. */
export type CompletePacer = ReturnType<typeof completePacer>;

/** Fills in what is not given, and refuses what is wrong. */
export function completePacer(options: PacerOptions) {
  checkKeys("options", options, KEYS);
  const { gpus, paceBytesPerNs: pace = 1600, chunkBytes: chunk = 1e6, afterReadNs = 0, queueDepth = 1024 } = options;
  const { burstBytes: burst = chunk, order = "deadline", selfCompleting = false, batch = 1024 } = options;
  const { portsBytesPerNs: ports, sourceEgressBytesPerNs: source, gpuIngressBytesPerNs: sink } = options;
  const { nodeBytesPerNs: node, podBytesPerNs: pod } = options;
  checkWhole("gpus", gpus, 1, 2 ** 20);
  const { gpusPerDpu = Math.min(8, gpus), gpusPerNode = Math.min(8, gpus) } = options;
  checkWhole("gpusPerDpu", gpusPerDpu, 1, gpus);
  checkWhole("gpusPerNode", gpusPerNode, 1, gpus);
  const { gpusPerPod = Math.min(8 * gpusPerNode, gpus) } = options;
  checkWhole("gpusPerPod", gpusPerPod, 1, gpus);
  if (gpusPerPod < gpus) checkMultiple("gpusPerPod", gpusPerPod, gpusPerNode);
  checkPositive("paceBytesPerNs", pace);
  checkWhole("chunkBytes", chunk, 1, Number.MAX_SAFE_INTEGER);
  checkAtLeast("burstBytes", burst, chunk);
  if (ports !== undefined) checkPositive("portsBytesPerNs", ports);
  if (source !== undefined) checkPositive("sourceEgressBytesPerNs", source);
  if (sink !== undefined) checkPositive("gpuIngressBytesPerNs", sink);
  if (node !== undefined) checkPositive("nodeBytesPerNs", node);
  if (pod !== undefined) checkPositive("podBytesPerNs", pod);
  checkAtLeast("afterReadNs", afterReadNs, 0);
  checkWhole("queueDepth", queueDepth, 1, 2 ** 20);
  const dpus = Math.ceil(gpus / gpusPerDpu);
  if (order !== "deadline" && order !== "arrival")
    throw new RangeError(`order must be "deadline" or "arrival", got ${describe(order)}`);
  checkBoolean("selfCompleting", selfCompleting);
  checkWhole("batch", batch, 1, 2 ** 20);
  const rates = { ports, source, sink, node, pod };
  const faults = options.faults && completeFaults(options.faults, rates);
  if (faults) {
    const bytesPerNs = Math.min(pace, ...Object.values(rates).map((rate) => rate ?? pace));
    checkFaultsOfChunk(faults, { chunkBytes: chunk, bytesPerNs });
  }
  const byDeadline = order === "deadline";
  const groups = { gpusPerDpu, gpusPerNode, gpusPerPod };
  return {
    gpus,
    ...groups,
    dpus,
    pace,
    burst,
    chunk,
    rates,
    faults,
    afterReadNs,
    queueDepth,
    byDeadline,
    selfCompleting,
    batch,
  };
}
