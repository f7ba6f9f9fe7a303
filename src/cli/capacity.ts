import { Command } from "commander";
import {
  type CapacityCurve,
  type CapacityOptions,
  type CapacityReport,
  capacityCurves,
  clusterReach,
  duration,
  figure,
  lineChart,
  OPTICS,
  opticsNamed,
  opticsReach,
  planCapacity,
  type ServingClusterInput,
} from "../index.ts";
import { clusterFrom } from "./cluster.ts";
import { checkFolders, writeText } from "./files.ts";
import { chosenModel } from "./models.ts";
import { definedOf, flagOf, number } from "./options.ts";
import { again, heading, paint, progressBar, say, sayJson, sayNext, sayTable, sayWrapped, typed } from "./print.ts";

interface CapacityFlags {
  cluster?: string;
  gpu?: string;
  gpusPerNode?: number;
  gpusPerPod?: number;
  kvReserveShare?: number;
  optics?: string;
  radius?: number;
  group?: number;
  sequences?: number;
  sequence?: number;
  loadsPerStep?: number;
  loadUs?: number;
  gapUs?: number;
  sloMs?: number;
  utilisation?: number;
  hbmShare?: number;
  flopsShare?: number;
  gpusMax?: number;
  curve?: boolean;
  svg?: string;
  json?: boolean;
}

/** `vorchestrate capacity <model>` */
export function capacityCommand(): Command {
  return new Command("capacity")
    .description("find the smallest cluster that holds a model's experts and decodes in time, and what binds")
    .argument("<model>", "a built-in model's name, or a Hugging Face config.json")
    .optionsGroup("Cluster:")
    .option("--cluster <file>", "a cluster as JSON; how many GPUs it has is what is asked")
    .option("--gpu <name>", "a built-in GPU (default: h100)")
    .option("--gpus-per-node <count>", "(default: 8)", number)
    .option("--gpus-per-pod <count>", "a multiple of those of a node (default: all)", number)
    .option("--kv-reserve-share <share>", "of HBM that is kept for sequences (default: 0.2)", number)
    .option("--optics <name>", "between GPUs: sets radius and load time, unless they are given")
    .optionsGroup("Experts:")
    .option("--radius <hops>", "an expert may be fetched from: 0 the same GPU to 3 anywhere (default: 3)", number)
    .option("--group <gpus>", "GPUs that hold all experts together: nothing is fetched", number)
    .option("--loads-per-step <count>", "of one GPU (default: one in a quarter of layers)", number)
    .option("--load-us <µs>", "that a step waits for each (default: 180)", number)
    .optionsGroup("Decoding:")
    .option("--sequences <count>", "in flight in the whole cluster (default: 128)", number)
    .option("--sequence <tokens>", "that each has so far (default: 2048)", number)
    .option("--gap-us <µs>", "from router to GEMM, a layer (default: 62)", number)
    .option("--slo-ms <ms>", "time per output token that must hold (default: 40)", number)
    .option("--utilisation <share>", "most of any resource (default: 0.8)", number)
    .option("--hbm-share <share>", "of the HBM's rate that is reached (default: 1)", number)
    .option("--flops-share <share>", "of the rate of flops that is reached (default: 1)", number)
    .option("--gpus-max <count>", "the most to look at (default: 16384)", number)
    .optionsGroup("Output:")
    .option("--curve", "GPUs against the time per output token, for all built-in optics")
    .option("--svg <file>", "write that curve as a picture")
    .option("--json", "print the report as JSON")
    .addHelpText(
      "after",
      `
Examples:
  ${typed("capacity frontier-1.8t --gpu r200 --sequences 870")}
  ${typed("capacity deepseek-v3 --gpu h200 --group 16")}
  ${typed("capacity frontier-1.8t --gpu r200 --curve --svg capacity.svg")}
  ${typed("capacity mixtral-8x22b --cluster cluster.json")}

Exit codes: 0 a cluster, 1 none is large enough, 2 no answer, because the input is wrong.`,
    )
    .action((name: string, flags: CapacityFlags) => {
      checkFolders(flags.svg);
      const options = optionsOf(name, flags);
      const curves = flags.curve || flags.svg !== undefined ? curvesOf(options, flags) : null;
      if (curves && flags.svg !== undefined) writeText(flags.svg, picture(curves, options));
      const report = planCapacity(options);
      process.exitCode = report.status === "feasible" ? 0 : 1;
      if (flags.json) sayJson(curves ? { ...report, curves } : report);
      else sayReport(report, curves, options, flags);
    });
}

function optionsOf(name: string, flags: CapacityFlags): CapacityOptions {
  const { hbmShare, flopsShare } = flags;
  const ns = (value: number | undefined, factor: number) => (value === undefined ? undefined : value * factor);
  const cluster = clusterOf(flags);
  if (flags.group !== undefined)
    for (const name of ["radius", "loadsPerStep", "loadUs", "optics", "curve"] as const)
      if (flags[name] !== undefined)
        throw new TypeError(`${flagOf(name)} goes with experts that are fetched, got --group`);
  const model = chosenModel(name);
  // What was said of a fabric says how far it reaches; a group of GPUs has none.
  const isStated = flags.optics !== undefined || flags.cluster !== undefined;
  const reach = isStated && flags.group === undefined ? clusterReach(model, cluster) : undefined;
  return {
    model,
    cluster,
    efficiency: definedOf({ hbmShare, flopsShare }),
    ...definedOf({
      radiusHops: flags.radius ?? reach?.radiusHops,
      groupGpus: flags.group,
      sequences: flags.sequences,
      sequence: flags.sequence,
      loadsPerStep: flags.loadsPerStep,
      loadNs: ns(flags.loadUs, 1e3) ?? reach?.loadNs,
      gapNs: ns(flags.gapUs, 1e3),
      sloNs: ns(flags.sloMs, 1e6),
      utilisationMax: flags.utilisation,
      gpusMax: flags.gpusMax,
    }),
  };
}

