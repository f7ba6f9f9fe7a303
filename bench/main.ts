import { readdirSync } from "node:fs";
import { availableParallelism, cpus } from "node:os";
import { parseArgs } from "node:util";
import Table from "cli-table3";
import { didYouMean } from "../src/check.ts";
import type { Row } from "./row.ts";

// npm prints the command on stdout unless it is told to be silent.
const usage = "npm run [--silent] bench -- [room ...] [--json | --markdown] [--quick]";
const head = ["room", "row", "", "beside", "times better", "checksum"];

function wrong(message: string): never {
  console.error(`${message}\n${usage}`);
  process.exit(2);
}

function readArguments() {
  const flag = { type: "boolean", default: false } as const;
  try {
    return parseArgs({ allowPositionals: true, options: { json: flag, markdown: flag, quick: flag } });
  } catch (error) {
    return wrong((error as Error).message);
  }
}

/** The columns of a row. */
function cellsOf({ room, row, value, unit, peer, ratio, checksum }: Row): string[] {
  return [
    room,
    row,
    `${Number(value.toPrecision(3))} ${unit}`,
    peer ?? "",
    ratio === null ? "" : String(Number(ratio.toPrecision(3))),
    checksum === null ? "" : checksum.toString(16).padStart(8, "0"),
  ];
}

function boxed(rows: readonly Row[]): string {
  const table = new Table({
    head,
    style: { head: [], border: [] },
    colAligns: ["left", "left", "right", "left", "right"],
  });
  table.push(...rows.map(cellsOf));
  return table.toString();
}

/** The README's table. */
function markdown(rows: readonly Row[]): string {
  const lines = [head, ["---", "---", "---:", "---", "---:", "---"], ...rows.map(cellsOf)];
  return lines.map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

const { values, positionals } = readArguments();
const rooms = readdirSync("bench").flatMap((file) => (file.endsWith(".bench.ts") ? [file.slice(0, -9)] : []));
for (const room of positionals) if (!rooms.includes(room)) wrong(`there is no bench ${room}${didYouMean(room, rooms)}`);

const measured: Row[] = [];
for (const room of positionals.length > 0 ? positionals : rooms) {
  console.error(`${room} ...`);
  const { default: rows } = await import(`./${room}.bench.ts`);
  measured.push(...(await rows({ quick: values.quick })));
}
if (values.json) {
  for (const row of measured) console.log(JSON.stringify(row));
} else {
  const machine = `${cpus()[0]?.model.trim()}, ${availableParallelism()} cores`;
  const command = ["npm run bench --", ...process.argv.slice(2)].join(" ");
  console.log(values.markdown ? markdown(measured) : boxed(measured));
  console.log(`\n${machine}; Node ${process.version}; ${values.markdown ? `\`${command}\`` : command}`);
}
