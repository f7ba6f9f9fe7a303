import {
  DOORBELL_ADDRESS_HIGH,
  DOORBELL_ADDRESS_LOW,
  DOORBELL_BAD_DEADLINE,
  DOORBELL_BAD_FLAGS,
  DOORBELL_BAD_LAYER,
  DOORBELL_BAD_OP,
  DOORBELL_BAD_RESERVED,
  DOORBELL_BAD_SIZE,
  DOORBELL_DEADLINE_NS,
  DOORBELL_DESTINATION_GPU,
  DOORBELL_DROP_LATE,
  DOORBELL_EXPERT,
  DOORBELL_F64_COLUMNS,
  DOORBELL_FENCE,
  DOORBELL_FENCE_ID,
  DOORBELL_FLAGS,
  DOORBELL_GOOD,
  DOORBELL_LAYER,
  DOORBELL_LOAD,
  DOORBELL_OP,
  DOORBELL_PREFETCH,
  DOORBELL_SEQUENCE,
  DOORBELL_SIZE_BYTES,
  DOORBELL_SIZE_BYTES_MAX,
  DOORBELL_SOURCE_GPU,
  DOORBELL_U32_COLUMNS,
  DOORBELL_WORDS,
} from "./layout";

/**
 * Writes the first `count` doorbells of the columns as descriptors (see DOORBELL_WORDS) and returns how many it wrote: all,
 * or those before the first bad one, and `status[0]` says what is wrong with that.
 */
export function encodeDoorbells(
  words: StaticArray<u32>,
  status: StaticArray<u32>,
  u32Columns: StaticArray<u32>,
  f64Columns: StaticArray<f64>,
  count: i32,
): i32 {
  const stride = f64Columns.length / DOORBELL_F64_COLUMNS;
  assert(u32Columns.length === stride * DOORBELL_U32_COLUMNS, "columns of u32 and of f64 are equally long");
  assert(words.length === stride * DOORBELL_WORDS, "there is a descriptor a place in the columns");
  const end = max(0, min(count, stride));
  for (let i = 0; i < end; i++) {
    const bad = encodeOne(words, u32Columns, f64Columns, stride, i);
    status[0] = bad;
    if (bad !== DOORBELL_GOOD) return i;
  }
  return end;
}

/**
 * Reads the first `count` descriptors into columns and returns how many it read: all, or those before the first bad one, and
 * `status[0]` says what is wrong with that.
 */
export function decodeDoorbells(
  u32Columns: StaticArray<u32>,
  f64Columns: StaticArray<f64>,
  status: StaticArray<u32>,
  words: StaticArray<u32>,
  count: i32,
): i32 {
  const stride = f64Columns.length / DOORBELL_F64_COLUMNS;
  assert(u32Columns.length === stride * DOORBELL_U32_COLUMNS, "columns of u32 and of f64 are equally long");
  assert(words.length === stride * DOORBELL_WORDS, "there is a descriptor a place in the columns");
  const end = max(0, min(count, stride));
  for (let i = 0; i < end; i++) {
    const bad = decodeOne(u32Columns, f64Columns, words, stride, i);
    status[0] = bad;
    if (bad !== DOORBELL_GOOD) return i;
  }
  return end;
}

