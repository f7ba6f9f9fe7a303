import { Pacer, RandomBits } from "../src/index.ts";
import { ln } from "../src/normal.ts";
import { checksum } from "../test/reference/latency.ts";
import type { Row } from "./row.ts";

// M/D/1: loads of one size arrive at one DPU at random, and their mean wait is known. It is estimated from the means of long
// batches, whose interval is Student's; loads depend on those about (1 - utilisation)^-2 before them, and a batch is far longer.

const room = "pacing";
const pace = 1600;
const chunkBytes = 1e6;
const serviceNs = chunkBytes / pace;
const batch = 1024;
const BATCHES = 64;
/** Student's t of 63 degrees of freedom, two-sided, 95%. */
const T = 1.9983;

/** Loads in a batch, such that the interval is about half a percent to either side. */
const UTILISATIONS: [utilisation: number, loads: number][] = [
  [0.5, 2 ** 16],
  [0.8, 2 ** 17],
  [0.95, 2 ** 21],
];

/** How far simulated mean waits are from theory; more than 1%, or not known to 1%, is an error unless `quick`. */
export function meanWaits({ quick }: { quick: boolean }): Row[] {
  return UTILISATIONS.map(([utilisation, loads]) => {
    const meansNs = batchMeans(utilisation, quick ? batch : loads);
    const theoryNs = (utilisation / (2 * (1 - utilisation))) * serviceNs;
    const meanNs = meansNs.reduce((sum, ns) => sum + ns, 0) / BATCHES;
    const variance = meansNs.reduce((sum, ns) => sum + (ns - meanNs) ** 2, 0) / (BATCHES - 1);
    const percent = (100 * Math.abs(meanNs - theoryNs)) / theoryNs;
    const halfWidth = (100 * T * Math.sqrt(variance / BATCHES)) / theoryNs;
    if (!quick && !(percent < 1 && halfWidth < 1))
      throw new Error(`${room}: M/D/1 at ${utilisation} is ${percent}% off, give or take ${halfWidth}%`);
    return {
      room,
      row: `mean wait at utilisation ${utilisation} beside M/D/1`,
      value: percent,
      unit: `% off (95%: ± ${halfWidth.toPrecision(2)})`,
      peer: null,
      ratio: null,
      checksum: checksum(Float32Array.from(meansNs)),
    };
  });
}

/** The mean waits of batches of so many loads, a multiple of `batch`. */
function batchMeans(utilisation: number, loads: number): number[] {
  const pacer = new Pacer({ gpus: 1, paceBytesPerNs: pace, chunkBytes, queueDepth: 4096, selfCompleting: true, batch });
  const random = new RandomBits({ seed: 9, batch });
  const gapNs = serviceNs / utilisation;
  const arrivedNs = new Float64Array(pacer.slots);
  const { sizeBytes, deadlineNs, arrivalNs, slot } = pacer.loads;
  const { events } = pacer;
  sizeBytes.fill(chunkBytes);
  const meansNs: number[] = [];
  let atNs = 0;
  let [waitedNs, count] = [0, 0];
  while (meansNs.length < BATCHES) {
    const bits = random.next();
    for (let i = 0; i < batch; i++) {
      atNs -= gapNs * ln((bits[i]! + 0.5) / 2 ** 32);
      arrivalNs[i] = atNs;
      deadlineNs[i] = atNs + 1e9;
    }
    if (pacer.submit(batch) < batch) throw new Error(`${room}: the queue is full`);
    for (let i = 0; i < batch; i++) arrivedNs[slot[i]!] = arrivalNs[i]!;
    let reads = batch;
    while (reads === batch) {
      reads = pacer.advance(atNs);
      for (let i = 0; i < reads; i++) {
        waitedNs += events.atNs[i]! - arrivedNs[events.slot[i]!]!;
        if (++count % loads === 0) {
          meansNs.push(waitedNs / loads);
          waitedNs = 0;
        }
      }
    }
  }
  return meansNs;
}
