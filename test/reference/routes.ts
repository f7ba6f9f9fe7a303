import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import type { Routes } from "../../src/routes/routes.ts";

/** A route_trace as it stands: rows of turn, phase, step, layer, slot, expert. No checks: those are the reader's. */
export function parseTrace(path: string): Routes {
  const lines = gunzipSync(readFileSync(path)).toString().split("\n");
  const rows = lines.filter((line) => /^\d/.test(line)).map((line) => line.split(",").map(Number));
  const most = (column: number) => rows.reduce((sum, row) => Math.max(sum, row[column]!), 0) + 1;
  const [tokens, layers, k] = [most(2), most(3), most(4)];
  const routes: Routes = {
    layers,
    experts: Number(/n_expert=(\d+)/.exec(lines[1]!)![1]),
    k,
    tokens,
    prompt: new Uint32Array(tokens),
    phase: new Uint8Array(tokens),
    chosen: new Uint16Array(tokens * layers * k).fill(0xffff),
  };
  for (const [turn, phase, step, layer, slot, expert] of rows) {
    routes.prompt[step!] = turn!;
    routes.phase[step!] = phase!;
    routes.chosen[(step! * layers + layer!) * k + slot!] = expert!;
  }
  return routes;
}
