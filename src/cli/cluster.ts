import { readClusterInput, type ServingClusterInput } from "../index.ts";
import { readText } from "./files.ts";
import { definedOf, flagOf } from "./options.ts";

/** The cluster that a file says; of `flags`, which say parts of one, none may be given beside it. */
export function clusterFrom(file: string, flags: object): ServingClusterInput {
  const [stray] = Object.keys(definedOf(flags));
  if (stray) throw new TypeError(`${flagOf(stray)} is part of what ${file} says: leave one of them out`);
  return readClusterInput(readText(file), { file });
}
