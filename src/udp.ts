import type { Socket } from "node:dgram";
import { checkBetween, checkWhole, describe } from "./check.ts";
import { bestClock } from "./clock.ts";
import { hostName, inNode, nodeModule } from "./host.ts";
import { DOORBELL_WORDS } from "./ring/memory.ts";
import type { ClockCost, Losses, Transport } from "./tail.ts";

/**
 * What goes over the wire, and comes back with another kind:
 *
 *     byte 0       8        16         24                    64
 *          [ kind ][ run   ][ sequence ][ pattern            ]
 *            ASCII   random   f64, big-endian: counts exactly to 2^53
 *
 * An echo answers doorbells and nothing else, above all no answer: two echoes never answer each other for ever.
 */
const BYTES = 4 * DOORBELL_WORDS;
const DOORBELL = ascii("doorbell");
const ANSWER = ascii("answered");
const RUN = 8;
const SEQUENCE = 16;
const PATTERN = 24;

/** So many lost in a row end a run, and an attempt to open one. */
const LOSSES_MAX = 100;
const LOSSES_AT_OPEN_MAX = 10;
/** Lost doorbells whose late replies are still known as such; beyond, they would count as duplicates. */
const LOST_REMEMBERED = 4096;

export interface UdpOptions {
  /** Where a `UdpEcho` listens: "HOST:PORT", with an IPv6 address in brackets. */
  connect: string;
  /** A doorbell without a reply for so long is lost; 100 unless given. */
  timeoutMs?: number;
}

/** A call of `ring` that is under way. */
interface Call {
  latencyNs: Float32Array;
  filled: number;
  lostInARow: number;
  lossesMax: number;
  /** Restarted for each doorbell. It also keeps the process alive, which the socket does not. */
  timer: ReturnType<typeof setTimeout>;
  resolve: () => void;
  reject: (reason: Error) => void;
}

/**
 * Doorbells to a `UdpEcho`, on another machine or this one, and back. One is under way at a time; one that is lost counts
 * as lost, not as a latency, and another is rung instead. For Node.
 */
export class UdpTransport implements Transport {
  readonly name: string;
  readonly method: string;
  readonly clock: ClockCost;
  /** Since before the doorbell that `open` rings: `received` in time, and `ignored` for being no reply of this run. */
  readonly counts = { sent: 0, received: 0, lost: 0, reordered: 0, duplicated: 0, ignored: 0 };
  readonly #readNs: () => number;
  readonly #socket: Socket;
  readonly #closed: Promise<void>;
  readonly #peer: string;
  readonly #timeoutMs: number;
  readonly #doorbell: Uint8Array<ArrayBuffer>;
  readonly #sequence: DataView;
  readonly #lost = new Set<number>();
  #call: Call | null = null;
  /** The doorbell whose reply is waited for, or 0. */
  #underWay = 0;
  #startNs = 0;
  #ended: Error | null = null;

  private constructor(socket: Socket, peer: string, timeoutMs: number, host: string) {
    const { read, cost } = bestClock();
    this.#readNs = read;
    this.clock = cost;
    this.#socket = socket;
    this.#peer = peer;
    this.#timeoutMs = timeoutMs;
    this.#doorbell = newDoorbell();
    this.#sequence = new DataView(this.#doorbell.buffer, SEQUENCE, 8);
    this.name = `UDP doorbells to ${peer}`;
    this.method =
      `Half of the round trip of a ${BYTES}-byte datagram to ${peer} and back, one at a time. Both ends wait in Node's event ` +
      `loop, which is part of what is timed. A doorbell without a reply within ${timeoutMs} ms is lost and another is rung: ` +
      `losses are in no quantile, and their share stands beside them. Each round trip holds one reading of the clock, ` +
      `stated and not subtracted. Every reply is compared with what was sent. On ${host}.`;
    this.#closed = new Promise((resolve) => socket.once("close", () => resolve()));
    socket.on("message", (message) => this.#hear(message));
    socket.on("error", (error) => this.#fail(error));
    socket.unref();
  }

  /** Resolves when a first doorbell has gone there and back. */
  static async open({ connect, timeoutMs = 100 }: UdpOptions): Promise<UdpTransport> {
    const { host, port } = parseAddress("connect", connect);
    checkBetween("timeoutMs", timeoutMs, 1, 60_000);
    const { socket, address } = await socketFor("connect", connect, host);
    const name = await hostName();
    try {
      await once(socket, "connect", () => socket.connect(port, address));
    } catch (cause) {
      socket.close();
      throw new Error(`${connect} must be reachable, got ${(cause as Error).message}`, { cause });
    }
    const transport = new UdpTransport(socket, connect, timeoutMs, name);
    await transport.#ring(new Float32Array(1), LOSSES_AT_OPEN_MAX);
    return transport;
  }

  /** What became of the doorbells so far. */
  get losses(): Losses {
    return this.counts;
  }

  /** Rings one doorbell after another and fills `latencyNs`. One call at a time. */
  async ring(latencyNs: Float32Array): Promise<void> {
    if (!(latencyNs instanceof Float32Array))
      throw new TypeError(`latencyNs must be a Float32Array, got ${describe(latencyNs)}`);
    await this.#ring(latencyNs, LOSSES_MAX);
  }

  /** Closes the socket; a call of `ring` that is under way rejects. Safe to call again. */
  async close(): Promise<void> {
    this.#end(new Error("the transport is closed"));
    await this.#closed;
  }

  async #ring(latencyNs: Float32Array, lossesMax: number): Promise<void> {
    if (this.#ended) throw this.#ended;
    if (this.#call) throw new Error("the transport is ringing already: await that call first");
    if (latencyNs.length === 0) return;
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => this.#giveUp(this.#underWay), this.#timeoutMs);
      this.#call = { latencyNs, filled: 0, lostInARow: 0, lossesMax, timer, resolve, reject };
      this.#send(this.#call);
    });
  }

  #send({ timer }: Call): void {
    this.#underWay = ++this.counts.sent;
    this.#sequence.setFloat64(0, this.#underWay);
    timer.refresh();
    this.#startNs = this.#readNs();
    this.#socket.send(this.#doorbell, this.#sent);
  }

