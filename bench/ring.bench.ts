import { Worker } from "node:worker_threads";
import { bestClock } from "../src/clock.ts";
import { DoorbellDrain } from "../src/ring/drain.ts";
import { DoorbellRing } from "../src/ring/index.ts";
import { ThreadTransport } from "../src/threads.ts";
import type { Row } from "./row.ts";
import { popper, pusher, type Received, runTasks, startTask } from "./traffic.ts";

const ROOM = "ring";
const WORDS = 16;
const CAPACITY = 4096;

/** Doorbells between two worker threads: over the rings, and over what Node has for it. */
export default async function rows({ quick }: { quick: boolean }): Promise<Row[]> {
  const batches = await oneWay(quick ? 2 ** 20 : 2 ** 26, 64);
  const singles = await oneWay(quick ? 2 ** 20 : 2 ** 25, 1);
  const ringNs = await overRings(quick ? 2000 : 200_000);
  const wakeNs = await wakeUp(quick ? 50 : 2000);
  const messageWakeNs = await overMessages(quick ? 50 : 2000, "wake");
  const messageNs = await overMessages(quick ? 500 : 20_000, "onmessage");
  const polledNs = await overMessages(quick ? 500 : 20_000, "polled");
  const { ns, checksum } = pushAndPop(quick ? 10 : 3000);
  const traffic = await longTraffic(quick ? 2 ** 17 : 2 ** 27);
  const peer = "MessagePort";
  return [
    rowOf("ring, one way in batches of 64", batches.value, "M doorbells/s", { checksum: batches.checksum }),
    rowOf("ring, one way one by one", singles.value, "M doorbells/s", { checksum: singles.checksum }),
    rowOf("ring, round trip, median", ringNs, "ns", { peer, ratio: messageNs / ringNs }),
    rowOf("ring, round trip, median", ringNs, "ns", { peer: `${peer}, polled`, ratio: polledNs / ringNs }),
    rowOf("ring, wake-up from a sleep of 1 ms, median", wakeNs, "ns", { peer, ratio: messageWakeNs / wakeNs }),
    rowOf("MessagePort, round trip, median", messageNs, "ns"),
    rowOf("MessagePort, polled, round trip, median", polledNs, "ns"),
    rowOf("ring, push and pop on one thread", ns, "ns", { checksum }),
    rowOf(traffic.row, traffic.value, "M doorbells", { checksum: traffic.checksum }),
  ];
}

function rowOf(row: string, value: number, unit: string, rest: Partial<Row> = {}): Row {
  const { peer = null, ratio = null, checksum = null } = rest;
  return { room: ROOM, row, value, unit, peer, ratio, checksum };
}

/** Millions of doorbells a second from one thread to another, every one checked: the median of blocks of 2^14. */
async function oneWay(count: number, batch: number): Promise<{ value: number; checksum: number }> {
  const { buffer } = DoorbellRing.create(CAPACITY);
  const received = await runTasks([popper(buffer, { count, batch }), pusher(buffer, { count, batch })]);
  checkWhole(received, count);
  return { value: 1e3 / median(Float64Array.from(received.blockNs)), checksum: received.sum };
}

/** Many doorbells from three threads that nap now and then, over small rings: what was lost, and what came twice. */
async function longTraffic(count: number): Promise<{ row: string; value: number; checksum: number }> {
  const pushers = 3;
  const each = Math.floor(count / pushers);
  const { buffer } = DoorbellDrain.create(pushers, 256);
  const push = (index: number) =>
    pusher(buffer, { index, count: each, batch: 50 + index, napEvery: 1e6, napMs: 1 + index });
  const received = await runTasks([popper(buffer, { count: pushers * each, batch: 64 }), push(0), push(1), push(2)]);
  checkWhole(received, pushers * each);
  const { lost, again, sum } = received;
  return {
    row: `drain, traffic of ${pushers} pushers that nap, ${lost} lost, ${again} twice`,
    value: received.received / 1e6,
    checksum: sum,
  };
}

function checkWhole({ received, lost, again, torn }: Received, count: number): void {
  if (received !== count || lost + again + torn > 0)
    throw new Error(`${received} of ${count} doorbells came, ${lost} lost, ${again} twice, ${torn} torn`);
}

/** How long after a push a thread that slept is awake: the median. */
async function wakeUp(count: number): Promise<number> {
  const { buffer } = DoorbellRing.create(2);
  const woken = startTask({ task: "woken", buffer, count });
  const waker = startTask({ task: "wake", buffer, count });
  const [wakeNs] = await Promise.all([woken.result, waker.result]);
  return median(wakeNs as Float64Array);
}

