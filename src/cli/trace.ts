import type { Command } from "commander";
import { openRoutes, type RouteStream, type Routes, type RoutesOptions, readRoutes } from "../index.ts";
import { readBytes, streamBytes } from "./files.ts";
import { count, definedOf } from "./options.ts";
import { sizeWords } from "./print.ts";
import { size } from "./values.ts";

/** What flags say of a trace's model. */
export interface TraceFlags {
  layers?: number;
  experts?: number;
  k?: number;
  expertBytes?: number;
}

/** What a trace may be, for help. */
export const TRACE = "which experts a router chose: route_trace v1, CSV, JSON lines, .npy or .npz, gzip or not";

/** Adds the options that say of a model what its trace does not. */
export function traceOptions(command: Command): Command {
  return command
    .optionsGroup("Model, where the trace does not say:")
    .option("--layers <count>", "with experts (default: as many as are named)", count)
    .option("--experts <count>", "of a layer (default: as many as are named)", count)
    .option("--k <count>", "experts of a token in a layer, at the most (default: as many as are named)", count)
    .option("--expert-bytes <size>", "of an expert, e.g. 302MB or 13219200", size);
}

function optionsOf(file: string, { layers, experts, k }: TraceFlags): RoutesOptions {
  return { file, ...definedOf({ layers, experts, k }) };
}

/** A trace as a whole. */
export async function readTrace(file: string, flags: TraceFlags): Promise<Routes> {
  const routes = await readRoutes(readBytes(file), optionsOf(file, flags));
  const expertBytes = sizesOf(file, flags, routes.expertBytes, routes.layers);
  return { ...routes, ...(expertBytes ? { expertBytes } : {}) };
}

/** A trace as a stream; `onRead` is told how many bytes of the file have been read. */
export async function openTrace(
  file: string,
  flags: TraceFlags,
  onRead: (bytes: number) => void,
): Promise<RouteStream> {
  const stream = await openRoutes(streamBytes(file, onRead), optionsOf(file, flags));
  const { layers, expertBytes } = stream;
  if (layers === null) return stream;
  return { ...stream, expertBytes: sizesOf(file, flags, expertBytes ?? undefined, layers) ?? null };
}

/** The sizes of experts, of which a flag may say no other than the trace. */
function sizesOf(file: string, { expertBytes: flag }: TraceFlags, stated: Float64Array | undefined, layers: number) {
  if (flag === undefined) return stated;
  const other = stated?.find((bytes) => bytes !== flag);
  if (other !== undefined)
    throw new TypeError(
      `--expert-bytes goes with a trace that does not say how large experts are; in ${file} one is ${sizeWords(other)} (${other})`,
    );
  return new Float64Array(layers).fill(flag);
}
