import { describe, expect, test } from "vitest";
import { checkSchedulability } from "../../src/budget/index.ts";
import type { ScenarioInput } from "../../src/budget/scenario.ts";
import { opticsNamed } from "../../src/optics/index.ts";
import { changed, check, constant, retraining, stalling, termOf } from "./shared.ts";

/** 800 Gb/s, in bytes/ns, at the default goodput. */
const PORT = 100 * 0.953;

describe("bandwidth", () => {
  test("160 MB take 1.6 ms over one port of 800 Gb/s, and 356 µs into a GPU that takes in 450 bytes/ns", () => {
    const { transfer } = check({ optics: "cpo-800g" });
    expect(transfer.onePortNs).toBe(1.6e6);
    expect(transfer.onePortAtGoodputNs).toBeCloseTo(160e6 / PORT, 6);
    const ingress = (name: RegExp) => transfer.ingress.find((row) => name.test(row.name))!;
    expect(ingress(/900 GB/)).toMatchObject({ bytesPerNs: 450, meetsDeadline: false });
    expect(ingress(/900 GB/).ns).toBeCloseTo(355_555.556, 3);
    expect(ingress(/PCIe/).ns / 2.54e6).toBeCloseTo(1, 3); // 160 MB at 63 bytes/ns
    expect(ingress(/as given/)).toMatchObject({ bytesPerNs: 1800, meetsDeadline: true });
  });

  test("140 µs need 12 ports at 95.3% of goodput and 17 at 71.4%", () => {
    const rows = check({ optics: "cpo-800g" }).transfer.portsForDataLimit;
    expect(rows.map(({ goodputShare, ports }) => [goodputShare, ports])).toEqual([
      [0.953, 12],
      [0.714, 17],
    ]);
    for (const { goodputShare, ports } of rows) {
      expect(ports * 100 * goodputShare * 140_000).toBeGreaterThanOrEqual(160e6);
      expect((ports - 1) * 100 * goodputShare * 140_000).toBeLessThan(160e6);
    }
  });

  test("the defaults take 122 ± 2 µs at the cap of 1.6 TB/s, as the source has it", () => {
    const { load } = check({ optics: "cpo-800g", fabric: { ports: 17 } }); // 17 x 95.3 is above 1600
    expect([load.bytesPerNs, load.limitedBy, load.dataNs]).toEqual([1600, "DPU pace", 100_000]);
    expect(load.pathNs).toBeCloseTo(3 * 48 + 76, 1);
    expect(Math.abs(load.totalNs - 122_000)).toBeLessThan(2000);
  });

  test("phases add up", () => {
    const given = { postNs: 1000, translateNs: 300, localFenceNs: 7000, pipelineNs: 10, serdesNs: 20, hops: 2 };
    const { load, sla } = check({ optics: constant(50), fabric: { ...given, ports: 4 } });
    expect(load.pathNs).toBeCloseTo(2 * 50 + 30, 4);
    expect(load.commandNs).toBeCloseTo(1000 + 300 + 130, 4);
    expect(load.dataNs).toBeCloseTo(160e6 / (4 * PORT), 6);
    expect(load.fenceNs).toBeCloseTo(7000 + 130, 4);
    expect(load.totalNs).toBeCloseTo(1430 + 160e6 / (4 * PORT) + 7130, 4);
    expect(sla.command).toMatchObject({ ns: load.commandNs, limitNs: 10_000, holds: true });
    expect(sla.data).toMatchObject({ ns: load.dataNs, limitNs: 140_000, holds: false });
    expect(sla.fence).toMatchObject({ ns: load.fenceNs, limitNs: 30_000, holds: true });
    expect(sla.phasesNs).toBe(180_000);
  });

  test("40 µs a hop are left of 180 less 60", () => {
    expect(check({ optics: "pcb" }).sla.perHopNs).toBe(40_000);
    expect(check({ optics: "pcb", fabric: { hops: 2 } }).sla.perHopNs).toBe(60_000);
  });

  test.each([
    ["source HBM", { sourceHbmBytesPerNs: 100 }],
    ["source egress", { sourceEgressBytesPerNs: 100 }],
    ["source ports", { ports: 1 }],
    ["DPU pace", { dpuPaceBytesPerNs: 100 }],
    ["GPU ingress", { gpuIngressBytesPerNs: 100 }],
  ] as const)("the slowest resource sets the rate: %s", (name, fabric) => {
    const { load, binding, schedulable } = check({ optics: "cpo-800g", fabric });
    const rate = name === "source ports" ? PORT : 100;
    expect([load.limitedBy, load.bytesPerNs]).toEqual([name, rate]);
    expect(load.dataNs).toBeCloseTo(160e6 / rate, 6);
    expect([binding, schedulable]).toEqual(["tail", false]); // P(miss) of 1 against 1%
  });
});

