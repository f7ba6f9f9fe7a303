import { CELLS, LANES } from "../../assembly/layout.ts";

// The kernels of assembly/latency.ts in TypeScript, as fast as they were found to go: the generator's state in locals, one
// lane after the other (1.7 ns a draw; four abreast 1.9), a batch at a time, and each draw turned into the float that
// spells its cell as it leaves the generator, in memory of its own (5.3 ns; in the memory of the latencies 5.5 to 10).

const FIRST = 127 * CELLS;

/** Fills `bits` as drawBits does. */
function drawBits(bits: Uint32Array, random: Uint32Array): void {
  const length = bits.length;
  for (let lane = 0; lane < LANES; lane++) {
    let s0 = random[lane]! | 0;
    let s1 = random[lane + LANES]! | 0;
    let s2 = random[lane + 2 * LANES]! | 0;
    let s3 = random[lane + 3 * LANES]! | 0;
    for (let i = lane; i < length; i += LANES) {
      const sum = (s0 + s3) | 0;
      bits[i] = (((sum << 7) | (sum >>> 25)) + s0) | 0;
      const t = s1 << 9;
      s2 ^= s0;
      s3 ^= s1;
      s1 ^= s2;
      s0 ^= s3;
      s2 ^= t;
      s3 = (s3 << 11) | (s3 >>> 21);
    }
    random[lane] = s0;
    random[lane + LANES] = s1;
    random[lane + 2 * LANES] = s2;
    random[lane + 3 * LANES] = s3;
  }
}

/** The next bits again, as floats; 0 as 1. */
function drawSpelled(spelled: Float32Array, random: Uint32Array): void {
  const length = spelled.length;
  for (let lane = 0; lane < LANES; lane++) {
    let s0 = random[lane]! | 0;
    let s1 = random[lane + LANES]! | 0;
    let s2 = random[lane + 2 * LANES]! | 0;
    let s3 = random[lane + 3 * LANES]! | 0;
    for (let i = lane; i < length; i += LANES) {
      const sum = (s0 + s3) | 0;
      spelled[i] = ((((sum << 7) | (sum >>> 25)) + s0) | 1) >>> 0;
      const t = s1 << 9;
      s2 ^= s0;
      s3 ^= s1;
      s1 ^= s2;
      s0 ^= s3;
      s2 ^= t;
      s3 = (s3 << 11) | (s3 >>> 21);
    }
    random[lane] = s0;
    random[lane + LANES] = s1;
    random[lane + 2 * LANES] = s2;
    random[lane + 3 * LANES] = s3;
  }
}

/** HopSampler's `next`. */
export function hopTwin(quantileNs: Float32Array, random: Uint32Array, batch: number): () => Float32Array {
  const latencyNs = new Float32Array(batch);
  const spelled = new Float32Array(batch);
  const words = new Uint32Array(spelled.buffer);
  return () => {
    drawSpelled(spelled, random);
    lookUp(latencyNs, words, quantileNs);
    return latencyNs;
  };
}

/** PathSampler's `next`, without faults: `hops` are the tables. */
export function pathTwin(
  hops: readonly Float32Array[],
  random: Uint32Array,
  correlatedBelow: number,
  fixedNs: number,
  batch: number,
): () => Float32Array {
  const latencyNs = new Float32Array(batch);
  const [first, own, choice] = [new Float32Array(batch), new Float32Array(batch), new Uint32Array(batch)];
  const [firstWords, ownWords] = [new Uint32Array(first.buffer), new Uint32Array(own.buffer)];
  return () => {
    drawSpelled(first, random);
    drawBits(choice, random);
    latencyNs.fill(fixedNs);
    hops.forEach((quantileNs, hop) => {
      if (hop === 0) {
        addChosen(latencyNs, quantileNs, firstWords, firstWords, choice, correlatedBelow);
      } else {
        drawSpelled(own, random);
        addChosen(latencyNs, quantileNs, firstWords, ownWords, choice, correlatedBelow);
      }
    });
    return latencyNs;
  };
}

function lookUp(latencyNs: Float32Array, words: Uint32Array, quantileNs: Float32Array): void {
  const length = latencyNs.length;
  for (let i = 0; i < length; i++) {
    const word = words[i]! | 0;
    const cell = (word >>> 16) - FIRST;
    const low = quantileNs[cell]!;
    const place = Math.fround((word & 0xffff) * (1 / 65536));
    latencyNs[i] = Math.fround(low + Math.fround(place * Math.fround(quantileNs[cell + 1]! - low)));
  }
}

function addChosen(
  latencyNs: Float32Array,
  quantileNs: Float32Array,
  firstWords: Uint32Array,
  ownWords: Uint32Array,
  choice: Uint32Array,
  chosenBelow: number,
): void {
  const length = latencyNs.length;
  for (let i = 0; i < length; i++) {
    const chosen = ((choice[i]! >>> 1) - chosenBelow) >> 31; // all ones or none: 1 to 1.3 times as fast as a branch
    const word = (firstWords[i]! & chosen) | (ownWords[i]! & ~chosen);
    const cell = (word >>> 16) - FIRST;
    const low = quantileNs[cell]!;
    const place = (word & 0xffff) * (1 / 65536);
    latencyNs[i]! += Math.fround(low + Math.fround(place * Math.fround(quantileNs[cell + 1]! - low)));
  }
}
