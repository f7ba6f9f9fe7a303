import { describe, expect, test } from "vitest";
import { bestClock, type Clock, chooseClock, measureClock } from "../src/clock.ts";

/** A clock of which each reading takes `costNs`, and which shows whole steps only. */
function toyClock(costNs: number, stepNs: number): () => number {
  let ns = 0;
  return () => {
    ns += costNs;
    return Math.floor(ns / stepNs) * stepNs;
  };
}

describe("bestClock", () => {
  test("never goes back, and knows what it costs", () => {
    const { read, cost } = bestClock();
    expect(cost.name).toMatch(/performance\.now|process\.hrtime/);
    expect(cost.costNs).toBeGreaterThan(0);
    expect(cost.stepNs).toBeGreaterThan(0);
    let before = read();
    for (let i = 0; i < 10_000; i++) {
      const now = read();
      expect(now >= before).toBe(true);
      before = now;
    }
  });

  test("counts in nanoseconds", async () => {
    const { read } = bestClock();
    const [startMs, startNs] = [performance.now(), read()];
    await new Promise((resolve) => setTimeout(resolve, 50));
    const [ns, ms] = [read() - startNs, performance.now() - startMs];
    // The pair of readings around the others spans them; a clock may be coarsened by 0.1 ms.
    expect(ns / 1e6).toBeLessThan(ms + 0.2);
    expect(ns / 1e6).toBeGreaterThan(25);
  });
});

describe("measureClock", () => {
  test.each([
    ["fine", 40, 1, "toy", 40],
    ["stepping by a little more than a reading takes", 40, 100, "toy", 100],
    ["coarse", 50, 5000, "toy, coarsened to 5 µs", 5000],
    ["coarser", 50, 100_000, "toy, coarsened to 100 µs", 100_000],
    ["as coarse as a browser dares", 1000, 1e8, "toy, coarsened to 100000 µs", 1e8],
  ])("finds what a clock costs that is %s", (_, costNs, stepNs, name, leastStepNs) => {
    const { cost } = measureClock("toy", toyClock(costNs, stepNs));
    expect(cost.name).toBe(name);
    expect(cost.stepNs).toBe(leastStepNs);
    // A block of a tenth of a millisecond is exact to one reading at either end.
    expect(Math.abs(cost.costNs - costNs) / costNs).toBeLessThan((2 * costNs) / 100_000);
  });

  test("says so where one stands still", () => {
    const { cost } = measureClock("toy", () => 7);
    expect(cost).toEqual({ name: "toy, which stands still", costNs: 0, stepNs: Number.POSITIVE_INFINITY });
  });
});

describe("chooseClock", () => {
  const clock = (name: string, costNs: number, stepNs: number): Clock => ({
    read: () => 0,
    cost: { name, costNs, stepNs },
  });

  test("takes the cheapest that is fine enough", () => {
    const clocks = [clock("dear", 80, 1), clock("cheap", 30, 999), clock("coarse", 5, 1000)];
    expect(chooseClock(clocks).cost.name).toBe("cheap");
  });

  test("takes the finest where none is fine enough", () => {
    const clocks = [clock("cheap", 5, 100_000), clock("finer", 80, 5000), clock("frozen", 0, Number.POSITIVE_INFINITY)];
    expect(chooseClock(clocks).cost.name).toBe("finer");
  });
});
