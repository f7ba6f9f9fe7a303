/*
 * The closed loop of bench/pacing.bench.ts in C: how far the kernels are from what this machine can do. Reads the quantile
 * table (4098 floats), the generator's state (16 words), and 16384 sizes and slacks (doubles) on stdin; with the arguments
 * STEPS, DPUS, DEPTH, STEP_NS and BUDGET_MS prints the FNV-1a of what the first STEPS steps gave, then the milliseconds that
 * STEPS steps took, the median of as many goes as fit the budget. The pacer is that of bench/twins/pacing.ts.
 */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef uint32_t four __attribute__((vector_size(16)));
typedef float floats __attribute__((vector_size(16)));

enum { LANES = 4, QUANTILES = 4098, HOPS = 3, BATCH = 1024, TABLE = 16384, COUNTS = 32770, GOES = 100000 };
static const double PACE = 1600;
static const float FIXED_NS = 76;
static const uint32_t CORRELATED_BELOW = 0x40000000u;

static float quantile_ns[QUANTILES], paths_ns[BATCH];
static four state[4];
static uint32_t first_bits[BATCH], own_bits[BATCH], choice_bits[BATCH];
static double sizes_bytes[TABLE], slacks_ns[TABLE], counts[COUNTS];

/* --- paths, as in assembly/latency.ts */

static inline four rotl(four x, int k) { return x << k | x >> (32 - k); }

static void draw_bits(uint32_t *restrict bits) {
  four s0 = state[0], s1 = state[1], s2 = state[2], s3 = state[3];
  for (int i = 0; i < BATCH; i += LANES) {
    four drawn = rotl(s0 + s3, 7) + s0, t = s1 << 9;
    memcpy(bits + i, &drawn, sizeof drawn);
    s2 ^= s0;
    s3 ^= s1;
    s1 ^= s2;
    s0 ^= s3;
    s2 ^= t;
    s3 = rotl(s3, 11);
  }
  state[0] = s0, state[1] = s1, state[2] = s2, state[3] = s3;
}

static void add_quantiles(const uint32_t *own) {
  for (int i = 0; i < BATCH; i += LANES) {
    four first, other, choice, spelled;
    floats ns, low, high;
    memcpy(&first, first_bits + i, sizeof first);
    memcpy(&other, own + i, sizeof other);
    memcpy(&choice, choice_bits + i, sizeof choice);
    memcpy(&ns, paths_ns + i, sizeof ns);
    four chosen = (four)(choice >> 1 < CORRELATED_BELOW);
    floats u = __builtin_convertvector(((first & chosen) | (other & ~chosen)) | 1, floats);
    memcpy(&spelled, &u, sizeof u);
    four cell = (spelled >> 16) - (127 << 7);
    for (int l = 0; l < LANES; l++) low[l] = quantile_ns[cell[l]], high[l] = quantile_ns[cell[l] + 1];
    ns += low + __builtin_convertvector(spelled & 0xffff, floats) * (1.0f / 65536) * (high - low);
    memcpy(paths_ns + i, &ns, sizeof ns);
  }
}

static void draw_paths(void) {
  draw_bits(first_bits);
  draw_bits(choice_bits);
  for (int i = 0; i < BATCH; i++) paths_ns[i] = FIXED_NS;
  for (int hop = 0; hop < HOPS; hop++) {
    if (hop > 0) draw_bits(own_bits);
    add_quantiles(hop > 0 ? own_bits : first_bits);
  }
}

static void record_values(const float *values, int count) {
  for (int i = 0; i < count; i++) {
    int32_t word;
    memcpy(&word, values + i, 4);
    int cell = values[i] < 1 ? 0 : ((word & 0x7fffffff) >> 13) - (127 * 1024 - 1);
    counts[cell < COUNTS ? cell : COUNTS - 1]++;
  }
}

/* --- the pacer */

/* A node of a tree of deadlines: of which load its key is, and when that was accepted. */
typedef struct {
  double key;
  uint32_t slot, sequence;
} node;

static int dpus, depth, bits;
static struct {
  uint32_t destination[BATCH], slot[BATCH];
  double bytes[BATCH], deadline_ns[BATCH];
} loads;
static struct {
  uint32_t slot[BATCH];
  double bytes[BATCH], bytes_left[BATCH], at_ns[BATCH], end_ns[BATCH], held_ns[BATCH];
} events;
static node *keys;
static double *latest, *bytes_of, *credit_ns, *due_ns, pacer_ns;
static uint32_t *free_places, *free_count, *matches, accepted;

