import { Command } from "commander";
import {
  figure,
  formatRoutes,
  ROUTE_MIX,
  ROUTE_MIX_EXPERT_BYTES,
  RouteGenerator,
  type RouteModel,
  type Routes,
  readRouteModel,
} from "../../index.ts";
import { checkFolders, readText, writeStream } from "../files.ts";
import { count, number } from "../options.ts";
import { paint, quoted, say, sayJson, sayNext, sayWrapped, sizeWords, typed } from "../print.ts";
import { size } from "../values.ts";

interface GenerateFlags {
  prompts: number;
  prefill: number;
  decode: number;
  seed?: number;
  expertBytes?: number;
  out?: string;
  json?: boolean;
}

/** `vorchestrate routes generate` */
export function generateCommand(): Command {
  return new Command("generate")
    .description("draw which experts a router chooses, from a model or a built-in mix of chat and code")
    .argument("[model]", "JSON, as routes fit --out writes it (default: four of five prompts chat, one code)")
    .option("--prompts <count>", "how many", count, 20)
    .option("--prefill <tokens>", "of each prompt", number, 32)
    .option("--decode <tokens>", "of each prompt", number, 32)
    .option("--seed <number>", "of the choices; the model's is of its experts' popularity (default: 1)", number)
    .option("--expert-bytes <size>", "to write into the trace (default: of the mix 9437184, else none)", size)
    .option(
      "--out <file>",
      "write the trace: .csv, or .jsonl, which says nothing of the model; packed where .gz follows",
    )
    .option("--json", "print the generated routes, with workloads and topics, as JSON")
    .addHelpText(
      "after",
      `
Examples:
  ${typed("routes generate --prompts 50 --out trace.csv.gz")}
  ${typed("routes generate model.json --prefill 0 --decode 1000 --expert-bytes 302MB --out trace.csv")}

Exit codes: 0 done, 2 no answer, because the input is wrong.`,
    )
    .action(async (file: string | undefined, flags: GenerateFlags) => {
      const { out, json, expertBytes = file === undefined ? ROUTE_MIX_EXPERT_BYTES : undefined } = flags;
      if (out === undefined && !json)
        throw new TypeError("--out <file> is missing: it says where the trace goes (or --json, which prints it)");
      const format = out === undefined ? undefined : formatOf(out);
      checkFolders(out);
      const model = file === undefined ? ROUTE_MIX : readRouteModel(readText(file), { file });
      const generated = new RouteGenerator(model).generate({
        prompts: flags.prompts,
        prefillTokens: flags.prefill,
        decodeTokens: flags.decode,
        ...(flags.seed === undefined ? {} : { seed: flags.seed }),
      });
      const routes: Routes = {
        ...generated.routes,
        ...(expertBytes === undefined ? {} : { expertBytes: new Float64Array(model.layers).fill(expertBytes) }),
      };
      if (out !== undefined && format) await writeStream(out, formatRoutes(routes, { format, model: file ?? "mix" }));
      if (json) sayJson({ ...generated, routes });
      else sayGenerated(model, generated.workload, routes, out!);
    });
}

function formatOf(out: string): "route_trace" | "jsonl" {
  const [, ending] = /\.(csv|jsonl)(?:\.gz)?$/i.exec(out) ?? [];
  if (!ending) throw new TypeError(`--out must end in .csv or .jsonl, with .gz or without, got ${out}`);
  return ending.toLowerCase() === "csv" ? "route_trace" : "jsonl";
}

function sayGenerated(model: RouteModel, workload: Uint16Array, routes: Routes, out: string): void {
  const { layers, experts, k, tokens, expertBytes } = routes;
  const isJson = formatOf(out) === "jsonl";
  say(`${paint.bold(out)}: ${figure(tokens)} tokens, ${layers} layers of ${experts} experts, ${k} a token`);
  const mix = model.workloads.map(({ name }, i) => `${workload.filter((one) => one === i).length} of ${name}`);
  const size = expertBytes && !isJson ? `; an expert is ${sizeWords(expertBytes[0]!)}` : "";
  sayWrapped("", paint.dim(`${figure(workload.length)} prompts, ${mix.join(", ")}${size}`));
  const about = `--layers ${layers} --experts ${experts} --k ${k}`;
  const bytes = expertBytes ? `--expert-bytes ${expertBytes[0]}` : "--expert-bytes SIZE";
  const [shape, sized] = isJson ? [` ${about}`, ` ${about} ${bytes}`] : ["", expertBytes ? "" : ` ${bytes}`];
  sayNext([
    [typed(`predict ${quoted(out)}${shape}`), "how much of it can be foreseen"],
    [typed(`residency ${quoted(out)}${sized}`), "what a cache has of it"],
    [typed(`routes fit ${quoted(out)}${shape}`), "a model of it"],
  ]);
}
