import { compare } from "./compare.ts";
import { DEEPSEEK, type Decoder, decode, MIXTRAL, ours, planOf, type Shape, stepsOf, twin } from "./decoding.ts";
import type { Row } from "./row.ts";

const room = "simulation";

/** One long run: how long it took, loads and events, what memory the process has, and the checksum. */
function once(shape: Shape, gpus: number, count: number) {
  const decoder = ours(planOf(shape, gpus));
  const steps = stepsOf(shape, 256);
  const from = process.cpuUsage();
  const beganMs = performance.now();
  const checksum = decode(decoder, steps, count);
  const ms = performance.now() - beganMs;
  const { user, system } = process.cpuUsage(from);
  return { ms, cpuMs: (user + system) / 1e3, ...decoder.engine.counts, rssBytes: process.memoryUsage.rss(), checksum };
}

export default function rows({ quick }: { quick: boolean }): Row[] {
  const plan = planOf(MIXTRAL, 128);
  const steps = stepsOf(MIXTRAL, 256);
  const stepsARun = quick ? 2 : 40;
  const loads = 128 * stepsARun * MIXTRAL.layers * MIXTRAL.coldShare;
  const contender = (name: string, decoder: () => Decoder) => {
    const kept = decoder();
    return {
      name,
      run: () => void decode(kept, steps, stepsARun),
      checksum: () => decode(decoder(), steps, stepsARun),
    };
  };
  const name = "128 GPUs, Mixtral-8x22B";
  const both = compare([contender(name, () => ours(plan)), contender("TypeScript", () => twin(plan))], {
    room,
    unit: "ns/load",
    work: loads,
    quick,
  });
  const plain = (row: string, value: number, unit: string, checksum: number | null): Row => {
    return { room, row, value, unit, peer: null, ratio: null, checksum };
  };
  const long = once(MIXTRAL, 128, quick ? 3 : 1000);
  const scaled = [128, 256, 512, 1024].map((gpus) => {
    const run = once(DEEPSEEK, gpus, quick ? 1 : 60);
    return { gpus, run };
  });
  return [
    both.row(name, "TypeScript"),
    plain(`${long.posted} loads, 1,000 steps each`, long.ms, "ms/run", long.checksum),
    plain("CPU time of it", long.cpuMs, "ms/run", null),
    plain("events of it", long.events / long.posted, "events/load", null),
    ...scaled.flatMap(({ gpus, run }) => [
      plain(`${gpus} GPUs, DeepSeek-V3`, (run.cpuMs * 1e6) / run.events, "CPU ns/event", run.checksum),
      plain(`${gpus} GPUs, the process by then`, run.rssBytes / 2 ** 20, "MiB", null),
    ]),
  ];
}