function clusterOf({
  cluster: file,
  gpu,
  gpusPerNode,
  gpusPerPod,
  kvReserveShare,
  optics,
}: CapacityFlags): Omit<ServingClusterInput, "gpus"> {
  const flags = { gpu, gpusPerNode, gpusPerPod, kvReserveShare, optics };
  if (file === undefined) return definedOf(flags);
  const { gpus: _, ...cluster } = clusterFrom(file, flags);
  return cluster;
}

/** Times per output token, in ms, of a curve. */
const SLOS_MS = [5, 10, 15, 20, 30, 40, 60, 80, 120];

function curvesOf({ radiusHops: _, loadNs: __, sloNs: ___, ...options }: CapacityOptions, flags: CapacityFlags) {
  if (flags.group !== undefined) throw new TypeError("--svg goes with experts that are fetched, got --group");
  const progress = progressBar("reaching", OPTICS.length);
  try {
    const reaches = OPTICS.map(({ name }, i) => {
      progress.update(i);
      const optics = opticsNamed(name);
      return { optics, ...opticsReach(optics, options.model, options.cluster) };
    });
    const gpusMax = options.gpusMax ?? 2048;
    return capacityCurves(
      { ...options, gpusMax },
      reaches,
      SLOS_MS.map((ms) => ms * 1e6),
    );
  } finally {
    progress.stop();
  }
}

function picture(curves: readonly CapacityCurve[], { model }: CapacityOptions): string {
  const feasible = curves.map(({ name, points }) => ({
    name,
    // What holds at one time holds until the next that was looked at.
    points: points.flatMap(({ sloNs, gpus }, i) => {
      if (gpus === null) return [];
      const next = points[i + 1];
      return [{ x: sloNs, y: gpus, radius: 3 }, ...(next ? [{ x: next.sloNs, y: gpus }] : [])];
    }),
  }));
  const without = feasible.filter(({ points }) => points.length === 0).map(({ name }) => name);
  const drawn = new Map<string, { names: string[]; points: { x: number; y: number }[] }>();
  for (const { name, points } of feasible.filter((one) => one.points.length > 0)) {
    const key = JSON.stringify(points);
    drawn.set(key, { names: [...(drawn.get(key)?.names ?? []), name], points });
  }
  if (drawn.size === 0)
    throw new RangeError("svg must have a point to show, got no optics over which any cluster holds");
  return lineChart({
    title: "GPUs that decoding in time takes",
    subtitle: [
      typeof model === "string" ? model : model.name,
      ...(without.length > 0 ? [`none hold over ${without.join(", ")}`] : []),
    ].join("; "),
    x: { label: "time per output token that must hold", log: true, format: duration },
    y: { label: "GPUs", log: true, format: (value) => value.toLocaleString("en") },
    series: [...drawn.values()].map(({ names, points }) => ({ name: names.join("\n"), points })),
  });
}

function sayReport(
  report: CapacityReport,
  curves: readonly CapacityCurve[] | null,
  { cluster }: CapacityOptions,
  flags: CapacityFlags,
): void {
  const { status, gpus, binding, next, needs, state, model, gpu } = report;
  const answer =
    status === "feasible"
      ? paint.green(`${figure(gpus!)} GPUs`)
      : paint.red(`no cluster of up to ${figure(state.gpus)} is large enough`);
  say(`${paint.bold(model)} on ${gpu}: ${answer}`);
  say(`${binding} binds, then ${next}.`);
  heading(status === "feasible" ? "At that size" : `At ${figure(state.gpus)} GPUs`);
  sayTable(
    ["term", "", "of its limit", "needs GPUs", "because"],
    needs.map(({ name, gpus: least }) => {
      const { value, limit, holds, because } = state.terms.find((term) => term.name === name)!;
      const share = value === Number.MAX_VALUE ? "no room" : `${figure((100 * value) / limit)}%`;
      const word = holds ? paint.green("holds") : paint.red("fails");
      return [paint.bold(name), word, share, least === null ? "none do" : figure(least), because];
    }),
    [2, 3],
  );
  if (curves) sayCurves(curves, cluster);
  heading("Rests on");
  for (const { about, grade, source, note } of report.evidence)
    sayWrapped(`${grade.padEnd(10)}  `, `${about} (${source}): ${note}`);
  if (flags.svg !== undefined) say(`\nThe picture is in ${flags.svg}`);
  sayNext([
    ...(curves || flags.group !== undefined
      ? []
      : [[again("--curve"), "GPUs against the time per output token"] as const]),
    [typed(`models ${model}`), "what the model is made of"],
  ]);
}

function sayCurves(curves: readonly CapacityCurve[], { gpusPerPod }: CapacityOptions["cluster"] = {}): void {
  heading("GPUs, by the milliseconds per output token that must hold");
  sayTable(
    ["optics", "hops", "a load", ...SLOS_MS.map(String)],
    curves.map(({ name, radiusHops, loadNs, points }) => [
      paint.bold(name),
      String(radiusHops),
      radiusHops === 0 ? "" : duration(loadNs),
      ...points.map(({ gpus }) => (gpus === null ? "-" : String(gpus))),
    ]),
    [1, 2, ...SLOS_MS.map((_, i) => i + 3)],
  );
  say("Hops are how far fetches are schedulable; a - stands where no cluster that was looked at holds.");
  if (gpusPerPod === undefined) say("All GPUs are one pod, as no size of pods is given: 2 hops reach as far as 3.");
}
