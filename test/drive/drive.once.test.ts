import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { drive } from "../../src/drive/index.ts";
import { readConnectionMatrix } from "../../src/formats/htsim.ts";
import { useKernels } from "../../src/kernels.ts";
import { opticsNamed } from "../../src/optics/index.ts";
import { generateTraffic } from "../../src/patterns.ts";
import { nsFromHours } from "../../src/units.ts";
import { steady } from "./shared.ts";

const INCAST = fileURLToPath(new URL("../../../shared/data/fabric/htsim_incast_128.cm", import.meta.url));

test.skipIf(!existsSync(INCAST))(
  "csg-htsim's incast of 127 x 2 MB ends when one port of 100 Gb/s has carried it",
  () => {
    const { gpus, traffic } = readConnectionMatrix(readFileSync(INCAST, "utf8"), { file: INCAST });
    const { dpus, outcomes, loadNs } = drive(traffic, {
      optics: steady(400, { portGbps: 100, goodputShare: 1 }),
      gpus,
      fabric: { ports: 1, postNs: 0, translateNs: 0, localFenceNs: 0 },
    });
    expect(outcomes.done + outcomes.late).toBe(127);
    // 254 MB at 12.5 bytes/ns are 20,320 µs; htsim's own runs end by 23,000 µs, with what its packets lose.
    const [sink] = dpus.filter(({ loads }) => loads > 0);
    expect(sink!.bytes).toBe(254e6);
    expect(sink!.activeSpanNs).toBeGreaterThanOrEqual(20_320_000 - 1e-3);
    expect(loadNs.mostNs).toBeLessThan(23_000_000);
    // Nothing but the path is added.
    expect(loadNs.mostNs).toBeCloseTo(20_320_000 + 2 * (3 * 400 + 76), 1);
  },
);

test("debug, release and portable give the same drive, bit by bit", () => {
  const traffic = generateTraffic({ pattern: "bursts", gpus: 64, loads: 3000, sizeBytes: 5e6, utilisation: 0.8 });
  const { profile, hop } = opticsNamed("dsp-800g");
  const retrain = { ratePerLinkHour: nsFromHours(1) / 48e6, lowNs: 10_000, highNs: 90_000 };
  const optics = {
    profile: { ...profile, retrain, stall: { probabilityPerFrame: 1e-5, lowNs: 500, highNs: 900 } },
    hop,
  };
  const module = (build: string) =>
    new WebAssembly.Module(readFileSync(new URL(`../../build/${build}.wasm`, import.meta.url)));
  for (const options of [
    {
      tree: { gpusPerNode: 8, gpusPerPod: 16, nodeBytesPerNs: 1200, podBytesPerNs: 1000 },
      lane: "shared",
      queueDepth: 3,
    },
    { lane: "priority", onExpire: "drop", burstBytes: 3e6 },
    { means: "reactive" },
    { means: "coherent" },
  ] as const) {
    const reports = ["release", "portable", "debug"].map((build) => {
      useKernels(module(build));
      return drive(traffic, { optics, ...options });
    });
    expect(reports[1]).toEqual(reports[0]);
    expect(reports[2]).toEqual(reports[0]);
    expect(reports[0]!.faults.held.length).toBeGreaterThan(0);
  }
});