static inline double later(double a, double b) { return a > b ? a : b; }
static inline double earlier(double a, double b) { return a < b ? a : b; }

static void refresh(int dpu) {
  size_t tree = (size_t)dpu << (bits + 1);
  double own = later(pacer_ns, latest[tree + 1]);
  if (keys[tree + 1].key < INFINITY) own = earlier(own, later(pacer_ns, credit_ns[dpu]));
  due_ns[dpu] = own;
  uint32_t winner = dpu;
  for (int match = dpus + dpu; match > 1; match >>= 1) {
    uint32_t other = matches[match ^ 1];
    if (due_ns[other] < own || (due_ns[other] == own && other < winner)) winner = other, own = due_ns[other];
    matches[match >> 1] = winner;
  }
}

static int submit(int count) {
  uint32_t before = accepted;
  for (int i = 0; i < count; i++) {
    uint32_t dpu = loads.destination[i];
    if (free_count[dpu] == 0) {
      loads.slot[i] = UINT32_MAX;
      continue;
    }
    uint32_t place = free_places[(dpu << bits) + --free_count[dpu]], slot = dpu << bits | place;
    size_t tree = (size_t)dpu << (bits + 1);
    double key = loads.deadline_ns[i], latest_ns = key - loads.bytes[i] / PACE;
    int is_first = keys[tree + 1].key == INFINITY;
    loads.slot[i] = slot;
    bytes_of[slot] = loads.bytes[i];
    latest[tree + depth + place] = latest_ns;
    for (int at = (depth + place) >> 1; at > 0 && latest_ns < latest[tree + at]; at >>= 1) latest[tree + at] = latest_ns;
    node own = {key, slot, accepted++};
    keys[tree + depth + place] = own;
    for (int at = (depth + place) >> 1; at > 0 && key < keys[tree + at].key; at >>= 1) keys[tree + at] = own;
    if (is_first || latest_ns < due_ns[dpu]) refresh(dpu);
  }
  return accepted - before;
}

static void clear_latest(size_t tree, uint32_t place) {
  int at = depth + place;
  double old = latest[tree + at], least = INFINITY;
  latest[tree + at] = least;
  for (; at > 1 && least != old && latest[tree + (at >> 1)] == old; at >>= 1) {
    least = earlier(latest[tree + (at ^ 1)], least);
    latest[tree + (at >> 1)] = least;
  }
}

static int advance_dpu(int dpu, int row, double now_ns) {
  size_t tree = (size_t)dpu << (bits + 1);
  uint32_t first_slot = dpu << bits;
  double clock_ns = pacer_ns, ready_ns = credit_ns[dpu];
  while (row < BATCH) {
    double latest_ns = later(clock_ns, latest[tree + 1]);
    double read_ns = keys[tree + 1].key == INFINITY ? INFINITY : later(clock_ns, ready_ns);
    uint32_t slot;
    if (read_ns <= latest_ns) {
      if (read_ns > now_ns) break;
      clock_ns = read_ns;
      slot = keys[tree + 1].slot;
      ready_ns = read_ns + bytes_of[slot] / PACE;
      events.bytes[row] = bytes_of[slot];
      events.bytes_left[row] = 0;
      events.end_ns[row] = ready_ns;
      free_places[first_slot + free_count[dpu]++] = slot - first_slot;
      int at = depth + (slot - first_slot);
      node winner = {INFINITY, slot, 0};
      keys[tree + at] = winner;
      for (; at > 1; at >>= 1) {
        node other = keys[tree + (at ^ 1)];
        if (other.key < winner.key || (other.key == winner.key && other.sequence < winner.sequence)) winner = other;
        keys[tree + (at >> 1)] = winner;
      }
    } else {
      if (latest_ns > now_ns) break;
      clock_ns = latest_ns;
      double first = latest[tree + 1];
      int at = 1;
      while (at < depth) at = 2 * at + (latest[tree + 2 * at] != first);
      slot = first_slot + at - depth;
      events.bytes[row] = 0;
      events.bytes_left[row] = bytes_of[slot];
      events.end_ns[row] = latest_ns;
    }
    clear_latest(tree, slot - first_slot);
    events.slot[row] = slot;
    events.at_ns[row] = clock_ns;
    events.held_ns[row++] = 0;
  }
  credit_ns[dpu] = ready_ns;
  return row;
}

static int advance(double now_ns) {
  int row = 0;
  while (row < BATCH && due_ns[matches[1]] <= now_ns) {
    int dpu = matches[1];
    row = advance_dpu(dpu, row, now_ns);
    refresh(dpu);
  }
  pacer_ns = now_ns;
  return row;
}

