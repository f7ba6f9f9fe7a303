import { JOBS, type JobName } from "./jobs/index.ts";
import { unpackKernels } from "./kernels.ts";

/** What a worker is asked. */
export interface ToWorker {
  job: JobName;
  question: unknown;
}

/** What a worker says: how far it is, the answer, or why there is none. */
export type FromWorker = { progress: unknown } | { answer: unknown } | { refused: string };

/** So often is somebody told how far a job is. */
const PROGRESS_MS = 50;

/** Takes questions, one after another, in a worker. */
export function serveJobs(): void {
  const ready = unpackKernels();
  const say = (said: FromWorker) => self.postMessage(said);
  self.onmessage = async ({ data: { job, question } }: MessageEvent<ToWorker>) => {
    let lastMs = Number.NEGATIVE_INFINITY;
    // Whether it was told: what comes too soon after the last is not.
    const progress = (now: unknown): boolean => {
      if (performance.now() - lastMs < PROGRESS_MS) return false;
      lastMs = performance.now();
      say({ progress: now });
      return true;
    };
    try {
      await ready;
      say({ answer: await JOBS[job](question as never, progress) });
    } catch (cause) {
      say({ refused: cause instanceof Error ? cause.message : String(cause) });
    }
  };
}
