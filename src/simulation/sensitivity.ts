import { completeScenario } from "../budget/scenario.ts";
import { checkKeys, checkPositive, checkWhole, describe } from "../check.ts";
import type { ClusterTier, ServingCluster } from "../cluster/index.ts";
import { type OpticsProfile, opticsOf } from "../optics/index.ts";
import { type MeanInterval, meanInterval } from "../statistics.ts";
import { simulateDecoding } from "./index.ts";
import { type DecodingOptions, planDecoding, type RoutedInput } from "./plan.ts";
import { tpotTokens } from "./report.ts";
import { resizedModel } from "./scenario.ts";
import { type DecodingObjective, OBJECTIVES } from "./verdict.ts";

/** How parameters are changed, and how often. */
export interface SensitivityOptions {
  /** What each is multiplied with and divided by; 1.5 unless given. */
  factor?: number;
  /** Pairs of runs; 5 unless given. */
  repetitions?: number;
  /** Whose p99; inter-token latency unless given. */
  of?: DecodingObjective;
  onProgress?: (done: number, of: number) => void;
}

/** What one parameter does to the p99. */
export interface SensitivityRow {
  parameter: string;
  /** The parameter as it is, in words. */
  value: string;
  /** Changes of the p99 with the parameter divided and multiplied; null where it cannot be so, or nothing would fit any more. */
  lower: SensitivityChange | null;
  higher: SensitivityChange | null;
  /** The larger change, whichever way. */
  swingNs: number;
}

export interface SensitivityChange {
  value: string;
  /** Of the p99, seed by seed; with an interval unless there is one pair. */
  changeNs: MeanInterval | { mean: number; low: null; high: null };
}

export interface SensitivityReport {
  factor: number;
  of: DecodingObjective;
  repetitions: number;
  p99Ns: number;
  /** What moves it most comes first. */
  rows: SensitivityRow[];
}

/** A parameter: what it is now, and the options in which it is `value`. */
interface Parameter {
  name: string;
  now: number;
  words: (value: number) => string;
  isWhole?: boolean;
  most?: number;
  set: (value: number) => DecodingOptions;
}

/** Which parameters move the p99, each changed by a factor both ways with the same draws and as many copies of experts. */
export function decodingSensitivity(
  options: DecodingOptions = {},
  sensitivity: SensitivityOptions = {},
): SensitivityReport {
  checkKeys("sensitivity", sensitivity, ["factor", "repetitions", "of", "onProgress"]);
  const { factor = 1.5, repetitions = 5, of = "itl", onProgress } = sensitivity;
  checkPositive("factor", factor);
  if (factor <= 1) throw new RangeError(`factor must be above 1, got ${factor}`);
  checkWhole("repetitions", repetitions, 1, 1000);
  if (!OBJECTIVES.includes(of)) throw new RangeError(`of must be ${OBJECTIVES.join(", ")}, got ${describe(of)}`);
  // Completed once: clusters that share optics share their distributions, and no other parameter changes what GPUs hold.
  const { cluster, copies, steps } = planDecoding(options);
  if (of === "tpot" && tpotTokens(steps) < 3)
    throw new RangeError(`steps must be at least 2 where tpot is asked for, got ${steps}`);
  const base = { ...options, cluster, copies };
  const parameters = parametersOf(base, cluster);
  const changed = parameters.map((parameter) => [valueAt(parameter, 1 / factor), valueAt(parameter, factor)] as const);
  const all = repetitions * (1 + changed.flat().filter((value) => value !== null).length);
  let done = 0;
  const runs = (one: DecodingOptions) =>
    Array.from({ length: repetitions }, (_, i) => {
      const { report } = simulateDecoding({ ...one, seed: (options.seed ?? 1) + i }, { repetitions: 1, outages: 0 });
      onProgress?.(++done, all);
      return (of === "itl" ? report.interTokenLatency : report.tpot!).p99Ns.mean;
    });
  const p99s = runs(base);
  const changeTo = ({ words, set }: Parameter, value: number | null): SensitivityChange | null => {
    if (value === null) return null;
    const differences = runs(set(value)).map((p99Ns, i) => p99Ns - p99s[i]!);
    const changeNs = repetitions > 1 ? meanInterval(differences) : { mean: differences[0]!, low: null, high: null };
    return { value: words(value), changeNs };
  };
  const rows = parameters.map((parameter, i): SensitivityRow => {
    const { name, words, now } = parameter;
    const [lower, higher] = changed[i]!.map((value) => changeTo(parameter, value));
    const sizes = [lower, higher].map((change) => Math.abs(change?.changeNs.mean ?? 0));
    return {
      parameter: name,
      value: words(now),
      lower: lower ?? null,
      higher: higher ?? null,
      swingNs: Math.max(...sizes),
    };
  });
  rows.sort((a, b) => b.swingNs - a.swingNs);
  return { factor, of, repetitions, p99Ns: p99s.reduce((a, b) => a + b, 0) / repetitions, rows };
}

/** What a parameter is when multiplied; null where that is what it is, or no run can be made of it. */
function valueAt(parameter: Parameter, times: number): number | null {
  const { now, isWhole, most = Number.POSITIVE_INFINITY } = parameter;
  const value = Math.min(most, isWhole ? Math.max(1, Math.round(now * times)) : now * times);
  return value === now || !isPossible(parameter, value) ? null : value;
}

