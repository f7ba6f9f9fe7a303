import { placeForBalance } from "../src/index.ts";
import { compare } from "./compare.ts";
import { latencyRows } from "./hops.ts";
import type { Row } from "./row.ts";
import { placeGreedily } from "./twins/eplb.ts";

const room = "placement";
const greedy = "EPLB's greedy way, plain TypeScript";

/** Loads as skewed as Zipf's law, shuffled by a step that is coprime to the number of experts. */
function skewed(layers: number, experts: number): number[][] {
  return Array.from({ length: layers }, (_, l) =>
    Array.from({ length: experts }, (_, e) => 1e6 / (1 + ((e * 61 + l * 17) % experts))),
  );
}

export default async function rows(options: { quick: boolean }): Promise<Row[]> {
  return [...balanceRows(options), ...(await latencyRows(options))];
}

function balanceRows({ quick }: { quick: boolean }): Row[] {
  const layers = quick ? 2 : 58;
  return [32, 64, 128].flatMap((gpus) => {
    const [loads, slots] = [skewed(layers, 8 * gpus), 9 * gpus];
    const name = `balance ${8 * gpus} experts on ${gpus} GPUs`;
    const compared = compare(
      [
        { name, run: () => placeForBalance({ loads, gpus, slots }), checksum: null },
        { name: greedy, run: () => loads.map((layer) => placeGreedily(layer, gpus, slots)), checksum: null },
      ],
      { room, unit: "ms/layer", unitNs: 1e6, work: layers, quick },
    );
    return [compared.row(name, greedy)];
  });
}
