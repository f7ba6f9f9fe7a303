import type { ClockCost } from "./tail.ts";

/** A clock to time with. */
export interface Clock {
  /** Nanoseconds since a moment that stays the same. */
  read(): number;
  /** What a reading costs and how fine it is, as measured here. */
  cost: ClockCost;
}

/** Short and many, so that few of them are interrupted or run before the loop is compiled. */
const BLOCKS = 151;
const BLOCK_NS = 100_000;
const PATIENCE_NS = 1e9;
const READINGS_MAX = 2 ** 22;
const COARSE_NS = 1000;

/** The best clock of this host, by measurement (some 50 ms): the cheapest to read that steps below 1 µs, else the finest. */
export function bestClock(): Clock {
  return chooseClock(Object.entries(clocksHere()).map(([name, read]) => measureClock(name, read)));
}

/** The cheapest of `clocks` that steps below 1 µs, else the finest. */
export function chooseClock(clocks: readonly Clock[]): Clock {
  const fine = clocks.filter(({ cost }) => cost.stepNs < COARSE_NS).sort((a, b) => a.cost.costNs - b.cost.costNs);
  const finest = [...clocks].sort((a, b) => a.cost.stepNs - b.cost.stepNs);
  return (fine[0] ?? finest[0])!;
}

/** Reads the clock for blocks of a tenth of a millisecond. One that coarsens what it reads has that in its name. */
export function measureClock(name: string, read: () => number): Clock {
  const costsNs: number[] = [];
  let stepNs = Number.POSITIVE_INFINITY;
  const first = read();
  let now = first;
  while (costsNs.length < BLOCKS && now - first < PATIENCE_NS) {
    // From one step to another, lest a coarse clock hide a part of the block.
    const before = now;
    for (let i = 0; now === before && i < READINGS_MAX; i++) now = read();
    const start = now;
    let readings = 0;
    for (; now - start < BLOCK_NS && readings < READINGS_MAX; readings++) {
      const next = read();
      if (next > now) stepNs = Math.min(stepNs, next - now);
      now = next;
    }
    costsNs.push((now - start) / readings);
    if (now === first) break;
  }
  costsNs.sort((a, b) => a - b);
  return { read, cost: { name: name + coarseness(stepNs), costNs: costsNs[costsNs.length >> 1]!, stepNs } };
}

function coarseness(stepNs: number): string {
  if (stepNs < COARSE_NS) return "";
  if (stepNs === Number.POSITIVE_INFINITY) return ", which stands still";
  return `, coarsened to ${Number((stepNs / 1e3).toPrecision(3))} µs`;
}

/** Readings count from now: a double holds nanoseconds exactly for 104 days only. */
function clocksHere(): Record<string, () => number> {
  const originMs = performance.now();
  const clocks = { "performance.now()": () => (performance.now() - originMs) * 1e6 };
  const hrtime = globalThis.process?.hrtime;
  if (!hrtime?.bigint) return clocks;
  const origin = hrtime.bigint();
  const [originSeconds] = hrtime();
  return {
    ...clocks,
    "process.hrtime.bigint()": () => Number(hrtime.bigint() - origin),
    "process.hrtime()": () => {
      const [seconds, ns] = hrtime();
      return (seconds - originSeconds) * 1e9 + ns;
    },
  };
}
