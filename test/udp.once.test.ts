import { execFile } from "node:child_process";
import { createSocket, type RemoteInfo, type Socket } from "node:dgram";
import { once } from "node:events";
import { networkInterfaces } from "node:os";
import { promisify } from "node:util";
import { afterEach, describe, expect, test } from "vitest";
import { measureTail } from "../src/tail.ts";
import { UdpEcho, UdpTransport } from "../src/udp.ts";
import { TIMED } from "./timed.ts";

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function open(connect: string, timeoutMs = 5000): Promise<UdpTransport> {
  const transport = await UdpTransport.open({ connect, timeoutMs });
  cleanups.push(() => transport.close());
  return transport;
}

async function listen(where = "0"): Promise<UdpEcho> {
  const echo = await UdpEcho.open({ listen: where });
  cleanups.push(() => echo.close());
  return echo;
}

/** A socket of the test's own on loopback, and where it is. */
async function bound(hear: (message: Buffer, from: RemoteInfo, socket: Socket) => void = () => {}) {
  const socket = createSocket("udp4");
  socket.on("message", (message, from) => hear(message, from, socket));
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  cleanups.push(() => socket.close());
  return { socket, port: socket.address().port, address: `127.0.0.1:${socket.address().port}` };
}

/** What an honest echo answers. */
const answerTo = (doorbell: Buffer) => Buffer.concat([Buffer.from("answered"), doorbell.subarray(8)]);
const sequenceOf = (doorbell: Buffer) => doorbell.readDoubleBE(16);
/** Does it in so many milliseconds, unless the test is over by then. */
function later(ms: number, act: () => void): void {
  const timer = setTimeout(act, ms);
  cleanups.push(() => clearTimeout(timer));
}
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

describe("over loopback", () => {
  test("measures a real tail, and loses nothing", async () => {
    const echo = await listen();
    const transport = await open(echo.address);
    const { report } = await measureTail(transport, { warmup: 500, iterations: 5000 });
    expect(report.transport).toBe(`UDP doorbells to ${echo.address}`);
    expect(report.method).toContain("without a reply within 5000 ms is lost");
    expect(report.method).toContain(`Node ${process.version}`);
    expect(report.clock?.costNs).toBeGreaterThan(0);
    expect(report.leastNs).toBeGreaterThan(100); // several system calls
    expect(report.median.ns).toBeLessThan(5e6);
    expect(report.losses).toEqual({ sent: 5000, lost: 0, reordered: 0, duplicated: 0 });
    // One more rang at the opening.
    expect(transport.counts).toEqual({ sent: 5501, received: 5501, lost: 0, reordered: 0, duplicated: 0, ignored: 0 });
    expect(echo.counts).toEqual({ answered: 5501, dropped: 0 });
  });

  test("latency is half of the round trip", async () => {
    const { address } = await bound((doorbell, { port }, socket) =>
      later(20, () => socket.send(answerTo(doorbell), port)),
    );
    const latencyNs = new Float32Array(5);
    await (await open(address)).ring(latencyNs);
    // Timers know whole milliseconds, and may be a millisecond early.
    expect(Math.min(...latencyNs)).toBeGreaterThan(9.4e6);
    expect(Math.min(...latencyNs)).toBeLessThan(18e6);
  });

  test("several at once keep apart", async () => {
    const echo = await listen("localhost:0");
    const transports = await Promise.all([open(echo.address), open(echo.address)]);
    await Promise.all(transports.map((transport) => transport.ring(new Float32Array(300))));
    for (const { counts } of transports) expect(counts).toMatchObject({ sent: 301, received: 301, ignored: 0 });
    expect(echo.counts).toEqual({ answered: 602, dropped: 0 });
  });

  const ipv6 = Object.values(networkInterfaces()).some((all) => all?.some(({ address }) => address === "::1"));
  test.skipIf(!ipv6)("IPv6", async () => {
    const echo = await listen("[::1]:0");
    expect(echo.address).toMatch(/^\[::1\]:\d+$/);
    const transport = await open(echo.address);
    await transport.ring(new Float32Array(10));
    expect(transport.counts.received).toBe(11);
  });
});

