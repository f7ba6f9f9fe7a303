// Compiles the kernels, and the library's declarations, side by side: each compiler fills one core for a quarter of a minute.
import { spawn } from "node:child_process";

const compilers = ["asc --target debug", "asc --target release", "asc --target portable", "tsc -b src"];
const codes = await Promise.all(
  compilers.map((line) => new Promise((end) => spawn(line, { shell: true, stdio: "inherit" }).on("close", end))),
);
process.exitCode = codes.every((code) => code === 0) ? 0 : 1;
