import { existsSync } from "node:fs";
import { Command } from "commander";
import {
  figure,
  kvBytesOf,
  MODELS,
  type ModelShape,
  modelNamed,
  percent,
  readModelConfig,
  totalsOf,
} from "../index.ts";
import { readText } from "./files.ts";
import { definedOf, number } from "./options.ts";
import { heading, paint, say, sayJson, sayNext, sayTable, sayWrapped, typed } from "./print.ts";

interface ModelsFlags {
  bytesPerWeight?: number;
  otherBytesPerWeight?: number;
  json?: boolean;
}

/** GPUs of this size are what copies are counted in. */
const GPU_BYTES = 80e9;
const SEQUENCE_TOKENS = 2048;

/** `vorchestrate models [CONFIG or NAME]` */
export function modelsCommand(): Command {
  return new Command("models")
    .description("list the built-in models, or show one, or what a config.json comes to")
    .argument("[model]", "a built-in model's name, or a Hugging Face config.json")
    .option("--bytes-per-weight <bytes>", "of experts in that file (default: as its quantisation has it)", number)
    .option("--other-bytes-per-weight <bytes>", "of all else but embeddings (default: as the file has it)", number)
    .option("--json", "print shape and totals as JSON")
    .addHelpText(
      "after",
      `
Examples:
  ${typed("models deepseek-v3")}
  ${typed("models config.json --bytes-per-weight 1")}`,
    )
    .action((name: string | undefined, { json, ...bytes }: ModelsFlags) => {
      if (name === undefined) {
        const [stray] = Object.keys(definedOf(bytes));
        if (stray) throw new TypeError(`${stray} goes with a config.json, got none`);
        if (json) sayJson(MODELS.map(withTotals));
        else sayList();
        return;
      }
      const model = chosenModel(name, bytes);
      if (json) sayJson(withTotals(model));
      else sayModel(model);
    });
}

/** A built-in model by its name, or the one that a file describes. */
export function chosenModel(name: string, bytes: Omit<ModelsFlags, "json"> = {}): ModelShape {
  const given = definedOf(bytes);
  const isFile = /[/\\]|\.json$/.test(name) || (!MODELS.some((one) => one.name === name) && existsSync(name));
  if (isFile) return readModelConfig(readText(name), { file: name, ...given });
  const model = modelNamed(name);
  const [stray] = Object.keys(given);
  if (stray) throw new TypeError(`${stray} goes with a config.json, got the built-in ${name}`);
  return model;
}

const withTotals = (model: ModelShape) => ({ ...model, totals: totalsOf(model) });

const megabytes = (bytes: number) => `${figure(bytes / 1e6)} MB`;
const gigabytes = (bytes: number) => `${figure(bytes / 1e9)} GB`;
const bytesOf = (bytes: number) => `${figure(bytes)} ${bytes === 1 ? "byte" : "bytes"}`;
const billions = (count: number) => `${figure(count / 1e9)} B`;

function sayList(): void {
  sayTable(
    ["name", "experts", "of which", "layers", "an expert", "all", "80 GB GPUs", "parameters", "active"],
    MODELS.map((model) => {
      const { parameters, activeParameters, allBytes } = totalsOf(model);
      const moe = model.moeLayers.length;
      return [
        paint.bold(model.name),
        String(model.experts),
        String(model.expertsPerToken),
        moe === model.layers ? String(moe) : `${moe} of ${model.layers}`,
        megabytes(model.expertBytes),
        gigabytes(allBytes),
        figure(allBytes / GPU_BYTES),
        billions(parameters),
        billions(activeParameters),
      ];
    }),
    [1, 2, 3, 4, 5, 6, 7, 8],
  );
  say();
  say("Experts are of a layer, and of which a token chooses so many; layers are those with experts.");
  sayNext([
    [typed("models deepseek-v3"), "one in full, with its sources"],
    [typed("models config.json"), "what a file of Hugging Face comes to"],
  ]);
}

function sayModel(model: ModelShape): void {
  const { layers, moeLayers, experts, expertsPerToken, sharedExperts, hidden, expertWidth } = model;
  const totals = totalsOf(model);
  say(
    `${paint.bold(model.name)}: ${billions(totals.parameters)} parameters, ${billions(totals.activeParameters)} a token`,
  );
  heading("Experts");
  sayTable(
    ["", "", ""],
    [
      [
        "of a layer",
        String(experts),
        `${expertsPerToken} a token${sharedExperts ? `, and ${sharedExperts} shared` : ""}`,
      ],
      ["layers", String(layers), moeLayers.length < layers ? `${moeLayers.length} with experts` : "all with experts"],
      [
        "one expert",
        megabytes(model.expertBytes),
        `3 x ${hidden} x ${expertWidth}, ${bytesOf(model.bytesPerWeight)} a weight`,
      ],
      ["all experts", gigabytes(totals.expertBytes), `${percent(totals.expertBytes / totals.allBytes)} of all bytes`],
      ["all else", gigabytes(totals.otherBytes), `${bytesOf(model.otherBytesPerWeight)} a weight, embeddings 2`],
      ["one copy", gigabytes(totals.allBytes), `${figure(totals.allBytes / GPU_BYTES)} GPUs of 80 GB`],
    ],
    [1],
  );
  heading("Attention");
  sayTable(
    ["kind", "layers", "weights a layer", "a token keeps", "reads at most"],
    model.attention.map(({ kind, layers: of, weights, kvBytesPerRow, windowTokens, rows, state }) => [
      kind,
      String(of.length),
      `${figure(weights / 1e6)} M`,
      state
        ? `${megabytes(state.bytes)} in all`
        : `${figure(kvBytesPerRow)} bytes${rows && rows.tokens > 1 ? ` for ${rows.tokens}` : ""}`,
      readWords(windowTokens, rows),
    ]),
    [1, 2, 3],
  );
  say(`A sequence of ${figure(SEQUENCE_TOKENS)} tokens keeps ${megabytes(kvBytesOf(model, SEQUENCE_TOKENS))}.`);
  heading("Evidence");
  for (const { about, grade, source, note } of model.evidence) {
    sayWrapped(`  ${paint.bold(grade.padEnd(10))}  `, about);
    sayWrapped(" ".repeat(14), source);
    sayWrapped(" ".repeat(14), paint.dim(note));
  }
}

function readWords(windowTokens: number | null, rows: ModelShape["attention"][number]["rows"]): string {
  const parts = [
    ...(windowTokens ? [`the last ${figure(windowTokens)} tokens`] : []),
    ...(rows ? [rows.readMax === null ? "all rows" : `${figure(rows.readMax)} rows that are chosen`] : []),
  ];
  if (parts.length > 0) return parts.join(" and ");
  return windowTokens === null ? "all tokens" : "its state";
}
