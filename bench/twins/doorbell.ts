import {
  DOORBELL_DROP_LATE,
  DOORBELL_FENCE,
  DOORBELL_LOAD,
  DOORBELL_PREFETCH,
  DOORBELL_SIZE_BYTES_MAX,
  DOORBELL_WORDS,
} from "../../assembly/layout.ts";
import type { DoorbellColumns } from "../../src/index.ts";

// The kernels of assembly/doorbell.ts in TypeScript, refusals among them: how many doorbells were good is returned.

const FLAGS_MAX = DOORBELL_PREFETCH | DOORBELL_DROP_LATE;

function isGood(op: number, flags: number, layer: number, sizeBytes: number, deadlineNs: number): boolean {
  return (
    op >= DOORBELL_LOAD &&
    op <= DOORBELL_FENCE &&
    flags <= FLAGS_MAX &&
    layer <= 0xffff &&
    (op === DOORBELL_LOAD ? sizeBytes >= 1 && sizeBytes <= DOORBELL_SIZE_BYTES_MAX : sizeBytes === 0) &&
    deadlineNs >= 0 &&
    deadlineNs < Number.POSITIVE_INFINITY
  );
}

/** `f64s` is the same memory as `words`. */
export function encodeColumns(words: Uint32Array, f64s: Float64Array, columns: DoorbellColumns, count: number): number {
  for (let i = 0; i < count; i++) {
    const op = columns.op[i]!;
    const flags = columns.flags[i]!;
    const layer = columns.layer[i]!;
    const sizeBytes = columns.sizeBytes[i]!;
    const deadlineNs = columns.deadlineNs[i]!;
    if (!isGood(op, flags, layer, sizeBytes, deadlineNs) || Math.floor(sizeBytes) !== sizeBytes) return i;
    const at = i * DOORBELL_WORDS;
    words[at] = op | (flags << 8) | (layer << 16);
    words[at + 1] = columns.expert[i]!;
    words[at + 2] = columns.sourceGpu[i]!;
    words[at + 3] = columns.destinationGpu[i]!;
    words[at + 4] = columns.destinationAddressLow[i]!;
    words[at + 5] = columns.destinationAddressHigh[i]!;
    words[at + 6] = sizeBytes;
    words[at + 7] = sizeBytes / 2 ** 32;
    words[at + 8] = columns.fenceId[i]!;
    words[at + 9] = columns.sequence[i]!;
    f64s[(at >> 1) + 5] = deadlineNs;
    words[at + 12] = words[at + 13] = words[at + 14] = words[at + 15] = 0;
  }
  return count;
}

/** `f64s` is the same memory as `words`. */
export function decodeColumns(columns: DoorbellColumns, words: Uint32Array, f64s: Float64Array, count: number): number {
  for (let i = 0; i < count; i++) {
    const at = i * DOORBELL_WORDS;
    const head = words[at]!;
    const op = head & 0xff;
    const flags = (head >>> 8) & 0xff;
    const sizeHigh = words[at + 7]!;
    const sizeBytes = sizeHigh * 2 ** 32 + words[at + 6]!;
    const deadlineNs = f64s[(at >> 1) + 5]!;
    // Sizes above 2^53 that an f64 rounds to it have bits below.
    if (!isGood(op, flags, head >>> 16, sizeBytes, deadlineNs) || (sizeHigh === 2 ** 21 && words[at + 6] !== 0))
      return i;
    if ((words[at + 12]! | words[at + 13]! | words[at + 14]! | words[at + 15]!) !== 0) return i;
    columns.op[i] = op;
    columns.flags[i] = flags;
    columns.layer[i] = head >>> 16;
    columns.expert[i] = words[at + 1]!;
    columns.sourceGpu[i] = words[at + 2]!;
    columns.destinationGpu[i] = words[at + 3]!;
    columns.destinationAddressLow[i] = words[at + 4]!;
    columns.destinationAddressHigh[i] = words[at + 5]!;
    columns.sizeBytes[i] = sizeBytes;
    columns.fenceId[i] = words[at + 8]!;
    columns.sequence[i] = words[at + 9]!;
    columns.deadlineNs[i] = deadlineNs;
  }
  return count;
}

/** `encodeColumns` as it is written with a DataView. */
export function encodeToView(view: DataView, columns: DoorbellColumns, count: number): number {
  for (let i = 0; i < count; i++) {
    const op = columns.op[i]!;
    const flags = columns.flags[i]!;
    const layer = columns.layer[i]!;
    const sizeBytes = columns.sizeBytes[i]!;
    const deadlineNs = columns.deadlineNs[i]!;
    if (!isGood(op, flags, layer, sizeBytes, deadlineNs) || Math.floor(sizeBytes) !== sizeBytes) return i;
    const at = 4 * DOORBELL_WORDS * i;
    view.setUint8(at, op);
    view.setUint8(at + 1, flags);
    view.setUint16(at + 2, layer, true);
    view.setUint32(at + 4, columns.expert[i]!, true);
    view.setUint32(at + 8, columns.sourceGpu[i]!, true);
    view.setUint32(at + 12, columns.destinationGpu[i]!, true);
    view.setUint32(at + 16, columns.destinationAddressLow[i]!, true);
    view.setUint32(at + 20, columns.destinationAddressHigh[i]!, true);
    view.setUint32(at + 24, sizeBytes, true);
    view.setUint32(at + 28, sizeBytes / 2 ** 32, true);
    view.setUint32(at + 32, columns.fenceId[i]!, true);
    view.setUint32(at + 36, columns.sequence[i]!, true);
    view.setFloat64(at + 40, deadlineNs, true);
    view.setFloat64(at + 48, 0, true);
    view.setFloat64(at + 56, 0, true);
  }
  return count;
}

/** `decodeColumns` as it is written with a DataView. */
export function decodeFromView(columns: DoorbellColumns, view: DataView, count: number): number {
  for (let i = 0; i < count; i++) {
    const at = 4 * DOORBELL_WORDS * i;
    const op = view.getUint8(at);
    const flags = view.getUint8(at + 1);
    const layer = view.getUint16(at + 2, true);
    const sizeLow = view.getUint32(at + 24, true);
    const sizeHigh = view.getUint32(at + 28, true);
    const sizeBytes = sizeHigh * 2 ** 32 + sizeLow;
    const deadlineNs = view.getFloat64(at + 40, true);
    if (!isGood(op, flags, layer, sizeBytes, deadlineNs) || (sizeHigh === 2 ** 21 && sizeLow !== 0)) return i;
    for (let reserved = 48; reserved < 64; reserved += 4) if (view.getUint32(at + reserved) !== 0) return i;
    columns.op[i] = op;
    columns.flags[i] = flags;
    columns.layer[i] = layer;
    columns.expert[i] = view.getUint32(at + 4, true);
    columns.sourceGpu[i] = view.getUint32(at + 8, true);
    columns.destinationGpu[i] = view.getUint32(at + 12, true);
    columns.destinationAddressLow[i] = view.getUint32(at + 16, true);
    columns.destinationAddressHigh[i] = view.getUint32(at + 20, true);
    columns.sizeBytes[i] = sizeBytes;
    columns.fenceId[i] = view.getUint32(at + 32, true);
    columns.sequence[i] = view.getUint32(at + 36, true);
    columns.deadlineNs[i] = deadlineNs;
  }
  return count;
}
