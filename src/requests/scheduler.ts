import type { Requests } from "./requests.ts";
import type { RankStep } from "./steps.ts";

/** What a rank may hold and do in a step. */
export interface Limits {
  sequencesMax: number;
  batchedTokensMax: number;
  kvTokensMax: number;
  /** Whether a prompt may be computed in pieces, as far as the step's tokens reach. */
  isChunked: boolean;
}

/** Tokens of sequences lie in blocks, as in vLLM. */
export const KV_BLOCK_TOKENS = 16;

/** Tokens that lie in whole blocks. */
export const inBlocks = (tokens: number) => KV_BLOCK_TOKENS * blocksOf(tokens);

const blocksOf = (tokens: number) => Math.ceil(tokens / KV_BLOCK_TOKENS);

/** A step that is planned: what it computes, and who gets a token at its end. */
export interface PlannedStep {
  work: RankStep;
  /** Requests that get a token. */
  outputs: number[];
  /** Those of them that get their last. */
  leaving: number[];
}

/**
 * One rank's queue and batch, as vLLM's scheduler has them: running sequences first, in order of admission, each with the tokens
 * that it lacks; then those that wait, first come first served, while there is room. Prompts and decoding share a step. Where
 * blocks run out, the sequence that was admitted last goes back to the head of the queue and is computed anew.
 */
export class Scheduler {
  readonly #requests: Requests;
  readonly #limits: Limits;
  readonly #waiting: number[] = [];
  #running: number[] = [];
  /** Of each request: tokens computed, and tokens written. */
  readonly #computed: Uint32Array;
  readonly #written: Uint32Array;
  #freeBlocks: number;
  preemptions = 0;

  constructor(requests: Requests, limits: Limits) {
    this.#requests = requests;
    this.#limits = limits;
    this.#computed = new Uint32Array(requests.arrivalNs.length);
    this.#written = new Uint32Array(requests.arrivalNs.length);
    this.#freeBlocks = Math.floor(limits.kvTokensMax / KV_BLOCK_TOKENS);
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  get running(): number {
    return this.#running.length;
  }

  get isIdle(): boolean {
    return this.#waiting.length + this.#running.length === 0;
  }

  add(request: number): void {
    this.#waiting.push(request);
  }

  /** Gives back the seats and blocks of requests whose last token is out. */
  release(requests: readonly number[]): void {
    if (requests.length === 0) return;
    const gone = new Set(requests);
    this.#running = this.#running.filter((one) => !gone.has(one));
    for (const one of requests) this.#freeBlocks += blocksOf(this.#computed[one]!);
  }

  /** The next step. What it computes counts as done from now on: until it is, nothing else is told of it. */
  plan(): PlannedStep {
    const step: PlannedStep = {
      work: { decodes: 0, decodeContext: 0, pieces: 0, prefillTokens: 0, prefillContext: 0, prefillRows: 0 },
      outputs: [],
      leaving: [],
    };
    let left = this.#limits.batchedTokensMax;
    const preempted = this.preemptions;
    for (let i = 0; i < this.#running.length; i++) {
      const one = this.#running[i]!;
      const tokens = Math.min(this.#lacking(one), left);
      if (tokens === 0) continue;
      while (!this.#hasRoom(one, tokens) && this.#preempt(i));
      if (this.#running[i] !== one) break;
      this.#compute(step, one, tokens);
      left -= tokens;
    }
    // Who has just made way would come back at once, and make way again.
    if (this.preemptions > preempted) return step;
    while (left > 0 && this.#waiting.length > 0 && this.#running.length < this.#limits.sequencesMax) {
      const one = this.#waiting[0]!;
      const lacking = this.#lacking(one);
      if (lacking > left && !this.#limits.isChunked) break;
      const tokens = Math.min(lacking, left);
      if (!this.#hasRoom(one, tokens)) break;
      this.#waiting.shift();
      this.#running.push(one);
      this.#compute(step, one, tokens);
      left -= tokens;
    }
    return step;
  }

  /** Tokens that must be computed before the next is written; none if the last is. */
  #lacking(one: number): number {
    const written = this.#written[one]!;
    if (written === this.#requests.outputTokens[one]!) return 0;
    return this.#requests.inputTokens[one]! + written - this.#computed[one]!;
  }

  #hasRoom(one: number, tokens: number): boolean {
    const computed = this.#computed[one]!;
    return blocksOf(computed + tokens) - blocksOf(computed) <= this.#freeBlocks;
  }

  /** Sends back the last of the running from `first` on that has not had its last token; whether any was left to send. */
  #preempt(first: number): boolean {
    let at = this.#running.length - 1;
    while (at >= first && this.#lacking(this.#running[at]!) === 0) at--;
    if (at < first) return false;
    const [last] = this.#running.splice(at, 1) as [number];
    this.#freeBlocks += blocksOf(this.#computed[last]!);
    this.#computed[last] = 0;
    this.#waiting.unshift(last);
    this.preemptions++;
    return true;
  }

  #compute({ work, outputs, leaving }: PlannedStep, one: number, tokens: number): void {
    const before = this.#computed[one]!;
    const after = before + tokens;
    this.#freeBlocks -= blocksOf(after) - blocksOf(before);
    this.#computed[one] = after;
    const whole = this.#requests.inputTokens[one]! + this.#written[one]!;
    if (tokens === 1 && this.#written[one]! > 0 && after === whole) {
      work.decodes++;
      work.decodeContext += after;
    } else {
      work.pieces++;
      work.prefillTokens += tokens;
      // The i-th of them looks back on all before it and on itself.
      work.prefillContext += tokens * before + (tokens * (tokens + 1)) / 2;
      work.prefillRows += after;
    }
    if (after < whole) return;
    outputs.push(one);
    if (++this.#written[one]! === this.#requests.outputTokens[one]!) leaving.push(one);
  }
}
