/*
 * drawHops in C: how far the kernels are from what this machine can do. Reads the quantile table (4098 floats) and the
 * generator's state (16 words) on stdin; with the arguments DRAWS, BATCH and BUDGET_MS prints the FNV-1a of the first
 * DRAWS draws, then the milliseconds that DRAWS draws took, the median of as many goes as fit the budget.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* The lanes side by side: what gcc makes of a loop over single draws takes twice as long. */
typedef uint32_t four __attribute__((vector_size(16)));
typedef float floats __attribute__((vector_size(16)));

enum { LANES = 4, QUANTILES = 4098, GOES = 100000 };

static float quantile_ns[QUANTILES];
static four state[4];

static inline four rotl(four x, int k) { return x << k | x >> (32 - k); }

static void draw_bits(uint32_t *restrict bits, int batch) {
  four s0 = state[0], s1 = state[1], s2 = state[2], s3 = state[3];
  for (int i = 0; i < batch; i += LANES) {
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

static void draw_hops(float *restrict latency_ns, uint32_t *restrict bits, int batch) {
  draw_bits(bits, batch);
  for (int i = 0; i < batch; i += LANES) {
    four drawn, spelled;
    memcpy(&drawn, bits + i, sizeof drawn);
    floats u = __builtin_convertvector(drawn | 1, floats), low, high;
    memcpy(&spelled, &u, sizeof u);
    four cell = (spelled >> 16) - (127 << 7);
    for (int l = 0; l < LANES; l++) low[l] = quantile_ns[cell[l]], high[l] = quantile_ns[cell[l] + 1];
    floats place = __builtin_convertvector(spelled & 0xffff, floats) * (1.0f / 65536);
    floats ns = low + place * (high - low);
    memcpy(latency_ns + i, &ns, sizeof ns);
  }
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
  if (argc != 4 || fread(quantile_ns, 4, QUANTILES, stdin) != QUANTILES || fread(state, 4, 16, stdin) != 16) return 1;
  int draws = atoi(argv[1]), batch = atoi(argv[2]), goes = 0;
  double budget_ms = atof(argv[3]);
  float *latency_ns = malloc(batch * sizeof *latency_ns);
  uint32_t *bits = malloc(batch * sizeof *bits), hash = 0x811c9dc5u;
  static double took_ms[GOES];
  for (int done = 0; done < draws; done += batch) {
    draw_hops(latency_ns, bits, batch);
    for (int i = 0; i < batch; i++) {
      uint32_t word;
      memcpy(&word, latency_ns + i, 4);
      hash = (hash ^ word) * 0x01000193u;
    }
  }
  for (double start = now_ms(); goes < GOES && (goes < 3 || now_ms() - start < budget_ms); goes++) {
    double from = now_ms();
    for (int done = 0; done < draws; done += batch) draw_hops(latency_ns, bits, batch);
    took_ms[goes] = now_ms() - from;
  }
  qsort(took_ms, goes, sizeof *took_ms, ascending);
  printf("%u %.9f\n", hash, took_ms[goes / 2]);
  return latency_ns[batch - 1] < 0;
}
