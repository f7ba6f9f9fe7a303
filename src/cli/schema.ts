import { Argument, Command } from "commander";
import { clusterSchema } from "../index.ts";
import { sayJson, typed } from "./print.ts";

const SCHEMAS = { cluster: clusterSchema };

/** `vorchestrate schema <kind>` */
export function schemaCommand(): Command {
  return new Command("schema")
    .description("print the JSON schema of a file, by which editors complete and check it")
    .addArgument(new Argument("<kind>", "which file").choices(Object.keys(SCHEMAS)))
    .addHelpText(
      "after",
      `
Examples:
  ${typed("schema cluster")} > cluster.schema.json    then "$schema": "./cluster.schema.json" in the file`,
    )
    .action((kind: keyof typeof SCHEMAS) => sayJson(SCHEMAS[kind]()));
}
