import { expect, test } from "vitest";
import {
  checkSchedulability,
  LoadSampler,
  opticsNamed,
  opticsOf,
  type ScenarioInput,
  shareInterval,
} from "../../src/index.ts";

const { profile } = opticsNamed("lpo-800g");
/** Stalls often enough to be seen: one frame in a hundred thousand. */
const stalling = opticsOf({ ...profile, stall: { probabilityPerFrame: 1e-5, lowNs: 1000, highNs: 5000 } });
const scenarios: ScenarioInput[] = [
  { optics: "cpo-800g", fabric: { hops: 1, correlation: 1 } },
  { optics: stalling, fabric: { hops: 3, ports: 12 } },
];

test.each(scenarios)("loads that are drawn end late as often as the convolution says", (scenario) => {
  const { miss } = checkSchedulability(scenario, { draws: 1000 });
  const sampler = new LoadSampler(scenario, { seed: 7 });
  let late = 0;
  const draws = 100 * 4096;
  for (let drawn = 0; drawn < draws; drawn += 4096)
    for (const ns of sampler.next()) if (ns > miss.near.deadlineNs) late++;
  const { low, high } = shareInterval(late, draws, 0.999);
  expect(miss.near.exact).toBeGreaterThan(low);
  expect(miss.near.exact).toBeLessThan(high);
});

test("no load is shorter than what never varies, and the same seed draws the same loads", () => {
  const [one, other] = [
    new LoadSampler({ optics: "cpo-800g" }, { batch: 64 }),
    new LoadSampler({ optics: "cpo-800g" }, { batch: 64 }),
  ];
  for (const ns of one.next()) expect(ns).toBeGreaterThan(one.fixedNs);
  other.next();
  expect(other.next()).toEqual(one.next());
  expect(() => new LoadSampler({ optics: "cpo-800g" }, { seeds: 3 } as never)).toThrow("seed");
});
