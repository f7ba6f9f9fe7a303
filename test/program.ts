import { execFile } from "node:child_process";

export interface ProgramRun {
  status: number;
  stdout: string;
  stderr: string;
}

/** Runs a program in a folder, without a terminal. */
export function runProgram(
  program: string,
  args: readonly string[],
  cwd: string,
  env: NodeJS.ProcessEnv = {},
): Promise<ProgramRun> {
  const { NO_COLOR, FORCE_COLOR, npm_command, ...inherited } = process.env;
  return new Promise((done) => {
    execFile(program, [...args], { cwd, env: { ...inherited, ...env }, maxBuffer: 1e8 }, (error, stdout, stderr) =>
      done({ status: error ? Number(error.code) : 0, stdout, stderr }),
    );
  });
}
