import type { Doorbell } from "../../src/doorbell.ts";

// The descriptor again, a field at a time by its offset in the drawing above DOORBELL_WORDS.

const OPS = ["", "load", "cancel", "fence"] as const;

/** The descriptors of `doorbells`, end to end. */
export function encode(doorbells: readonly Doorbell[]): Uint32Array<ArrayBuffer> {
  const words = new Uint32Array(16 * doorbells.length);
  doorbells.forEach((doorbell, i) => {
    const view = new DataView(words.buffer, 64 * i, 64);
    view.setUint8(0, OPS.indexOf(doorbell.op));
    view.setUint8(1, (doorbell.prefetch ? 1 : 0) + (doorbell.dropLate ? 2 : 0));
    view.setUint16(2, doorbell.layer, true);
    view.setUint32(4, doorbell.expert, true);
    view.setUint32(8, doorbell.sourceGpu, true);
    view.setUint32(12, doorbell.destinationGpu, true);
    view.setBigUint64(16, doorbell.destinationAddress, true);
    view.setBigUint64(24, BigInt(doorbell.sizeBytes), true);
    view.setUint32(32, doorbell.fenceId, true);
    view.setUint32(36, doorbell.sequence, true);
    view.setFloat64(40, doorbell.deadlineNs, true);
  });
  return words;
}

/** The doorbells whose descriptors lie end to end in `words`, which are good. */
export function decode(words: Uint32Array): Doorbell[] {
  return Array.from({ length: words.length / 16 }, (_, i) => {
    const view = new DataView(words.buffer, words.byteOffset + 64 * i, 64);
    const op = OPS[view.getUint8(0)]!;
    if (op === "") throw new RangeError("0 is no op");
    return {
      op,
      prefetch: (view.getUint8(1) & 1) === 1,
      dropLate: (view.getUint8(1) & 2) === 2,
      layer: view.getUint16(2, true),
      expert: view.getUint32(4, true),
      sourceGpu: view.getUint32(8, true),
      destinationGpu: view.getUint32(12, true),
      destinationAddress: view.getBigUint64(16, true),
      sizeBytes: Number(view.getBigUint64(24, true)),
      fenceId: view.getUint32(32, true),
      sequence: view.getUint32(36, true),
      deadlineNs: view.getFloat64(40, true),
    };
  });
}

/** The first field that breaks a rule in descriptor `i` of `words`, nothing where it is good. */
export function badField(words: Uint32Array, i: number): string | undefined {
  const view = new DataView(words.buffer, words.byteOffset + 64 * i, 64);
  const [op, size, deadlineNs] = [view.getUint8(0), view.getBigUint64(24, true), view.getFloat64(40, true)];
  if (![1, 2, 3].includes(op)) return "op";
  if (![0, 1, 2, 3].includes(view.getUint8(1))) return "flags";
  if (op === 1 ? size === 0n || size > 2n ** 53n : size !== 0n) return "sizeBytes";
  if (!Number.isFinite(deadlineNs) || deadlineNs < 0) return "deadlineNs";
  for (let byte = 48; byte < 64; byte++) if (view.getUint8(byte) !== 0) return "byte";
  return undefined;
}
