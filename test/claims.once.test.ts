import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { opticsNamed } from "../src/optics/index.ts";

const CLAIMS = fileURLToPath(new URL("../../shared/claims.json", import.meta.url));

test.skipIf(!existsSync(CLAIMS))("built-in profiles have the figures of ../shared/claims.json", () => {
  const { claims } = JSON.parse(readFileSync(CLAIMS, "utf8")) as {
    claims: { id: string; values: Record<string, number> }[];
  };
  const claim = (id: string) => claims.find((one) => one.id === id)!.values;
  const profile = (name: string) => opticsNamed(name).profile;
  for (const [kind, name] of [
    ["dsp", "dsp-800g"],
    ["lpo", "lpo-800g"],
    ["cpo", "cpo-800g"],
    ["pcb", "pcb"],
  ] as const) {
    const { medianNs, p99Ns, bodyJitter3SigmaNs } = profile(name);
    const { p50, p99, jitter3Sigma } = claim(`optics.table.${kind}`);
    expect([medianNs, p99Ns, bodyJitter3SigmaNs], name).toEqual([p50, p99, jitter3Sigma]);
  }
  for (const kind of ["dsp", "lpo", "cpo"])
    expect(profile(`${kind}-800g`).picojoulesPerBit, kind).toBe(claim("power.pj-per-bit")[kind]);
  const fec = claim("optics.dsp-fec");
  expect(profile("dsp-800g").stall).toMatchObject({ lowNs: fec["stallLow"], highNs: fec["stallHigh"] });
  const outage = claim("optics.lpo-retrain"); // in ms
  expect(profile("lpo-800g").retrain).toMatchObject({ lowNs: outage["low"]! * 1e6, highNs: outage["high"]! * 1e6 });
  const clocks = claim("optics.clock-domains");
  for (const kind of ["dsp", "cpo"]) expect(profile(`${kind}-800g`).clockCrossings, kind).toBe(clocks[kind]);
});
