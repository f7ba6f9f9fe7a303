import { checkKeys } from "../check.ts";
import { fileError } from "../measurement.ts";
import { type RouteRow, RowOrder } from "../routes/order.ts";
import { blockBytes, DECODE, MOST_EXPERTS, NO_EXPERT, type Routes } from "../routes/routes.ts";
import { GzipError, inflated, linesOf } from "./lines.ts";
import { isNpy, type NumpyArray, namesOfNpz, readNpy, readNpz } from "./npy.ts";
import { type RouteHead, RouteLines } from "./route-lines.ts";
import { gunzip, isGzip, isZip } from "./unpack.ts";

export interface RoutesOptions {
  /** The file's name, for messages. */
  file?: string;
  /** What the file does not say of the model; where it does, it must be the same. */
  layers?: number;
  experts?: number;
  k?: number;
  /** Bytes of an expert: one value a layer, or `[layer * experts + expert]`. */
  expertBytes?: ArrayLike<number>;
}

/** Rows of a file of routes, in its order and checked, and what its head says. */
export interface RouteStream extends RouteHead {
  rows: AsyncGenerator<RouteRow, void, undefined>;
}

/** What arrays of chosen experts are called in archives, in the order of trial. */
const ARRAYS = ["topk_ids", "topk_indices", "expert_ids", "selected_experts", "experts", "routes"];

/** What those of the router's weights are called beside them. */
const WEIGHTS = [
  "topk_weights",
  "topk_scores",
  "expert_weights",
  "routing_weights",
  "router_weights",
  "weights",
  "scores",
];

/**
 * Reads a text of routes as it comes, gzip or not, in constant memory: `route_trace v1`, CSV of step, layer and either
 * expert (a line each) or experts (a line a row), or such rows as JSON, an object a line. Of prompt, phase and weights, which
 * may be left out, phase is decode unless it is said.
 */
export async function openRoutes(
  source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  options: RoutesOptions = {},
): Promise<RouteStream> {
  checkKeys("options", options, ["file", "layers", "experts", "k", "expertBytes"]);
  const { file = "routes", layers = null, experts = null, k = null } = options;
  const expertBytes = options.expertBytes ? Float64Array.from(options.expertBytes) : null;
  const lines = new RouteLines(file, { layers, experts, k, expertBytes });
  const rows = rowsOf(linesOf(source, file), lines);
  const first = await rows.next();
  if (first.done) throw fileError(file, null, "at least 1 row of routes", "none");
  checkMost(file, lines.head);
  return { ...lines.head, rows: checked(first.value, rows, new RowOrder(file, lines.head.layers)) };
}

/** Refuses more experts of a token than a layer is said to have. */
function checkMost(file: string, { experts, k }: Pick<RouteHead, "experts" | "k">): void {
  if (experts !== null && k !== null && k > experts)
    throw fileError(file, null, `at most ${experts} experts of a token, as a layer has no more`, `${k}`);
}

async function* checked(first: RouteRow, rest: AsyncGenerator<RouteRow>, order: RowOrder) {
  order.check(first);
  yield first;
  for await (const row of rest) {
    order.check(row);
    yield row;
  }
  order.end();
}

async function* rowsOf(
  batches: AsyncGenerator<{ first: number; lines: string[] }>,
  lines: RouteLines,
): AsyncGenerator<RouteRow, void, undefined> {
  for await (const { first, lines: texts } of batches) {
    for (let i = 0; i < texts.length; i++) {
      const row = lines.push(texts[i]!, first + i);
      if (row) yield row;
    }
  }
  const last = lines.end();
  if (last) yield last;
}

/**
 * Reads routes as a whole: what `openRoutes` reads, and arrays of NumPy (`.npy`, or one in `.npz`, gzip or not) of steps x layers
 * x k, all of them decode of one prompt, with a negative id where a token has fewer experts; in `.npz` an array of their weights
 * may lie beside it. Where nothing says how many experts a layer has, it is one more than the last that is named, and k at least.
 */
export async function readRoutes(bytes: Uint8Array, options: RoutesOptions = {}): Promise<Routes> {
  const { file = "routes" } = options;
  if (await isNumpy(bytes)) return ofNumpy(isGzip(bytes) ? await gunzip(bytes, file) : bytes, { ...options, file });
  const stream = await openRoutes([bytes], options);
  const rows: RouteRow[] = [];
  for await (const row of stream.rows) rows.push(row);
  const layers = stream.layers ?? rows.reduce((most, { layer }) => Math.max(most, layer + 1), 1);
  const k = stream.k ?? rows.reduce((most, row) => Math.max(most, row.experts.length), 1);
  const experts = stream.experts ?? rows.reduce((most, row) => Math.max(most, ...row.experts.map((e) => e + 1)), k);
  const tokens = tokensOf(rows);
  const weighted = rows.findIndex(({ weights }) => (weights === null) !== (rows[0]!.weights === null));
  if (weighted >= 0)
    throw fileError(file, rows[weighted]!.line, "weights in all rows or in none", "a row unlike the first");
  const chosen = new Uint16Array(tokens.prompt.length * layers * k).fill(NO_EXPERT);
  const weights = rows[0]!.weights ? new Float32Array(chosen.length) : undefined;
  rows.forEach((row, i) => {
    const at = (tokens.ofRow[i]! * layers + row.layer) * k;
    chosen.set(row.experts, at);
    weights?.set(row.weights!, at);
  });
  const routes = {
    layers,
    experts,
    k,
    tokens: tokens.prompt.length,
    prompt: tokens.prompt,
    phase: tokens.phase,
    chosen,
  };
  return { ...routes, ...(weights && { weights }), ...sizes(stream.expertBytes, layers, experts) };
}

