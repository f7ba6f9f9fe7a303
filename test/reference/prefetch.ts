import { RandomBits } from "../../src/random.ts";

/**
 * How much longer than on an idle server a speculative load takes, played through: it is done when the server has done what was
 * before it, itself, and every urgent load, of the same service time, that has come by then. Those come at random.
 */
export function overtaken(options: {
  runs: number;
  utilisation: number;
  beforeNs: number;
  serviceNs: number;
  seed: number;
}): number[] {
  const { runs, utilisation, beforeNs, serviceNs, seed } = options;
  const random = new RandomBits({ seed });
  let [bits, used] = [random.next(), 0];
  const gapNs = () => {
    if (used === bits.length) [bits, used] = [random.next(), 0];
    return (-Math.log((bits[used++]! + 1) / 2 ** 32) * serviceNs) / utilisation;
  };
  return Array.from({ length: runs }, () => {
    let doneNs = beforeNs + serviceNs;
    for (let comesNs = gapNs(); comesNs < doneNs; comesNs += gapNs()) doneNs += serviceNs;
    return doneNs - serviceNs;
  });
}