describe("a path that loses, delays and doubles", () => {
  type Fate = "lost" | "late" | "twice" | "once";
  const fateOf = (sequence: number): Fate => {
    if (sequence % 10 === 0) return "lost";
    if (sequence % 15 === 0) return "twice";
    return sequence % 40 === 7 ? "late" : "once";
  };

  test("every doorbell is accounted for", async () => {
    const timeoutMs = 200;
    const { address } = await bound((doorbell, { port }, socket) => {
      const answer = answerTo(doorbell);
      const fate = fateOf(sequenceOf(doorbell));
      // Late by less than the next loss makes the transport wait.
      if (fate === "late") later(1.5 * timeoutMs, () => socket.send(answer, port));
      else if (fate !== "lost") socket.send(answer, port);
      if (fate === "twice") socket.send(answer, port);
    });
    const transport = await open(address, timeoutMs);
    const [warmup, iterations] = [20, 101];
    const { report } = await measureTail(transport, { warmup, iterations });

    // The first answers the opening.
    let sequence = 1;
    const walk = (answers: number) => {
      const tally = { once: 0, twice: 0, late: 0, lost: 0 };
      while (tally.once + tally.twice < answers) tally[fateOf(++sequence)]++;
      const { twice, late, lost } = tally;
      return { sent: answers + late + lost, lost: late + lost, reordered: late, duplicated: twice };
    };
    const [before, timed] = [walk(warmup), walk(iterations)];
    expect(timed).toEqual({ sent: 115, lost: 14, reordered: 3, duplicated: 4 }); // as counted by hand
    expect(report.losses).toEqual(timed);
    expect(report.iterations).toBe(iterations);
    // A loss is no latency.
    expect(report.mostNs).toBeLessThan((timeoutMs * 1e6) / 2);
    expect(transport.counts).toEqual({
      sent: sequence,
      received: 1 + warmup + iterations,
      lost: before.lost + timed.lost,
      reordered: before.reordered + timed.reordered,
      duplicated: before.duplicated + timed.duplicated,
      ignored: 0,
    });
  });

  test("the second late reply is a duplicate", async () => {
    const { address } = await bound((doorbell, { port }, socket) => {
      const answer = answerTo(doorbell);
      if (sequenceOf(doorbell) !== 2) return socket.send(answer, port);
      later(150, () => socket.send(answer, port));
      later(200, () => socket.send(answer, port));
    });
    const transport = await open(address, 100);
    await transport.ring(new Float32Array(1));
    await pause(250);
    expect(transport.counts).toMatchObject({ sent: 3, received: 2, lost: 1, reordered: 1, duplicated: 1 });
  });

  test("a process that was held up has lost nothing", async () => {
    const { address } = await bound((doorbell, { port }, socket) => {
      socket.send(answerTo(doorbell), port);
      // The answer is there, and so is the end of the timeout, when the process goes on.
      if (sequenceOf(doorbell) === 2) for (const start = performance.now(); performance.now() - start < 250; );
    });
    const transport = await open(address, 100);
    const latencyNs = new Float32Array(1);
    await transport.ring(latencyNs);
    expect(transport.counts).toMatchObject({ sent: 2, received: 2, lost: 0, reordered: 0 });
    // It did take so long.
    expect(latencyNs[0]).toBeGreaterThan(124e6);
  });

  test("one that falls silent ends the run, and says where", async () => {
    const { address } = await bound((doorbell, { port }, socket) => {
      if (sequenceOf(doorbell) <= 5) socket.send(answerTo(doorbell), port);
    });
    const transport = await open(address, 20);
    const problem = `${address} must answer within 20 ms, got no reply to 100 doorbells in a row`;
    await expect(transport.ring(new Float32Array(200))).rejects.toThrow(new Error(problem));
    expect(transport.counts).toMatchObject({ sent: 105, received: 5, lost: 100 });
    await expect(transport.ring(new Float32Array(1))).rejects.toThrow(problem);
  });

  test("one that answers too late is told apart from one that is silent", async () => {
    const { address } = await bound((doorbell, { port }, socket) =>
      later(130, () => socket.send(answerTo(doorbell), port)),
    );
    await expect(open(address, 50)).rejects.toThrow(
      /must answer within 50 ms, got no reply to 10 doorbells in a row \(\d came later: raise timeoutMs\)$/,
    );
  });
});

describe("nobody there", () => {
  test("is said at once", TIMED, async () => {
    const { socket, address } = await bound();
    cleanups.pop();
    socket.close();
    await once(socket, "close");
    const start = performance.now();
    await expect(open(address)).rejects.toThrow(
      new Error(`${address} must answer, got ECONNREFUSED: nobody listens there`),
    );
    expect(performance.now() - start).toBeLessThan(2000);
  });

  test("any more ends the run", async () => {
    const echo = await listen();
    const transport = await open(echo.address);
    await echo.close();
    await expect(transport.ring(new Float32Array(10))).rejects.toThrow("must answer, got ECONNREFUSED");
  });

  test("a listener that says nothing is given up after ten", async () => {
    let heard = 0;
    const { address } = await bound(() => heard++);
    await expect(open(address, 20)).rejects.toThrow(
      new Error(`${address} must answer within 20 ms, got no reply to 10 doorbells in a row`),
    );
    expect(heard).toBe(10);
  });
});