  readonly #sent = (error: Error | null): void => {
    if (error) this.#fail(error);
  };

  #hear(message: Uint8Array): void {
    const nowNs = this.#readNs();
    const sequence = this.#sequenceOf(message);
    const call = this.#call;
    if (call && sequence === this.#underWay) {
      this.#underWay = 0;
      this.counts.received++;
      call.lostInARow = 0;
      call.latencyNs[call.filled++] = (nowNs - this.#startNs) / 2;
      if (call.filled < call.latencyNs.length) this.#send(call);
      else this.#finish()?.resolve();
    } else if (this.#lost.delete(sequence)) this.counts.reordered++;
    else if (sequence > 0) this.counts.duplicated++;
    else this.counts.ignored++;
  }

  /** Which of our doorbells `message` answers, bit for bit, or 0. */
  #sequenceOf(message: Uint8Array): number {
    if (message.length !== BYTES || !startsWith(message, ANSWER)) return 0;
    for (let i = RUN; i < BYTES; i++) if (message[i] !== this.#doorbell[i] && (i < SEQUENCE || i >= PATTERN)) return 0;
    const sequence = new DataView(message.buffer, message.byteOffset).getFloat64(SEQUENCE);
    return Number.isInteger(sequence) && sequence >= 1 && sequence <= this.counts.sent ? sequence : 0;
  }

  /**
   * Loses the doorbell, unless its reply is here by now. A process that was held up finds its timer due before it looks at
   * its socket, so a turn of the event loop comes between; and timers may be early, which know whole milliseconds only.
   */
  #giveUp(sequence: number): void {
    setImmediate(() => {
      const call = this.#call;
      if (!call || this.#underWay !== sequence) return;
      if (this.#readNs() - this.#startNs < this.#timeoutMs * 1e6) this.#giveUp(sequence);
      else this.#lose(call);
    });
  }

  #lose(call: Call): void {
    this.counts.lost++;
    this.#lost.add(this.#underWay);
    if (this.#lost.size > LOST_REMEMBERED) this.#lost.delete(this.#lost.keys().next().value!);
    if (++call.lostInARow < call.lossesMax) this.#send(call);
    else this.#end(new Error(this.#silence(call.lostInARow)));
  }

  #silence(lostInARow: number): string {
    const { reordered } = this.counts;
    const late = reordered > 0 ? ` (${reordered} came later: raise timeoutMs)` : "";
    return `${this.#peer} must answer within ${this.#timeoutMs} ms, got no reply to ${lostInARow} doorbells in a row${late}`;
  }

  #fail(cause: Error): void {
    const { code } = cause as NodeJS.ErrnoException;
    const why = code === "ECONNREFUSED" ? `${code}: nobody listens there` : cause.message;
    this.#end(new Error(`${this.#peer} must answer, got ${why}`, { cause }));
  }

  #end(reason: Error): void {
    if (this.#ended) return;
    this.#ended = reason;
    this.#socket.close();
    this.#finish()?.reject(reason);
  }

  #finish(): Call | null {
    const call = this.#call;
    this.#call = null;
    this.#underWay = 0;
    clearTimeout(call?.timer);
    return call;
  }
}

export interface UdpEchoOptions {
  /** "[HOST:]PORT": 127.0.0.1 unless a host is given, any free port where it is 0. */
  listen: string;
}

