import { checkAtLeast, checkBetween, checkPositive, checkWhole } from "./check.ts";
import { completePath, type Path, PIPELINE_NS, SERDES_NS } from "./latency.ts";
import type { Evidence } from "./optics/index.ts";

// Two other ways to use the same fabric, as arithmetic: what explicit, scheduled movement is compared with.

/** One traversal with known hops. */
export interface Traversal {
  hopsNs: number;
  pipelineNs: number;
  serdesNs: number;
}

/** A traversal in which each hop takes what it exceeds with probability `exceedance`: 0.5 its median, 0.01 its p99. */
export function traversalAt(path: Path, exceedance: number): Traversal {
  checkPositive("exceedance", exceedance);
  checkBetween("exceedance", exceedance, 0, 1);
  const { hops, pipelineNs, serdesNs } = completePath(path);
  return { hopsNs: hops.reduce((sum, hop) => sum + hop.quantileNs(exceedance), 0), pipelineNs, serdesNs };
}

/** A traversal of so many hops, all of `hopNs`, with pipeline and SERDES as they are of a path. */
export function traversalOf(hops: number, hopNs: number): Traversal {
  checkWhole("hops", hops, 1, 64);
  checkPositive("hopNs", hopNs);
  return { hopsNs: hops * hopNs, pipelineNs: PIPELINE_NS, serdesNs: SERDES_NS };
}

export interface CoherentOptions {
  bytes: number;
  /** Misses that are under way together at the most. */
  outstanding: number;
  /** What the fabric carries. */
  bytesPerNs: number;
  /** Of a snoop: request, probe and answer are three traversals, 1.5 round trips; 1.5 unless given. */
  roundTrips?: number;
  /** A line of the cache, what one miss brings; 64 unless given. */
  lineBytes?: number;
  /** Looking a line up in its home's directory. Nobody states it: 0, in favour of this baseline, unless given. */
  directoryNs?: number;
  /** The share of misses that first take their line back from another holder, a round trip more. Weights are only read: 0 unless given. */
  backInvalidateShare?: number;
}

/** One miss on an idle fabric; its phases sum to `totalNs`. */
export interface CoherentMiss {
  /** One-way traversals of the snoop. */
  traversals: number;
  hopsNs: number;
  pipelineNs: number;
  serdesNs: number;
  directoryNs: number;
  backInvalidateNs: number;
  totalNs: number;
}

/** A load by coherent misses, each line over the wire in turn; `missesNs` + `wireNs` is `totalNs`. */
export interface CoherentLoad {
  miss: CoherentMiss;
  misses: number;
  /** On the wire, for all bytes. */
  wireNs: number;
  /** Waiting for misses while the wire idles. */
  missesNs: number;
  totalNs: number;
  /** Misses that would have to be under way together to keep the wire busy. */
  outstandingForWire: number;
}

/** A load that a coherent fabric fetches line by line, under both readings of its round trips. */
export interface CoherentReadings {
  /** A round trip is there and back: 1.5 of them are 3 traversals. */
  roundTrips: CoherentLoad;
  /** The source's figures take a round trip for one way: 1.5 of them are 1.5 traversals. */
  oneWay: CoherentLoad;
}

/** The baseline `coherent`: a snoop for every line of a load. */
export function coherentLoad(traversal: Traversal, options: CoherentOptions): CoherentReadings {
  const { roundTrips = 1.5 } = options;
  checkTraversal(traversal);
  checkPositive("roundTrips", roundTrips);
  return {
    roundTrips: loadBySnoops(traversal, 2 * roundTrips, options),
    oneWay: loadBySnoops(traversal, roundTrips, options),
  };
}

