import {
  DOORBELL_ADDRESS_HIGH,
  DOORBELL_ADDRESS_LOW,
  DOORBELL_BAD_DEADLINE,
  DOORBELL_BAD_FLAGS,
  DOORBELL_BAD_LAYER,
  DOORBELL_BAD_OP,
  DOORBELL_BAD_SIZE,
  DOORBELL_CANCEL,
  DOORBELL_DEADLINE_NS,
  DOORBELL_DESTINATION_GPU,
  DOORBELL_DROP_LATE,
  DOORBELL_EXPERT,
  DOORBELL_F64_COLUMNS,
  DOORBELL_FENCE,
  DOORBELL_FENCE_ID,
  DOORBELL_FLAGS,
  DOORBELL_LAYER,
  DOORBELL_LOAD,
  DOORBELL_OP,
  DOORBELL_PREFETCH,
  DOORBELL_SEQUENCE,
  DOORBELL_SIZE_BYTES,
  DOORBELL_SOURCE_GPU,
  DOORBELL_U32_COLUMNS,
} from "../assembly/layout.ts";
import { checkBoolean, checkFinite, checkUint64, checkWhole, describe } from "./check.ts";
import { DOORBELL_WORDS } from "./ring/memory.ts";
import { workspace } from "./wasm.ts";

/** One request to a DPU: to load an expert's weights, to cancel a load, or to fence. */
export interface Doorbell {
  op: keyof typeof DOORBELL_OPS;
  /** The load was predicted and nothing waits for it yet. */
  prefetch: boolean;
  /** A load that can no longer make its deadline is to be dropped. */
  dropLate: boolean;
  /** From 0 to 2^16 - 1. */
  layer: number;
  /** From 0 to 2^32 - 1, as every number below of which nothing else is said. */
  expert: number;
  sourceGpu: number;
  destinationGpu: number;
  /** From 0 to 2^64 - 1. */
  destinationAddress: bigint;
  /** Of a load a whole number from 1 to 2^53, else 0. */
  sizeBytes: number;
  fenceId: number;
  sequence: number;
  /** Finite, at least 0. */
  deadlineNs: number;
}

/** How a doorbell's `op` is spelled in descriptors and columns. */
export const DOORBELL_OPS = { load: DOORBELL_LOAD, cancel: DOORBELL_CANCEL, fence: DOORBELL_FENCE } as const;

/** How flags are spelled in descriptors and columns, where they add up. */
export const DOORBELL_FLAG_BITS = { prefetch: DOORBELL_PREFETCH, dropLate: DOORBELL_DROP_LATE } as const;

const DOORBELL_BYTES = 4 * DOORBELL_WORDS;
/** The first of the bytes that are reserved, up to the end. */
const RESERVED = 48;

/** Doorbells as columns: what stands in place i of each is doorbell i. */
export interface DoorbellColumns {
  /** One of DOORBELL_OPS. */
  readonly op: Uint32Array;
  /** A sum of DOORBELL_FLAG_BITS. */
  readonly flags: Uint32Array;
  /** From 0 to 2^16 - 1. */
  readonly layer: Uint32Array;
  readonly expert: Uint32Array;
  readonly sourceGpu: Uint32Array;
  readonly destinationGpu: Uint32Array;
  readonly destinationAddressLow: Uint32Array;
  readonly destinationAddressHigh: Uint32Array;
  /** Of a load a whole number from 1 to 2^53, else 0. */
  readonly sizeBytes: Float64Array;
  readonly fenceId: Uint32Array;
  readonly sequence: Uint32Array;
  /** Finite, at least 0. */
  readonly deadlineNs: Float64Array;
}

/**
 * Turns doorbells into the 64-byte descriptors that a DPU reads, 16 words each, and back. `encode` and `decode` are for
 * convenience; who has many fills `columns` and calls `encodeColumns`, or fills `words` and calls `decodeWords`.
 */
export class DoorbellCodec {
  /** How many doorbells `columns` and `words` have room for. */
  readonly batch: number;
  /** Views of the columns: `encodeColumns` reads them, `decodeWords` writes them. */
  readonly columns: DoorbellColumns;
  /** A view of the descriptors: `encodeColumns` writes it, `decodeWords` reads it. */
  readonly words: Uint32Array;
  readonly #encode: (count: number) => number;
  readonly #decode: (count: number) => number;
  readonly #status: Uint32Array;