/** Writes doorbell `i`, if it is good. */
function encodeOne(
  words: StaticArray<u32>,
  u32Columns: StaticArray<u32>,
  f64Columns: StaticArray<f64>,
  stride: i32,
  i: i32,
): u32 {
  const op = u32Columns[DOORBELL_OP * stride + i];
  const flags = u32Columns[DOORBELL_FLAGS * stride + i];
  const layer = u32Columns[DOORBELL_LAYER * stride + i];
  const sizeBytes = f64Columns[DOORBELL_SIZE_BYTES * stride + i];
  const deadlineNs = f64Columns[DOORBELL_DEADLINE_NS * stride + i];
  // The conversion saturates; what does not come back from it was negative, broken or NaN, and no size is that large.
  const size = <f64>(<u64>sizeBytes) === sizeBytes ? <u64>sizeBytes : u64.MAX_VALUE;
  const bad = statusOf(op, flags, layer, size, deadlineNs);
  if (bad !== DOORBELL_GOOD) return bad;
  const at = i * DOORBELL_WORDS;
  const deadline = reinterpret<u64>(deadlineNs);
  words[at] = op | (flags << 8) | (layer << 16);
  words[at + 1] = u32Columns[DOORBELL_EXPERT * stride + i];
  words[at + 2] = u32Columns[DOORBELL_SOURCE_GPU * stride + i];
  words[at + 3] = u32Columns[DOORBELL_DESTINATION_GPU * stride + i];
  words[at + 4] = u32Columns[DOORBELL_ADDRESS_LOW * stride + i];
  words[at + 5] = u32Columns[DOORBELL_ADDRESS_HIGH * stride + i];
  words[at + 6] = <u32>size;
  words[at + 7] = <u32>(size >>> 32);
  words[at + 8] = u32Columns[DOORBELL_FENCE_ID * stride + i];
  words[at + 9] = u32Columns[DOORBELL_SEQUENCE * stride + i];
  words[at + 10] = <u32>deadline;
  words[at + 11] = <u32>(deadline >>> 32);
  for (let word = 12; word < DOORBELL_WORDS; word++) words[at + word] = 0;
  return DOORBELL_GOOD;
}

/** Reads doorbell `i`, if it is good. */
function decodeOne(
  u32Columns: StaticArray<u32>,
  f64Columns: StaticArray<f64>,
  words: StaticArray<u32>,
  stride: i32,
  i: i32,
): u32 {
  const at = i * DOORBELL_WORDS;
  const op = words[at] & 0xff;
  const flags = (words[at] >>> 8) & 0xff;
  const layer = words[at] >>> 16;
  const size = <u64>words[at + 6] | ((<u64>words[at + 7]) << 32);
  const deadlineNs = reinterpret<f64>(<u64>words[at + 10] | ((<u64>words[at + 11]) << 32));
  const bad = statusOf(op, flags, layer, size, deadlineNs);
  if (bad !== DOORBELL_GOOD) return bad;
  if ((words[at + 12] | words[at + 13] | words[at + 14] | words[at + 15]) !== 0) return DOORBELL_BAD_RESERVED;
  u32Columns[DOORBELL_OP * stride + i] = op;
  u32Columns[DOORBELL_FLAGS * stride + i] = flags;
  u32Columns[DOORBELL_LAYER * stride + i] = layer;
  u32Columns[DOORBELL_EXPERT * stride + i] = words[at + 1];
  u32Columns[DOORBELL_SOURCE_GPU * stride + i] = words[at + 2];
  u32Columns[DOORBELL_DESTINATION_GPU * stride + i] = words[at + 3];
  u32Columns[DOORBELL_ADDRESS_LOW * stride + i] = words[at + 4];
  u32Columns[DOORBELL_ADDRESS_HIGH * stride + i] = words[at + 5];
  u32Columns[DOORBELL_FENCE_ID * stride + i] = words[at + 8];
  u32Columns[DOORBELL_SEQUENCE * stride + i] = words[at + 9];
  f64Columns[DOORBELL_SIZE_BYTES * stride + i] = <f64>size;
  f64Columns[DOORBELL_DEADLINE_NS * stride + i] = deadlineNs;
  return DOORBELL_GOOD;
}

/** The first rule that a doorbell breaks, or DOORBELL_GOOD. */
function statusOf(op: u32, flags: u32, layer: u32, size: u64, deadlineNs: f64): u32 {
  if (op < <u32>DOORBELL_LOAD || op > <u32>DOORBELL_FENCE) return DOORBELL_BAD_OP;
  if (flags > <u32>(DOORBELL_PREFETCH | DOORBELL_DROP_LATE)) return DOORBELL_BAD_FLAGS;
  if (layer > 0xffff) return DOORBELL_BAD_LAYER;
  // Of a load, 0 wraps to the largest of all.
  if (op === DOORBELL_LOAD ? size - 1 >= <u64>DOORBELL_SIZE_BYTES_MAX : size !== 0) return DOORBELL_BAD_SIZE;
  if (!(deadlineNs >= 0 && deadlineNs < Infinity)) return DOORBELL_BAD_DEADLINE;
  return DOORBELL_GOOD;
}