/**
 * Returns every doorbell to where it came from, until it is closed: 64 bytes for 64 bytes. Whatever is no doorbell gets no
 * answer, so that nobody can have strangers flooded by it. For Node.
 */
export class UdpEcho {
  /** Where it listens, as "HOST:PORT". */
  readonly address: string;
  /** Datagrams so far: doorbells returned, and others. */
  readonly counts = { answered: 0, dropped: 0 };
  readonly #socket: Socket;
  readonly #closed: Promise<void>;
  #closing = false;

  private constructor(socket: Socket) {
    this.#socket = socket;
    const { address, port } = socket.address();
    this.address = address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
    this.#closed = new Promise((resolve) => socket.once("close", () => resolve()));
    socket.on("message", (message, { address, port }) => {
      // A forged sender may name port 0, to which nothing can be sent.
      if (message.length !== BYTES || !startsWith(message, DOORBELL) || port === 0) {
        this.counts.dropped++;
        return;
      }
      message.set(ANSWER);
      socket.send(message, port, address, this.#sent);
    });
    // What becomes of one answer is no reason to leave the next doorbell without.
    socket.on("error", () => {});
  }

  /** Resolves when it listens. */
  static async open({ listen }: UdpEchoOptions): Promise<UdpEcho> {
    const { host, port } = parseAddress("listen", listen, "127.0.0.1");
    const { socket, address } = await socketFor("listen", listen, host);
    try {
      await once(socket, "listening", () => socket.bind({ port, address }));
    } catch (cause) {
      socket.close();
      throw new Error(`listen must be free on this machine, got "${listen}": ${(cause as Error).message}`, { cause });
    }
    return new UdpEcho(socket);
  }

  /** Stops listening. Safe to call again. */
  async close(): Promise<void> {
    if (!this.#closing) this.#socket.close();
    this.#closing = true;
    await this.#closed;
  }

  readonly #sent = (error: Error | null): void => {
    if (error) this.counts.dropped++;
    else this.counts.answered++;
  };
}

/** Takes "HOST:PORT" apart; the host may be left out, and the port be 0, where there is a `defaultHost`. */
function parseAddress(name: string, text: string, defaultHost?: string): { host: string; port: number } {
  const parts = /^(?:(?:\[([^\s\]]*:[^\s\]]*)\]|([^\s:[\]]+)):)?(\d+)$/.exec(typeof text === "string" ? text : "");
  const host = parts?.[1] ?? parts?.[2] ?? defaultHost;
  if (!parts || host === undefined) {
    const problem = `${name} must be ${defaultHost ? "[HOST:]PORT" : "HOST:PORT"}, got ${describe(text)}`;
    throw typeof text === "string" ? new RangeError(problem) : new TypeError(problem);
  }
  const port = Number(parts[3]);
  checkWhole(`the port of ${name}`, port, defaultHost ? 0 : 1, 65_535);
  return { host, port };
}

/** A socket of the family of `host`, of whose addresses it prefers one of IPv4. */
async function socketFor(name: string, text: string, host: string): Promise<{ socket: Socket; address: string }> {
  if (!inNode()) throw new TypeError("UDP must run in Node, got a browser");
  const { createSocket } = await nodeModule<typeof import("node:dgram")>("node:dgram");
  const { lookup } = await nodeModule<typeof import("node:dns/promises")>("node:dns/promises");
  const { address, family } = await lookup(host, { verbatim: false }).catch((cause: Error) => {
    throw new Error(`${name} must be a known host, got "${text}": ${cause.message}`, { cause });
  });
  // Without this, Node would have every answer's address resolved anew, which is an address already.
  const same = (address: string, _: unknown, found: (error: null, address: string, family: number) => void) =>
    found(null, address, family);
  return { socket: createSocket({ type: family === 6 ? "udp6" : "udp4", lookup: same }), address };
}

/** Starts something of a socket, and resolves on its `event`. */
function once(socket: Socket, event: "connect" | "listening", start: () => void): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once("error", reject);
    socket.once(event, () => {
      socket.off("error", reject);
      resolve();
    });
    start();
  });
}

/** A doorbell of a run of its own. */
function newDoorbell(): Uint8Array<ArrayBuffer> {
  const bytes = Uint8Array.from({ length: BYTES }, (_, i) => Math.imul(i, 0x9e3779b9) >>> 24);
  bytes.set(DOORBELL);
  crypto.getRandomValues(bytes.subarray(RUN, SEQUENCE));
  return bytes;
}

function startsWith(message: Uint8Array, start: Uint8Array): boolean {
  for (let i = 0; i < start.length; i++) if (message[i] !== start[i]) return false;
  return true;
}

function ascii(text: string): Uint8Array {
  return Uint8Array.from(text, (char) => char.charCodeAt(0));
}
