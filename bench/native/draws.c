/*
 * The C twin of the rooms random, latency and distribution, written from model.md and the papers, not from the kernels:
 * prints the constants of test/vectors/draws.ts.
 *
 *     gcc -O2 -ffp-contract=off -o build/draws bench/native/draws.c -lm && build/draws
 *
 * `build/draws edges MEDIAN P99 P999 JITTER` (P999 0 where none) prints the edges of one table instead, one a line, as the
 * bits of their floats.
 */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OCTAVES = 32, CELLS = 128, EDGES = OCTAVES * CELLS + 2, LANES = 4, DRAWS = 1000000 };

/* SplitMix64 (Steele, Lea, Flood 2014). */
static const uint64_t GOLDEN = 0x9e3779b97f4a7c15u;

static uint64_t mix(uint64_t x) {
  x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
  x = (x ^ x >> 27) * 0x94d049bb133111ebu;
  return x ^ x >> 31;
}

/* Each lane starts at two consecutive outputs; seed and stream are mixed twice before. */
static void seed_lanes(uint32_t lanes[LANES][4], uint64_t seed, uint32_t stream) {
  uint64_t counter = mix(mix(seed) + stream * GOLDEN);
  for (int lane = 0; lane < LANES; lane++)
    for (int word = 0; word < 4; word += 2) {
      uint64_t bits = mix(counter += GOLDEN);
      lanes[lane][word] = (uint32_t)bits;
      lanes[lane][word + 1] = (uint32_t)(bits >> 32);
    }
}

/* xoshiro128++ 1.0 (Blackman, Vigna 2019, public domain). */
static uint32_t rotl(uint32_t x, int k) { return x << k | x >> (32 - k); }

static uint32_t next(uint32_t s[4]) {
  const uint32_t result = rotl(s[0] + s[3], 7) + s[0];
  const uint32_t t = s[1] << 9;
  s[2] ^= s[0];
  s[3] ^= s[1];
  s[1] ^= s[2];
  s[0] ^= s[3];
  s[2] ^= t;
  s[3] = rotl(s[3], 11);
  return result;
}

/* The quantile at bits / 2^32: the float's exponent is the octave, its next 7 bits the cell, the last 16 the place in it. */
static float quantile(const float *edges, uint32_t bits) {
  const float u = (float)(bits | 1);
  uint32_t spelled;
  memcpy(&spelled, &u, 4);
  const float *edge = edges + ((spelled >> 16) - 127 * CELLS);
  const float place = (float)(spelled & 0xffff) / 65536.0f;
  const float rise = edge[1] - edge[0];
  const float step = place * rise;
  return edge[0] + step;
}

/* FNV-1a, a word at a time. */
static uint32_t hash_float(uint32_t hash, float value) {
  uint32_t word;
  memcpy(&word, &value, 4);
  return (hash ^ word) * 0x01000193u;
}

static uint32_t hash_draws(const float *edges, uint64_t seed, uint32_t stream) {
  uint32_t lanes[LANES][4], hash = 0x811c9dc5u;
  seed_lanes(lanes, seed, stream);
  for (int i = 0; i < DRAWS; i++) hash = hash_float(hash, quantile(edges, next(lanes[i % LANES])));
  return hash;
}

static uint32_t hash_edges(const float *edges) {
  uint32_t hash = 0x811c9dc5u;
  for (int i = 0; i < EDGES; i++) hash = hash_float(hash, edges[i]);
  return hash;
}

/* The standard normal value exceeded with probability u: erfc bisected until no long double lies between. */
static long double normal_quantile(long double u) {
  long double low = -40, high = 40;
  for (;;) {
    const long double middle = (low + high) / 2;
    if (middle == low || middle == high) return middle;
    if (erfcl(middle / sqrtl(2)) / 2 > u) low = middle;
    else high = middle;
  }
}

struct profile { const char *name; long double median, p99, p999, jitter; };

static long double body(const struct profile *p, long double u) {
  return fmaxl(p->median / 2, p->median + normal_quantile(u) * p->jitter / 3);
}

static long double line(long double u, long double u0, long double y0, long double u1, long double y1) {
  return y0 + (y1 - y0) * (logl(u) - logl(u0)) / (logl(u1) - logl(u0));
}

/* The probabilities below are doubles, as they are written in the source: 0.05 is not a twentieth. */
static long double latency(const struct profile *p, long double u) {
  const double ends = 0.05, one = 0.01, tenth = 0.001;
  if (u >= ends) return body(p, u);
  if (p->p999 > 0 && u < one) return line(u, one, p->p99, tenth, p->p999);
  return line(u, ends, body(p, ends), one, p->p99);
}

static void fill_edges(float *edges, const struct profile *p) {
  for (int i = 0; i < EDGES; i++) {
    const long double u = ldexpl(1 + (i % CELLS) / (long double)CELLS, i / CELLS - OCTAVES);
    edges[i] = (float)latency(p, fminl(u, 1 - ldexpl(1, -9)));
  }
}

int main(int argc, char **argv) {
  static float edges[EDGES];
  if (argc == 6 && strcmp(argv[1], "edges") == 0) {
    const struct profile p = {"", strtod(argv[2], 0), strtod(argv[3], 0), strtod(argv[4], 0), strtod(argv[5], 0)};
    fill_edges(edges, &p);
    for (int i = 0; i < EDGES; i++) {
      uint32_t word;
      memcpy(&word, &edges[i], 4);
      printf("%u\n", word);
    }
    return 0;
  }

  puts("jagged: seed stream draws");
  for (int i = 0; i < EDGES; i++) edges[i] = (float)(1e6 / (i % 97 + 7));
  const struct { uint64_t seed; uint32_t stream; } starts[] = {
      {7, 0}, {7, 1}, {0, 0}, {1, 4294967295u}, {4294967296u, 3}, {9007199254740991u, 0}, {9007199254740991u, 4294967295u}};
  for (size_t i = 0; i < sizeof starts / sizeof *starts; i++)
    printf("%llu %u %u\n", (unsigned long long)starts[i].seed, starts[i].stream,
           hash_draws(edges, starts[i].seed, starts[i].stream));

  puts("profiles, seed 7, stream 0: name edges draws");
  const struct profile profiles[] = {{"dsp", 412, 736, 0, 84},
                                     {"lpo", 198, 1240, 0, 310},
                                     {"cpo", 48, 52, 0, 1.8},
                                     {"pcb", 12, 14, 0, 0.5},
                                     {"npo", 97, 254, 0, 24},
                                     {"dsp with p99.9", 412, 736, 1200, 84}};
  for (size_t i = 0; i < sizeof profiles / sizeof *profiles; i++) {
    fill_edges(edges, &profiles[i]);
    printf("%s: %u %u\n", profiles[i].name, hash_edges(edges), hash_draws(edges, 7, 0));
  }
  puts("normal quantiles: u z");
  const double us[] = {1 - 0x1p-9, 0.999, 0.95,  0.925, 0.75,  0.51, 0.3,    0.075, 0.05, 0.01,
                       0.001,      1e-6,  1e-11, 1e-12, 1e-20, 0x1p-32,   1e-100, 1e-300};
  for (size_t i = 0; i < sizeof us / sizeof *us; i++)
    printf("%.17g %.17g\n", us[i], (double)normal_quantile(us[i]));
}
