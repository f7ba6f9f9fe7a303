import { execFileSync } from "node:child_process";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { median } from "./compare.ts";
import type { Row } from "./row.ts";

const room = "cold";

/** What a fresh process does first, each step timed, and the FNV-1a of its first draws. */
const script = `
  const started = performance.now();
  const { Distribution, HopSampler } = await import(${JSON.stringify(pathToFileURL(resolve("dist/index.js")).href)});
  const imported = performance.now();
  const hop = Distribution.fromQuantiles({ medianNs: 198, p99Ns: 1240, bodyJitter3SigmaNs: 310 });
  const described = performance.now();
  const latencyNs = new HopSampler(hop, { seed: 7 }).next();
  const drawn = performance.now();
  let hash = 0x811c9dc5;
  for (const word of new Uint32Array(latencyNs.buffer, latencyNs.byteOffset, latencyNs.length))
    hash = Math.imul(hash ^ word, 0x01000193);
  console.log(JSON.stringify([imported - started, described - imported, drawn - described, hash >>> 0]));
`;

function freshProcess(): [importMs: number, distributionMs: number, samplerMs: number, checksum: number] {
  const output = execFileSync(process.execPath, ["--input-type=module", "--eval", script], { encoding: "utf8" });
  return JSON.parse(output);
}

export default async function rows({ quick }: { quick: boolean }): Promise<Row[]> {
  const processes = Array.from({ length: quick ? 3 : 20 }, freshProcess);
  const checksum = processes[0]![3];
  const other = processes.find((process) => process[3] !== checksum);
  if (other)
    throw new Error(`${room}: the first draws sum up to ${checksum} in one process, to ${other[3]} in another`);
  const row = (name: string, step: 0 | 1 | 2): Row => ({
    room,
    row: name,
    value: median(processes.map((process) => process[step])),
    unit: "ms",
    peer: null,
    ratio: null,
    checksum: step === 2 ? checksum : null,
  });
  return [
    row("import", 0),
    row("first Distribution", 1),
    row("first HopSampler: compile, instantiate, lay out, draw 4096", 2),
  ];
}
