import { expect, test } from "vitest";
import { compareLanes, laneFaults } from "../src/lanes.ts";
import { RandomBits } from "../src/random.ts";
import { shareOf } from "./share.ts";

const FRAME_NS = 90; // 9,000 bytes at 800 Gb/s
const meanNs = (lane: "priority" | "shared", utilisation: number) => {
  const [fault] = laneFaults(lane, { utilisation });
  return fault!.probability * fault!.delay.moments().meanNs;
};

test("a dedicated lane does not feel bulk", () => {
  for (const utilisation of [0, 0.5, 0.99]) expect(laneFaults("dedicated", { utilisation })).toEqual([]);
});

test.each([0.1, 0.5, 0.8, 0.95])(
  "a priority lane waits utilisation x 45 ns a hop, and never above 90 ns, at %d",
  (rho) => {
    expect(meanNs("priority", rho)).toBeCloseTo(rho * 45, 3);
    const [fault] = laneFaults("priority", { utilisation: rho });
    expect(fault!.delay.mostNs).toBeLessThanOrEqual(FRAME_NS);
    expect(fault!.probability).toBe(rho);
  },
);

test.each([0.1, 0.5, 0.8, 0.95])("a shared lane waits as M/D/1 says, at %d", (rho) => {
  expect(meanNs("shared", rho) / ((rho * FRAME_NS) / (2 * (1 - rho)))).toBeCloseTo(1, 3);
});

test("a shared lane's wait is distributed as that of a simulated queue", () => {
  const rho = 0.8;
  const [fault] = laneFaults("shared", { utilisation: rho });
  const bits = new RandomBits({ seed: 11, batch: 4 * shareOf(2 ** 18) });
  const thresholds = [0, 45, 90, 180, 360, 720, 1000];
  const beyond = thresholds.map(() => 0);
  let [waitNs, arrivals] = [0, 0];
  for (let batch = 0; batch < 4; batch++) {
    for (const word of bits.next()) {
      // Lindley: what the last frame left, and its own time, less the time to the next.
      waitNs = Math.max(0, waitNs + FRAME_NS + (FRAME_NS / rho) * Math.log((word + 0.5) / 2 ** 32));
      arrivals++;
      thresholds.forEach((ns, i) => {
        if (waitNs > ns) beyond[i]!++;
      });
    }
  }
  // Neighbouring waits are correlated over some 1 / (1 - rho)^2 arrivals: that many fewer count.
  thresholds.forEach((ns, i) => {
    const expected = rho * fault!.delay.exceedance(ns);
    const error = Math.sqrt((expected * (1 - expected)) / (arrivals * (1 - rho) ** 2));
    expect(Math.abs(beyond[i]! / arrivals - expected), `beyond ${ns} ns`).toBeLessThan(5 * error);
  });
});

test("lanes side by side: shared grows without bound as the link fills, priority does not", () => {
  const at = (utilisation: number) => Object.fromEntries(compareLanes({ utilisation }).map((row) => [row.lane, row]));
  const [half, full] = [at(0.5), at(0.95)];
  expect(half["dedicated"]).toMatchObject({ meanNs: 0, p999Ns: 0, mostNs: 0 });
  expect(half["priority"]!.meanNs).toBeCloseTo(3 * 0.5 * 45, 2);
  expect(full["priority"]!.mostNs).toBeLessThanOrEqual(270);
  expect(full["shared"]!.mostNs).toBeNull();
  expect(full["shared"]!.meanNs / half["shared"]!.meanNs).toBeCloseTo(19, 1); // (0.95 / 0.05) / (0.5 / 0.5)
  expect(full["shared"]!.p999Ns).toBeGreaterThan(full["priority"]!.mostNs!);
  // Over the shared lane, which waits 0.95 / 0.05 x 45 ns a hop: all of it, and all but 0.95 x 45 ns.
  expect(full["dedicated"]!.meanGainNs).toBeCloseTo(3 * 19 * 45, 0);
  expect(full["priority"]!.meanGainNs).toBeCloseTo(3 * (19 - 0.95) * 45, 0);
  expect(full["shared"]).toMatchObject({ meanGainNs: 0, p99GainNs: 0 });
  expect(full["priority"]!.p99GainNs).toBe(full["shared"]!.p99Ns - full["priority"]!.p99Ns);
  // Without bulk there is nothing to gain.
  for (const { meanGainNs, p99GainNs, mostNs } of compareLanes({ utilisation: 0 }))
    expect([meanGainNs, p99GainNs, mostNs]).toEqual([0, 0, 0]);
});

test("quantiles of a priority lane are those of what is left of one frame, and of two", () => {
  for (const rho of [0.005, 0.02, 0.5, 0.95]) {
    const [one, two] = [1, 2].map(
      (hops) => compareLanes({ utilisation: rho, hops }).find(({ lane }) => lane === "priority")!,
    );
    // P(above t) = rho (1 - t / 90)
    const oneBeyond = (u: number) => Math.max(0, FRAME_NS * (1 - u / rho));
    expect(one!.p99Ns).toBeCloseTo(oneBeyond(0.01), 1);
    expect(one!.p999Ns).toBeCloseTo(oneBeyond(0.001), 1);
    // From 90 ns on both have to wait: P(above t) = rho^2 (180 - t)^2 / (2 x 90^2).
    const twoNs = FRAME_NS * (2 - Math.sqrt(2 * 0.001) / rho);
    if (twoNs > FRAME_NS) expect(two!.p999Ns).toBeCloseTo(twoNs, 1);
  }
});

test("names the bad argument", () => {
  expect(() => laneFaults("shared", { utilisation: 1 })).toThrow(
    new RangeError("utilisation must be from 0 to 0.999, got 1"),
  );
  for (const utilisation of [0, 0.5])
    expect(() => laneFaults("bulk" as "shared", { utilisation })).toThrow(
      new RangeError('lane must be dedicated, priority, shared, got "bulk"'),
    );
  expect(() => compareLanes({ utilisation: 0.5, hops: 0 })).toThrow("hops must be from 1 to 64, got 0");
});
