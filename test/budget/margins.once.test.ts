import { describe, expect, test } from "vitest";
import { type Margins, margins } from "../../src/budget/margins.ts";
import type { ScenarioInput } from "../../src/budget/scenario.ts";
import { check, retraining, stalling } from "./shared.ts";

/** How each margin changes a scenario, and which way the next value is worse. */
const FIGURES: {
  name: keyof Margins;
  part: "fabric" | "demand" | "objective";
  field: string;
  worse: 1 | -1;
  last: number;
}[] = [
  { name: "largestExpertBytes", part: "demand", field: "expertBytes", worse: 1, last: 1e12 },
  { name: "mostHops", part: "fabric", field: "hops", worse: 1, last: 64 },
  { name: "fewestPorts", part: "fabric", field: "ports", worse: -1, last: 1 },
  { name: "tightestDeadlineNs", part: "objective", field: "deadlineNs", worse: -1, last: 1 },
  { name: "mostLoadsPerStep", part: "demand", field: "loadsPerStep", worse: 1, last: 1e6 },
];

const holds = (input: ScenarioInput, part: (typeof FIGURES)[number]["part"], field: string, value: number) =>
  check({ ...input, [part]: { ...input[part], [field]: value } }).schedulable;

test.each<{ what: string; input: ScenarioInput }>([
  { what: "co-packaged", input: { optics: "cpo-800g" } },
  {
    what: "co-packaged, 4 ports, half a second",
    input: { optics: "cpo-800g", fabric: { ports: 4 }, demand: { loadsPerStep: 5 }, objective: { deadlineNs: 5e8 } },
  },
  { what: "retimed, wider jitter", input: { optics: "dsp-800g", objective: { jitterShareMax: 0.1 } } },
  { what: "retimed, with stalls", input: { optics: stalling(5e-4), objective: { jitterShareMax: 0.1 } } },
  { what: "near-packaged, half in step", input: { optics: "npo-800g", fabric: { correlation: 0.5 } } },
  {
    what: "linear, 200 outages an hour",
    input: { optics: retraining("lpo-800g", 200), objective: { jitterShareMax: 0.5 } },
  },
])("every margin is tight: $what", ({ input }) => {
  expect(check(input).schedulable).toBe(true);
  const found = margins(input);
  for (const { name, part, field, worse, last } of FIGURES) {
    const value = found[name]!;
    expect(value, name).not.toBeNull();
    expect(holds(input, part, field, value), `${name} of ${value}`).toBe(true);
    if (value !== last) expect(holds(input, part, field, value + worse), `${name} past ${value}`).toBe(false);
  }
});

describe("by hand", () => {
  const found = margins({ optics: "cpo-800g" });

  test("loads: 0.8 of what 16 ports carry for 8 GPUs in 40 ms", () => {
    // 0.8 x 1524.8 bytes/ns x 40e6 ns / 8 / 160e6 bytes = 38.1
    expect(found.mostLoadsPerStep).toBe(38);
  });

  test("deadline: what a load takes at its p99", () => {
    const { load } = check({ optics: "cpo-800g" });
    expect(found.tightestDeadlineNs).toBeGreaterThan(load.totalNs);
    expect(found.tightestDeadlineNs).toBeLessThan(load.totalNs + 6 * 10); // no hop takes 10 ns more in 1 of 100
  });

  test("ports: 160 MB in what 180 µs leave", () => {
    // 180,000 - 22,500 - 2 x 220 = 157,060 ns: 1018.7 bytes/ns, 10.69 ports.
    expect(found.fewestPorts).toBe(11);
  });
});

test("more ports mean more links: what holds at few is found though it would not at many", () => {
  const input = { optics: retraining("cpo-800g", 10) };
  expect(check(input).schedulable).toBe(true);
  expect(holds(input, "fabric", "ports", 2048)).toBe(false);
  expect(margins(input).fewestPorts).toBe(11);
});

test("null where nothing holds", () => {
  expect(margins({ optics: "lpo-800g" })).toEqual({
    largestExpertBytes: null, // jitter, whatever the size
    mostHops: null, // at one hop already
    fewestPorts: null,
    tightestDeadlineNs: null,
    mostLoadsPerStep: null,
  });
  const busy = margins({ optics: "cpo-800g", objective: { deadlineNs: 22_000 } }); // less than post, translate and fence
  expect([busy.largestExpertBytes, busy.mostHops, busy.fewestPorts, busy.mostLoadsPerStep]).toEqual([
    null,
    null,
    null,
    null,
  ]);
  expect(busy.tightestDeadlineNs).toBeGreaterThan(22_000); // a later one would do
  expect(margins({ optics: retraining("cpo-800g", 1e9) }).fewestPorts).toBeNull();
});
