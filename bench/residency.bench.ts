import {
  type Accesses,
  accessesOf,
  type CacheOptions,
  type Policy,
  RandomBits,
  Residency,
  type Routes,
  sweepResidency,
} from "../src/index.ts";
import { compare } from "./compare.ts";
import type { Row } from "./row.ts";
import { replayLayers, replayRecent } from "./twins/residency.ts";

const room = "residency";
const MIB = 2 ** 20;

/** As large as Qwen3-30B-A3B: half of a token's experts were those of the token before, and the others are skewed. */
function routesOf(tokens: number): Routes {
  const [layers, experts, k] = [48, 128, 8];
  const bits = new RandomBits({ seed: 3, batch: 65536 });
  let [words, used] = [bits.next(), 0];
  const draw = () => {
    if (used === words.length) [words, used] = [bits.next(), 0];
    return words[used++]! / 2 ** 32;
  };
  const chosen = new Uint16Array(tokens * layers * k);
  for (let row = 0; row < tokens * layers; row++) {
    const taken = new Set<number>();
    for (let i = 0; taken.size < k; i++) {
      const before = chosen[(row - layers) * k + i];
      const drawn = Math.floor(draw() ** 2 * experts);
      taken.add(i < k && before !== undefined && draw() < 0.5 ? before : (drawn * 37 + row * 11) % experts);
    }
    chosen.set([...taken], row * k);
  }
  const phase = new Uint8Array(tokens).fill(1);
  return { layers, experts, k, tokens, prompt: new Uint32Array(tokens), phase, chosen };
}

export default function rows({ quick }: { quick: boolean }): Row[] {
  const accesses = accessesOf(routesOf(quick ? 60 : 600));
  const { layers, experts, blocks } = accesses;
  const expertBytes = Float64Array.from({ length: layers }, (_, layer) => (layer % 3 === 0 ? 3059712 : 2654208));
  const options = (policy: Policy): CacheOptions => ({
    layers,
    experts,
    expertBytes,
    budgetBytes: 8000 * MIB,
    policy,
  });
  const ours = (policy: Policy) => {
    const residency = new Residency(options(policy));
    return {
      name: policy,
      run: () => residency.replay(accesses),
      checksum: () => {
        residency.replay(accesses);
        return residency.report().hits;
      },
    };
  };
  const twin = (replay: (accesses: Accesses, options: CacheOptions) => () => number, policy: Policy) => {
    const run = replay(accesses, options(policy));
    return { name: "Map", run: () => void run(), checksum: run };
  };
  const measure = { room, unit: "ns/access", work: blocks.length, quick };
  const recent = compare([ours("lru"), twin(replayRecent, "lru")], measure);
  const layered = compare([ours("layerlfu"), twin(replayLayers, "layerlfu")], measure);
  const others = compare([ours("lfu")], measure);
  const belady = compare([ours("belady")], measure);
  const budgetsBytes = Array.from({ length: 32 }, (_, i) => (i + 1) * 500 * MIB);
  const hitsOf = (points: { hits: number }[]) => points.reduce((sum, { hits }) => sum + hits, 0);
  const sweep = compare(
    [
      {
        name: "lru, 32 budgets in one pass",
        run: () => void sweepResidency(accesses, { expertBytes, budgetsBytes, policies: ["lru"] }),
        checksum: () => hitsOf(sweepResidency(accesses, { expertBytes, budgetsBytes, policies: ["lru"] }).points),
      },
      {
        name: "32 replays",
        run: () => {
          for (const budgetBytes of budgetsBytes) new Residency({ ...options("lru"), budgetBytes }).replay(accesses);
        },
        checksum: () =>
          hitsOf(
            budgetsBytes.map((budgetBytes) => {
              const residency = new Residency({ ...options("lru"), budgetBytes });
              residency.replay(accesses);
              return residency.report();
            }),
          ),
      },
    ],
    measure,
  );
  return [
    recent.row("lru", "Map"),
    layered.row("layerlfu", "Map"),
    others.row("lfu"),
    belady.row("belady"),
    sweep.row("lru, 32 budgets in one pass", "32 replays"),
  ];
}
