import { checkAtLeast, checkKeys, checkPositive, checkWhole, describe } from "../check.ts";
import { checkDistribution, type Distribution } from "../distribution.ts";

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
  /** GPUs of a pod; 8 nodes, or all if they are fewer, unless given. */
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

/** How links fail. Their faults depend on the seed and the link alone, not on what is read or asked when. */
export interface LinkFaults {
  /** 0 unless given. */
  seed?: number;
  /** A link trains again and carries nothing; what is on it goes on after. Never unless given. */
  outages?: { perLinkNs: number; lengthNs: Distribution };
  /** A frame, and all behind it, is held back. Never unless given. */
  stalls?: { perByte: number; lengthNs: Distribution };
  /** Links in step, each of which holds all: a DPU's ports, and those of each gate. One of a DPU and none of others unless given. */
  links?: { ports?: number; source?: number; node?: number; pod?: number };
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

/** Options with every default filled in, checked. */
export type CompletePacer = ReturnType<typeof completePacer>;

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
  checkWhole("batch", batch, 1, 2 ** 20);
  const rates = { ports, source, sink, node, pod };
  const faults = options.faults && completeFaults(options.faults);
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

function completeFaults(faults: LinkFaults) {
  checkKeys("faults", faults, ["seed", "outages", "stalls", "links"]);
  const { seed = 0, outages, stalls, links = {} } = faults;
  checkWhole("faults: seed", seed, 0, Number.MAX_SAFE_INTEGER);
  if (outages) {
    checkKeys("faults: outages", outages, ["perLinkNs", "lengthNs"]);
    checkAtLeast("faults: outages: perLinkNs", outages.perLinkNs, 0);
    checkDistribution("faults: outages: lengthNs", outages.lengthNs);
  }
  if (stalls) {
    checkKeys("faults: stalls", stalls, ["perByte", "lengthNs"]);
    checkAtLeast("faults: stalls: perByte", stalls.perByte, 0);
    checkDistribution("faults: stalls: lengthNs", stalls.lengthNs);
  }
  checkKeys("faults: links", links, ["ports", "source", "node", "pod"]);
  for (const [name, count] of Object.entries(links)) checkWhole(`faults: links: ${name}`, count, 0, 2 ** 20);
  return { seed, outages, stalls, links: { ports: 1, source: 0, sink: 0, node: 0, pod: 0, ...links } };
}
