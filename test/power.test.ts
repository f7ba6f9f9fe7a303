import { describe, expect, test } from "vitest";
import { OPTICS } from "../src/optics/builtin.ts";
import { opticsNamed, opticsOf } from "../src/optics/index.ts";
import { comparePower, type PowerOptions, switchTbpsThatSaves } from "../src/power.ts";
import { boardReliability } from "../src/reliability.ts";

const rows = (options: PowerOptions = {}) =>
  Object.fromEntries(comparePower(options).optics.map((row) => [row.name, row] as const));

describe("power", () => {
  test("800 Gb/s of 15, 7 and 5 pJ/bit are 12, 5.6 and 4 W; 51.2 Tb/s 768, 358.4 and 256 W", () => {
    const all = rows();
    const watts = (name: string) =>
      [all[name]!.portWatts, all[name]!.switchWatts].map((value) => Number(value.toFixed(9)));
    expect(watts("dsp-800g")).toEqual([12, 768]);
    expect(watts("lpo-800g")).toEqual([5.6, 358.4]);
    expect(watts("cpo-800g")).toEqual([4, 256]);
    expect(all["cpo-800g"]!.saving.portWatts).toBeCloseTo(8, 9);
    expect(all["cpo-800g"]!.saving.switchWatts).toBeCloseTo(512, 9);
    expect(all["cpo-800g"]!.saving.share).toBeCloseTo(2 / 3, 12);
    expect(rows({ base: "lpo-800g" })["cpo-800g"]!.saving.share).toBeCloseTo(2 / 7, 12);
    expect(rows({ switchTbps: 102.4 })["cpo-800g"]!.saving.switchWatts).toBeCloseTo(1024, 9);
  });

  test("600 W are saved on a switch of 60 Tb/s", () => {
    const tbps = switchTbpsThatSaves(600, "dsp-800g", "cpo-800g")!;
    expect(tbps).toBeCloseTo(60, 9);
    expect(rows({ switchTbps: tbps })["cpo-800g"]!.saving.switchWatts).toBeCloseTo(600, 9);
    expect(switchTbpsThatSaves(600, "cpo-800g", "dsp-800g")).toBeNull();
  });

  test("what does not state its energy is named, and refused where it is asked for", () => {
    const { optics, unstated } = comparePower();
    expect([...optics.map(({ name }) => name), ...unstated].sort()).toEqual(OPTICS.map(({ name }) => name).sort());
    for (const { evidence } of optics) expect(evidence.length).toBeGreaterThan(0);
    expect(() => comparePower({ optics: ["pcb"] })).toThrow(
      new RangeError("picojoulesPerBit must be stated to know what pcb draws, got null"),
    );
  });

  test("a cluster: two ends a link, a link a level for each port", () => {
    const cluster = { gpus: 64, gpuWatts: 1000, ports: 128, levels: 3, tokensPerSecond: 5000 };
    const { cluster: power, saving } = rows({ cluster })["cpo-800g"]!;
    expect(power!.opticsWatts).toBeCloseTo(128 * 3 * 2 * 4, 9);
    expect(power!.opticsShare).toBeCloseTo(3072 / 67_072, 12);
    expect(power!.joulesPerToken).toBeCloseTo(67_072 / 5000, 9);
    expect(power!.opticsJoulesPerToken).toBeCloseTo(3072 / 5000, 9);
    expect(saving.clusterWatts).toBeCloseTo(128 * 6 * 8, 9);
    expect(rows({ cluster: { ...cluster, tokensPerSecond: null } })["cpo-800g"]!.cluster!.joulesPerToken).toBeNull();
  });

  test("optics of one's own, in modules of two ports", () => {
    const own = opticsOf({ ...opticsNamed("cpo-800g").profile, name: "own", picojoulesPerBit: 7 });
    const { own: row } = rows({ optics: ["dsp-800g", own], portsPerModule: 2 });
    expect(row!.moduleWatts).toBeCloseTo(11.2, 9);
  });

  test.each<[PowerOptions, string]>([
    [{ switchTbps: 0 }, "switchTbps must be above 0, got 0"],
    [{ optics: [] }, "optics must hold at least 1, got 0"],
    [{ switchTbps: 1e300 }, "switchTbps must be from 0 to 100000, got 1e+300"],
    [
      { cluster: { gpus: 1, gpuWatts: 1e9, ports: 1, levels: 1, tokensPerSecond: null } },
      "gpuWatts must be from 0 to 100000, got 1000000000",
    ],
    [{ cluster: 3 } as unknown as PowerOptions, "cluster must be an object, got number"],
    [{ optics: ["cpo"] }, 'optics must name a built-in profile, got "cpo"'],
    [{ switchTbp: 1 } as PowerOptions, "options has no field switchTbp; did you mean switchTbps?"],
    [
      { cluster: { gpus: 1, gpuWatts: 1, ports: 1, levels: 0, tokensPerSecond: null } },
      "levels must be from 1 to 8, got 0",
    ],
  ])("%j is refused", (options, message) => {
    expect(() => comparePower(options)).toThrow(message);
  });
});

