import { DOORBELL_CANCEL, DOORBELL_FENCE, DOORBELL_LOAD } from "../assembly/layout.ts";
import { checkAtLeast, checkKeys, checkLength, checkWhole, describe } from "./check.ts";

/** Doorbells to be driven through a fabric, by columns, in order of `postNs`. */
export interface Traffic {
  /** When the doorbell is rung; up to 2^53, so not as Unix time: count from the first post. */
  postNs: Float64Array;
  /** What it asks for, as DOORBELL_OPS spells it. */
  op: Uint8Array;
  /** Of a load its own; of a cancel or a fence that of a load rung before. */
  fenceId: Uint32Array;
  sourceGpu: Uint32Array;
  destinationGpu: Uint32Array;
  /** From 1 to 2^53 - 1, 0 unless a load. */
  sizeBytes: Float64Array;
  /** When the load must have ended; up to 2^53. */
  deadlineNs: Float64Array;
}

/** From post to deadline where nothing else is said: 180 µs, what the verdicts of this project give a load. */
export const SLACK_NS = 180_000;

/** No instant is later: from there on, a nanosecond more is no other number. */
export const INSTANT_NS_MAX = 2 ** 53;

const COLUMNS = {
  postNs: Float64Array,
  op: Uint8Array,
  fenceId: Uint32Array,
  sourceGpu: Uint32Array,
  destinationGpu: Uint32Array,
  sizeBytes: Float64Array,
  deadlineNs: Float64Array,
} as const;

const NAMES = Object.keys(COLUMNS) as (keyof Traffic)[];

const OPS: readonly number[] = [DOORBELL_LOAD, DOORBELL_CANCEL, DOORBELL_FENCE];

/** So many rows of zeros. */
export function blankTraffic(rows: number): Traffic {
  return Object.fromEntries(NAMES.map((name) => [name, new COLUMNS[name](rows)])) as unknown as Traffic;
}

/** The same rows in order of `postNs`, those of one instant as they stand. */
export function sortTraffic(traffic: Traffic): Traffic {
  checkColumns(traffic);
  const { postNs } = traffic;
  const order = Uint32Array.from(postNs.keys()).sort((a, b) => postNs[a]! - postNs[b]! || a - b);
  const sorted = blankTraffic(order.length);
  for (const name of NAMES)
    order.forEach((from, to) => {
      sorted[name][to] = traffic[name][from]!;
    });
  return sorted;
}

/** Refuses what are no doorbells between `gpus` GPUs in order of post, and names the first row, from 0, that is wrong. */
export function checkTraffic(traffic: Traffic, gpus: number): void {
  checkWhole("gpus", gpus, 1, 2 ** 32);
  checkColumns(traffic);
  const { postNs, op, fenceId, sourceGpu, destinationGpu, sizeBytes, deadlineNs } = traffic;
  for (let row = 0; row < op.length; row++) {
    const post = postNs[row]! >= (postNs[row - 1] ?? 0) && postNs[row]! <= INSTANT_NS_MAX;
    const ends = sourceGpu[row]! < gpus && destinationGpu[row]! < gpus;
    const size =
      op[row] === DOORBELL_LOAD ? sizeBytes[row]! >= 1 && Number.isSafeInteger(sizeBytes[row]) : sizeBytes[row] === 0;
    const deadline = deadlineNs[row]! >= 0 && deadlineNs[row]! <= INSTANT_NS_MAX;
    if (!(post && OPS.includes(op[row]!) && ends && size && deadline)) refuseRow(traffic, gpus, row);
  }
  loadRows(traffic, (row, load) =>
    load === undefined
      ? new RangeError(`row ${row}: fenceId must be that of a load in a row before, got ${fenceId[row]}`)
      : new RangeError(`row ${row}: fenceId must be that of no other load, got ${fenceId[row]}, that of row ${load}`),
  );
}

/** Says what is wrong with a row: apart, for the names of what is right would cost more than a million checks. */
function refuseRow(
  { postNs, op, sourceGpu, destinationGpu, sizeBytes, deadlineNs }: Traffic,
  gpus: number,
  row: number,
): never {
  checkAtLeast(`row ${row}: postNs`, postNs[row]!, postNs[row - 1] ?? 0);
  checkInstant(`row ${row}: postNs`, postNs[row]!);
  if (!OPS.includes(op[row]!))
    throw new RangeError(`row ${row}: op must be 1 (load), 2 (cancel) or 3 (fence), got ${op[row]}`);
  checkWhole(`row ${row}: sourceGpu`, sourceGpu[row]!, 0, gpus - 1);
  checkWhole(`row ${row}: destinationGpu`, destinationGpu[row]!, 0, gpus - 1);
  checkAtLeast(`row ${row}: deadlineNs`, deadlineNs[row]!, 0);
  checkInstant(`row ${row}: deadlineNs`, deadlineNs[row]!);
  if (op[row] === DOORBELL_LOAD) checkWhole(`row ${row}: sizeBytes`, sizeBytes[row]!, 1, Number.MAX_SAFE_INTEGER);
  throw new RangeError(`row ${row}: sizeBytes must be 0 unless of a load, got ${sizeBytes[row]}`);
}

function checkInstant(name: string, ns: number): void {
  if (ns > INSTANT_NS_MAX) throw new RangeError(`${name} must be at most 2^53, counted from the first post, got ${ns}`);
}

/**
 * The row of the load that each row is about: of a load its own. Throws what `refusal` makes of the first row that rings for
 * a load whose fence id another one has, or, with nothing for `load`, for one that has not been rung.
 */
export function loadRows(
  { postNs, op, fenceId }: Pick<Traffic, "postNs" | "op" | "fenceId">,
  refusal: (row: number, load: number | undefined) => Error,
): Uint32Array {
  const loads = new Map<number, number>();
  for (let row = 0; row < op.length; row++) {
    if (op[row] !== DOORBELL_LOAD) continue;
    if (loads.has(fenceId[row]!)) throw refusal(row, loads.get(fenceId[row]!));
    loads.set(fenceId[row]!, row);
  }
  return Uint32Array.from(fenceId, (id, row) => {
    const load = loads.get(id);
    if (load === undefined || postNs[load]! > postNs[row]! || (postNs[load] === postNs[row] && load > row))
      throw refusal(row, undefined);
    return load;
  });
}

/** Refuses what has not the columns of traffic, all of one length. */
export function checkColumns(traffic: Traffic): void {
  checkKeys("traffic", traffic, NAMES);
  for (const name of NAMES) {
    if (!(traffic[name] instanceof COLUMNS[name]))
      throw new TypeError(`${name} must be a ${COLUMNS[name].name}, got ${describe(traffic[name])}`);
    checkLength(name, traffic[name], traffic.postNs.length);
  }
}
