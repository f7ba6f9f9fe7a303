import { Command } from "commander";
import {
  boardReliability,
  comparePower,
  duration,
  figure,
  lineChart,
  type PoweredCluster,
  type PowerReport,
  percent,
  RELIABILITY_EVIDENCE,
} from "../index.ts";
import { checkFolders, writeText } from "./files.ts";
import { count, definedOf, number } from "./options.ts";
import { again, heading, paint, say, sayJson, sayNext, sayTable, sayWrapped, typed } from "./print.ts";

interface PowerFlags {
  base?: string;
  switchTbps?: number;
  portsPerModule?: number;
  gpus?: number;
  gpuWatts?: number;
  clusterPorts?: number;
  levels?: number;
  tokensPerSecond?: number;
  engines?: number;
  engineFit?: number;
  laserFit?: number;
  svg?: string;
  json?: boolean;
}

/** `vorchestrate power` */
export function powerCommand(): Command {
  return new Command("power")
    .description("what optics draw by port, switch and cluster, what they save, and how boards of engines fail")
    .option("--base <name>", "built-in optics that savings are measured from (default: dsp-800g)")
    .option("--switch-tbps <Tb/s>", "of one switch, one way (default: 51.2)", number)
    .option("--ports-per-module <count>", "that share a module (default: 1)", number)
    .optionsGroup("Cluster:")
    .option("--gpus <count>", "a cluster of so many", count)
    .option("--gpu-watts <W>", "of one of them (default: 1000)", number)
    .option("--cluster-ports <count>", "into the fabric, in all (default: 2 a GPU)", count)
    .option("--levels <count>", "of switches (default: 3)", number)
    .option("--tokens-per-second <rate>", "of all of it: tells joules per token", number)
    .optionsGroup("Board:")
    .option("--engines <count>", "optical engines of a board (default: 16)", number)
    .option("--engine-fit <FIT>", "failures of one in 10^9 hours, its laser left out (default: 100)", number)
    .option("--laser-fit <FIT>", "those of its laser (default: 400)", number)
    .optionsGroup("Output:")
    .option("--svg <file>", "write watts against the switch's size as a picture")
    .option("--json", "print power and board as JSON")
    .addHelpText(
      "after",
      `
Examples:
  ${typed("power --switch-tbps 102.4")}
  ${typed("power --gpus 288 --gpu-watts 1000 --tokens-per-second 25000")}`,
    )
    .action((flags: PowerFlags) => {
      checkFolders(flags.svg);
      const { base, switchTbps, portsPerModule, engines, engineFit, laserFit } = flags;
      const cluster = clusterOf(flags);
      const power = comparePower(definedOf({ base, switchTbps, portsPerModule, cluster }));
      const board = boardReliability(definedOf({ engines, engineFit, laserFit }));
      if (flags.svg !== undefined) writeText(flags.svg, picture(power));
      if (flags.json) return sayJson({ power, board });
      sayPower(power);
      if (cluster) sayCluster(power);
      sayBoard(board);
      if (flags.svg !== undefined) say(`\nThe picture is in ${flags.svg}`);
      sayNext([
        ...(flags.svg === undefined
          ? [[again("--svg power.svg"), "draws watts against the switch's size"] as const]
          : []),
        ...(cluster ? [] : [[again("--gpus 288"), "what a whole cluster's optics draw"] as const]),
        [again("--json"), "all of it, for programs"],
      ]);
    });
}

function clusterOf(flags: PowerFlags): PoweredCluster | undefined {
  const { gpus, gpuWatts = 1000, clusterPorts, levels = 3, tokensPerSecond = null } = flags;
  if (gpus !== undefined) return { gpus, gpuWatts, ports: clusterPorts ?? 2 * gpus, levels, tokensPerSecond };
  for (const name of ["gpuWatts", "clusterPorts", "levels", "tokensPerSecond"] as const)
    if (flags[name] !== undefined) throw new TypeError(`${name} goes with --gpus, got none`);
  return undefined;
}

