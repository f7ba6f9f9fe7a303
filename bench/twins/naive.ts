import type { LatencyQuantiles } from "../../src/index.ts";

/**
 * A hop as one writes it in a first simulator: a normal body, drawn anew where it reaches into the tail, and in 5% of
 * draws an exponential tail through p99.
 */
export function naiveHop({ medianNs, p99Ns, bodyJitter3SigmaNs }: LatencyQuantiles): () => number {
  const sigmaNs = bodyJitter3SigmaNs / 3;
  const floorNs = medianNs / 2;
  const tailStartNs = medianNs + 1.645 * sigmaNs;
  const tailMeanNs = (p99Ns - tailStartNs) / Math.log(5);
  return () => {
    if (Math.random() < 0.05) return tailStartNs - Math.log(1 - Math.random()) * tailMeanNs;
    let z: number;
    do {
      z = Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random());
    } while (z > 1.645);
    return Math.max(floorNs, medianNs + sigmaNs * z);
  };
}
