#!/usr/bin/env node
import { readFileSync } from "node:fs";
import { Command, CommanderError } from "commander";
import pc from "picocolors";
import { checkCommand } from "./check.ts";
import { opticsCommand } from "./optics.ts";
import { studyCommand } from "./study.ts";
import { tailCommand } from "./tail.ts";

const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));

const program = new Command("vorchestrate")
  .description("Decides whether the weights of a mixture-of-experts model can be fetched over a fabric in time.")
  .version(version)
  .showSuggestionAfterError()
  .showHelpAfterError("(--help lists what there is)")
  .exitOverride()
  .addHelpText(
    "after",
    `
Examples:
  vorchestrate study                               all built-in optics, side by side
  vorchestrate check --optics lpo-800g --hops 2    one verdict, with its margins
  vorchestrate check --profile latencies.csv       your own measurement
  vorchestrate tail --transport threads            doorbells between two threads of this machine

Exit codes: 0 schedulable (or done), 1 not schedulable, 2 bad input.`,
  );
for (const command of [studyCommand(), checkCommand(), tailCommand(), opticsCommand()])
  program.addCommand(command.exitOverride().showHelpAfterError("(--help lists what there is)"));

process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(0); // the reader has seen enough
  throw error;
});

try {
  if (process.argv.length <= 2) program.outputHelp();
  else await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : 2;
  else if (error instanceof RangeError || error instanceof TypeError || isFileError(error)) {
    console.error(`${pc.red("error:")} ${wordsOf(error as Error)}`);
    if (process.env["DEBUG"]) console.error((error as Error).stack);
    process.exitCode = 2;
  } else throw error;
}

function isFileError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && "code" in error && "path" in error;
}

function wordsOf(error: Error | NodeJS.ErrnoException): string {
  if (!isFileError(error)) return error.message;
  const why: Record<string, string> = {
    ENOENT: "there is no such file",
    EISDIR: "it is a folder",
    EACCES: "it may not be read or written",
  };
  return `${error.path}: ${why[error.code ?? ""] ?? error.message}`;
}