  /** `batch`: how many doorbells one call of a kernel takes; 1024 unless given. */
  constructor({ batch = 1024 }: { batch?: number } = {}) {
    checkWhole("batch", batch, 1, 2 ** 20);
    const { kernels, views, at } = workspace({
      words: ["U32", DOORBELL_WORDS * batch],
      status: ["U32", 1],
      u32Columns: ["U32", DOORBELL_U32_COLUMNS * batch],
      f64Columns: ["F64", DOORBELL_F64_COLUMNS * batch],
    });
    const u32 = (column: number) => views.u32Columns.subarray(column * batch, (column + 1) * batch);
    const f64 = (column: number) => views.f64Columns.subarray(column * batch, (column + 1) * batch);
    this.batch = batch;
    this.words = views.words;
    this.columns = {
      op: u32(DOORBELL_OP),
      flags: u32(DOORBELL_FLAGS),
      layer: u32(DOORBELL_LAYER),
      expert: u32(DOORBELL_EXPERT),
      sourceGpu: u32(DOORBELL_SOURCE_GPU),
      destinationGpu: u32(DOORBELL_DESTINATION_GPU),
      destinationAddressLow: u32(DOORBELL_ADDRESS_LOW),
      destinationAddressHigh: u32(DOORBELL_ADDRESS_HIGH),
      sizeBytes: f64(DOORBELL_SIZE_BYTES),
      fenceId: u32(DOORBELL_FENCE_ID),
      sequence: u32(DOORBELL_SEQUENCE),
      deadlineNs: f64(DOORBELL_DEADLINE_NS),
    };
    this.#status = views.status;
    this.#encode = (count) => kernels.encodeDoorbells(at.words, at.status, at.u32Columns, at.f64Columns, count);
    this.#decode = (count) => kernels.decodeDoorbells(at.u32Columns, at.f64Columns, at.status, at.words, count);
  }

  /** Writes the first `count` doorbells of `columns` to `words`; throws at the first bad one, having written those before. */
  encodeColumns(count: number): void {
    checkWhole("count", count, 0, this.batch);
    this.#encodeFrom(0, count);
  }

  /** Reads the first `count` descriptors of `words` into `columns`; throws at the first bad one, having read those before. */
  decodeWords(count: number): void {
    checkWhole("count", count, 0, this.batch);
    this.#decodeFrom(0, count);
  }

  /** The descriptors of `doorbells`, end to end. */
  encode(doorbells: readonly Doorbell[]): Uint32Array {
    const words = new Uint32Array(doorbells.length * DOORBELL_WORDS);
    for (let start = 0; start < doorbells.length; start += this.batch) {
      const count = Math.min(this.batch, doorbells.length - start);
      for (let i = 0; i < count; i++) this.#setRow(i, doorbells[start + i]!, `doorbell ${start + i}`);
      this.#encodeFrom(start, count);
      words.set(this.words.subarray(0, count * DOORBELL_WORDS), start * DOORBELL_WORDS);
    }
    return words;
  }

