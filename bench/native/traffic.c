/*
 * The C twin of src/patterns.ts, written from its contracts and with libm's logarithm: prints the constants of
 * test/vectors/traffic.ts.
 *
 *     gcc -O2 -ffp-contract=off -o build/traffic bench/native/traffic.c -lm && build/traffic
 */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

enum { LOADS = 10000 };

/* SplitMix64 (Steele, Lea, Flood 2014) seeds four lanes of xoshiro128++ 1.0 (Blackman, Vigna 2019). */
static const uint64_t GOLDEN = 0x9e3779b97f4a7c15u;

struct lanes { uint32_t words[4][4]; int turn; };

static uint64_t mix(uint64_t x) {
  x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
  x = (x ^ x >> 27) * 0x94d049bb133111ebu;
  return x ^ x >> 31;
}

static struct lanes seeded(uint64_t seed, uint32_t stream) {
  struct lanes lanes = {.turn = 0};
  uint64_t counter = mix(mix(seed) + stream * GOLDEN);
  for (int i = 0; i < 16; i += 2) {
    const uint64_t bits = mix(counter += GOLDEN);
    lanes.words[i / 4][i % 4] = (uint32_t)bits;
    lanes.words[i / 4][i % 4 + 1] = (uint32_t)(bits >> 32);
  }
  return lanes;
}

static uint32_t rotl(uint32_t x, int k) { return x << k | x >> (32 - k); }

static uint32_t next(struct lanes *lanes) {
  uint32_t *s = lanes->words[lanes->turn++ % 4];
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

/* Takes a GPU out of those left, by its place among them, and puts the first of them there: whole numbers alone. */
static void deal(uint32_t *pack, uint32_t gpus, uint32_t count, struct lanes *lanes) {
  for (uint32_t i = 0; i < count; i++) {
    const uint32_t from = i + (uint32_t)((uint64_t)next(lanes) * (gpus - i) >> 32);
    const uint32_t taken = pack[from];
    pack[from] = pack[i];
    pack[i] = taken;
  }
}

static uint32_t hash(uint32_t hash, uint32_t word) { return (hash ^ word) * 0x01000193u; }

/* Prints some posts, and FNV-1a of source and destination of every load. */
static void print(const char *pattern, uint64_t seed, uint32_t gpus, uint32_t spokes, int one_hand, int at_once, int from_hub) {
  uint32_t *pack = malloc(gpus * sizeof *pack), ends = 0x811c9dc5u;
  for (uint32_t i = 0; i < gpus; i++) pack[i] = i;
  struct lanes arrivals = seeded(seed, 0), choices = seeded(seed, 1);
  long double post = 0, gap = 1000.0L * (at_once ? spokes : 1); /* 1,000,000 loads a second */
  printf("%s, seed %llu, %u GPUs, %u:", pattern, (unsigned long long)seed, gpus, spokes);
  for (uint32_t load = 0; load < LOADS; load++) {
    if (load == 0 || (!one_hand && load % spokes == 0)) deal(pack, gpus, 1 + spokes, &choices);
    if (!at_once || load % spokes == 0) post -= gap * logl((next(&arrivals) + 1.0L) / 4294967296.0L);
    const uint32_t other = pack[1 + load % spokes];
    ends = hash(hash(ends, from_hub ? pack[0] : other), from_hub ? other : pack[0]);
    if (load == 0 || load == 99 || load == LOADS - 1) printf(" %.17g", (double)post);
  }
  printf(" %u\n", ends);
  free(pack);
}

int main(void) {
  puts("pattern: post of loads 0, 99 and 9999, hash");
  print("uniform", 1, 8, 1, 0, 0, 0);
  print("uniform", 9007199254740991u, 65536, 1, 0, 0, 0);
  print("bursts", 7, 72, 8, 0, 1, 0);
  print("bursts", 7, 9, 3, 0, 1, 0);
  print("incast", 3, 128, 127, 1, 0, 0);
  print("hot-source", 3, 128, 20, 1, 0, 1);
}