function isPossible({ set }: Parameter, value: number): boolean {
  try {
    planDecoding(set(value));
    return true;
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}

const plain =
  (unit: string, scale = 1) =>
  (value: number) =>
    `${Number((value / scale).toPrecision(3))}${unit}`;

function parametersOf(options: DecodingOptions, cluster: ServingCluster): Parameter[] {
  return [...fabricParameters(options, cluster), ...askedFor(options), ...stepParameters(options)];
}

function fabricParameters(options: DecodingOptions, cluster: ServingCluster): Parameter[] {
  const on = (change: Partial<ServingCluster>) => ({ ...options, cluster: { ...cluster, ...change } });
  const tiers = (change: (tier: ClusterTier) => ClusterTier) => {
    const { node, pod, anywhere } = cluster.tiers;
    // Tiers alike stay alike, and share their distributions.
    const moved = new Map([node, pod, anywhere].map((tier) => [tier.optics, change(tier).optics]));
    const at = (tier: ClusterTier) => ({ ports: change(tier).ports, optics: moved.get(tier.optics)! });
    return on({ tiers: { node: at(node), pod: at(pod), anywhere: at(anywhere) } });
  };
  const { optics, ports } = cluster.tiers.anywhere;
  const tailNs = optics.profile.p99Ns - optics.profile.medianNs;
  const { localFenceNs } = completeScenario({ optics, fabric: options.fabric ?? {} }).fabric;
  const rate = (key: "dpuPaceBytesPerNs" | "gpuIngressBytesPerNs", name: string): Parameter => ({
    name,
    now: cluster[key],
    words: plain(" GB/s"),
    set: (value) => on({ [key]: value }),
  });
  return [
    {
      name: "tail of a hop",
      now: tailNs,
      words: plain(" ns"),
      set: (ns) => tiers((tier) => ({ ...tier, optics: tailed(tier.optics.profile, ns / tailNs) })),
    },
    {
      name: "ports",
      now: ports,
      words: plain(""),
      isWhole: true,
      most: 4096,
      set: (count) => tiers((tier) => ({ ...tier, ports: count })),
    },
    rate("dpuPaceBytesPerNs", "pace of a DPU"),
    {
      name: "GPUs a DPU",
      now: cluster.gpusPerDpu,
      words: plain(""),
      isWhole: true,
      most: cluster.gpus,
      set: (gpusPerDpu) => on({ gpusPerDpu }),
    },
    rate("gpuIngressBytesPerNs", "what a GPU takes in"),
    {
      name: "local fence",
      now: localFenceNs,
      words: plain(" µs", 1e3),
      set: (ns) => ({ ...options, fabric: { ...options.fabric, localFenceNs: ns } }),
    },
  ];
}

function stepParameters(options: DecodingOptions): Parameter[] {
  const { model, batch, sequence, roofline, residentStepNs, engine } = planDecoding(options);
  const { gapNs, deadlineNs, layers } = engine;
  const computeNs = residentStepNs - layers.length * gapNs;
  // A step that is given moves with what it is made of.
  const resident = (stepNs: number) => (options.residentStepNs === undefined ? {} : { residentStepNs: stepNs });
  const leastNs = (ofBatch: number) => roofline.step(ofBatch, sequence).totalNs;
  return [
    {
      name: "size of an expert",
      now: model.expertBytes,
      words: plain(" MB", 1e6),
      set: (expertBytes) => ({ ...options, model: resizedModel(model, { expertBytes }) }),
    },
    {
      name: "gap",
      now: gapNs,
      words: plain(" µs", 1e3),
      set: (ns) => ({ ...options, gapNs: ns, ...resident(computeNs + layers.length * ns) }),
    },
    {
      name: "deadline",
      now: deadlineNs,
      words: plain(" µs", 1e3),
      set: (ns) => ({ ...options, deadlineNs: ns }),
    },
    {
      name: "batch",
      now: batch,
      words: plain(""),
      isWhole: true,
      set: (count) => ({
        ...options,
        batch: count,
        ...resident((computeNs * leastNs(count)) / leastNs(batch) + layers.length * gapNs),
      }),
    },
  ];
}

/** What is asked of the fabric: a share of gates, or what is cached and foreseen. */
function askedFor(options: DecodingOptions): Parameter[] {
  const { cold = { share: 0.25 }, foresee, prefetch = "none" } = options;
  if ("share" in cold)
    return [
      {
        name: "share that is cold",
        now: cold.share,
        words: plain("%", 0.01),
        most: 1,
        set: (share) => ({ ...options, cold: { share } }),
      },
    ];
  const predictor = foresee?.predictor;
  const { cacheBytes: _, ...unstated } = cold;
  const budgetOf = (cold: RoutedInput) => planDecoding({ ...options, cold }).engine.cache.budgetBytes;
  return [
    {
      name: "cache of a GPU",
      now: budgetOf(cold),
      words: plain(" GB", 1e9),
      // All room that is left.
      most: budgetOf(unstated),
      set: (cacheBytes) => ({ ...options, cold: { ...cold, cacheBytes } }),
    },
    ...(prefetch !== "none" && typeof predictor === "object"
      ? [
          {
            name: "recall",
            now: predictor.recall,
            words: plain("%", 0.01),
            most: 1,
            set: (recall: number) => ({ ...options, foresee: { ...foresee, predictor: { ...predictor, recall } } }),
          },
        ]
      : []),
  ];
}

/** The same optics with a tail so many times as long. */
function tailed(profile: OpticsProfile, times: number) {
  const { medianNs, p99Ns, p999Ns } = profile;
  const moved = (ns: number) => medianNs + times * (ns - medianNs);
  return opticsOf({ ...profile, p99Ns: moved(p99Ns), ...(p999Ns === undefined ? {} : { p999Ns: moved(p999Ns) }) });
}