  /** The doorbells whose descriptors lie end to end in `words`. */
  decode(words: Uint32Array): Doorbell[] {
    if (!(words instanceof Uint32Array)) throw new TypeError(`words must be a Uint32Array, got ${describe(words)}`);
    if (words.length % DOORBELL_WORDS !== 0)
      throw new RangeError(`words must hold a multiple of ${DOORBELL_WORDS} values, got ${words.length}`);
    const doorbells: Doorbell[] = [];
    for (let start = 0; start < words.length; start += this.words.length) {
      const part = words.subarray(start, start + this.words.length);
      this.words.set(part);
      const count = part.length / DOORBELL_WORDS;
      this.#decodeFrom(start / DOORBELL_WORDS, count);
      for (let i = 0; i < count; i++) doorbells.push(this.#row(i));
    }
    return doorbells;
  }

  /** Encodes `count` doorbells, the first of which is number `start` to the caller. */
  #encodeFrom(start: number, count: number): void {
    const good = this.#encode(count);
    if (good === count) return;
    const { op, flags, layer, sizeBytes, deadlineNs } = this.columns;
    throw refusal(`doorbell ${start + good}`, this.#status[0]!, {
      op: op[good]!,
      flags: flags[good]!,
      layer: layer[good]!,
      sizeBytes: sizeBytes[good]!,
      deadlineNs: deadlineNs[good]!,
      reserved: [],
    });
  }

  /** Decodes `count` descriptors, the first of which is number `start` to the caller. */
  #decodeFrom(start: number, count: number): void {
    const good = this.#decode(count);
    if (good === count) return;
    const { buffer, byteOffset } = this.words;
    const descriptor = new DataView(buffer, byteOffset + good * DOORBELL_BYTES, DOORBELL_BYTES);
    throw refusal(`doorbell ${start + good}`, this.#status[0]!, {
      op: descriptor.getUint8(0),
      flags: descriptor.getUint8(1),
      layer: descriptor.getUint16(2, true),
      sizeBytes: descriptor.getBigUint64(24, true),
      deadlineNs: descriptor.getFloat64(40, true),
      reserved: Array.from({ length: DOORBELL_BYTES - RESERVED }, (_, i) => descriptor.getUint8(RESERVED + i)),
    });
  }

  /** Puts `doorbell` in place `i` of the columns, checked as far as the kernel does not. */
  #setRow(i: number, doorbell: Doorbell, name: string): void {
    const { columns } = this;
    const { op, prefetch, dropLate, layer, destinationAddress, sizeBytes, deadlineNs } = doorbell;
    if (!Object.hasOwn(DOORBELL_OPS, op))
      throw new RangeError(`${name}: op must be one of ${Object.keys(DOORBELL_OPS).join(", ")}, got ${describe(op)}`);
    checkBoolean(`${name}: prefetch`, prefetch);
    checkBoolean(`${name}: dropLate`, dropLate);
    checkWhole(`${name}: layer`, layer, 0, 2 ** 16 - 1);
    for (const field of ["expert", "sourceGpu", "destinationGpu", "fenceId", "sequence"] as const) {
      checkWhole(`${name}: ${field}`, doorbell[field], 0, 2 ** 32 - 1);
      columns[field][i] = doorbell[field];
    }
    checkUint64(`${name}: destinationAddress`, destinationAddress);
    checkFinite(`${name}: sizeBytes`, sizeBytes);
    checkFinite(`${name}: deadlineNs`, deadlineNs);
    columns.op[i] = DOORBELL_OPS[op];
    columns.flags[i] = (prefetch ? DOORBELL_PREFETCH : 0) | (dropLate ? DOORBELL_DROP_LATE : 0);
    columns.layer[i] = layer;
    columns.destinationAddressLow[i] = Number(destinationAddress & 0xffffffffn);
    columns.destinationAddressHigh[i] = Number(destinationAddress >> 32n);
    columns.sizeBytes[i] = sizeBytes;
    columns.deadlineNs[i] = deadlineNs;
  }

  /** The doorbell in place `i` of the columns, which hold good ones. */
  #row(i: number): Doorbell {
    const { columns } = this;
    return {
      op: opNamed(columns.op[i]!)!,
      prefetch: (columns.flags[i]! & DOORBELL_PREFETCH) !== 0,
      dropLate: (columns.flags[i]! & DOORBELL_DROP_LATE) !== 0,
      layer: columns.layer[i]!,
      expert: columns.expert[i]!,
      sourceGpu: columns.sourceGpu[i]!,
      destinationGpu: columns.destinationGpu[i]!,
      destinationAddress:
        (BigInt(columns.destinationAddressHigh[i]!) << 32n) | BigInt(columns.destinationAddressLow[i]!),
      sizeBytes: columns.sizeBytes[i]!,
      fenceId: columns.fenceId[i]!,
      sequence: columns.sequence[i]!,
      deadlineNs: columns.deadlineNs[i]!,
    };
  }
}

/** What `op` is called, nothing where it is none. */
const opNamed = (op: number) =>
  (Object.keys(DOORBELL_OPS) as Doorbell["op"][]).find((name) => DOORBELL_OPS[name] === op);

/** The fields of a doorbell that break a rule, as they stand. */
interface Refused {
  op: number;
  flags: number;
  layer: number;
  sizeBytes: number | bigint;
  deadlineNs: number;
  reserved: readonly number[];
}

/** What to throw for the doorbell `name` that a kernel refused with `status`. */
function refusal(
  name: string,
  status: number,
  { op, flags, layer, sizeBytes, deadlineNs, reserved }: Refused,
): RangeError {
  switch (status) {
    case DOORBELL_BAD_OP:
      return new RangeError(`${name}: op must be 1 (load), 2 (cancel) or 3 (fence), got ${op}`);
    case DOORBELL_BAD_FLAGS:
      return new RangeError(
        `${name}: flags must have no bit set but 0 (prefetch) and 1 (dropLate), the others are reserved, got 0b${flags.toString(2)}`,
      );
    case DOORBELL_BAD_LAYER:
      return new RangeError(`${name}: layer must be from 0 to 65535, got ${layer}`);
    case DOORBELL_BAD_SIZE:
      return new RangeError(
        op === DOORBELL_LOAD
          ? `${name}: sizeBytes of a load must be a whole number from 1 to 2^53, got ${sizeBytes}`
          : `${name}: sizeBytes of a ${opNamed(op)} must be 0, got ${sizeBytes}`,
      );
    case DOORBELL_BAD_DEADLINE:
      return new RangeError(`${name}: deadlineNs must be finite and at least 0, got ${deadlineNs}`);
    default: {
      const byte = reserved.findIndex((value) => value !== 0);
      return new RangeError(`${name}: byte ${RESERVED + byte} is reserved and must be 0, got ${reserved[byte]}`);
    }
  }
}