static void *doubles(size_t count, double value) {
  double *made = malloc(count * sizeof *made);
  for (size_t i = 0; i < count; i++) made[i] = value;
  return made;
}

static void lay_out(void) {
  size_t slots = (size_t)dpus * depth;
  for (bits = 0; 1 << bits < depth; bits++) continue;
  keys = malloc(2 * slots * sizeof *keys);
  for (size_t i = 0; i < 2 * slots; i++)
    keys[i] = (node){INFINITY, (i >> (bits + 1)) * depth + i % depth, 0};
  latest = doubles(2 * slots, INFINITY);
  bytes_of = doubles(slots, 0);
  credit_ns = doubles(dpus, 0);
  due_ns = doubles(dpus, INFINITY);
  free_places = malloc(slots * sizeof *free_places);
  free_count = malloc(dpus * sizeof *free_count);
  matches = malloc(2 * dpus * sizeof *matches);
  for (size_t i = 0; i < slots; i++) free_places[i] = depth - 1 - i % depth;
  for (int i = 0; i < dpus; i++) free_count[i] = depth;
  for (int i = 2 * dpus - 1; i >= 1; i--) matches[i] = i >= dpus ? (uint32_t)(i - dpus) : matches[2 * i];
}

/* --- the loop */

static double now_ns, step_ns, *submitted_ns;
static float latency_ns[BATCH], late_ns[BATCH];
static int next_load, path = BATCH, reads, late;

static void fill(void) {
  submitted_ns = doubles((size_t)dpus * depth, 0);
  for (int i = 0; i < depth; i++) {
    for (int dpu = 0; dpu < dpus; dpu++) {
      loads.destination[dpu] = dpu;
      loads.bytes[dpu] = sizes_bytes[next_load];
      loads.deadline_ns[dpu] = later(slacks_ns[next_load], 500.0 * depth);
      next_load = (next_load + 1) & (TABLE - 1);
    }
    submit(dpus);
  }
}

static void step(void) {
  now_ns += step_ns;
  int count = advance(now_ns);
  reads = late = 0;
  for (int i = 0; i < count; i++) {
    uint32_t slot = events.slot[i];
    if (events.bytes[i] == 0) {
      late_ns[late++] = events.at_ns[i] - submitted_ns[slot];
      continue;
    }
    if (path == BATCH) draw_paths(), path = 0;
    latency_ns[reads] = events.end_ns[i] - submitted_ns[slot] + paths_ns[path++];
    submitted_ns[slot] = now_ns;
    loads.destination[reads] = slot >> bits;
    loads.bytes[reads] = sizes_bytes[next_load];
    loads.deadline_ns[reads++] = now_ns + slacks_ns[next_load];
    next_load = (next_load + 1) & (TABLE - 1);
  }
  record_values(latency_ns, reads);
  submit(reads);
}

static uint32_t hashed(const float *values, int count, uint32_t hash) {
  for (int i = 0; i < count; i++) {
    uint32_t word;
    memcpy(&word, values + i, 4);
    hash = (hash ^ word) * 0x01000193u;
  }
  return hash;
}

static double now_ms(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}

static int ascending(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

int main(int argc, char **argv) {
  if (argc != 6 || fread(quantile_ns, 4, QUANTILES, stdin) != QUANTILES || fread(state, 4, 16, stdin) != 16) return 1;
  if (fread(sizes_bytes, 8, TABLE, stdin) != TABLE || fread(slacks_ns, 8, TABLE, stdin) != TABLE) return 1;
  int steps = atoi(argv[1]), goes = 0;
  dpus = atoi(argv[2]), depth = atoi(argv[3]), step_ns = atof(argv[4]);
  double budget_ms = atof(argv[5]);
  static double took_ms[GOES];
  uint32_t hash = 0x811c9dc5u;
  lay_out();
  fill();
  for (int i = 0; i < steps; i++) {
    step();
    hash = hashed(late_ns, late, hashed(latency_ns, reads, hash));
  }
  for (double start = now_ms(); goes < GOES && (goes < 3 || now_ms() - start < budget_ms); goes++) {
    double from = now_ms();
    for (int i = 0; i < steps; i++) step();
    took_ms[goes] = now_ms() - from;
  }
  qsort(took_ms, goes, sizeof *took_ms, ascending);
  printf("%u %.9f\n", hash, took_ms[goes / 2]);
  return counts[COUNTS - 1] > 0;
}
