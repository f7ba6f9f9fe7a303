// Either end of a ThreadTransport, as a script of its own: src/build.mjs bundles it, src/threads.ts inlines and starts it.
import { bestClock } from "./clock.ts";
import { DoorbellRing } from "./ring/index.ts";
import { DOORBELL_WORDS } from "./ring/memory.ts";
import type { Line } from "./threads.ts";

/** To the main thread; src/threads.ts declares it in front of this script. */
declare const port: {
  onmessage: ((event: { data: unknown }) => void) | null;
  postMessage(message: unknown): void;
};

/**
 * How long to spin before sleeping. Who waits for an answer spins on: threads that sleep in turns look light enough for one
 * core to an operating system under load. In a trial on two busy cores, 60,000 doorbells took 1.1 s so, and 3.0 s otherwise.
 */
const SPIN_MS = { echo: 1, time: 100 };
/** Tries before waiting: a doorbell that is tried for is in hand sooner, by a tenth of a round trip, than one waited for. */
const SPINS = 512;
/** Doorbells before a batch that are not timed: they wake the other thread and warm the caches. */
const UNTIMED = 16;

/** Sends into one ring and receives from the other. */
class End {
  readonly #outgoing: DoorbellRing;
  readonly #incoming: DoorbellRing;
  readonly #spinMs: number;

  constructor({ there, back, role }: Line) {
    const rings = [DoorbellRing.attach(there), DoorbellRing.attach(back)] as const;
    [this.#outgoing, this.#incoming] = role === "time" ? rings : [rings[1], rings[0]];
    this.#spinMs = SPIN_MS[role];
  }

  send(doorbell: Uint32Array): void {
    if (!this.#outgoing.push(doorbell)) throw new Error("a ring is full that should hold one doorbell at most");
  }

  receive(doorbell: Uint32Array): void {
    for (let spins = 0; spins < SPINS; spins++) if (this.#incoming.pop(doorbell)) return;
    while (!this.#incoming.pop(doorbell)) this.#incoming.wait(Number.POSITIVE_INFINITY, this.#spinMs);
  }
}

/** Returns every doorbell, until the worker is terminated. */
function echo(end: End): never {
  const doorbell = new Uint32Array(DOORBELL_WORDS);
  for (;;) {
    end.receive(doorbell);
    end.send(doorbell);
  }
}

/** Answers every number with so many timed round trips, halved, in `latencyNs`. */
function time(end: End, latencyNs: Float32Array): void {
  const { read, cost } = bestClock();
  const doorbell = Uint32Array.from({ length: DOORBELL_WORDS }, (_, i) => Math.imul(i, 0x9e3779b9));
  const reply = new Uint32Array(DOORBELL_WORDS);
  const roundTrip = (): number => {
    doorbell[0]!++;
    const start = read();
    end.send(doorbell);
    end.receive(reply);
    const ns = read() - start;
    for (let i = 0; i < DOORBELL_WORDS; i++)
      if (reply[i] !== doorbell[i])
        throw new Error(`word ${i} of doorbell ${doorbell[0]} must come back as ${doorbell[i]}, got ${reply[i]}`);
    return ns;
  };
  port.onmessage = ({ data: count }) => {
    for (let i = 0; i < UNTIMED; i++) roundTrip();
    for (let i = 0; i < (count as number); i++) latencyNs[i] = roundTrip() / 2;
    port.postMessage(null);
  };
  roundTrip();
  port.postMessage(cost);
}

port.onmessage = ({ data }) => {
  const line = data as Line;
  const end = new End(line);
  if (line.role === "echo") echo(end);
  time(end, new Float32Array(line.latencyNs));
};
