import { comparePower, switchTbpsThatSaves } from "../power.ts";
import { boardReliability } from "../reliability.ts";
import { figure, percent } from "../words.ts";
import { type ClaimFindings, type ClaimNeed, compared, fits } from "./answer.ts";
import { stated } from "./fact.ts";
import type { Judges } from "./judges.ts";

const FAMILIES = ["dsp-800g", "lpo-800g", "cpo-800g"] as const;
/** Switches of today, one way. */
const SWITCHES_TBPS = [25.6, 51.2, 102.4] as const;

const powerOf = (name: (typeof FAMILIES)[number], switchTbps = 51.2) =>
  comparePower({ optics: FAMILIES, switchTbps }).optics.find((one) => one.name === name)!;
const cpo = () => powerOf("cpo-800g");
/** The share that co-packaging saves over `base`. */
const savedShare = (base: string) => comparePower({ optics: ["cpo-800g"], base }).optics[0]!.saving.share;

/** What co-packaging saves as a share, which hangs on what it is compared with. */
function savingShare(id: string): ClaimFindings {
  const range = [stated(id, "low"), stated(id, "high")] as const;
  const readings = (["dsp-800g", "lpo-800g"] as const).map((base) => {
    const found = savedShare(base);
    return { name: `against ${base}`, unit: "share", found, fits: fits(range, found) };
  });
  const energy = cpo().picojoulesPerBit;
  const needs: ClaimNeed[] = range.map((share) => ({
    parameter: "energy of what is replaced",
    unit: "pJ/bit",
    value: energy / (1 - share),
    gives: { name: "saving", unit: "share", stated: share, found: 1 - energy / (energy / (1 - share)) },
    because: `1 - ${figure(energy)} / e is ${percent(share)} there`,
  }));
  const isAny = readings.some((one) => one.fits);
  return {
    readings,
    needs,
    arithmetic: readings.map(
      ({ name, found }) => `1 - ${figure(energy)} pJ/bit / what is replaced, ${name}: ${percent(found)}`,
    ),
    because: isAny
      ? "it holds against linear optics and not against retimed ones, and the statement does not say which"
      : "neither retimed nor linear optics, at the energies stated, give a saving in that range",
    verdict: isAny ? "underdetermined" : "does not follow",
  };
}

function switchSaving(): ClaimFindings {
  const watts = stated("power.switch-saving");
  const figures = SWITCHES_TBPS.map((tbps) =>
    compared(`a switch of ${tbps} Tb/s`, "W", watts, powerOf("cpo-800g", tbps).saving.switchWatts),
  );
  const tbps = switchTbpsThatSaves(watts, "dsp-800g", "cpo-800g")!;
  const found = powerOf("cpo-800g", tbps).saving.switchWatts;
  return {
    figures,
    verdict: "does not follow",
    arithmetic: figures.map(
      (one) =>
        `${one.name} x (${powerOf("dsp-800g").picojoulesPerBit} - ${cpo().picojoulesPerBit}) pJ/bit = ${figure(one.found)} W`,
    ),
    because: "no switch that is sold saves as much: it lies between two of them",
    needs: [
      {
        parameter: "what the switch carries",
        unit: "Tb/s",
        value: tbps,
        gives: { name: "saved", unit: "W", stated: watts, found },
        because: "a switch saves its rate times the difference in energy",
      },
    ],
  };
}

function switchSavingRange(): ClaimFindings {
  const range = [stated("power.switch-saving-c", "low"), stated("power.switch-saving-c", "high")] as const;
  const readings = SWITCHES_TBPS.map((tbps) => {
    const found = powerOf("cpo-800g", tbps).saving.switchWatts;
    return { name: `a switch of ${tbps} Tb/s`, unit: "W", found, fits: fits(range, found) };
  });
  return {
    readings,
    verdict: "underdetermined",
    arithmetic: readings.map(({ name, found }) => `${name}: ${figure(found)} W over retimed optics`),
    because:
      "nobody says which switch: the smaller one fits, the one with 64 ports of 800G is just above, a larger one far",
    needs: range.map((watts) => {
      const tbps = switchTbpsThatSaves(watts, "dsp-800g", "cpo-800g")!;
      return {
        parameter: "what the switch carries",
        unit: "Tb/s",
        value: tbps,
        gives: { name: "saved", unit: "W", stated: watts, found: powerOf("cpo-800g", tbps).saving.switchWatts },
        because: "an end of the range",
      };
    }),
  };
}

function linearModule(): ClaimFindings {
  const { portWatts } = powerOf("lpo-800g");
  const retimed = powerOf("dsp-800g");
  const id = "power.lpo-module";
  const [watts, low, high] = [stated(id), stated(id, "cutLow"), stated(id, "cutHigh")];
  const cut = 1 - portWatts / retimed.portWatts;
  const perBit = (ofWatts: number) => (ofWatts * 1000) / retimed.portGbps;
  return {
    figures: [compared("a module", "W", watts, portWatts), compared("cut", "share", [low, high], cut)],
    arithmetic: [
      `800 Gb/s x ${powerOf("lpo-800g").picojoulesPerBit} pJ/bit = ${figure(portWatts)} W`,
      `against ${figure(retimed.portWatts)} W retimed: a cut of ${percent(cut)}`,
    ],
    because:
      "the first document's 7 pJ/bit make a lighter module and a deeper cut: the two documents measure other things",
    needs: [
      {
        parameter: "energy of a linear module",
        unit: "pJ/bit",
        value: perBit(watts),
        gives: { name: "a module", unit: "W", stated: watts, found: (perBit(watts) * retimed.portGbps) / 1000 },
        because: "8 W at 800 Gb/s",
      },
      ...[low, high].map((share) => ({
        parameter: "energy of a retimed module",
        unit: "pJ/bit",
        value: perBit(watts / (1 - share)),
        gives: { name: "cut", unit: "share", stated: share, found: 1 - perBit(watts) / perBit(watts / (1 - share)) },
        because: `a cut of ${percent(share)} down to 8 W`,
      })),
    ],
  };
}

export const POWER_JUDGES: Judges = {
  "power.switch-saving": switchSaving,
  "power.cpo-saving-b": () => savingShare("power.cpo-saving-b"),
  "power.cpo-saving-c": () => savingShare("power.cpo-saving-c"),
  "power.cpo-saving-d": () => savingShare("power.cpo-saving-d"),
  "power.port-saving": () => {
    const { portWatts } = cpo().saving;
    return {
      figures: [
        compared(
          "saved a port",
          "W",
          [stated("power.port-saving", "low"), stated("power.port-saving", "high")],
          portWatts,
        ),
      ],
      arithmetic: [`800 Gb/s x (15 - 5) pJ/bit = ${figure(portWatts)} W`],
      because: "over retimed optics it lies in the range",
    };
  },
  "power.switch-saving-c": switchSavingRange,
  "power.lpo-module": linearModule,
  "reliability.engines": () => {
    const engines = stated("reliability.engines", "modules");
    const { ratioToOne } = boardReliability({ engines });
    return {
      figures: [
        compared(
          "failures against one module",
          "ratio",
          [stated("reliability.engines", "above"), Number.MAX_VALUE],
          ratioToOne,
        ),
      ],
      arithmetic: [`a series of ${engines} equal parts: ${engines} x the rate = ${figure(ratioToOne)} times`],
      because: "any of the parts that fails, fails the board",
    };
  },
};
