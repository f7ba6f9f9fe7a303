import { Worker } from "node:worker_threads";
import { buildSync } from "esbuild";

/** Pushes `count` doorbells in batches; batches of 1 go one by one. */
export interface PushTask {
  task: "push";
  buffer: SharedArrayBuffer;
  index: number;
  count: number;
  batch: number;
  /** Sleeps for `napMs` after every so many. */
  napEvery: number;
  napMs: number;
}

/** Pops `count` doorbells of all rings in `buffer`, or until none came for `quietMs`. */
export interface PopTask extends Omit<PushTask, "task" | "index"> {
  task: "pop";
  quietMs: number;
  spinMs: number;
}

/** Pushes to a thread that sleeps, or is it. */
export interface WakeTask {
  task: "wake" | "woken";
  buffer: SharedArrayBuffer;
  count: number;
}

/** What came out. */
export interface Received {
  received: number;
  /** Numbers left out, seen again or out of order, and doorbells whose words do not belong together. */
  lost: number;
  again: number;
  torn: number;
  /** Of all numbers, modulo 2^32. */
  sum: number;
  /** How often the popper waited, and the longest of it. */
  waits: number;
  waitMsMax: number;
  /** The next number of each pusher. */
  next: number[];
  /** Nanoseconds a doorbell, in blocks of 2^14. */
  blockNs: number[];
}

let script: string | undefined;

/** A worker at its task; `result` rejects when it fails, or is terminated before its end. */
export function startTask(task: PushTask | PopTask | WakeTask): { worker: Worker; result: Promise<unknown> } {
  script ??= buildSync({
    entryPoints: ["bench/traffic.worker.ts"],
    bundle: true,
    write: false,
    format: "cjs",
    platform: "node",
    target: "es2022",
  }).outputFiles[0]!.text;
  const worker = new Worker(script, { eval: true, execArgv: [], workerData: task });
  const result = new Promise((resolve, reject) => {
    worker.once("message", resolve).once("error", reject);
    worker.once("exit", (code) => reject(new Error(`a worker ended with code ${code}`)));
  });
  return { worker, result };
}

/** A pusher that never naps. */
export const pusher = (
  buffer: SharedArrayBuffer,
  task: Partial<PushTask> & { count: number; batch: number },
): PushTask => ({
  task: "push",
  buffer,
  index: 0,
  napEvery: Number.POSITIVE_INFINITY,
  napMs: 0,
  ...task,
});

/** A popper that never naps, and gives up after ten quiet seconds. */
export const popper = (
  buffer: SharedArrayBuffer,
  task: Partial<PopTask> & { count: number; batch: number },
): PopTask => ({
  task: "pop",
  buffer,
  quietMs: 10_000,
  spinMs: 0.05,
  napEvery: Number.POSITIVE_INFINITY,
  napMs: 0,
  ...task,
});

/** Runs `tasks` side by side, the popper first among them, and returns what it received. */
export async function runTasks(tasks: readonly [PopTask, ...PushTask[]]): Promise<Received> {
  const [received] = await Promise.all(tasks.map((task) => startTask(task).result));
  return received as Received;
}
