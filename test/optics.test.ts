import { describe, expect, test } from "vitest";
import { Distribution } from "../src/distribution.ts";
import type { Measurement } from "../src/measurement.ts";
import { normalQuantile } from "../src/normal.ts";
import { OPTICS } from "../src/optics/builtin.ts";
import { measuredOptics, type OpticsProfile, opticsNamed, opticsOf } from "../src/optics/index.ts";
import { PROFILE_DRAWS } from "./vectors/draws.ts";

const GRADES = ["measured", "published", "reported", "unverified", "assumed"];
const latencyGrade = (name: string) =>
  opticsNamed(name).profile.evidence.find(({ about }) => about.includes("latency"))!.grade;

test.each(OPTICS)("$name says where its figures come from", ({ name, evidence }) => {
  expect(evidence.length).toBeGreaterThan(0);
  for (const { about, grade, source, note } of evidence) {
    expect(GRADES).toContain(grade);
    for (const words of [about, source, note]) expect(words.trim(), name).not.toBe("");
  }
});

test.each(OPTICS)(
  "$name has evidence for each figure that it states",
  ({ picojoulesPerBit, stall, retrain, evidence }) => {
    const about = evidence.map((one) => one.about).join();
    expect(about).toContain("latency");
    expect(about).toContain("goodputShare");
    if (picojoulesPerBit !== null) expect(about).toMatch(/picojoulesPerBit|energy/);
    if (stall) expect(about).toMatch(/stall|faults/);
    if (retrain) expect(about).toMatch(/retrain|faults/);
  },
);

test("the four of the source are unverified, what nobody states is assumed, and nothing built in is measured", () => {
  for (const name of ["dsp-800g", "lpo-800g", "cpo-800g", "pcb"]) expect(latencyGrade(name), name).toBe("unverified");
  for (const name of ["npo-800g", "cpo-elsfp-800g"]) {
    const grades = opticsNamed(name).profile.evidence.map(({ grade }) => grade);
    expect(latencyGrade(name), name).toBe("assumed");
    expect(grades, name).not.toContain("unverified");
  }
  expect(OPTICS.flatMap(({ evidence }) => evidence).map(({ grade }) => grade)).not.toContain("measured");
});

test("names are told apart, and each profile's distribution is its own", () => {
  expect(new Set(OPTICS.map(({ name }) => name)).size).toBe(OPTICS.length);
  for (const { name, medianNs } of OPTICS) expect(opticsNamed(name).hop.quantileNs(0.5)).toBe(Math.fround(medianNs));
});

test("near-packaged optics are the geometric mean of linear and co-packaged ones, as they say", () => {
  const [lpo, npo, cpo] = ["lpo-800g", "npo-800g", "cpo-800g"].map((name) => opticsNamed(name).profile);
  for (const [figure, rounding] of [
    ["medianNs", 0.5],
    ["p99Ns", 0.5],
    ["bodyJitter3SigmaNs", 0.5],
    ["picojoulesPerBit", 0.05],
  ] as const)
    expect(Math.abs(npo![figure]! - Math.sqrt(lpo![figure]! * cpo![figure]!)), figure).toBeLessThanOrEqual(rounding);
});

test.each(["dsp", "lpo", "cpo"])("%s at 1.6T is twice the port and twice the outages", (kind) => {
  const [slow, fast] = ["800g", "1600g"].map((rate) => opticsNamed(`${kind}-${rate}`).profile) as [
    OpticsProfile,
    OpticsProfile,
  ];
  expect(fast.portGbps).toBe(2 * slow.portGbps);
  expect([fast.medianNs, fast.p99Ns, fast.stall]).toEqual([slow.medianNs, slow.p99Ns, slow.stall]);
  const rate = slow.retrain?.ratePerLinkHour;
  expect(fast.retrain?.ratePerLinkHour).toBe(rate ? 2 * rate : rate);
  expect(fast.title).not.toMatch(/800/);
});

