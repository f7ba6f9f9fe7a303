import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { execPath } from "node:process";
import { afterAll, expect } from "vitest";
import { type ProgramRun, runProgram } from "./program.ts";

export const MAIN = resolve("dist/cli/main.js");

/** The command line, or one command of it, in a folder of its own that is gone after the tests. */
export function commandLine(command = "") {
  const folder = mkdtempSync(join(tmpdir(), `vorchestrate-${command.replace(" ", "-")}`));
  afterAll(() => rmSync(folder, { recursive: true }));
  const wordsOf = (text: string) => text.split(" ").filter(Boolean);
  const run = (args: string, env: NodeJS.ProcessEnv = {}, script = MAIN): Promise<ProgramRun> =>
    runProgram(execPath, [script, ...wordsOf(command), ...wordsOf(args)], folder, env);
  return {
    folder,
    run,
    /** Expects no answer, and why. */
    refuses: async (args: string, message: string): Promise<void> => {
      const { status, stdout, stderr } = await run(args);
      expect([status, stdout]).toEqual([2, ""]);
      expect(stderr).toContain(message);
    },
    write: (name: string, content: string | Uint8Array) => writeFileSync(join(folder, name), content),
    read: (name: string) => readFileSync(join(folder, name), "utf8"),
  };
}

/** What words for people never hold, and lines that do not fit. */
export const SLIPS = /NaN|undefined|null|Infinity/;

export function longLines(text: string): string[] {
  return text.split("\n").filter((line) => [...line].length > 100 && !line.includes("main.js"));
}