test("load: what a step asks of each resource, by hand", () => {
  const { utilisation, terms } = check({
    optics: "cpo-800g",
    demand: { expertBytes: 100e6, loadsPerStep: 10, stepNs: 20e6 }, // 1e9 bytes in 20 ms: 50 bytes/ns a GPU
    fabric: { gpusPerDpu: 4, ports: 8, dpuPaceBytesPerNs: 1000, gpuIngressBytesPerNs: 400 },
  });
  const share = (name: string) => utilisation.find((row) => row.name === name)!.share;
  expect(share("source HBM")).toBeCloseTo(50 / 5500, 12);
  expect(share("source egress")).toBeCloseTo(50 / 1800, 12);
  expect(share("source ports")).toBeCloseTo((4 * 50) / (8 * PORT), 12);
  expect(share("destination ports")).toBeCloseTo((4 * 50) / (8 * PORT), 12);
  expect(share("DPU pace")).toBeCloseTo((4 * 50) / 1000, 12);
  expect(share("GPU ingress")).toBeCloseTo(50 / 400, 12);
  const load = terms.find(({ name }) => name === "load")!;
  expect(load.value).toBeCloseTo(200 / (8 * PORT), 12);
  expect(load.margin).toBeCloseTo(1 - 200 / (8 * PORT) / 0.8, 12);
  expect(utilisation.map((row) => row.share)).toEqual(utilisation.map((row) => row.share).sort((a, b) => b - a));
});

describe("jitter", () => {
  const radiusOfBody = (name: string) =>
    [1, 2, 3].filter(
      (hops) => check({ optics: name, fabric: { hops } }).jitter.pathBody3SigmaTogetherNs <= 0.05 * 10_000,
    ).length;

  test("the body as stated, in step, gives LPO a radius of 1 and DSP one of 3", () => {
    // 310, 620 and 84, 168, 252 ns against 500.
    expect(check({ optics: "lpo-800g", fabric: { hops: 2 } }).jitter.pathBody3SigmaTogetherNs).toBe(620);
    expect([radiusOfBody("lpo-800g"), radiusOfBody("dsp-800g")]).toEqual([1, 3]);
  });

  test("so it does where the tail is no heavier than the body's", () => {
    // p99 lies 2.326 sigma above the median of a normal distribution.
    const bodyOnly = (name: string) => {
      const { medianNs, bodyJitter3SigmaNs } = opticsNamed(name).profile;
      return changed(name, { p99Ns: medianNs + (2.3263479 * bodyJitter3SigmaNs) / 3, retrain: null, stall: null });
    };
    expect(["lpo-800g", "dsp-800g", "cpo-800g"].map((name) => check({ optics: bodyOnly(name) }).radiusHops)).toEqual([
      1, 3, 3,
    ]);
  });

  test.each(["lpo-800g", "dsp-800g", "npo-800g", "cpo-800g"])(
    "the whole distribution decides the radius: %s",
    (name) => {
      const { radiusHops, jitter } = check({ optics: name });
      const hop3SigmaNs = 3 * opticsNamed(name).hop.moments().sigmaNs;
      expect(radiusHops).toBe(Math.min(3, Math.floor(500 / hop3SigmaNs)));
      expect(jitter.hopShare).toBeCloseTo(hop3SigmaNs / 10_000, 9);
      expect(jitter.path3SigmaTogetherNs / (3 * hop3SigmaNs)).toBeCloseTo(1, 6);
      expect(jitter.path3SigmaApartNs / (Math.sqrt(3) * hop3SigmaNs)).toBeCloseTo(1, 9);
      expect(jitter.hopBody3SigmaNs).toBeLessThan(jitter.hop3SigmaNs);
    },
  );

  test("the source's two pluggables fall short of the radii that their bodies have", () => {
    for (const name of ["lpo-800g", "dsp-800g"])
      expect(check({ optics: name }).radiusHops, name).toBeLessThan(radiusOfBody(name));
  });

  test("independent hops reach further than hops in step", () => {
    const apart = check({ optics: "dsp-800g", fabric: { correlation: 0 } });
    const half = check({ optics: "dsp-800g", fabric: { correlation: 0.5 } }).jitter;
    expect(apart.radiusHops).toBe(3); // sqrt(3) x 200 is 346
    expect(half.path3SigmaNs ** 2).toBeCloseTo((half.path3SigmaApartNs ** 2 + half.path3SigmaTogetherNs ** 2) / 2, 3);
  });
});

test("an option that there is not is named, with the nearest", () => {
  expect(() => checkSchedulability({ optics: "pcb" }, { drawz: 5 } as object)).toThrow(
    new TypeError("options has no field drawz; did you mean draws?"),
  );
});

