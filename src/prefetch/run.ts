import { topOf } from "../prediction/tally.ts";
import { DECODE, NO_EXPERT, type Routes } from "../routes/routes.ts";
import { Agenda } from "./agenda.ts";
import { type Confidence, type Fetch, type Held, LayerCache } from "./cache.ts";
import type { RunPlan, RunResult } from "./plan.ts";
import { PrefetchRule } from "./rule.ts";
import { Server } from "./server.ts";

/** Loads whose service the utilisation is measured over. */
const METERED_LOADS = 100;
/** How many times as long background comes alone, so that the queue and what is measured of it have settled. */
const SETTLING = 4;

interface Gpu {
  server: Server;
  caches: LayerCache[];
  /** Tokens that it decodes, in order, and where it is. */
  tokens: number[];
  at: number;
  layer: number;
  routedNs: number;
  /** Experts that the layer waits for. */
  waiting: number;
}

export class Run {
  readonly #plan: RunPlan;
  readonly #agenda = new Agenda();
  readonly #servers: Server[];
  readonly #gpus: Gpu[];
  readonly #rule: PrefetchRule;
  readonly #truth: Confidence;
  readonly #absent: Confidence;
  readonly #overheadNs: number;
  readonly #result: RunResult;

  constructor(plan: RunPlan) {
    const { gpus, gpusPerServer, routes, serviceNs, chunkNs, seed, draws } = plan;
    this.#plan = plan;
    this.#truth = new Float32Array(routes.experts);
    this.#absent = new Float32Array(routes.experts);
    this.#rule = new PrefetchRule({ loadNs: draws.loadNs, serviceNs, chunkNs });
    this.#overheadNs = draws.loadNs.moments().meanNs - serviceNs;
    this.#servers = Array.from(
      { length: Math.ceil(gpus / gpusPerServer) },
      (_, i) =>
        new Server({
          chunkNs,
          background: { utilisation: plan.utilisation, serviceNs },
          queueDepth: plan.queueDepth,
          meterNs: METERED_LOADS * serviceNs,
          seed,
          stream: BACKGROUND_STREAM + i,
        }),
    );
    this.#gpus = tokensOfGpus(routes, gpus).map((tokens, gpu) => ({
      server: this.#servers[Math.floor(gpu / gpusPerServer)]!,
      caches: Array.from({ length: routes.layers }, () => new LayerCache(plan.places)),
      tokens,
      at: 0,
      layer: 0,
      routedNs: 0,
      waiting: 0,
    }));
    this.#result = {
      tokens: 0,
      stallNs: 0,
      decodeNs: 0,
      asked: 0,
      missed: 0,
      prefetches: { posted: 0, refused: 0, used: 0, late: 0 },
      wastedNs: 0,
      serverNs: 0,
      busyNs: 0,
      backgroundNs: 0,
    };
  }

  run(): RunResult {
    const { layerNs, serviceNs } = this.#plan;
    const settledNs = SETTLING * METERED_LOADS * serviceNs;
    this.#gpus.forEach((gpu, i) => {
      // Out of step, as GPUs are that do not wait for one another.
      this.#agenda.at(settledNs + (i * layerNs) / this.#gpus.length, (nowNs) => this.#startToken(gpu, nowNs));
    });
    let nowNs = 0;
    while (this.#agenda.nextNs < Number.POSITIVE_INFINITY || this.#gpus.some(({ at, tokens }) => at < tokens.length)) {
      let first: Agenda | Server = this.#agenda;
      for (const server of this.#servers) if (server.nextNs < first.nextNs) first = server;
      nowNs = first.nextNs;
      first.act();
    }
    const result = this.#result;
    for (const server of this.#servers) {
      result.busyNs += server.busyNs;
      result.backgroundNs += server.backgroundNs;
      result.serverNs += nowNs;
    }
    for (const { caches } of this.#gpus) for (const cache of caches) for (const held of cache.all()) this.#forget(held);
    return result;
  }

  /** Begins the next token that decodes; what a prefill used is in the cache when it ends. */
  #startToken(gpu: Gpu, nowNs: number): void {
    const { routes } = this.#plan;
    for (; gpu.at < gpu.tokens.length && routes.phase[gpu.tokens[gpu.at]!] !== DECODE; gpu.at++)
      for (let layer = 0; layer < routes.layers; layer++) {
        const cache = gpu.caches[layer]!;
        const chosen = this.#chosen(gpu.tokens[gpu.at]! * routes.layers + layer);
        cache.visit(chosen.filter((expert) => !cache.get(expert)).length);
        for (const expert of chosen) this.#markUsed(cache, cache.get(expert) ?? this.#admit(cache, expert, chosen));
      }
    if (gpu.at === gpu.tokens.length) return;
    this.#result.tokens++;
    gpu.layer = 0;
    this.#route(gpu, nowNs);
  }

  #admit(cache: LayerCache, expert: number, chosen: readonly number[]): Held {
    if (!cache.hasRoom) this.#evict(cache, cache.leastRecent((other) => chosen.includes(other))!);
    return cache.reserve(expert, null);
  }

  /** A router has decided: the layer waits for what is not there, and what is foreseen of a later one may be fetched. */
  #route(gpu: Gpu, nowNs: number): void {
    const { routes, policy, horizon } = this.#plan;
    const result = this.#result;
    const row = gpu.tokens[gpu.at]! * routes.layers + gpu.layer;
    const chosen = this.#chosen(row);
    const cache = gpu.caches[gpu.layer]!;
    gpu.routedNs = nowNs;
    gpu.waiting = 0;
    for (const held of [...cache.all()])
      if (held.fetch && !chosen.includes(held.expert)) {
        gpu.server.cancel(held.fetch);
        result.wastedNs += held.fetch.servedNs;
        cache.drop(held);
      }
    cache.visit(chosen.filter((expert) => !(cache.get(expert)?.guessedNs === 0)).length);
    // Those that are there first, so that none of them is evicted for another.
    for (const expert of chosen) {
      const held = cache.get(expert);
      if (held) this.#markUsed(cache, held);
    }
    for (const expert of chosen) {
      result.asked++;
      const held = cache.get(expert);
      if (held?.fetch === null) continue;
      result.missed++;
      gpu.waiting++;
      if (held) {
        result.prefetches.late++;
        gpu.server.promote(held.fetch!, nowNs);
      } else {
        const admitted = this.#admit(cache, expert, chosen);
        this.#markUsed(cache, admitted);
        this.#post(gpu, admitted, row, true, 0, nowNs);
      }
    }
    if (policy !== "none") this.#foresee(gpu, row + horizon, nowNs);
    if (gpu.waiting === 0) this.#compute(gpu, nowNs);
  }

  #compute(gpu: Gpu, nowNs: number): void {
    const { layerNs, routes } = this.#plan;
    const stallNs = nowNs - gpu.routedNs;
    this.#result.stallNs += stallNs;
    this.#result.decodeNs += stallNs + layerNs;
    this.#agenda.at(nowNs + layerNs, (endNs) => {
      gpu.layer++;
      if (gpu.layer < routes.layers) return this.#route(gpu, endNs);
      gpu.at++;
      this.#startToken(gpu, endNs);
    });
  }

  /** Goes through what is likeliest in row `target`, the likeliest first, and posts what the policy asks for. */
  #foresee(gpu: Gpu, target: number, nowNs: number): void {
    const { policy, routes, confidence, candidates, horizon, layerNs } = this.#plan;
    const { layers, experts, k, prompt } = routes;
    const token = Math.floor(target / layers);
    if (token >= routes.tokens || prompt[token] !== prompt[gpu.tokens[gpu.at]!]) return;
    const { server } = gpu;
    const cache = gpu.caches[target % layers]!;
    let foreseen: Confidence = confidence.subarray(target * experts, (target + 1) * experts);
    if (policy === "oracle") {
      foreseen = this.#truth.fill(0);
      for (const expert of this.#chosen(target)) foreseen[expert] = 1;
    }
    // What this layer waits for puts the next ones off.
    const stallNs = gpu.waiting > 0 ? this.#overheadNs + server.urgentNs(nowNs) : 0;
    const leadNs = stallNs + horizon * layerNs;
    const likely = policy === "always" ? topOf(foreseen, k) : null;
    const absent = this.#absent;
    for (let e = 0; e < experts; e++) absent[e] = cache.get(e) || (likely && !likely.includes(e)) ? 0 : foreseen[e]!;
    const wanted = topOf(absent, Math.min(candidates, experts)).filter((expert) => absent[expert]! > 0);
    for (const [i, expert] of wanted.entries()) {
      const confidence = foreseen[expert]!;
      const evicted = cache.hasRoom ? null : cache.leastMissed(foreseen);
      const canEnter = cache.hasRoom || (evicted !== null && evicted.soon < confidence);
      const pays =
        policy === "always" ||
        this.#rule.decide({
          confidence,
          leadNs,
          urgentNs: server.urgentNs(nowNs),
          speculativeNs: server.speculativeNs(nowNs),
          utilisation: server.utilisation(nowNs),
          evictedChance: evicted ? Math.min(1, evicted.soon + (1 - confidence) * evicted.later) : 0,
        }).prefetch;
      if (!canEnter || !pays) {
        // Those that are less likely find the same, and pay less.
        this.#result.prefetches.refused += wanted.length - i;
        return;
      }
      if (evicted) this.#evict(cache, evicted.held);
      this.#result.prefetches.posted++;
      this.#post(gpu, cache.reserve(expert, null), target, false, nowNs + leadNs, nowNs);
    }
  }

  #post(gpu: Gpu, held: Held, row: number, urgent: boolean, needNs: number, nowNs: number): void {
    const { serviceNs, commandNs, fenceNs, draws, routes } = this.#plan;
    const way = draws.of(row * routes.experts + held.expert);
    const fetch: Fetch = {
      expert: held.expert,
      leftNs: serviceNs,
      servedNs: 0,
      urgent,
      needNs,
      here: false,
      cancelled: false,
      done: (doneNs) =>
        this.#agenda.at(doneNs + draws.backNs[way]! + fenceNs, (readyNs) => this.#ready(gpu, held, fetch, readyNs)),
    };
    held.fetch = fetch;
    if (!urgent) held.guessedNs = serviceNs;
    gpu.server.post(fetch, nowNs);
    this.#agenda.at(nowNs + commandNs + draws.thereNs[way]!, (arrivedNs) => gpu.server.arrive(fetch, arrivedNs));
  }

  #ready(gpu: Gpu, held: Held, fetch: Fetch, nowNs: number): void {
    // Nobody cancels what has been served but its own layer, which has then passed.
    if (held.fetch !== fetch || fetch.cancelled) return;
    held.fetch = null;
    if (!fetch.urgent) return;
    gpu.waiting--;
    if (gpu.waiting === 0) this.#compute(gpu, nowNs);
  }

  #markUsed(cache: LayerCache, held: Held): void {
    if (held.guessedNs > 0) this.#result.prefetches.used++;
    held.guessedNs = 0;
    cache.use(held);
  }

  #evict(cache: LayerCache, held: Held): void {
    this.#forget(held);
    cache.drop(held);
  }

  /** Counts what was prefetched in vain. */
  #forget(held: Held): void {
    if (held.guessedNs > 0) this.#result.wastedNs += held.fetch ? held.fetch.servedNs : held.guessedNs;
  }

  #chosen(row: number): readonly number[] {
    const { chosen, k } = this.#plan.routes;
    return Array.from(chosen.subarray(row * k, (row + 1) * k)).filter((expert) => expert !== NO_EXPERT);
  }
}

/** Streams of randomness: routes have 0 and 1, ways 2 and 3. */
const BACKGROUND_STREAM = 16;

/** Whole prompts, dealt to GPUs in turn. */
function tokensOfGpus({ prompt, tokens }: Routes, gpus: number): number[][] {
  const dealt: number[][] = Array.from({ length: gpus }, () => []);
  let prompts = 0;
  for (let token = 0; token < tokens; token++) {
    if (token > 0 && prompt[token] !== prompt[token - 1]) prompts++;
    dealt[prompts % gpus]!.push(token);
  }
  return dealt;
}
