import { checkKeys, checkMultiple, checkWhole } from "../check.ts";
import { OPTICS } from "../optics/builtin.ts";
import { RandomBits } from "../random.ts";
import { DECODE, type Routes } from "../routes/routes.ts";
import { simulateDecoding } from "./index.ts";
import { checkSeed, checkSteps } from "./options.ts";
import type { DecodingOptions } from "./plan.ts";
import type { DecodingReport } from "./report.ts";
import { sourceScenario } from "./scenario.ts";

/** How much is run: small, for a table takes many. */
export interface DecodingStudyOptions {
  /** 32 unless given; a multiple of 8. */
  gpus?: number;
  /** 100 unless given. */
  steps?: number;
  /** 3 unless given. */
  repetitions?: number;
  seed?: number;
  onProgress?: (done: number, of: number) => void;
}

/** A variant of the sources' scenario. */
export interface DecodingStudyRow {
  name: string;
  report: DecodingReport;
}

export interface DecodingStudy {
  gpus: number;
  steps: number;
  repetitions: number;
  /** Each kind of optics with a CPU that posts each load, and with the executor; what the sources state of the latter. */
  optics: { name: string; grade: string; before: DecodingReport; after: DecodingReport; stated: StatedTpot | null }[];
  /** Where 8 GPUs share a DPU: as it is, and with one thing switched. */
  crowded: DecodingStudyRow[];
  /** Where routers choose and caches hold seven of eight experts: by what is fetched ahead. */
  foreseen: DecodingStudyRow[];
}

/** In milliseconds. */
export interface StatedTpot {
  meanMs: number;
  p99Ms: number;
}

/** TPOT of Mixtral-8x22B as the article on co-packaged optics states it. */
export const STATED_TPOT: Readonly<Record<string, StatedTpot>> = {
  "dsp-800g": { meanMs: 42.3, p99Ms: 68.1 },
  "lpo-800g": { meanMs: 38.9, p99Ms: 192 },
  "cpo-800g": { meanMs: 33.7, p99Ms: 35.2 },
};

/** What its table states of recall on mixed traffic. */
const STATED_RECALL = 0.58;

/** Refuses what no study can be made of: for those who have something else to do first. */
export function checkDecodingStudy(options: DecodingStudyOptions): void {
  checkKeys("options", options, ["gpus", "steps", "repetitions", "seed", "onProgress"]);
  const { gpus = 32, steps = 100, repetitions = 3, seed = 1 } = options;
  checkWhole("gpus", gpus, 8, 4096);
  // So that 8 share a DPU in all.
  checkMultiple("gpus", gpus, 8);
  checkSteps({ units: gpus, steps, warmup: WARMUP });
  checkWhole("repetitions", repetitions, 1, 1e4);
  checkSeed(seed);
}

/** The sources' scenario over all optics, and with its parts switched one by one; the same draws everywhere. */
export function studyDecoding(options: DecodingStudyOptions = {}): DecodingStudy {
  checkDecodingStudy(options);
  const { gpus = 32, steps = 100, repetitions = 3, seed = 1, onProgress } = options;
  const source = sourceScenario();
  const base: DecodingOptions = { ...source, cluster: { ...source.cluster, gpus }, steps, seed };
  const crowded = variantsOf({ ...base, cluster: { ...base.cluster!, gpusPerDpu: 8 } });
  const foreseen = foreseenOf(base);
  const all = 2 * OPTICS.length + crowded.length + foreseen.length;
  let done = 0;
  const run = (one: DecodingOptions): DecodingReport => {
    onProgress?.(done++, all);
    return simulateDecoding(one, { repetitions, outages: 0 }).report;
  };
  const over = (optics: string) => ({ ...base, cluster: { ...base.cluster!, optics } });
  const study: DecodingStudy = {
    gpus,
    steps,
    repetitions,
    optics: OPTICS.map(({ name, evidence }) => ({
      name,
      grade: evidence[0]!.grade,
      before: run({ ...over(name), means: "reactive" }),
      after: run(over(name)),
      stated: STATED_TPOT[name] ?? null,
    })),
    crowded: crowded.map(([name, one]) => ({ name, report: run(one) })),
    foreseen: foreseen.map(([name, one]) => ({ name, report: run(one) })),
  };
  onProgress?.(all, all);
  return study;
}

type Variant = [name: string, options: DecodingOptions];

function variantsOf(base: DecodingOptions): Variant[] {
  return [
    ["as it is", base],
    ["without pacing: a CPU posts", { ...base, means: "reactive" }],
    ["in order of arrival", { ...base, order: "arrival" }],
    ["doorbells behind bulk", { ...base, lane: "shared" }],
    ["one copy of each expert", { ...base, copies: 1 }],
    ["a DPU for each GPU", { ...base, cluster: { ...base.cluster!, gpusPerDpu: 1 } }],
    ["gaps that run meanwhile", { ...base, fence: "blocking" }],
    ["and experts that are there", { ...base, fence: "overlapped" }],
  ];
}

/** Steps that fill caches. */
const WARMUP = 10;
/** Tokens of the trace: 64 of each of 8 prompts. */
const PROMPTS = 8;
const TOKENS = 64;

function foreseenOf(base: DecodingOptions): Variant[] {
  const { model } = base;
  if (typeof model !== "object") throw new TypeError("model must be an object, got a name");
  const { experts, expertsPerToken, moeLayers, expertBytes } = model;
  const routes = routesAlike({ layers: moeLayers.length, experts, k: expertsPerToken, seed: base.seed ?? 1 });
  // Of eight experts a layer holds seven: 12.5% of two a token are a cold load in a quarter of gates.
  const cacheBytes = 0.875 * experts * moeLayers.length * expertBytes;
  const cached: DecodingOptions = { ...base, copies: 1, cold: { routes, cacheBytes }, warmup: WARMUP };
  const ahead = (recall: number): DecodingOptions => ({
    ...cached,
    prefetch: "weighed",
    foresee: { predictor: { recall, precision: recall } },
  });
  return [
    ["nothing ahead", cached],
    [`${Math.round(100 * STATED_RECALL)}% foreseen, as stated`, ahead(STATED_RECALL)],
    ["all of that fetched", { ...ahead(STATED_RECALL), prefetch: "always" }],
    ["an oracle", { ...cached, prefetch: "weighed", foresee: { predictor: "oracle" } }],
  ];
}

/** Routers that choose alike and apart. */
export function routesAlike(shape: { layers: number; experts: number; k: number; seed: number }): Routes {
  const { layers, experts, k, seed } = shape;
  const tokens = PROMPTS * TOKENS;
  const random = new RandomBits({ seed, batch: 4096 });
  let words = random.next();
  let used = 0;
  const below = (count: number) => {
    if (used === words.length) [words, used] = [random.next(), 0];
    return Math.floor((words[used++]! / 2 ** 32) * count);
  };
  const order = Uint16Array.from({ length: experts }, (_, expert) => expert);
  const chosen = new Uint16Array(tokens * layers * k);
  for (let at = 0; at < chosen.length; at++) {
    // The first places of a shuffle, which goes on from the one before.
    const place = at % k;
    const from = place + below(experts - place);
    [order[place], order[from]] = [order[from]!, order[place]!];
    chosen[at] = order[place]!;
  }
  const prompt = Uint32Array.from({ length: tokens }, (_, token) => Math.floor(token / TOKENS));
  return { layers, experts, k, tokens, prompt, phase: new Uint8Array(tokens).fill(DECODE), chosen };
}
