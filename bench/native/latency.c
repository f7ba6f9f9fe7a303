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

enum { LANES = 4, QUANTILES = 4098, GOES = 100000 };

static float quantile_ns[QUANTILES];
static uint32_t state[4][LANES];

static inline uint32_t rotl(uint32_t x, int k) { return x << k | x >> (32 - k); }

static void draw_bits(uint32_t *restrict bits, int batch) {
  uint32_t s[4][LANES];
  memcpy(s, state, sizeof s);
  for (int i = 0; i < batch; i += LANES)
    for (int l = 0; l < LANES; l++) {
      bits[i + l] = rotl(s[0][l] + s[3][l], 7) + s[0][l];
      uint32_t t = s[1][l] << 9;
      s[2][l] ^= s[0][l];
      s[3][l] ^= s[1][l];
      s[1][l] ^= s[2][l];
      s[0][l] ^= s[3][l];
      s[2][l] ^= t;
      s[3][l] = rotl(s[3][l], 11);
    }
  memcpy(state, s, sizeof s);
}

static void draw_hops(float *restrict latency_ns, uint32_t *restrict bits, int batch) {
  draw_bits(bits, batch);
  for (int i = 0; i < batch; i++) {
    float u = (float)(bits[i] | 1);
    uint32_t spelled;
    memcpy(&spelled, &u, 4);
    const float *cell = quantile_ns + ((spelled >> 16) - (127 << 7));
    float rise = cell[1] - cell[0], place = (float)(spelled & 0xffff) * (1.0f / 65536);
    float step = place * rise;
    latency_ns[i] = cell[0] + step;
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
