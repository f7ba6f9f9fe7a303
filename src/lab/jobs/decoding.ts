import {
  completeServingCluster,
  DECODING_EVIDENCE,
  type DecodingObjective,
  type DecodingOptions,
  type Evidence,
  expertSlots,
  type Fence,
  gpuNamed,
  type Means,
  type ModelShape,
  modelNamed,
  type Optics,
  opticsNamed,
  type Prefetch,
  ROUTE_MIX,
  Roofline,
  RouteGenerator,
  readModelConfig,
  resizedModel,
  type ServingCluster,
  sourceScenario,
} from "../../index.ts";

/** What is decoded, as knobs say it. */
export interface DecodeScenario {
  /** A built-in model's name; empty for that of the articles. */
  model: string;
  /** A model of one's own, as its `config.json` holds it: comes before `model`. */
  config: { name: string; bytes: Uint8Array } | null;
  /** Null for as many as the model has. */
  bytesPerWeight: number | null;
  /** With all weights in place: as the articles state it of their model, as a roofline has it, or stated here. */
  residentStepNs: "articles" | "roofline" | number;
  gpus: number;
  gpu: string;
  copies: number;
  gpusPerDpu: number;
  optics: string;
  ports: number;
  means: Means;
  batch: number;
  sequence: number;
  fence: Fence;
  gapNs: number;
  deadlineNs: number;
  /** A share of gates, or what made routes ask for and caches do not hold. */
  cold: { share: number } | { cached: number; prefetch: Prefetch; predictor: "markov" | "oracle" };
  sloNs: number;
  of: DecodingObjective;
  steps: number;
  repetitions: number;
  seed: number;
}

/** Of made routes. */
const [PROMPTS, TOKENS] = [16, 32];

/** What the library is asked for. */
export function optionsOf(scenario: DecodeScenario): DecodingOptions {
  const { gpus, gpu, gpusPerDpu, ports, copies, means, batch, sequence, fence } = scenario;
  const { gapNs, deadlineNs, steps, seed } = scenario;
  const model = modelOf(scenario);
  const optics = opticsOnce(scenario.optics);
  const cluster = completeServingCluster({ gpus, gpu, gpusPerDpu, optics, ports });
  const residentStepNs = residentOf(scenario, model, cluster);
  return {
    model,
    cluster,
    copies,
    means,
    batch,
    sequence,
    fence,
    gapNs,
    deadlineNs,
    steps,
    seed,
    ...(residentStepNs === null ? {} : { residentStepNs }),
    ...coldOf(scenario, model, cluster),
  };
}

/** What runs of a scenario rest on. */
export function evidenceOf({ model, config }: DecodeScenario, { model: shape, cluster }: DecodingOptions): Evidence[] {
  const { tiers } = cluster as ServingCluster;
  return [
    ...(isOfArticles({ model, config }) ? DECODING_EVIDENCE : []),
    ...tiers.anywhere.optics.profile.evidence,
    ...(shape as ModelShape).evidence,
  ];
}

const isOfArticles = ({ model, config }: Pick<DecodeScenario, "model" | "config">) => model === "" && config === null;

function modelOf({ model, config, bytesPerWeight }: DecodeScenario): ModelShape {
  const sized = bytesPerWeight === null ? {} : { bytesPerWeight };
  if (config) return readModelConfig(new TextDecoder().decode(config.bytes), { file: config.name, ...sized });
  return resizedModel(model === "" ? (sourceScenario().model as ModelShape) : modelNamed(model), sized);
}

/** Laid out once: what follows from a hop is kept with it. */
const knownOptics = new Map<string, Optics>();

function opticsOnce(name: string): Optics {
  const optics = knownOptics.get(name) ?? opticsNamed(name);
  knownOptics.set(name, optics);
  return optics;
}

/** The articles' step is of one batch on one GPU: of another it is as much longer as a roofline says. */
function residentOf(scenario: DecodeScenario, model: ModelShape, { gpu }: ServingCluster): number | null {
  const { residentStepNs: wanted, gapNs, batch, sequence } = scenario;
  if (typeof wanted === "number") return wanted;
  if (wanted === "roofline" || !isOfArticles(scenario)) return null;
  const source = sourceScenario();
  const layers = model.moeLayers.length;
  const stated = new Roofline(source.model as ModelShape, gpuNamed(source.cluster!.gpu as string));
  const times =
    new Roofline(model, gpu).step(batch, sequence).totalNs / stated.step(source.batch!, source.sequence!).totalNs;
  return (source.residentStepNs! - layers * source.gapNs!) * times + layers * gapNs;
}

function coldOf({ cold, copies, seed }: DecodeScenario, model: ModelShape, cluster: ServingCluster): DecodingOptions {
  if ("share" in cold) return { cold };
  const layers = model.moeLayers.length;
  const placed = Math.ceil((layers * model.experts * copies) / cluster.gpus);
  const most = Math.min(model.experts, Math.floor((expertSlots(cluster, model) - placed) / layers));
  if (cold.cached > most && most >= 0)
    throw new RangeError(
      `cached must be at most ${most}, as a GPU has room for beside the ${placed} experts of all layers that are placed on it, got ${cold.cached}`,
    );
  const { experts, expertsPerToken: k } = model;
  const made = new RouteGenerator({ ...ROUTE_MIX, layers, experts, k, seed }).generate({
    prompts: PROMPTS,
    prefillTokens: 0,
    decodeTokens: TOKENS,
    seed,
  });
  return {
    cold: { routes: made.routes, cacheBytes: cold.cached * layers * model.expertBytes },
    prefetch: cold.prefetch,
    foresee: { predictor: cold.predictor },
  };
}
