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
  LANES,
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
  status[0] = DOORBELL_GOOD;
  for (let i = 0; i < end; ) {
    if (ASC_FEATURE_SIMD) {
      if (i + LANES <= end && encodeFour(words, u32Columns, f64Columns, stride, i)) {
        i += LANES;
        continue;
      }
    }
    status[0] = encodeOne(words, u32Columns, f64Columns, stride, i);
    if (status[0] !== DOORBELL_GOOD) return i;
    i++;
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
  status[0] = DOORBELL_GOOD;
  for (let i = 0; i < end; ) {
    if (ASC_FEATURE_SIMD) {
      if (i + LANES <= end && decodeFour(u32Columns, f64Columns, words, stride, i)) {
        i += LANES;
        continue;
      }
    }
    status[0] = decodeOne(u32Columns, f64Columns, words, stride, i);
    if (status[0] !== DOORBELL_GOOD) return i;
    i++;
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

// Four doorbells at once: a quarter of a descriptor is a vector, and the same quarter of four of them is four columns,
// transposed. What is not plainly good is left to the loop of single doorbells, which has the last word on it.

/** Writes doorbells `i` to `i + 3`; false, and nothing written, where one of them is not plainly good. */
function encodeFour(
  words: StaticArray<u32>,
  u32Columns: StaticArray<u32>,
  f64Columns: StaticArray<f64>,
  stride: i32,
  i: i32,
): bool {
  const op = loadFour(u32Columns, DOORBELL_OP * stride + i);
  const flags = loadFour(u32Columns, DOORBELL_FLAGS * stride + i);
  const layer = loadFour(u32Columns, DOORBELL_LAYER * stride + i);
  const sizes = DOORBELL_SIZE_BYTES * stride + i;
  const sizesA = loadTwo(f64Columns, sizes);
  const sizesB = loadTwo(f64Columns, sizes + 2);
  const highA = i32x4.trunc_sat_f64x2_u_zero(f64x2.mul(sizesA, f64x2.splat(1.0 / 4294967296.0)));
  const highB = i32x4.trunc_sat_f64x2_u_zero(f64x2.mul(sizesB, f64x2.splat(1.0 / 4294967296.0)));
  const lowA = i32x4.trunc_sat_f64x2_u_zero(f64x2.sub(sizesA, sizesOf(i32x4.splat(0), highA)));
  const lowB = i32x4.trunc_sat_f64x2_u_zero(f64x2.sub(sizesB, sizesOf(i32x4.splat(0), highB)));
  // Only whole numbers come back from being converted.
  const wholeA = f64x2.eq(sizesOf(lowA, highA), sizesA);
  const wholeB = f64x2.eq(sizesOf(lowB, highB), sizesB);
  const sizeLow = firstsOf(lowA, lowB);
  const sizeHigh = firstsOf(highA, highB);
  const deadlines = DOORBELL_DEADLINE_NS * stride + i;
  const deadlinesA = loadTwo(f64Columns, deadlines);
  const deadlinesB = loadTwo(f64Columns, deadlines + 2);
  const deadlineLow = v128.shuffle<u32>(deadlinesA, deadlinesB, 0, 2, 4, 6);
  const deadlineHigh = v128.shuffle<u32>(deadlinesA, deadlinesB, 1, 3, 5, 7);
  if (!i64x2.all_true(v128.and(wholeA, wholeB))) return false;
  if (!arePlainlyGood(op, flags, layer, sizeLow, sizeHigh, deadlineHigh)) return false;
  const at = changetype<usize>(words) + ((<usize>i) << 6);
  storeQuarters(
    at,
    v128.or(op, v128.or(i32x4.shl(flags, 8), i32x4.shl(layer, 16))),
    loadFour(u32Columns, DOORBELL_EXPERT * stride + i),
    loadFour(u32Columns, DOORBELL_SOURCE_GPU * stride + i),
    loadFour(u32Columns, DOORBELL_DESTINATION_GPU * stride + i),
  );
  storeQuarters(
    at + 16,
    loadFour(u32Columns, DOORBELL_ADDRESS_LOW * stride + i),
    loadFour(u32Columns, DOORBELL_ADDRESS_HIGH * stride + i),
    sizeLow,
    sizeHigh,
  );
  storeQuarters(
    at + 32,
    loadFour(u32Columns, DOORBELL_FENCE_ID * stride + i),
    loadFour(u32Columns, DOORBELL_SEQUENCE * stride + i),
    deadlineLow,
    deadlineHigh,
  );
  storeQuarters(at + 48, i32x4.splat(0), i32x4.splat(0), i32x4.splat(0), i32x4.splat(0));
  return true;
}

/** Reads doorbells `i` to `i + 3`; false, and nothing written, where one of them is not plainly good. */
function decodeFour(
  u32Columns: StaticArray<u32>,
  f64Columns: StaticArray<f64>,
  words: StaticArray<u32>,
  stride: i32,
  i: i32,
): bool {
  const at = changetype<usize>(words) + ((<usize>i) << 6);
  const headsA = lowsOf(v128.load(at), v128.load(at, 64));
  const headsB = lowsOf(v128.load(at, 128), v128.load(at, 192));
  const head = firstsOf(headsA, headsB);
  const op = v128.and(head, i32x4.splat(0xff));
  const flags = v128.and(i32x4.shr_u(head, 8), i32x4.splat(0xff));
  const layer = i32x4.shr_u(head, 16);
  const placesA = lowsOf(v128.load(at, 16), v128.load(at, 80));
  const placesB = lowsOf(v128.load(at, 144), v128.load(at, 208));
  const sizesA = highsOf(v128.load(at, 16), v128.load(at, 80));
  const sizesB = highsOf(v128.load(at, 144), v128.load(at, 208));
  const sizeLow = firstsOf(sizesA, sizesB);
  const sizeHigh = secondsOf(sizesA, sizesB);
  const deadlinesA = secondsOf(v128.load(at, 32), v128.load(at, 96));
  const deadlinesB = secondsOf(v128.load(at, 160), v128.load(at, 224));
  const deadlineHigh = v128.shuffle<u32>(deadlinesA, deadlinesB, 1, 3, 5, 7);
  const reservedA = v128.or(v128.load(at, 48), v128.load(at, 112));
  const reservedB = v128.or(v128.load(at, 176), v128.load(at, 240));
  if (v128.any_true(v128.or(reservedA, reservedB))) return false;
  if (!arePlainlyGood(op, flags, layer, sizeLow, sizeHigh, deadlineHigh)) return false;
  const gpusA = highsOf(v128.load(at), v128.load(at, 64));
  const gpusB = highsOf(v128.load(at, 128), v128.load(at, 192));
  const orderA = lowsOf(v128.load(at, 32), v128.load(at, 96));
  const orderB = lowsOf(v128.load(at, 160), v128.load(at, 224));
  storeFour(u32Columns, DOORBELL_OP * stride + i, op);
  storeFour(u32Columns, DOORBELL_FLAGS * stride + i, flags);
  storeFour(u32Columns, DOORBELL_LAYER * stride + i, layer);
  storeFour(u32Columns, DOORBELL_EXPERT * stride + i, secondsOf(headsA, headsB));
  storeFour(u32Columns, DOORBELL_SOURCE_GPU * stride + i, firstsOf(gpusA, gpusB));
  storeFour(u32Columns, DOORBELL_DESTINATION_GPU * stride + i, secondsOf(gpusA, gpusB));
  storeFour(u32Columns, DOORBELL_ADDRESS_LOW * stride + i, firstsOf(placesA, placesB));
  storeFour(u32Columns, DOORBELL_ADDRESS_HIGH * stride + i, secondsOf(placesA, placesB));
  storeFour(u32Columns, DOORBELL_FENCE_ID * stride + i, firstsOf(orderA, orderB));
  storeFour(u32Columns, DOORBELL_SEQUENCE * stride + i, secondsOf(orderA, orderB));
  const sizes = DOORBELL_SIZE_BYTES * stride + i;
  storeTwo(f64Columns, sizes, sizesOf(sizeLow, sizeHigh));
  storeTwo(f64Columns, sizes + 2, sizesOf(secondsOf(sizeLow, sizeLow), secondsOf(sizeHigh, sizeHigh)));
  const deadlines = DOORBELL_DEADLINE_NS * stride + i;
  storeTwo(f64Columns, deadlines, deadlinesA);
  storeTwo(f64Columns, deadlines + 2, deadlinesB);
  return true;
}

/** Whether `statusOf` would find nothing wrong with four doorbells; sizes of 2^53 and deadlines of -0 are left to it. */
function arePlainlyGood(op: v128, flags: v128, layer: v128, sizeLow: v128, sizeHigh: v128, deadlineHigh: v128): bool {
  const isOp = i32x4.lt_u(i32x4.sub(op, i32x4.splat(DOORBELL_LOAD)), i32x4.splat(DOORBELL_FENCE));
  const isFlags = i32x4.le_u(flags, i32x4.splat(DOORBELL_PREFETCH | DOORBELL_DROP_LATE));
  const isLayer = i32x4.le_u(layer, i32x4.splat(0xffff));
  const isEmpty = i32x4.eq(v128.or(sizeLow, sizeHigh), i32x4.splat(0));
  const isSize = v128.xor(isEmpty, i32x4.eq(op, i32x4.splat(DOORBELL_LOAD)));
  const isSmall = i32x4.lt_u(sizeHigh, i32x4.splat(1 << 21));
  // The sign makes a word large, an exponent of ones is that of infinity and NaN.
  const isDeadline = i32x4.lt_u(deadlineHigh, i32x4.splat(0x7ff00000));
  const fields = v128.and(v128.and(isOp, isFlags), isLayer);
  return i32x4.all_true(v128.and(v128.and(fields, isDeadline), v128.and(isSize, isSmall)));
}

/** Writes four columns as the quarters of four descriptors, the first of them at `at`. */
function storeQuarters(at: usize, a: v128, b: v128, c: v128, d: v128): void {
  v128.store(at, firstsOf(lowsOf(a, b), lowsOf(c, d)));
  v128.store(at, secondsOf(lowsOf(a, b), lowsOf(c, d)), 64);
  v128.store(at, firstsOf(highsOf(a, b), highsOf(c, d)), 128);
  v128.store(at, secondsOf(highsOf(a, b), highsOf(c, d)), 192);
}

/** The first two sizes of those whose low and high words these are. */
function sizesOf(low: v128, high: v128): v128 {
  const words = f64x2.mul(f64x2.convert_low_i32x4_u(high), f64x2.splat(4294967296.0));
  return f64x2.add(words, f64x2.convert_low_i32x4_u(low));
}

/** The lower halves, word by word in turn. */
function lowsOf(a: v128, b: v128): v128 {
  return v128.shuffle<u32>(a, b, 0, 4, 1, 5);
}

/** The upper halves, word by word in turn. */
function highsOf(a: v128, b: v128): v128 {
  return v128.shuffle<u32>(a, b, 2, 6, 3, 7);
}

/** The lower half of either. */
function firstsOf(a: v128, b: v128): v128 {
  return v128.shuffle<u64>(a, b, 0, 2);
}

/** The upper half of either. */
function secondsOf(a: v128, b: v128): v128 {
  return v128.shuffle<u64>(a, b, 1, 3);
}

function loadFour(columns: StaticArray<u32>, at: i32): v128 {
  return v128.load(changetype<usize>(columns) + ((<usize>at) << 2));
}

function storeFour(columns: StaticArray<u32>, at: i32, four: v128): void {
  v128.store(changetype<usize>(columns) + ((<usize>at) << 2), four);
}

function loadTwo(columns: StaticArray<f64>, at: i32): v128 {
  return v128.load(changetype<usize>(columns) + ((<usize>at) << 3));
}

function storeTwo(columns: StaticArray<f64>, at: i32, two: v128): void {
  v128.store(changetype<usize>(columns) + ((<usize>at) << 3), two);
}