describe("terms", () => {
  test("the binding one comes first, then what holds, the scarcest first, and the undecided last", () => {
    for (const input of [
      { optics: "dsp-800g" },
      { optics: "lpo-800g", fabric: { ports: 2 } },
      { optics: "cpo-800g", demand: { loadsPerStep: 50 } },
    ] satisfies ScenarioInput[]) {
      const verdict = check(input);
      const decided = verdict.terms.filter(({ holds }) => holds !== null);
      expect(verdict.terms.slice(0, decided.length)).toEqual(decided.toSorted((a, b) => a.margin! - b.margin!));
      expect(verdict.binding).toBe(verdict.terms[0]!.name);
      expect(new Set(verdict.terms.map(({ name }) => name)).size).toBe(6);
      for (const { value, limit, margin, holds } of verdict.terms) {
        if (value === null) expect([margin, holds]).toEqual([null, null]);
        else if (holds === null) expect(margin! >= 0).toBe(value <= limit);
        else expect([holds, margin! >= 0]).toEqual([value <= limit, value <= limit]);
      }
    }
    expect(check({ optics: "lpo-800g" }).terms.at(-1)).toMatchObject({ name: "faults", holds: null, margin: null });
    expect(check({ optics: "cpo-800g", demand: { loadsPerStep: 50 } }).binding).toBe("load");
  });

  test("what nobody states becomes a condition, with the figure that would have to hold", () => {
    const lpo = check({ optics: "lpo-800g" });
    expect(lpo.conditions).toHaveLength(2);
    expect(lpo.conditions[1]).toMatch(
      /^a DPU is asked for at most 1 load at once, .* and 8 loads at once, one a GPU, may take/,
    );
    expect(lpo.conditions[0]).toMatch(/^a link trains again at most [\d,.]+ times an hour/);
    expect(check({ optics: "dsp-800g" }).conditions[0]).toMatch(/^at most .* of 9,000-byte frames stall/);
    const demand = { loadsAtOnce: 1 };
    for (const optics of ["cpo-800g", "pcb"]) expect(check({ optics, demand }).conditions).toEqual([]);
    expect(check({ optics: retraining("lpo-800g", 1), demand }).conditions).toEqual([]);
  });

  test("the certificate decides where somebody states how many loads come at once", () => {
    const at = (loadsAtOnce: number | null) =>
      termOf(check({ optics: "cpo-800g", demand: { loadsAtOnce } }), "certificate");
    expect([at(null).holds, at(1).holds, at(2).holds]).toEqual([null, true, false]);
    // One load: a chunk of 1 MB in the way, and its own 160 MB, at 1,524.8 bytes/ns.
    expect(at(1).value).toBeGreaterThan(161e6 / 1524.8 + 22_500);
    expect(at(1).value).toBeLessThan(161e6 / 1524.8 + 22_500 + 2000);
    expect(at(2).value! - at(1).value!).toBeCloseTo(160e6 / 1524.8, 6);
  });

  test("a stated rate that is too high decides, though a stall's probability is unstated", () => {
    const both = changed("dsp-800g", { retrain: { ratePerLinkHour: 1e6, lowNs: 1e6, highNs: 2e6 } });
    expect(termOf(check({ optics: both }), "faults").holds).toBe(false);
    expect(
      termOf(
        check({ optics: changed("dsp-800g", { retrain: { ratePerLinkHour: 1e-9, lowNs: 1e6, highNs: 2e6 } }) }),
        "faults",
      ).holds,
    ).toBeNull();
  });

  test("an outage that makes no load late decides too, whatever its rate", () => {
    const verdict = check({ optics: "lpo-800g", objective: { deadlineNs: 10e6 }, demand: { loadsAtOnce: 1 } });
    expect(verdict.retrain).toMatchObject({ missGivenOutage: 0, missesPerMillionLoads: 0, ratePerLinkHourMax: null });
    expect(termOf(verdict, "faults")).toMatchObject({ value: 0, holds: true });
    expect(verdict.conditions).toEqual([]);
  });

  test("infeasible is an answer", () => {
    const late = check({ optics: "cpo-800g", objective: { deadlineNs: 20_000 } }); // the local fence alone takes as long
    expect(late).toMatchObject({ schedulable: false, radiusHops: 0 });
    expect([late.miss.exact, late.miss.sampled.share, late.sla.perHopNs]).toEqual([1, 1, -40_000 / 3]);
    expect(termOf(late, "bandwidth")).toMatchObject({ holds: false, limit: 20_000 });
    expect(termOf(late, "bandwidth").because).toContain("no number of ports would do");
    expect(check({ optics: "lpo-800g", objective: { deadlineNs: 1 } }).schedulable).toBe(false);
    expect(check({ optics: stalling(1e-3), objective: { deadlineNs: 1000 } }).stall!.probabilityPerFrameMax).toBe(0);
  });

  test("no loads at all load nothing", () => {
    const idle = check({ optics: "cpo-800g", demand: { loadsPerStep: 0 } });
    expect(termOf(idle, "load")).toMatchObject({ value: 0, margin: 1, holds: true });
  });

  test("a measurement that is too small is warned of", () => {
    const profile = opticsNamed("cpo-800g").profile;
    expect(
      check({ optics: { profile: { ...profile, goodputShare: 1 }, hop: opticsNamed("pcb").hop } }).warnings,
    ).toEqual(["goodputShare is 1: frames have headers"]);
    expect(check({ optics: "cpo-800g", fabric: { postNs: 20_000 } }).warnings.join()).toMatch(
      /the command phase takes 20\.72 µs of its 10 µs/,
    );
  });
});

