import { dirname, join } from "node:path";
import {
  type DecodingOptions,
  type ModelShape,
  modelNamed,
  readDecoding,
  resizedModel,
  type ServingClusterInput,
  type StatedDecoding,
  sourceScenario,
} from "../../index.ts";
import { clusterFrom } from "../cluster.ts";
import { readText } from "../files.ts";
import { chosenModel } from "../models.ts";
import { definedOf, flagOf } from "../options.ts";
import { readTrace } from "../trace.ts";
import type { SimulateFlags } from "./flags.ts";

/** What is simulated: the sources' scenario, or a file's, as the flags say otherwise. */
export interface Scenario {
  options: DecodingOptions;
  sloNs: number;
  name: string;
  /** Whether what the sources assume is part of it. */
  isSource: boolean;
}

const SLO_NS = 40e6;

export async function scenarioOf(file: string | undefined, flags: SimulateFlags): Promise<Scenario> {
  const stated: StatedDecoding = file === undefined ? {} : readDecoding(readText(file), { file });
  const { sloNs, model: statedModel, ...rest } = stated;
  const isSource = file === undefined && flags.model === undefined;
  const { residentStepNs, model: sourceModel, ...source } = sourceScenario();
  const base: DecodingOptions = file === undefined ? source : rest;
  const nearby =
    statedModel && file && /[/\\]|\.json$/.test(statedModel) ? join(dirname(file), statedModel) : statedModel;
  const model = sized(
    flags.model !== undefined || nearby !== undefined
      ? chosenModel(flags.model ?? nearby!)
      : isSource
        ? (sourceModel as ModelShape)
        : modelNamed("mixtral-8x22b"),
    flags,
  );
  if (flags.residentMs !== undefined && flags.roofline)
    throw new TypeError("--roofline is without --resident-ms: leave one of them out");
  const stepNs =
    flags.residentMs === undefined
      ? isSource && !flags.roofline
        ? residentStepNs
        : rest.residentStepNs
      : flags.residentMs * 1e6;
  const ns = (value: number | undefined, factor: number) => (value === undefined ? undefined : value * factor);
  const { batch, sequence, fence, sync, gapUs, deadlineUs, steps, seed, means, contention } = flags;
  const options: DecodingOptions = {
    ...base,
    model,
    cluster: clusterOf(base.cluster, flags),
    ...definedOf({
      batch,
      sequence,
      fence,
      steps,
      seed,
      contention,
      syncGpus: sync,
      gapNs: ns(gapUs, 1e3),
      deadlineNs: ns(deadlineUs, 1e3),
      residentStepNs: stepNs,
      means: means === "expert-parallel" ? undefined : means,
    }),
    ...(await coldOf(base, flags)),
  };
  const slo = ns(flags.sloMs, 1e6) ?? sloNs ?? SLO_NS;
  return { options, sloNs: slo, name: file ?? model.name, isSource };
}

function sized(model: ModelShape, { bytesPerWeight, expertMb }: SimulateFlags): ModelShape {
  if (bytesPerWeight === undefined && expertMb === undefined) return model;
  return resizedModel(
    model,
    definedOf({ bytesPerWeight, expertBytes: expertMb === undefined ? undefined : expertMb * 1e6 }),
  );
}

function clusterOf(base: ServingClusterInput | undefined, flags: SimulateFlags): ServingClusterInput {
  const { cluster: file, gpus, gpu, optics, gpusPerDpu, ports, dpuPace } = flags;
  if (file === undefined)
    return {
      gpus: 128,
      ...base,
      ...definedOf({ gpus, gpu, optics, gpusPerDpu, ports, dpuPaceBytesPerNs: dpuPace }),
      // What a file has completed gives way to what a flag says.
      ...(base && (optics !== undefined || ports !== undefined) ? { tiers: {} } : {}),
    };
  return clusterFrom(file, { gpus, gpu, optics, gpusPerDpu, ports, dpuPace });
}

/** What is cold: a share of gates, or what a trace asks for and caches do not hold. */
async function coldOf(base: DecodingOptions, flags: SimulateFlags): Promise<DecodingOptions> {
  const { cold, routes: file, cache, prefetch, predictor, horizon } = flags;
  if (file === undefined) {
    const [stray] = Object.keys(
      definedOf({ cache, predictor, horizon, layers: flags.layers, experts: flags.experts, k: flags.k }),
    );
    if (stray) throw new TypeError(`${flagOf(stray)} goes with --routes <file>`);
    if (prefetch !== undefined && prefetch !== "none") throw new TypeError("--prefetch goes with --routes <file>");
    return cold === undefined ? {} : { cold: { share: cold } };
  }
  if (cold !== undefined) throw new TypeError("--cold is what --routes says: leave one of them out");
  const routes = await readTrace(file, flags);
  const foresee = definedOf({ predictor: predictor === undefined ? undefined : predictorOf(predictor), horizon });
  return {
    cold: { routes, ...definedOf({ cacheBytes: cache }) },
    prefetch: prefetch ?? base.prefetch ?? "none",
    foresee: { ...base.foresee, ...foresee },
  };
}

function predictorOf(text: string): "markov" | "oracle" | { recall: number; precision: number } {
  if (text === "markov" || text === "oracle") return text;
  const [recall, precision, ...more] = text.split(",").map(Number);
  if (recall === undefined || precision === undefined || more.length > 0 || Number.isNaN(recall + precision))
    throw new TypeError(`--predictor must be markov, oracle, or recall and precision such as 0.6,0.5, got ${text}`);
  return { recall, precision };
}
