import { checkRoutes, NO_EXPERT, PREFILL, type Routes } from "../routes/routes.ts";

/** Formats of a text of routes: `route_trace v1`, a line an expert, with a head that tells of the model; JSON, a line a row, without. */
export const ROUTE_TEXTS = ["route_trace", "jsonl"] as const;
export type RouteText = (typeof ROUTE_TEXTS)[number];

export interface RouteTextOptions {
  /** `route_trace` unless given. */
  format?: RouteText;
  /** What the head calls the model; "generated" unless given. */
  model?: string;
}

const PIECE = 2 ** 16;

/** Routes as a text that `readRoutes` and `openRoutes` read, in pieces; steps count a prompt's tokens. */
export function* formatRoutes(
  routes: Routes,
  { format = "route_trace", model = "generated" }: RouteTextOptions = {},
): Generator<string, void, undefined> {
  checkRoutes(routes);
  if (!ROUTE_TEXTS.includes(format))
    throw new RangeError(`format must be one of ${ROUTE_TEXTS.join(", ")}, got ${format}`);
  const { layers, tokens, prompt } = routes;
  const rowText = format === "jsonl" ? jsonOf : linesOf;
  let piece = format === "jsonl" ? "" : headOf(routes, model);
  let first = 0;
  for (let token = 0; token < tokens; token++) {
    if (prompt[token] !== prompt[first]) first = token;
    for (let layer = 0; layer < layers; layer++) piece += rowText(routes, token, token - first, layer);
    if (piece.length < PIECE) continue;
    yield piece;
    piece = "";
  }
  if (piece) yield piece;
}

function headOf({ layers, experts, k, weights, expertBytes }: Routes, model: string): string {
  if (expertBytes && expertBytes.length !== layers)
    throw new RangeError(`expertBytes must be one value a layer to be written, got ${expertBytes.length} values`);
  return [
    "# route_trace v1",
    `# model=${model.replace(/\s+/g, "-")} n_layer=${layers} n_expert=${experts} n_expert_used=${k}`,
    ...Array.from(expertBytes ?? [], (bytes, layer) => `# layer=${layer} expert_bytes=${bytes}`),
    `turn,phase,step,layer,slot,expert${weights ? ",weight" : ""}`,
    "",
  ].join("\n");
}

/** Where a row of experts begins and ends; prefill may lack the last layer, as engines do not work it out. */
function spanOf({ layers, k, phase, chosen }: Routes, token: number, layer: number): [number, number] {
  const first = (token * layers + layer) * k;
  const row = chosen.subarray(first, first + k);
  const none = row.indexOf(NO_EXPERT);
  const last = none < 0 ? first + k : first + none;
  if (last === first && !(phase[token] === PREFILL && layer === layers - 1))
    throw new RangeError(`token ${token} must have an expert in layer ${layer} to be written, got none`);
  return [first, last];
}

function linesOf(routes: Routes, token: number, step: number, layer: number): string {
  const { prompt, phase, chosen, weights } = routes;
  const [first, last] = spanOf(routes, token, layer);
  let lines = "";
  for (let at = first; at < last; at++)
    lines += `${prompt[token]},${phase[token]},${step},${layer},${at - first},${chosen[at]}${weights ? `,${weights[at]}` : ""}\n`;
  return lines;
}

function jsonOf(routes: Routes, token: number, step: number, layer: number): string {
  const { prompt, phase, chosen, weights } = routes;
  const [first, last] = spanOf(routes, token, layer);
  if (first === last) return "";
  const row = {
    prompt: prompt[token],
    phase: phase[token] === PREFILL ? "prefill" : "decode",
    step,
    layer,
    experts: Array.from(chosen.subarray(first, last)),
    ...(weights ? { weights: Array.from(weights.subarray(first, last)) } : {}),
  };
  return `${JSON.stringify(row)}\n`;
}
