import { fileError } from "../measurement.ts";
import { JsonValue, parseJson } from "./json.ts";

/** Which expert each slot holds, layer by layer, as serving engines load it. */
export interface ExpertMaps {
  /** `[layer][slot]`: an expert, -1 for none. */
  physicalToLogicalMap: readonly (readonly number[])[];
  /** `[layer][expert][copy]`: slots, padded with -1 to the most copies of any expert. */
  logicalToPhysicalMap: readonly (readonly (readonly number[])[])[];
  /** `[layer][expert]`: copies. */
  expertCount: readonly (readonly number[])[];
  /** GPUs that the slots lie on in equal parts; engines know theirs and pass over it. */
  gpus?: number;
}

const KEYS = ["physical_to_logical_map", "logical_to_physical_map", "logical_replica_count"] as const;
const GPUS = "num_gpus";
const GPUS_MOST = 2 ** 16;
const MOST = 2 ** 20;

/** Maps of all that follows from which expert each slot holds. */
export function mapsOf(physicalToLogicalMap: readonly (readonly number[])[], experts: number): ExpertMaps {
  const slots = physicalToLogicalMap.map((row) => {
    const slotsOf: number[][] = Array.from({ length: experts }, () => []);
    row.forEach((expert, slot) => {
      slotsOf[expert]?.push(slot);
    });
    return slotsOf;
  });
  const most = slots.reduce((sum, layer) => layer.reduce((a, { length }) => Math.max(a, length), sum), 0);
  return {
    physicalToLogicalMap,
    logicalToPhysicalMap: slots.map((layer) =>
      layer.map((row) => [...row, ...new Array<number>(most - row.length).fill(-1)]),
    ),
    expertCount: slots.map((layer) => layer.map(({ length }) => length)),
  };
}

/** The maps as JSON, under the names that EPLB gives them, and the count of GPUs, which it has no name for, as `num_gpus`. */
export function formatMaps({ physicalToLogicalMap, logicalToPhysicalMap, expertCount, gpus }: ExpertMaps): string {
  const values = [physicalToLogicalMap, logicalToPhysicalMap, expertCount];
  const lines = KEYS.map((key, i) => `  "${key}": ${JSON.stringify(values[i])}`);
  if (gpus !== undefined) lines.unshift(`  "${GPUS}": ${gpus}`);
  return `{\n${lines.join(",\n")}\n}\n`;
}

/** Whether a text is meant as EPLB's maps. */
export function looksLikeMaps(text: string): boolean {
  return /"(physical_to_logical_map|logical_to_physical_map)"\s*:/.test(text);
}

/** Which expert each slot holds, from EPLB's maps; where the other two are given, they must agree with it. */
export function readMaps(text: string, { file = "maps" }: { file?: string } = {}): number[][] {
  return readSlots(text, file).rows;
}

/** Which expert each slot holds, and how many GPUs the slots lie on where the maps say so. */
export function readSlots(text: string, file: string): { rows: number[][]; gpus?: number } {
  const all = new JsonValue(file, "", parseJson(text, file)).object("EPLB's maps", [...KEYS, GPUS]);
  const rows = all
    .at(KEYS[0])
    .list("a row of experts a layer")
    .map((row) => row.wholes(-1, MOST));
  const [first] = rows;
  if (!first?.length) throw fileError(file, null, `${KEYS[0]} to hold at least 1 layer of at least 1 slot`, "none");
  rows.forEach((row, layer) => {
    if (row.length !== first.length)
      throw fileError(file, null, `${KEYS[0]}[${layer}] to hold ${first.length} slots`, `${row.length}`);
  });
  const counts = all.at(KEYS[2]);
  if (counts.isGiven) checkCounts(rows, counts);
  const slots = all.at(KEYS[1]);
  if (slots.isGiven) checkSlots(rows, slots);
  const gpus = all.at(GPUS);
  return gpus.isGiven ? { rows, gpus: gpus.whole(1, GPUS_MOST) } : { rows };
}

function layersOf(rows: readonly number[][], all: JsonValue): JsonValue[][] {
  const layers = all.list("a row a layer");
  if (layers.length !== rows.length)
    throw fileError(all.file, null, `${all.place} to hold ${rows.length} layers`, `${layers.length}`);
  return layers.map((layer) => layer.list("a value an expert"));
}

function checkCounts(rows: readonly number[][], all: JsonValue): void {
  layersOf(rows, all).forEach((layer, l) => {
    layer.forEach((count, expert) => {
      const held = rows[l]!.filter((other) => other === expert).length;
      if (count.whole(0, MOST) !== held) throw count.wrong(`${held}, as ${KEYS[0]} has it`);
    });
  });
}

function checkSlots(rows: readonly number[][], all: JsonValue): void {
  layersOf(rows, all).forEach((layer, l) => {
    layer.forEach((row, expert) => {
      const listed = row.wholes(-1, MOST).filter((slot) => slot >= 0);
      const held = rows[l]!.flatMap((other, slot) => (other === expert ? [slot] : []));
      if (listed.sort((a, b) => a - b).join() !== held.join())
        throw fileError(
          all.file,
          null,
          `${row.place} to be slots ${held.join(", ")}, as ${KEYS[0]} has it`,
          listed.join(", ") || "none",
        );
    });
  });
}