test("a name that is none names the nearest, or all", () => {
  expect(() => opticsNamed("cpo-800")).toThrow(
    new RangeError('optics must name a built-in profile, got "cpo-800"; did you mean cpo-800g?'),
  );
  expect(() => opticsNamed("PCB ")).toThrow(/did you mean pcb\?$/);
  expect(() => opticsNamed("carrier pigeon")).toThrow(/got "carrier pigeon"; there are dsp-800g, lpo-800g, .*pcb/);
});

describe("a profile handed over as an object is checked", () => {
  const { profile } = opticsNamed("dsp-800g");
  test.each<[Partial<Record<keyof OpticsProfile, unknown>>, Error]>([
    [{ medianNs: -1 }, new RangeError("medianNs must be above 0, got -1")],
    [{ p99Ns: 400 }, new RangeError("p99Ns must be at least medianNs, got 400 below 412")],
    [{ portGbps: 0 }, new RangeError("portGbps must be above 0, got 0")],
    [{ goodputShare: 95.3 }, new RangeError("goodputShare must be from 0 to 1, got 95.3")],
    [{ goodputShare: 0 }, new RangeError("goodputShare must be above 0, got 0")],
    [{ picojoulesPerBit: -5 }, new RangeError("picojoulesPerBit must be at least 0, got -5")],
    [{ clockCrossings: "3" }, new TypeError('clockCrossings must be a number, got "3"')],
    [{ name: 5 }, new TypeError("name must be text, got number")],
    [{ evidence: "hearsay" }, new TypeError('evidence must be an array, got "hearsay"')],
    [
      { evidence: [{ about: "a", grade: "sure", source: "b", note: "c" }] },
      new RangeError(`grade must be one of ${GRADES.join(", ")}, got "sure"`),
    ],
    [{ stall: 3 }, new TypeError("stall must be an object or null, got number")],
    [
      { stall: { lowNs: 1, highNs: 2 } },
      new TypeError("stall must have probabilityPerFrame, null where it is not known"),
    ],
    [
      { stall: { probabilityPerFrame: 1.5, lowNs: 1, highNs: 2 } },
      new RangeError("stall.probabilityPerFrame must be from 0 to 1, got 1.5"),
    ],
    [
      { stall: { probabilityPerFrame: null, lowNs: 3, highNs: 2 } },
      new RangeError("stall.highNs must be at least 3, got 2"),
    ],
    [
      { retrain: { ratePerLinkHour: -1, lowNs: 1, highNs: 2 } },
      new RangeError("retrain.ratePerLinkHour must be at least 0, got -1"),
    ],
    [
      { retrain: { ratePerLinkHour: null, lowNs: 0, highNs: 2 } },
      new RangeError("retrain.lowNs must be above 0, got 0"),
    ],
    [
      { retrain: { ratePerHour: 1, lowNs: 1, highNs: 2 } },
      new TypeError("retrain has no field ratePerHour; there are ratePerLinkHour, lowNs, highNs"),
    ],
  ])("%j", (wrong, error) => {
    expect(() => opticsOf({ ...profile, ...wrong } as OpticsProfile)).toThrow(error);
  });
});