function loadBySnoops(traversal: Traversal, traversals: number, options: CoherentOptions): CoherentLoad {
  const { bytes, outstanding, bytesPerNs, lineBytes = 64, directoryNs = 0, backInvalidateShare = 0 } = options;
  checkPositive("bytes", bytes);
  checkWhole("outstanding", outstanding, 1, 2 ** 31);
  checkPositive("bytesPerNs", bytesPerNs);
  checkWhole("lineBytes", lineBytes, 1, 2 ** 20);
  checkAtLeast("directoryNs", directoryNs, 0);
  checkBetween("backInvalidateShare", backInvalidateShare, 0, 1);
  const { hopsNs, pipelineNs, serdesNs } = traversal;
  const miss = {
    traversals,
    hopsNs: traversals * hopsNs,
    pipelineNs: traversals * pipelineNs,
    serdesNs: traversals * serdesNs,
    directoryNs,
    backInvalidateNs: backInvalidateShare * 2 * (hopsNs + pipelineNs + serdesNs),
  };
  const missNs = miss.hopsNs + miss.pipelineNs + miss.serdesNs + miss.directoryNs + miss.backInvalidateNs;
  const misses = Math.ceil(bytes / lineBytes);
  const lineNs = lineBytes / bytesPerNs;
  // A place among the outstanding ones comes round once in a miss and its line, or once in everybody's lines if that is longer.
  const rounds = Math.floor((misses - 1) / outstanding);
  const inLastRound = misses - rounds * outstanding;
  const totalNs = rounds * Math.max(missNs + lineNs, outstanding * lineNs) + missNs + inLastRound * lineNs;
  const wireNs = misses * lineNs;
  return {
    miss: { ...miss, totalNs: missNs },
    misses,
    wireNs,
    missesNs: totalNs - wireNs,
    totalNs,
    outstandingForWire: Math.ceil(missNs / lineNs) + 1,
  };
}

export interface ReactiveOptions {
  bytes: number;
  bytesPerNs: number;
  /** On the CPU, from the router's choice to a request on the wire: noticing, a system call, a work request; 10 µs unless given. */
  softwarePostNs?: number;
  /** In the device at the far end, from request to read; 500 unless given. */
  translateNs?: number;
  /** On the CPU, from the last byte to telling the GPU: an interrupt or a poll, and a launch; 10 µs unless given. */
  softwareCompletionNs?: number;
  /** On the GPU; 20 µs unless given. */
  localFenceNs?: number;
}

/** A load that a CPU fetches when the router asks for it, one at a time; its phases sum to `totalNs`, and none is hidden. */
export interface ReactiveLoad {
  softwarePostNs: number;
  pathNs: number;
  translateNs: number;
  dataNs: number;
  completionPathNs: number;
  softwareCompletionNs: number;
  localFenceNs: number;
  totalNs: number;
}

/** Where the defaults of the baselines come from. */
export const BASELINES_EVIDENCE: readonly Evidence[] = [
  {
    about: "1.5 round trips a snoop, lines of 64 bytes",
    grade: "unverified",
    source: "the article on co-packaged optics and expert fetching, section 7",
    note: "its 1.8 and 5.58 µs over 3 hops of 400 and 1,240 ns are 1.5 traversals one way; 1.5 round trips are 3.6 and 11.16 µs. 400 ns is not the 198 ns of its own table",
  },
  {
    about: "directory lookup and back-invalidation 0",
    grade: "assumed",
    source: "in the baseline's favour",
    note: "the article names both without a figure; weights are only read, so no other holder has to give one up",
  },
  {
    about: "1,024 misses under way together",
    grade: "assumed",
    source: "generous to this baseline",
    note: "nobody states it for a GPU's reads over such a fabric: how many would keep the wire busy stands beside it",
  },
  {
    about: "software post and completion 10 µs each",
    grade: "assumed",
    source: "the order of magnitude of a synchronisation between GPU and CPU, a system call and a launch",
    note: "nobody states it for this fabric: give your own",
  },
];

/** The baseline `reactive`: no prediction, and a CPU on the way there and back. */
export function reactiveLoad(traversal: Traversal, options: ReactiveOptions): ReactiveLoad {
  checkTraversal(traversal);
  const { bytes, bytesPerNs } = options;
  const { softwarePostNs = 10e3, translateNs = 500, softwareCompletionNs = 10e3, localFenceNs = 20e3 } = options;
  checkPositive("bytes", bytes);
  checkPositive("bytesPerNs", bytesPerNs);
  for (const [name, ns] of Object.entries({ softwarePostNs, translateNs, softwareCompletionNs, localFenceNs }))
    checkAtLeast(name, ns, 0);
  const pathNs = traversal.hopsNs + traversal.pipelineNs + traversal.serdesNs;
  const phases = {
    softwarePostNs,
    pathNs,
    translateNs,
    dataNs: bytes / bytesPerNs,
    completionPathNs: pathNs,
    softwareCompletionNs,
    localFenceNs,
  };
  return { ...phases, totalNs: Object.values(phases).reduce((sum, ns) => sum + ns, 0) };
}

function checkTraversal({ hopsNs, pipelineNs, serdesNs }: Traversal): void {
  checkAtLeast("hopsNs", hopsNs, 0);
  checkAtLeast("pipelineNs", pipelineNs, 0);
  checkAtLeast("serdesNs", serdesNs, 0);
}