async function overRings(count: number): Promise<number> {
  const transport = await ThreadTransport.open();
  const latencyNs = new Float32Array(count);
  await transport.ring(latencyNs.subarray(0, count / 2));
  await transport.ring(latencyNs);
  await transport.close();
  return 2 * median(latencyNs);
}

/** Posts 64 bytes from one worker to another and back; `polled` spins on receiveMessageOnPort instead of the event loop, and `wake` tells how long one way takes after 1 ms of rest. */
async function overMessages(count: number, how: "onmessage" | "polled" | "wake"): Promise<number> {
  const { port1, port2 } = new MessageChannel();
  const start = (script: string, port: MessagePort) =>
    new Worker(
      `const { workerData: { port, count }, parentPort, receiveMessageOnPort } = require("node:worker_threads");${script}`,
      {
        eval: true,
        execArgv: [],
        workerData: { port, count },
        transferList: [port as never],
      },
    );
  const echo = start(ECHO[how], port2);
  const time = start(TIME[how], port1);
  const roundTripNs = await new Promise<Float64Array>((resolve, reject) => {
    time.once("message", resolve).once("error", reject);
    echo.once("error", reject);
  });
  await Promise.all([echo.terminate(), time.terminate()]);
  return median(roundTripNs);
}

const CLOCK = "const ns = () => { const [seconds, ns] = process.hrtime(); return seconds * 1e9 + ns; };";
const ECHO = {
  wake: `${CLOCK} port.onmessage = ({ data }) => { const now = ns(); data[0] = now - data[0]; port.postMessage(data); };`,
  onmessage: "port.onmessage = ({ data }) => port.postMessage(data);",
  polled: `for (;;) {
    const received = receiveMessageOnPort(port);
    if (received) port.postMessage(received.message);
  }`,
};

// As many again, and not timed, come first.
const TIMER = `
  const doorbell = new Uint32Array(${WORDS});
  const roundTripNs = new Float64Array(count);
  ${CLOCK}
  const check = (reply) => { if (reply[0] !== doorbell[0]++) throw new Error("the wrong doorbell came back"); };`;
const TIME = {
  wake: `${CLOCK}
    const wakeNs = new Float64Array(count);
    const sleeper = new Int32Array(new SharedArrayBuffer(4));
    let rung = 0;
    const ring = () => {
      Atomics.wait(sleeper, 0, 0, 1);
      const doorbell = new Float64Array(${WORDS / 2});
      doorbell[0] = ns();
      port.postMessage(doorbell);
    };
    port.onmessage = ({ data }) => {
      wakeNs[rung] = data[0];
      if (++rung < count) ring();
      else parentPort.postMessage(wakeNs);
    };
    ring();`,
  onmessage: `${TIMER}
    let start;
    let rung = -count;
    const ring = () => { start = ns(); port.postMessage(doorbell); };
    port.onmessage = ({ data }) => {
      if (rung >= 0) roundTripNs[rung] = ns() - start;
      check(data);
      if (++rung < count) ring();
      else parentPort.postMessage(roundTripNs);
    };
    ring();`,
  polled: `${TIMER}
    for (let rung = -count; rung < count; rung++) {
      const start = ns();
      port.postMessage(doorbell);
      let received;
      while (!(received = receiveMessageOnPort(port)));
      if (rung >= 0) roundTripNs[rung] = ns() - start;
      check(received.message);
    }
    parentPort.postMessage(roundTripNs);`,
};

/** What both ends of a ring cost where no other thread touches it: the median of blocks of 1,000. */
function pushAndPop(blocks: number): { ns: number; checksum: number } {
  const ring = DoorbellRing.create(64);
  const { read } = bestClock();
  const doorbell = Uint32Array.from({ length: WORDS }, (_, i) => Math.imul(i + 1, 0x9e3779b9));
  const popped = new Uint32Array(WORDS);
  const blockNs = new Float64Array(blocks);
  let checksum = 0;
  for (let block = -blocks; block < blocks; block++) {
    const start = read();
    for (let i = 0; i < 1000; i++) {
      doorbell[0] = i;
      ring.push(doorbell);
      ring.pop(popped);
      checksum = (checksum + popped[i % WORDS]!) >>> 0;
    }
    if (block >= 0) blockNs[block] = (read() - start) / 1000;
  }
  return { ns: median(blockNs), checksum };
}

function median(values: Float32Array | Float64Array): number {
  return values.slice().sort()[values.length >> 1]!;
}
