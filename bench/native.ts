import { execFileSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import type { Contender } from "./compare.ts";

/**
 * bench/native/`room`.c, nothing where there is no gcc. It takes `input` on stdin, its arguments and a budget in milliseconds,
 * and prints a checksum and the milliseconds of a run.
 */
export function inC(
  room: string,
  name: string,
  input: readonly ArrayBufferView[],
  args: readonly number[],
): Contender[] {
  const program = `build/bench-${room}`;
  try {
    mkdirSync("build", { recursive: true });
    // Without contraction: a fused multiply-add would round once where the kernels round twice.
    const flags = ["-O3", "-march=native", "-ffp-contract=off"];
    execFileSync("gcc", [...flags, "-o", program, `bench/native/${room}.c`], {
      stdio: ["ignore", "ignore", "inherit"],
    });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    console.error(`${room}: no gcc here, so no row in C`);
    return [];
  }
  const bytes = Buffer.concat(
    input.map(({ buffer, byteOffset, byteLength }) => new Uint8Array(buffer, byteOffset, byteLength)),
  );
  const measure = (budgetMs: number) =>
    execFileSync(program, [...args, budgetMs].map(String), { input: bytes, encoding: "utf8" })
      .split(" ")
      .map(Number);
  return [{ name, run: { medianMs: (budgetMs) => measure(budgetMs)[1]! }, checksum: () => measure(0)[0]! }];
}