const watts = (value: number) => `${figure(value)} W`;

function sayPower({ base, switchTbps, optics, unstated }: PowerReport): void {
  say(paint.bold(`What optics draw, and what they save over ${base}`));
  sayTable(
    [
      "optics",
      "pJ/bit",
      "a port",
      "a module",
      `${figure(switchTbps)} Tb/s`,
      "saves",
      "of a port",
      "a switch",
      "evidence",
    ],
    optics.map(({ name, picojoulesPerBit, portWatts, moduleWatts, switchWatts, saving, evidence }) => [
      paint.bold(name),
      figure(picojoulesPerBit),
      watts(portWatts),
      watts(moduleWatts),
      watts(switchWatts),
      percent(saving.share),
      watts(saving.portWatts),
      watts(saving.switchWatts),
      evidence[0]?.grade ?? "",
    ]),
    [1, 2, 3, 4, 5, 6, 7],
  );
  sayWrapped("", "A port is one end of a link, at line rate one way; savings a port are at the base's rate.");
  if (unstated.length > 0) say(`Nobody states the energy of ${unstated.join(", ")}.`);
}

function sayCluster({ optics }: PowerReport): void {
  heading("The cluster");
  sayTable(
    ["optics", "its optics", "saves", "of all power", "a token", "of which optics"],
    optics.map(({ name, cluster, saving }) => [
      paint.bold(name),
      watts(cluster!.opticsWatts),
      watts(saving.clusterWatts!),
      percent(cluster!.opticsShare),
      cluster!.joulesPerToken === null ? "?" : `${figure(cluster!.joulesPerToken)} J`,
      cluster!.opticsJoulesPerToken === null ? "?" : `${figure(cluster!.opticsJoulesPerToken)} J`,
    ]),
    [1, 2, 3, 4, 5],
  );
  say("Of as many ports each: a port of 1.6T draws for twice the bits.");
}

const hours = (value: number) => duration(value * 3.6e12).replace(/^[\d.e+]+ s$/, `${figure(value / 8766)} years`);

function sayBoard(board: ReturnType<typeof boardReliability>): void {
  const { engines, ratioToOne, replaceableShare, swapTimeRatio, fixed, replaceable } = board;
  heading(`A board of ${engines} engines`);
  sayWrapped(
    "",
    `It fails ${figure(ratioToOne)} times as often as a board of one engine. Lasers are ${percent(replaceableShare)} of that: where they are replaced from outside, boards stay ${figure(swapTimeRatio)} times as long.`,
  );
  sayTable(
    ["lasers", "between swaps", "swapped within a year", "waits for parts"],
    (
      [
        ["inside", fixed],
        ["replaceable", replaceable],
      ] as const
    ).map(([name, of]) => [
      paint.bold(name),
      hours(of.meanHoursBetweenSwaps),
      percent(of.swapShareOfYear),
      percent(of.downShare),
    ]),
    [1, 2, 3],
  );
  heading("The board rests on");
  for (const { about, grade, source, note } of RELIABILITY_EVIDENCE)
    sayWrapped(`${grade.padEnd(10)}  `, `${about} (${source}): ${note}`);
}

/** Switches that are drawn, in Tb/s. */
const SWITCHES_TBPS = [12.8, 25.6, 51.2, 102.4, 204.8];

function picture({ optics }: PowerReport): string {
  return lineChart({
    title: "What the optics of a switch draw",
    subtitle: "all ports at line rate",
    x: { label: "switch, Tb/s", log: true, format: String },
    y: { label: "watts", log: true, format: (value) => value.toLocaleString("en") },
    series: optics.map(({ name, picojoulesPerBit }) => ({
      name,
      points: SWITCHES_TBPS.map((tbps) => ({ x: tbps, y: tbps * picojoulesPerBit })),
    })),
  });
}
