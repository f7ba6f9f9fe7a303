import type { Answer, JobName, Question } from "./jobs/index.ts";
import type { FromWorker, ToWorker } from "./worker.ts";

/** A worker that has been at it for longer is not waited for when something else is asked. */
const PATIENCE_MS = 150;

interface Waiting {
  job: JobName;
  question: unknown;
  onProgress: (progress: unknown) => void;
  resolve: (answer: unknown) => void;
  reject: (reason: Error) => void;
}

/**
 * One worker, and the question it is at. Who asks again wants the newest answer: a question that waits is dropped for a newer
 * one, and one that is long under way is cut off.
 */
export class Hand {
  readonly #script: () => string;
  #worker: Worker | null = null;
  #current: (Waiting & { sinceMs: number }) | null = null;
  #next: Waiting | null = null;

  /** `script` gives the address of the worker's script. */
  constructor(script: () => string) {
    this.#script = script;
  }

  /** The answer; null where a newer question took this one's place, or `cancel` did. Rejects with what the job threw. */
  ask<J extends JobName>(
    job: J,
    question: Question<J>,
    onProgress: (progress: never) => void = () => {},
  ): Promise<Answer<J> | null> {
    return new Promise((resolve, reject) => {
      this.#next?.resolve(null);
      // What comes back is what this job says: from here on it has no type of its own.
      const untyped = { onProgress, resolve } as Pick<Waiting, "onProgress" | "resolve">;
      this.#next = { job, question, reject, ...untyped };
      if (this.#current) this.#waitFor(this.#current);
      this.#start();
    });
  }

  /** Gives up what is under way, and what waits. */
  cancel(): void {
    this.#next?.resolve(null);
    this.#next = null;
    if (this.#current) this.#cut();
  }

  /** Lets who is at it finish, but not for long. */
  #waitFor(current: { sinceMs: number }): void {
    const leftMs = current.sinceMs + PATIENCE_MS - performance.now();
    if (leftMs <= 0) this.#cut();
    else
      setTimeout(() => {
        if (this.#current !== current || !this.#next) return;
        this.#cut();
        this.#start();
      }, leftMs);
  }

  /** A kernel cannot be interrupted, so the worker goes with it. */
  #cut(): void {
    this.#worker?.terminate();
    this.#worker = null;
    this.#current?.resolve(null);
    this.#current = null;
  }

  #start(): void {
    if (this.#current || !this.#next) return;
    this.#current = { ...this.#next, sinceMs: performance.now() };
    this.#next = null;
    this.#worker ??= this.#hired();
    this.#worker.postMessage({ job: this.#current.job, question: this.#current.question } satisfies ToWorker);
  }

  #hired(): Worker {
    const worker = new Worker(this.#script());
    // Of one that was ended nothing is heard any more, though it may be on its way.
    worker.onmessage = ({ data }: MessageEvent<FromWorker>) => worker === this.#worker && this.#hear(data);
    worker.onerror = ({ message }) => {
      if (worker !== this.#worker) return;
      const failed = this.#current;
      this.#current = null;
      this.#worker = null;
      worker.terminate();
      failed?.reject(new Error(message || "the worker could not be started"));
      this.#start();
    };
    return worker;
  }

  #hear(said: FromWorker): void {
    const current = this.#current;
    if (!current) return;
    if ("progress" in said) {
      current.onProgress(said.progress);
      return;
    }
    this.#current = null;
    if ("answer" in said) current.resolve(said.answer);
    else current.reject(new RangeError(said.refused));
    this.#start();
  }
}