/** Whether bytes are what NumPy saved; packed ones are inflated only as far as it takes to know. */
async function isNumpy(bytes: Uint8Array): Promise<boolean> {
  if (!isGzip(bytes)) return isNpy(bytes) || isZip(bytes);
  const chunks = inflated([bytes]);
  try {
    const { value } = await chunks.next();
    return value !== undefined && (isNpy(value) || isZip(value));
  } catch (error) {
    // Who reads it as a text says in which line it breaks off.
    if (error instanceof GzipError) return false;
    throw error;
  } finally {
    await chunks.return(undefined);
  }
}

function sizes(expertBytes: Float64Array | null, layers: number, experts: number): Pick<Routes, "expertBytes"> {
  if (!expertBytes) return {};
  blockBytes(expertBytes, layers, experts);
  return { expertBytes };
}

/** The token of each row: tokens are numbered as their first layer comes. */
function tokensOf(rows: readonly RouteRow[]): { ofRow: Uint32Array; prompt: Uint32Array; phase: Uint8Array } {
  const [prompt, phase]: number[][] = [[], []];
  const ofRow = new Uint32Array(rows.length);
  let ofStep = new Map<number, number>();
  rows.forEach((row, i) => {
    const last = rows[i - 1];
    if (!last || last.prompt !== row.prompt || last.phase !== row.phase) ofStep = new Map();
    let token = ofStep.get(row.step);
    if (token === undefined) {
      token = prompt!.push(row.prompt) - 1;
      phase!.push(row.phase);
      ofStep.set(row.step, token);
    }
    ofRow[i] = token;
  });
  return { ofRow, prompt: Uint32Array.from(prompt!), phase: Uint8Array.from(phase!) };
}

async function ofNumpy(bytes: Uint8Array, options: RoutesOptions & { file: string }): Promise<Routes> {
  checkKeys("options", options, ["file", "layers", "experts", "k", "expertBytes"]);
  const { file } = options;
  const { ids, weights } = isNpy(bytes)
    ? { ids: readNpy(bytes, { file }), weights: null }
    : await ofArchive(bytes, file);
  const { shape, values } = ids;
  const [tokens, layers, k] = shape;
  if (tokens === undefined || layers === undefined || k === undefined || shape.length > 3 || values.length === 0)
    throw fileError(file, null, "steps x layers x k, at least 1 of each", shape.join(" x ") || "a single number");
  for (const [key, value] of [
    ["layers", layers],
    ["k", k],
  ] as const)
    if (options[key] !== undefined && options[key] !== value)
      throw fileError(file, null, `${key} to be ${options[key]}, as the option says`, `${value}`);
  const experts = options.experts ?? values.reduce((most, value) => Math.max(most, value + 1), k);
  checkMost(file, { experts, k });
  const high = Math.min(experts, MOST_EXPERTS) - 1;
  const chosen = new Uint16Array(values.length).fill(NO_EXPERT);
  for (let at = 0; at < values.length; at++) {
    const value = values[at]!;
    const row = at - (at % k);
    const place = () => `[${Math.floor(row / k / layers)}][${(row / k) % layers}][${at - row}]`;
    if (!Number.isInteger(value) || value > high)
      throw fileError(file, null, `${place()} to be a whole number from 0 to ${high}, or below 0 for none`, `${value}`);
    if (value < 0) continue;
    if (at > row && values[at - 1]! < 0) throw fileError(file, null, `none after none: ${place()}`, `${value}`);
    if (chosen.subarray(row, at).includes(value))
      throw fileError(file, null, `distinct experts: ${place()}`, `${value} again`);
    chosen[at] = value;
  }
  const phase = new Uint8Array(tokens).fill(DECODE);
  const routes = { layers, experts, k, tokens, prompt: new Uint32Array(tokens), phase, chosen };
  return {
    ...routes,
    ...(weights && { weights: weightsOf(weights, ids, `${file}: weights`) }),
    ...sizes(options.expertBytes ? Float64Array.from(options.expertBytes) : null, layers, experts),
  };
}

/** Ids, and weights where there are any: told apart by name, for there may be other arrays. */
async function ofArchive(bytes: Uint8Array, file: string): Promise<{ ids: NumpyArray; weights: NumpyArray | null }> {
  const names = namesOfNpz(bytes, { file });
  const named = WEIGHTS.find((name) => names.includes(name));
  // Where all but the weights is one array, that one is the ids, whatever it is called.
  const others = names.filter((name) => !WEIGHTS.includes(name));
  const ids = await readNpz(bytes, { file, names: others.length === 1 ? others : ARRAYS });
  return {
    ids,
    weights: named === undefined || others.length === 0 ? null : await readNpz(bytes, { file, names: [named] }),
  };
}

/** Weights in the places of their experts, 0 where there is none. */
function weightsOf(weights: NumpyArray, ids: NumpyArray, file: string): Float32Array {
  if (weights.shape.join() !== ids.shape.join())
    throw fileError(file, null, `${ids.shape.join(" x ")}, as the ids are`, weights.shape.join(" x "));
  return Float32Array.from(weights.values, (weight, at) => {
    if (!Number.isFinite(weight)) {
      const [, layers, k] = ids.shape as [number, number, number];
      const row = Math.floor(at / k);
      throw fileError(
        file,
        null,
        "weights to be numbers",
        `${weight} in [${Math.floor(row / layers)}][${row % layers}][${at % k}]`,
      );
    }
    return ids.values[at]! < 0 ? 0 : weight;
  });
}
