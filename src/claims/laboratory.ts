import { checkSchedulability, type Verdict } from "../budget/index.ts";
import { modelNamed } from "../models/index.ts";
import { type ModelShape, shapeOf } from "../models/shape.ts";
import { checkProfile, type Optics, type OpticsProfile, opticsNamed } from "../optics/index.ts";
import { RouteGenerator } from "../routes/generate.ts";
import { ROUTE_MIX } from "../routes/mix.ts";
import type { Routes } from "../routes/routes.ts";
import { simulateDecoding } from "../simulation/index.ts";
import type { DecodingOptions } from "../simulation/plan.ts";
import type { DecodingReport } from "../simulation/report.ts";
import { stated } from "./fact.ts";

/** Repetitions behind an interval. */
export const SEEDS = 5;

/** Runs what several statements ask for, once. */
export class Laboratory {
  readonly seed: number;
  /** Fewer steps, tokens and doorbells. */
  readonly isQuick: boolean;
  readonly #verdicts = new Map<string, Verdict>();
  readonly #decoded = new Map<string, DecodingReport>();

  constructor(seed: number, isQuick: boolean) {
    this.seed = seed;
    this.isQuick = isQuick;
  }

  /** The sources' load over built-in optics: all defaults. */
  verdict(optics: string): Verdict {
    const known = this.#verdicts.get(optics);
    const verdict = known ?? checkSchedulability({ optics }, { draws: 20_000, seed: this.seed });
    this.#verdicts.set(optics, verdict);
    return verdict;
  }

  /**
   * Decodes as the sources have it: the layers of Mixtral 8x22B with experts of 160 MB, a cold load in a quarter of gates, a DPU a GPU so
   * that loads do not wait for one another, and loads on top of the gap. `outages`: runs of each repetition in which a link goes out once.
   */
  decode(change: DecodingOptions = {}, outages = 0): DecodingReport {
    const { cluster, ...rest } = change;
    const options: DecodingOptions = {
      model: articleModel(),
      residentStepNs: stated("results.p50", "before") * 1e6,
      gapNs: stated("sla.gap-resident", "mean") * 1e3,
      fence: "additive",
      steps: this.isQuick ? 40 : 100,
      seed: this.seed,
      ...rest,
      // Nodes and pods of one GPU: every load takes the sources' 3 hops.
      cluster: { gpus: 8, gpusPerNode: 1, gpusPerPod: 1, gpusPerDpu: 1, gpu: "r200", ...cluster },
    };
    const key = JSON.stringify([options, outages]);
    const report = this.#decoded.get(key) ?? simulateDecoding(options, { repetitions: SEEDS, outages }).report;
    this.#decoded.set(key, report);
    return report;
  }

  /** Decoding where every expert that is guessed is fetched ahead, of whom a share turns out right; GPUs keep so many of a layer. */
  guessed(right: number, kept: number, seed: number): DecodingReport {
    const model = modelNamed("qwen3-30b");
    const routes = mixedRoutes(this.isQuick, seed);
    return simulateDecoding(
      {
        model,
        cluster: { gpus: 8, gpu: "r200", gpusPerDpu: 1 },
        copies: 1,
        cold: { routes, cacheBytes: kept * model.moeLayers.length * model.expertBytes },
        prefetch: "always",
        foresee: { predictor: { recall: right, precision: right }, most: model.experts },
        warmup: 4,
        steps: this.isQuick ? 8 : 20,
        seed,
      },
      { repetitions: 1, outages: 0 },
    ).report;
  }
}

/** Routes of chat and code, of fewer layers than the mix has. */
export function mixedRoutes(isQuick: boolean, seed: number): Routes {
  const generator = new RouteGenerator({ ...ROUTE_MIX, layers: 16 });
  const decodeTokens = isQuick ? 24 : 64;
  return generator.generate({ prompts: 8, prefillTokens: 32, decodeTokens, seed }).routes;
}

let article: ModelShape | undefined;

/** Mixtral 8x22B at a byte a weight, its experts of the size that the sources fetch. */
export function articleModel(): ModelShape {
  article ??= shapeOf(
    { ...modelNamed("mixtral-8x22b"), name: "mixtral-8x22b-8bit", bytesPerWeight: 1, otherBytesPerWeight: 1 },
    { expertBytes: stated("sla.data-phase", "bytes") },
  );
  return article;
}

/** Built-in optics whose faults are changed; a hop is as it was. */
export function changedOptics(name: string, change: Partial<Pick<OpticsProfile, "stall" | "retrain">>): Optics {
  const { profile, hop } = opticsNamed(name);
  const changed = { ...profile, ...change };
  checkProfile(changed);
  return { profile: changed, hop };
}
