#!/usr/bin/env node
import { readFileSync } from "node:fs";
import { Command, CommanderError } from "commander";
import { capacityCommand } from "./capacity.ts";
import { checkCommand } from "./check.ts";
import { claimsCommand } from "./claims.ts";
import { driveCommand } from "./drive/index.ts";
import { FileError } from "./files.ts";
import { labCommand } from "./lab.ts";
import { modelsCommand } from "./models.ts";
import { opticsCommand } from "./optics.ts";
import { withFlag } from "./options.ts";
import { placeCommand } from "./place/index.ts";
import { powerCommand } from "./power.ts";
import { predictCommand } from "./predict/index.ts";
import { paintFor, typed } from "./print.ts";
import { residencyCommand } from "./residency/index.ts";
import { routesCommand } from "./routes/index.ts";
import { schemaCommand } from "./schema.ts";
import { serveCommand } from "./serve/index.ts";
import { simulateCommand } from "./simulate/index.ts";
import { studyCommand } from "./study.ts";
import { tailCommand } from "./tail.ts";

const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));
const help = "(--help lists what there is)";

const program = new Command(typed())
  .description("Decides whether the weights of a mixture-of-experts model can be fetched over a fabric in time.")
  .version(version)
  .showHelpAfterError(help)
  .exitOverride()
  .addHelpText(
    "after",
    `
Examples:
  ${typed("lab")}                                 the engine in a page, to turn its knobs
  ${typed("study")}                               all built-in optics, side by side
  ${typed("check --optics lpo-800g --margin")}    one verdict, and how far it can be pushed
  ${typed("check --profile latencies.csv")}       your own measurement
  ${typed("drive --pattern incast")}              loads through a fabric, DPU by DPU
  ${typed("simulate --html report.html")}          decoding with fetched experts: does an SLO hold
  ${typed("place loads.json --gpus 8 --slots 72")}    experts on GPUs, balanced, with a bound
  ${typed("tail --transport threads")}            doorbells between two threads of this machine
  ${typed("routes generate --out trace.csv.gz")}  which experts a router chooses, made up
  ${typed("predict trace.csv.gz")}                which of them could have been foreseen
  ${typed("residency trace.csv.gz")}              which of them were still there, by policy and budget
  ${typed("serve requests.csv --gpu h200")}           requests with continuous batching: time to first token

Exit codes: 0 schedulable (or done), 1 not schedulable, 2 no answer, because the input is wrong.`,
  );
for (const command of [
  studyCommand(),
  checkCommand(),
  driveCommand(),
  simulateCommand(),
  placeCommand(),
  predictCommand(),
  residencyCommand(),
  routesCommand(),
  serveCommand(),
  tailCommand(),
  opticsCommand(),
  modelsCommand(),
  capacityCommand(),
  powerCommand(),
  claimsCommand(),
  schemaCommand(),
  labCommand(),
]) {
  for (const one of [command, ...command.commands]) one.exitOverride().showHelpAfterError(help);
  program.addCommand(command);
}

process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  process.exit(); // the reader has seen enough
});

try {
  if (process.argv.length <= 2) program.outputHelp();
  else await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : 2;
  else {
    process.exitCode = 2; // never 1, which is a verdict
    const command = program.args.reduce<Command>(
      (one, word) => one.commands.find((candidate) => candidate.name() === word) ?? one,
      program,
    );
    const { red } = paintFor(process.stderr);
    if (error instanceof RangeError || error instanceof TypeError || error instanceof FileError)
      console.error(`${red("error:")} ${withFlag(error.message, command)}`);
    else console.error(error);
    if (process.env["DEBUG"]) console.error(error);
  }
}