describe("strays", () => {
  test("the transport ignores what is no reply of this run", async () => {
    const forgeries: ((answer: Buffer) => Buffer)[] = [
      () => Buffer.alloc(64),
      () => Buffer.alloc(0),
      (answer) => answer.subarray(0, 63),
      (answer) => Buffer.concat([answer, Buffer.alloc(1)]),
      (answer) => Buffer.concat([Buffer.from("doorbell"), answer.subarray(8)]),
      (answer) => flipped(answer, 8), // another run
      (answer) => flipped(answer, 63), // another pattern
      (answer) => withSequence(answer, sequenceOf(answer) + 1), // not rung yet
      (answer) => withSequence(answer, 0.5),
      (answer) => withSequence(answer, Number.NaN),
      (answer) => withSequence(answer, -1),
      (answer) => withSequence(answer, 0),
    ];
    const { address } = await bound((doorbell, { port }, socket) => {
      for (const forge of forgeries) socket.send(forge(answerTo(doorbell)), port);
      socket.send(answerTo(doorbell), port);
    });
    const transport = await open(address);
    await transport.ring(new Float32Array(9));
    expect(transport.counts).toEqual({
      sent: 10,
      received: 10,
      lost: 0,
      reordered: 0,
      duplicated: 0,
      ignored: 10 * forgeries.length,
    });
  });

  test("the echo answers a doorbell with as many bytes, and nothing else", async () => {
    const echo = await listen();
    const port = Number(echo.address.split(":")[1]);
    const answers: Buffer[] = [];
    const { socket } = await bound((answer) => answers.push(answer));
    const doorbell = Buffer.concat([Buffer.from("doorbell"), Buffer.alloc(56, 7)]);
    const others = [
      Buffer.alloc(0),
      Buffer.from("doorbell"),
      doorbell.subarray(0, 63),
      Buffer.concat([doorbell, Buffer.alloc(1)]),
      Buffer.alloc(1400, doorbell),
      Buffer.alloc(64),
      flipped(doorbell, 0),
      flipped(doorbell, 7),
      answerTo(doorbell), // or two echoes would go on for ever
    ];
    for (const other of others) socket.send(other, port, "127.0.0.1");
    socket.send(doorbell, port, "127.0.0.1");
    while (answers.length === 0) await pause(5);
    await pause(50);
    expect(answers).toEqual([answerTo(doorbell)]);
    expect(echo.counts).toEqual({ answered: 1, dropped: others.length });
  });

  function flipped(bytes: Buffer, at: number): Buffer {
    const copy = Buffer.from(bytes);
    copy[at]! ^= 1;
    return copy;
  }

  function withSequence(bytes: Buffer, sequence: number): Buffer {
    const copy = Buffer.from(bytes);
    copy.writeDoubleBE(sequence, 16);
    return copy;
  }
});

describe("opening and closing", () => {
  test("takes one call at a time, and none for no latencies", async () => {
    const transport = await open((await listen()).address);
    await transport.ring(new Float32Array(0));
    expect(transport.counts.sent).toBe(1);
    const first = transport.ring(new Float32Array(100));
    await expect(transport.ring(new Float32Array(1))).rejects.toThrow("ringing already");
    await first;
    await expect(transport.ring([0] as never)).rejects.toThrow(
      new TypeError("latencyNs must be a Float32Array, got an array"),
    );
  });

  test("closes twice, also while ringing", async () => {
    const echo = await listen();
    const transport = await open(echo.address);
    const closing = expect(transport.ring(new Float32Array(1e6))).rejects.toThrow("the transport is closed");
    await Promise.all([transport.close(), transport.close()]);
    await transport.close();
    await closing;
    await expect(transport.ring(new Float32Array(1))).rejects.toThrow("the transport is closed");
    await Promise.all([echo.close(), echo.close()]);
    await echo.close();
  });

  test("lets a process end that forgot to close it", async () => {
    const { address } = await listen();
    const script = `
      import { UdpTransport } from "vorchestrate";
      const transport = await UdpTransport.open({ connect: "${address}" });
      await transport.ring(new Float32Array(100));
      console.log(transport.counts.received);`;
    const run = promisify(execFile);
    const { stdout } = await run(process.execPath, ["--input-type=module", "--eval", script], { timeout: 30_000 });
    expect(stdout).toBe("101\n");
  });

  test("a port that is taken, or no address of this machine, is named", async () => {
    const { address } = await listen();
    await expect(listen(address)).rejects.toThrow(
      `listen must be free on this machine, got "${address}": bind EADDRINUSE`,
    );
    await expect(listen("203.0.113.1:0")).rejects.toThrow('listen must be free on this machine, got "203.0.113.1:0"');
  });
});