describe("a measurement as optics", () => {
  const summary: Measurement = {
    name: "lab.txt",
    source: "a table",
    counted: null,
    quantiles: { medianNs: 300, p99Ns: 400, p999Ns: 700, bodyJitter3SigmaNs: 60 },
    samples: null,
    notes: ["RTT/2", "as µs"],
  };

  test("from quantiles has those quantiles", () => {
    const { profile, hop } = measuredOptics(summary);
    expect(profile).toMatchObject({
      name: "lab.txt",
      title: "measured: a table",
      bodyJitter3SigmaNs: 60,
      medianNs: 300,
    });
    expect(profile.p99Ns).toBeCloseTo(400, 0);
    expect(profile.p999Ns).toBeCloseTo(700, 1);
    expect([hop.samples, hop.extrapolatedBelow]).toEqual([null, 0.001]);
    expect(profile.evidence[0]).toEqual({
      about: "latency and jitter",
      grade: "measured",
      source: "a table",
      note: "RTT/2; as µs",
    });
    expect(profile.evidence.map(({ about }) => about)).toContain("goodputShare"); // which it does not tell
  });

  test("takes what is around it as given, and checks it", () => {
    const { profile } = measuredOptics(summary, { goodputShare: 0.8, portGbps: 400, picojoulesPerBit: 9 });
    expect(profile).toMatchObject({ goodputShare: 0.8, portGbps: 400, picojoulesPerBit: 9, stall: null });
    expect(profile.evidence.map(({ about }) => about)).not.toContain("goodputShare");
    expect(() => measuredOptics(summary, { goodputShare: 80 })).toThrow(
      new RangeError("goodputShare must be from 0 to 1, got 80"),
    );
    expect(() => measuredOptics({ ...summary, quantiles: null })).toThrow(
      new TypeError("measurement must hold counted values or quantiles, got neither"),
    );
  });

  test("from normal values knows its body's 3 sigma, its median and its tail", () => {
    // The middles of 10,000 equal shares of a normal distribution around 1000 with sigma 20.
    const values = Float64Array.from({ length: 10_000 }, (_, i) => 1000 + 20 * normalQuantile(1 - (i + 0.5) / 10_000));
    const counted = { values, counts: new Float64Array(10_000).fill(1) };
    const { profile, hop } = measuredOptics({ ...summary, quantiles: null, counted });
    expect(profile.medianNs).toBeCloseTo(1000, 2);
    expect(profile.bodyJitter3SigmaNs).toBeCloseTo(60, 1);
    expect(profile.p99Ns).toBeCloseTo(1000 + 20 * 2.3263479, 1);
    expect(profile.p999Ns).toBeCloseTo(1000 + 20 * 3.0902323, 1);
    expect([hop.samples, hop.extrapolatedBelow]).toEqual([10_000, 0.001]);
  });

  test("states no p99.9 where it is only a slope continued", () => {
    const { p999Ns: _, ...quantiles } = summary.quantiles!;
    expect(measuredOptics({ ...summary, quantiles }).profile).not.toHaveProperty("p999Ns");
    const few = (count: number) => {
      const values = Float64Array.from({ length: count }, (_, i) => 100 + i);
      const counted = { values, counts: new Float64Array(count).fill(1) };
      return measuredOptics({ ...summary, quantiles: null, counted }).profile;
    };
    expect(few(9_999)).not.toHaveProperty("p999Ns"); // 9.999 of them lie beyond
    expect(few(10_000)).toHaveProperty("p999Ns");
  });

  test("the body's 3 sigma is that of the body, whatever the tail does", () => {
    const body = Float64Array.from({ length: 9800 }, (_, i) => 1000 + 20 * normalQuantile(1 - (i + 0.5) / 9800));
    const counted = {
      values: Float64Array.of(...body, ...Array.from({ length: 200 }, (_, i) => 5000 + 100 * i)),
      counts: new Float64Array(10_000).fill(1),
    };
    const { profile, hop } = measuredOptics({ ...summary, quantiles: null, counted });
    expect(profile.bodyJitter3SigmaNs / 60).toBeGreaterThan(1);
    expect(profile.bodyJitter3SigmaNs / 60).toBeLessThan(1.05); // 2% of all lie beyond: the quantiles move outwards by little
    expect(3 * hop.moments().sigmaNs).toBeGreaterThan(20 * 60);
  });
});

test("the C twin's checksums cover the table of every built-in profile", () => {
  const covered = PROFILE_DRAWS.map(({ quantiles }) => Distribution.fromQuantiles(quantiles).quantilesNs.join());
  for (const profile of OPTICS) expect(covered, profile.name).toContain(opticsOf(profile).hop.quantilesNs.join());
});