describe("names the bad field", () => {
  const optics = "cpo-800g";
  const positive = (name: string) =>
    [0, -1].map((value) => [name, value, `${name} must be above 0, got ${value}`] as const);
  const atLeast0 = (name: string) => [[name, -1, `${name} must be at least 0, got -1`]] as const;
  const whole = (name: string, most: number) =>
    [
      [name, 0, `${name} must be from 1 to ${most}, got 0`],
      [name, most + 1, `${name} must be from 1 to ${most}, got ${most + 1}`],
      [name, 1.5, `${name} must be a whole number, got 1.5`],
    ] as const;
  const share = (name: string) => [...positive(name), [name, 1.01, `${name} must be from 0 to 1, got 1.01`]] as const;
  const cases: Record<string, (readonly [name: string, value: number, message: string])[]> = {
    fabric: [
      ...whole("hops", 64),
      ...whole("ports", 4096),
      ...whole("gpusPerDpu", 1024),
      ["correlation", -0.1, "correlation must be from 0 to 1, got -0.1"],
      ...["pipelineNs", "serdesNs", "postNs", "translateNs", "localFenceNs"].flatMap(atLeast0),
      ...["dpuPaceBytesPerNs", "gpuIngressBytesPerNs", "sourceEgressBytesPerNs", "sourceHbmBytesPerNs"].flatMap(
        positive,
      ),
    ],
    demand: [...positive("expertBytes"), ...atLeast0("loadsPerStep"), ...positive("stepNs")],
    objective: [
      ...["deadlineNs", "commandNs", "dataNs", "fenceNs"].flatMap(positive),
      ...atLeast0("localNs"),
      ...["missShareMax", "jitterShareMax", "utilisationMax"].flatMap(share),
    ],
  };
  test.each(
    Object.entries(cases).flatMap(([part, rows]) =>
      rows.map(([name, value, message]) => ({ part, name, value, message })),
    ),
  )("$part.$name = $value", ({ part, name, value, message }) => {
    expect(() => check({ optics, [part]: { [name]: value } })).toThrow(new RangeError(message));
    expect(() => check({ optics, [part]: { [name]: Number.NaN } })).toThrow(
      new RangeError(`${name} must be finite, got NaN`),
    );
    expect(() => check({ optics, [part]: { [name]: "3" } })).toThrow(
      new TypeError(`${name} must be a number, got "3"`),
    );
  });

  test.each<[object, Error]>([
    [{ optics, fabric: { port: 3 } }, new TypeError("fabric has no field port; did you mean ports?")],
    [{ optics, demand: { expertByte: 3 } }, new TypeError("demand has no field expertByte; did you mean expertBytes?")],
    [
      { optics, objective: { deadline: 3 } },
      new TypeError("objective has no field deadline; did you mean deadlineNs?"),
    ],
    [{ optics, fabrik: {} }, new TypeError("scenario has no field fabrik; did you mean fabric?")],
    [{ optics, fabric: { optics } }, /^fabric has no field optics/ as unknown as Error],
    [{}, new TypeError("optics must be a built-in profile's name or hold profile and hop, got undefined")],
    [
      { optics: opticsNamed(optics).profile },
      new TypeError("optics must be a built-in profile's name or hold profile and hop, got object"),
    ],
    [
      { optics: "cpo800g" },
      new RangeError('optics must name a built-in profile, got "cpo800g"; did you mean cpo-800g?'),
    ],
    [
      { optics: { ...opticsNamed(optics), profile: { ...opticsNamed(optics).profile, goodputShare: 95 } } },
      new RangeError("goodputShare must be from 0 to 1, got 95"),
    ],
  ])("%#", (input, error) => {
    expect(() => check(input as ScenarioInput)).toThrow(error);
  });

  test("draws and seed", () => {
    expect(() => checkSchedulability({ optics }, { draws: 0 })).toThrow(
      new RangeError("draws must be from 1 to 1000000000, got 0"),
    );
    expect(() => check({ optics }, { seed: -1 })).toThrow(
      new RangeError(`seed must be from 0 to ${2 ** 53 - 1}, got -1`),
    );
  });
});
