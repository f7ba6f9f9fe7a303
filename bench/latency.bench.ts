import { readFileSync } from "node:fs";
import { CERTAIN } from "../assembly/layout.ts";
import { Distribution, HopSampler, PathSampler, type SamplerOptions, useKernels } from "../src/index.ts";
import { checksum, seedRandom } from "../test/reference/latency.ts";
import { type Contender, compare } from "./compare.ts";
import { inC } from "./native.ts";
import type { Row } from "./row.ts";
import { hopTwin, pathTwin } from "./twins/latency.ts";
import { naiveHop } from "./twins/naive.ts";

const room = "latency";
const seed = 7;
const batch = 4096;
const batches = 16;
const draws = batch * batches;
const lpo = { medianNs: 198, p99Ns: 1240, bodyJitter3SigmaNs: 310 };
const fixedNs = 76;
const correlation = 0.5;

/** A run is `batches` batches; the checksum is that of the first run's draws. */
function drawn(name: string, next: () => Float32Array): Contender {
  return {
    name,
    run: () => {
      for (let i = 0; i < batches; i++) next();
    },
    checksum: () => Array.from({ length: batches }).reduce((hash: number, _) => checksum(next(), hash), 0x811c9dc5),
  };
}

/** What `make` makes of the portable kernels. */
function portable<T>(make: () => T): T {
  useKernels(new WebAssembly.Module(readFileSync("dist/kernels.portable.wasm")));
  const made = make();
  useKernels(new WebAssembly.Module(readFileSync("dist/kernels.wasm")));
  return made;
}

export default async function rows({ quick }: { quick: boolean }): Promise<Row[]> {
  const options: SamplerOptions = { seed, batch };
  const hop = Distribution.fromQuantiles(lpo);
  const release = new HopSampler(hop, options);
  const carried = portable(() => new HopSampler(hop, options));
  const naive = naiveHop(lpo);
  const naiveNs = new Float32Array(batch);
  const native = inC(room, "drawHops in C, -O3", [hop.quantilesNs, seedRandom(seed)], [draws, batch]);
  const hops = compare(
    [
      drawn("drawHops", () => release.next()),
      drawn("plain TypeScript", hopTwin(hop.quantilesNs, seedRandom(seed), batch)),
      drawn("drawHops, portable", () => carried.next()),
      {
        name: "Math.random, Box-Muller",
        run: () => {
          for (let i = 0; i < batches; i++) for (let at = 0; at < batch; at++) naiveNs[at] = naive();
        },
        checksum: null,
      },
      ...native,
    ],
    { room, unit: "ns/draw", work: draws, quick },
  );

  const path = new PathSampler({ hops: [hop, hop, hop], correlation }, options);
  const table = hop.quantilesNs;
  const paths = compare(
    [
      drawn("drawPaths, 3 hops", () => path.next()),
      drawn(
        "plain TypeScript",
        pathTwin([table, table, table], seedRandom(seed), correlation * CERTAIN, fixedNs, batch),
      ),
    ],
    { room, unit: "ns/path", work: draws, quick },
  );
  return [
    hops.row("drawHops", "plain TypeScript"),
    hops.row("drawHops", "Math.random, Box-Muller"),
    hops.row("drawHops, portable", "plain TypeScript"),
    ...native.map(({ name }) => hops.row(name, "drawHops")),
    paths.row("drawPaths, 3 hops", "plain TypeScript"),
  ];
}
