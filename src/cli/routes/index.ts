import { Command } from "commander";
import { typed } from "../print.ts";
import { fitCommand } from "./fit.ts";
import { generateCommand } from "./generate.ts";

/** `vorchestrate routes` */
export function routesCommand(): Command {
  return new Command("routes")
    .description("make up which experts a router chooses: take a model from a trace, draw traces from a model")
    .addCommand(fitCommand())
    .addCommand(generateCommand())
    .addHelpText(
      "after",
      `
Examples:
  ${typed("routes generate --out trace.csv.gz")}
  ${typed("routes fit trace.csv.gz --out model.json")}
  ${typed("routes generate model.json --prompts 32 --out more.jsonl")}`,
    );
}
