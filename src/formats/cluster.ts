import { didYouMean } from "../check.ts";
import { CLUSTER_FIGURES, type Figure, FLOPS_FIGURE, GPU_FIGURES, TIER_FIGURES } from "../cluster/figures.ts";
import {
  CLUSTER_DEFAULTS,
  CLUSTER_KEYS,
  type ClusterTierInput,
  completeServingCluster,
  gpuLike,
  type ServingCluster,
  type ServingClusterInput,
  TIERS,
} from "../cluster/index.ts";
import { GPUS, type Gpu, gpuNamed } from "../gpus.ts";
import { baseName, fileError } from "../measurement.ts";
import { OPTICS } from "../optics/builtin.ts";
import { JsonValue, parseJson } from "./json.ts";

/** A cluster from JSON: the fields of a `ServingClusterInput`, with optics by name; see `clusterSchema`. */
export function readCluster(text: string, options: { file?: string } = {}): ServingCluster {
  return completeServingCluster(readClusterInput(text, options));
}

/** The same without defaults: what the file says. */
export function readClusterInput(text: string, { file = "cluster" }: { file?: string } = {}): ServingClusterInput {
  // An editor's pointer to the schema is no figure.
  const all = new JsonValue(file, "", parseJson(text, file)).object("a cluster", [...CLUSTER_KEYS, "$schema"]);
  const input: ServingClusterInput = { gpus: figureOf(all.at("gpus"), CLUSTER_FIGURES.gpus) };
  for (const [name, figure] of Object.entries(CLUSTER_FIGURES)) {
    const value = all.at(name);
    if (value.isGiven) input[name as keyof typeof CLUSTER_FIGURES] = figureOf(value, figure);
  }
  const { gpusPerNode, gpusPerPod } = input;
  if (gpusPerPod !== undefined && gpusPerPod % (gpusPerNode ?? CLUSTER_DEFAULTS.gpusPerNode) !== 0)
    throw all
      .at("gpusPerPod")
      .wrong(`a multiple of ${gpusPerNode ?? CLUSTER_DEFAULTS.gpusPerNode}, the GPUs of a node`);
  const gpu = all.at("gpu");
  if (gpu.isGiven) input.gpu = gpuFrom(gpu, baseName(file));
  Object.assign(input, tierFrom(all));
  const tiers = all.at("tiers");
  if (tiers.isGiven) {
    tiers.object("an object of tiers", TIERS);
    input.tiers = {};
    for (const name of TIERS) {
      const tier = tiers.at(name);
      if (tier.isGiven) input.tiers[name] = tierFrom(tier.object("an object of optics and ports", ["optics", "ports"]));
    }
  }
  return input;
}

/** A figure within its bounds. */
function figureOf(value: JsonValue, figure: Figure): number {
  const { unit, low, high, isAbove } = figure;
  if (unit === "count" && !isAbove) return value.whole(low, high);
  const number = value.value;
  if (typeof number === "number" && (isAbove ? number > low : number >= low) && number <= high) return number;
  throw value.wrong(`a number ${isAbove ? `above ${low}, up to ${high}` : `from ${low} to ${high}`}`);
}

function nameOf(value: JsonValue, what: string, names: readonly string[]): string {
  const name = value.value;
  if (typeof name === "string" && names.includes(name)) return name;
  if (typeof name !== "string") throw value.wrong(`the name of ${what}`);
  throw fileError(
    value.file,
    null,
    `${value.place} to be the name of ${what}`,
    `${JSON.stringify(name)}${didYouMean(name, names)}`,
  );
}

function tierFrom(tier: JsonValue): ClusterTierInput {
  const [optics, ports] = [tier.at("optics"), tier.at("ports")];
  return {
    ...(optics.isGiven
      ? {
          optics: nameOf(
            optics,
            "built-in optics",
            OPTICS.map(({ name }) => name),
          ),
        }
      : {}),
    ...(ports.isGiven ? { ports: figureOf(ports, TIER_FIGURES.ports) } : {}),
  };
}

/** A built-in GPU, or one that is like it but for what is stated. */
function gpuFrom(gpu: JsonValue, source: string): Gpu {
  const names = GPUS.map(({ name }) => name);
  if (typeof gpu.value === "string") return gpuNamed(nameOf(gpu, "a built-in GPU", names));
  gpu.object("the name of a built-in GPU, or an object", ["like", "name", "flopsPerNs", ...Object.keys(GPU_FIGURES)]);
  const like = gpu.at("like").isGiven ? nameOf(gpu.at("like"), "a built-in GPU", names) : CLUSTER_DEFAULTS.gpu;
  const figures: Partial<Record<keyof typeof GPU_FIGURES, number>> = {};
  for (const [name, figure] of Object.entries(GPU_FIGURES)) {
    const value = gpu.at(name);
    if (value.isGiven) figures[name as keyof typeof GPU_FIGURES] = figureOf(value, figure);
  }
  const name = gpu.at("name");
  if (name.isGiven && typeof name.value !== "string") throw name.wrong("text");
  const stated = [...Object.keys(figures), ...(gpu.at("flopsPerNs").isGiven ? ["flopsPerNs"] : [])];
  return gpuLike(like, {
    ...figures,
    flopsPerNs: { ...gpuNamed(like).flopsPerNs, ...flopsFrom(gpu.at("flopsPerNs")) },
    name: (name.value as string | undefined) ?? `like ${like}`,
    title: `of ${source}`,
    evidence: [
      { about: stated.join(", ") || "nothing", grade: "assumed", source, note: `as stated; all else as of ${like}` },
      ...gpuNamed(like).evidence,
    ],
  });
}

function flopsFrom(flops: JsonValue): Partial<Gpu["flopsPerNs"]> {
  if (!flops.isGiven) return {};
  flops.object("an object of bf16, fp8 and fp4", ["bf16", "fp8", "fp4"]);
  const given = (["bf16", "fp8", "fp4"] as const).filter((name) => flops.at(name).isGiven);
  return Object.fromEntries(
    given.map((name) => {
      const value = flops.at(name);
      return [name, name !== "bf16" && value.value === null ? null : figureOf(value, FLOPS_FIGURE)];
    }),
  );
}
