import { checkKeys } from "../check.ts";
import { isLatencyProblem, readLatencyProblem, type StatedProblem } from "./latency-problem.ts";
import { type LoadStatistics, readLoads, readLoadsText } from "./loads.ts";
import { isNpy } from "./npy.ts";
import { gunzip, isGzip, isZip } from "./unpack.ts";

/** Something to place: loads of experts, or a problem that says who asks for them. */
export type PlacementInput = { loads: LoadStatistics; problem?: never } | { problem: StatedProblem; loads?: never };

/** Reads what is to be placed, recognised by what is in it, and packed by gzip or not. */
export async function readPlacementInput(bytes: Uint8Array, options: { file?: string } = {}): Promise<PlacementInput> {
  checkKeys("options", options, ["file"]);
  const { file = "loads" } = options;
  if (isGzip(bytes)) return readPlacementInput(await gunzip(bytes, file), { file });
  if (isNpy(bytes) || isZip(bytes)) return { loads: await readLoads(bytes, { file }) };
  const text = new TextDecoder().decode(bytes);
  return isLatencyProblem(text)
    ? { problem: readLatencyProblem(text, { file }) }
    : { loads: readLoadsText(text, { file }) };
}