describe("reliability", () => {
  test("a series of 16 fails 16 times as often as one", () => {
    expect(boardReliability({ engines: 16 }).ratioToOne).toBeCloseTo(16, 12);
    expect(boardReliability({ engines: 16, boardFit: 500 }).ratioToOne).toBeCloseTo(8.5, 12);
    expect(boardReliability({ engines: 1 }).ratioToOne).toBe(1);
  });

  test("boards without their lasers' failures stay longer by what lasers had of all", () => {
    const report = boardReliability({ engines: 16, engineFit: 100, laserFit: 400 });
    expect(report.replaceableShare).toBeCloseTo(0.8, 12);
    expect(report.swapTimeRatio).toBeCloseTo(5, 12);
    expect(report.fixed.meanHoursBetweenSwaps).toBeCloseTo(1e9 / 8000, 6);
    expect(report.replaceable.meanHoursBetweenSwaps).toBeCloseTo(1e9 / 1600, 6);
    expect(boardReliability({ laserFit: 0 })).toMatchObject({ replaceableShare: 0, swapTimeRatio: 1 });
  });

  test("drawn board by board: times between swaps, and waits", () => {
    const options = { engines: 6, engineFit: 3e6, laserFit: 9e6, boardFit: 4e6, boardSwapHours: 5, laserSwapHours: 2 };
    const report = boardReliability(options);
    // Mulberry32: any seed will do, this one was not chosen.
    let state = 1;
    const uniform = () => {
      state = (state + 0x6d2b79f5) | 0;
      let t = Math.imul(state ^ (state >>> 15), state | 1);
      t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
      return (((t ^ (t >>> 14)) >>> 0) + 0.5) / 2 ** 32;
    };
    const after = (fit: number) => -Math.log(uniform()) / (fit / 1e9);
    const boards = 20_000;
    for (const kind of ["fixed", "replaceable"] as const) {
      let [workHours, waitHours, within] = [0, 0, 0];
      for (let i = 0; i < boards; i++) {
        let end = after(options.boardFit);
        for (let engine = 0; engine < options.engines; engine++) {
          end = Math.min(end, after(options.engineFit));
          if (kind === "fixed") end = Math.min(end, after(options.laserFit));
        }
        if (kind === "replaceable")
          for (let engine = 0; engine < options.engines; engine++)
            for (let at = after(options.laserFit); at < end; at += after(options.laserFit))
              waitHours += options.laserSwapHours;
        workHours += end;
        waitHours += options.boardSwapHours;
        if (end < 8766) within++;
      }
      const { meanHoursBetweenSwaps, downShare, swapShareOfYear } = report[kind];
      // 4 standard errors of a mean of exponentials.
      const apart = 4 / Math.sqrt(boards);
      expect(Math.abs(workHours / boards / meanHoursBetweenSwaps - 1)).toBeLessThan(apart);
      expect(Math.abs(waitHours / (waitHours + workHours) / downShare - 1)).toBeLessThan(2 * apart);
      expect(Math.abs(within / boards - swapShareOfYear)).toBeLessThan(apart / 2);
    }
  });

  test.each<[object, string]>([
    [{ engines: 0 }, "engines must be from 1 to 65536, got 0"],
    [{ engineFit: 0 }, "engineFit must be above 0, got 0"],
    [{ laserFit: -1 }, "laserFit must be from 0 to 1000000000, got -1"],
    [{ engineFit: 1e12 }, "engineFit must be from 0 to 1000000000, got 1000000000000"],
    [{ boardSwapHours: 1e6 }, "boardSwapHours must be from 0 to 8766, got 1000000"],
    [{ lasersFit: 1 }, "options has no field lasersFit; did you mean laserFit?"],
  ])("%j is refused", (options, message) => {
    expect(() => boardReliability(options)).toThrow(message);
  });
});
