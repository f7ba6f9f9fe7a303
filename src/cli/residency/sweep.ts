import {
  accessesOf,
  gatherAccesses,
  guideOf,
  type Policy,
  type ResidencySweep,
  type SweepOptions,
  streamAccesses,
  streamResidency,
  sweepResidency,
} from "../../index.ts";
import { sizeOf } from "../files.ts";
import { definedOf } from "../options.ts";
import { progressBar } from "../print.ts";
import { openTrace, readTrace } from "../trace.ts";
import type { ResidencyFlags } from "./index.ts";

/** A sweep, and what it was of. */
export interface Swept {
  sweep: ResidencySweep;
  layers: number;
  experts: number;
  /** Of all experts. */
  totalBytes: number;
  sizesDiffer: boolean;
  /** What was left out of the default, and why. */
  notes: string[];
}

type Shape = { layers: number; experts: number };

/** Files of more bytes are not held whole unless that is asked for. */
const LARGE = 1e9;
/** Of all bytes: most is decided where few experts are held. */
const SHARES = [0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 0.75, 1];
const USUAL: readonly Policy[] = ["random", "lru", "lfu", "layer", "layerlfu"];

/** Sweeps a trace, as a stream where the policies allow it. */
export async function swept(file: string, flags: ResidencyFlags): Promise<Swept> {
  const { policies, notes } = policiesOf(file, flags);
  const { guide } = flags;
  const isGuided = policies.includes("guided");
  if (guide !== undefined && !isGuided)
    throw new TypeError(`--guide goes with the policy guided, got --policies ${policies.join(",")}`);
  const streamed = isGuided ? null : await bySteps(file, flags, policies);
  if (streamed) return { ...streamed, notes };
  const routes = await readTrace(file, flags);
  const score = isGuided ? guideOf(routes, definedOf({ predictor: guide, seed: flags.seed })) : undefined;
  const { options, ...shape } = optionsOf(file, flags, policies, routes, routes.expertBytes);
  const sweep = withBar((onProgress) =>
    sweepResidency(accessesOf(routes), { ...options, onProgress, ...(score ? { score } : {}) }),
  );
  return { ...shape, sweep, notes };
}

function policiesOf(file: string, { policies, guide }: ResidencyFlags): { policies: Policy[]; notes: string[] } {
  if (policies) return { policies, notes: [] };
  const guided: Policy[] = guide === undefined ? [] : ["guided"];
  if (sizeOf(file) <= LARGE) return { policies: [...USUAL, ...guided, "belady"], notes: [] };
  const note = "belady is left out of so long a trace, all of which it must know; --policies belady asks for it";
  return { policies: [...USUAL, ...guided], notes: [note] };
}

/** The sweep of a trace that says what it is of before its first row; null where it does not. */
async function bySteps(file: string, flags: ResidencyFlags, policies: Policy[]): Promise<Omit<Swept, "notes"> | null> {
  if (/\.np[yz](\.gz)?$/i.test(file)) return null;
  const bar = progressBar("reading", sizeOf(file));
  try {
    const { layers, experts, expertBytes, rows } = await openTrace(file, flags, (bytes) => bar.update(bytes));
    if (layers === null || experts === null) return null;
    const { options, ...shape } = optionsOf(file, flags, policies, { layers, experts }, expertBytes ?? undefined);
    const batches = streamAccesses(rows, { layers, experts });
    if (!policies.includes("belady")) return { ...shape, sweep: await streamResidency(batches, options) };
    const accesses = await gatherAccesses(batches);
    bar.stop();
    return { ...shape, sweep: withBar((onProgress) => sweepResidency(accesses, { ...options, onProgress })) };
  } finally {
    bar.stop();
  }
}

function withBar(sweep: (onProgress: (done: number, of: number) => void) => ResidencySweep): ResidencySweep {
  const bar = progressBar("replaying", 100);
  try {
    return sweep((done, of) => bar.update(Math.round((100 * done) / of)));
  } finally {
    bar.stop();
  }
}

function optionsOf(
  file: string,
  { budget, budgets, pin, seed }: ResidencyFlags,
  policies: Policy[],
  { layers, experts }: Shape,
  expertBytes: Float64Array | undefined,
): Omit<Swept, "sweep" | "notes"> & { options: SweepOptions } {
  if (!expertBytes) throw new TypeError(`--expert-bytes <size> is missing: ${file} does not say how large experts are`);
  const each = expertBytes.length === layers ? experts : 1;
  const totalBytes = each * expertBytes.reduce((sum, bytes) => sum + bytes, 0);
  const shares = budgets === undefined ? SHARES : Array.from({ length: budgets }, (_, i) => (i + 1) / budgets);
  const options: SweepOptions = {
    expertBytes,
    policies,
    budgetsBytes: budget ?? shares.map((share) => share * totalBytes),
    ...(pin === undefined ? {} : { pinned: placesOf(pin) }),
    ...definedOf({ seed }),
  };
  const sizesDiffer = expertBytes.some((bytes) => bytes !== expertBytes[0]);
  return { options, layers, experts, totalBytes, sizesDiffer };
}

/** `layer:expert` between commas. */
function placesOf(text: string) {
  return text.split(",").map((place) => {
    const [, layer, expert] = /^\s*(\d+):(\d+)\s*$/.exec(place) ?? [];
    if (layer === undefined || expert === undefined)
      throw new TypeError(`--pin must be layer:expert between commas, e.g. 0:17,0:3, got ${JSON.stringify(place)}`);
    return { layer: Number(layer), expert: Number(expert) };
  });
}
