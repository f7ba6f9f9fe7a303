import source from "../build/threads.worker.txt";
import { describe } from "./check.ts";
import { hostName, inNode, nodeModule } from "./host.ts";
import { DoorbellRing } from "./ring/index.ts";
import type { ClockCost, Transport } from "./tail.ts";

/** What both workers are given: the rings there and back, where latencies go, and which of them it is. */
export interface Line {
  there: SharedArrayBuffer;
  back: SharedArrayBuffer;
  latencyNs: SharedArrayBuffer;
  role: "time" | "echo";
}

export interface ThreadOptions {
  /** How many doorbells each of the two rings holds, a power of two; 64 unless given. */
  capacity?: number;
}

const BATCH = 4096;

/**
 * Doorbells between two worker threads, over a ring in shared memory each way. Both spin while doorbells come and sleep
 * when none has come for a millisecond. For Node, and for pages that are cross-origin isolated.
 *
 *                 ring(latencyNs)
 *     main thread -- message --> worker that times ---- ring there ---> worker that echoes
 *                 <-- message --                   <--- ring back -----
 */
export class ThreadTransport implements Transport {
  readonly name = "doorbell rings between two threads";
  readonly method: string;
  /** The clock of the worker that times. */
  readonly clock: ClockCost;
  readonly #pair: Pair;
  readonly #latencyNs: Float32Array;

  private constructor(pair: Pair, latencyNs: Float32Array, clock: ClockCost, host: string) {
    this.#pair = pair;
    this.#latencyNs = latencyNs;
    this.clock = clock;
    this.method =
      `Half of the round trip of a 64-byte doorbell between two worker threads, spinning on both sides. Each round trip ` +
      `holds one reading of the clock, stated and not subtracted. Every reply is compared with what was sent. ` +
      `A few doorbells before each batch of ${BATCH} are not timed: they wake the threads. On ${host}.`;
  }

  /** Starts both workers, and resolves when a first doorbell has gone there and back. */
  static async open({ capacity = 64 }: ThreadOptions = {}): Promise<ThreadTransport> {
    if (!inNode() && !globalThis.crossOriginIsolated)
      throw new TypeError(
        "the page must be cross-origin isolated for threads: serve it with Cross-Origin-Opener-Policy: same-origin " +
          "and Cross-Origin-Embedder-Policy: require-corp",
      );
    const line = {
      there: DoorbellRing.create(capacity).buffer,
      back: DoorbellRing.create(capacity).buffer,
      latencyNs: new SharedArrayBuffer(4 * BATCH),
    };
    const pair = new Pair();
    const clock = (await pair.start(line)) as ClockCost;
    return new ThreadTransport(pair, new Float32Array(line.latencyNs), clock, await hostName());
  }

  /** Rings one doorbell after another and fills `latencyNs`. One call at a time. */
  async ring(latencyNs: Float32Array): Promise<void> {
    if (!(latencyNs instanceof Float32Array))
      throw new TypeError(`latencyNs must be a Float32Array, got ${describe(latencyNs)}`);
    for (let start = 0; start < latencyNs.length; start += BATCH) {
      const count = Math.min(BATCH, latencyNs.length - start);
      await this.#pair.ask(count);
      latencyNs.set(this.#latencyNs.subarray(0, count), start);
    }
  }

  /** Ends both workers; a call of `ring` that is under way rejects. Safe to call again. */
  async close(): Promise<void> {
    await this.#pair.end(new Error("the transport is closed"));
  }
}

/** What Node's workers and a browser's have in common. */
interface Thread {
  postMessage(message: unknown): void;
  terminate(): unknown;
  /** Node's only: whether the process stays alive for it. */
  ref?(): void;
  unref?(): void;
}

/** The worker that times and the worker that echoes: one question at a time, and where one fails both end. */
class Pair {
  readonly #threads: Thread[] = [];
  #waiting: { resolve: (answer: unknown) => void; reject: (reason: Error) => void } | null = null;
  #ended: Error | null = null;

  /** Resolves with what the worker that times has to say first. */
  async start(line: Omit<Line, "role">): Promise<unknown> {
    const hear = (answer: unknown) => this.#settle()?.resolve(answer);
    const fail = (cause: Error) => void this.end(new Error(`a worker failed: ${cause.message}`, { cause }));
    try {
      while (this.#threads.length < 2) this.#threads.push(await startThread(hear, fail));
      for (const thread of this.#threads) thread.unref?.();
      this.#threads[1]!.postMessage({ ...line, role: "echo" } satisfies Line);
      return await this.ask({ ...line, role: "time" } satisfies Line);
    } catch (cause) {
      // One may run where the other could not be started, or failed meanwhile.
      await this.end(cause as Error);
      throw cause;
    }
  }

  ask(question: unknown): Promise<unknown> {
    if (this.#ended) return Promise.reject(this.#ended);
    if (this.#waiting) return Promise.reject(new Error("the transport is ringing already: await that call first"));
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
      this.#threads[0]!.ref?.();
      this.#threads[0]!.postMessage(question);
    });
  }

  async end(reason: Error): Promise<void> {
    this.#ended ??= reason;
    this.#settle()?.reject(this.#ended);
    await Promise.all(this.#threads.map((thread) => thread.terminate()));
  }

  #settle() {
    const waiting = this.#waiting;
    this.#waiting = null;
    this.#threads[0]?.unref?.();
    return waiting;
  }
}

async function startThread(hear: (message: unknown) => void, fail: (cause: Error) => void): Promise<Thread> {
  if (inNode()) {
    const { Worker } = await nodeModule<typeof import("node:worker_threads")>("node:worker_threads");
    const port = `const port = require("node:worker_threads").parentPort;`;
    // The flags of the process may load what this script has no use for.
    return new Worker(port + source, { eval: true, execArgv: [] })
      .on("message", hear)
      .on("error", fail)
      .on("exit", (code) => fail(new Error(`it ended with code ${code}`)));
  }
  const url = URL.createObjectURL(new Blob([`const port = self;${source}`], { type: "text/javascript" }));
  const worker = new Worker(url);
  worker.onmessage = ({ data }) => hear(data);
  worker.onerror = ({ message }) => fail(new Error(message));
  URL.revokeObjectURL(url);
  return worker;
}
