import {
  bestClock,
  type Clock,
  type ClockCost,
  measureTail,
  type TailReport,
  ThreadTransport,
  type Transport,
} from "../../index.ts";

/** How often one doorbell a message is rung where nothing better is to be had: each takes tens of microseconds. */
const MESSAGES = 20_000;
const DOORBELLS = 200_000;

export interface BrowserTail {
  report: TailReport;
  isShared: boolean;
}

/** Doorbells between two workers of this very browser: over shared memory where the page may have it, else by message. */
export async function browserTail(
  { doorbells }: { doorbells?: number },
  progress: (done: { done: number; all: number }) => void,
): Promise<BrowserTail> {
  const isShared = typeof SharedArrayBuffer !== "undefined" && globalThis.crossOriginIsolated === true;
  const onProgress = (done: number, all: number) => progress({ done, all });
  const transport = isShared ? await ThreadTransport.open() : await MessageTransport.open();
  try {
    const iterations = doorbells ?? (isShared ? DOORBELLS : MESSAGES);
    const { report } = await measureTail(transport, { warmup: Math.ceil(iterations / 100), iterations, onProgress });
    return { report, isShared };
  } finally {
    await transport.close();
  }
}

/** Answers each message with one. */
const ECHO = "onmessage = ({ data }) => postMessage(data)";

/** Doorbells as messages to a worker and back: half the round trip is taken for one way. */
class MessageTransport implements Transport {
  readonly name = "messages between two workers";
  readonly method =
    "half the round trip of a message, as the page is not cross-origin isolated: no shared memory, and a coarse clock";
  readonly clock: ClockCost;
  readonly #read: () => number;
  readonly #echo: Worker;

  private constructor(echo: Worker, { read, cost }: Clock) {
    this.#echo = echo;
    this.#read = read;
    this.clock = cost;
  }

  static async open(): Promise<MessageTransport> {
    const url = URL.createObjectURL(new Blob([ECHO], { type: "text/javascript" }));
    const transport = new MessageTransport(new Worker(url), bestClock());
    await transport.ring(new Float32Array(1));
    URL.revokeObjectURL(url);
    return transport;
  }

  async ring(latencyNs: Float32Array): Promise<void> {
    for (let i = 0; i < latencyNs.length; i++) {
      const startNs = this.#read();
      await new Promise((resolve, reject) => {
        this.#echo.onmessage = resolve;
        this.#echo.onerror = ({ message }) => reject(new Error(message));
        this.#echo.postMessage(0);
      });
      latencyNs[i] = (this.#read() - startNs) / 2;
    }
  }

  async close(): Promise<void> {
    this.#echo.terminate();
  }
}
