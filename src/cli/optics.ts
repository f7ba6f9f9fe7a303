import { Command } from "commander";
import { duration, figure, OPTICS, type Optics, type OpticsProfile, opticsNamed, percent } from "../index.ts";
import { heading, paint, say, sayJson, sayNext, sayTable, sayWrapped, typed } from "./print.ts";

/** `vorchestrate optics [name]` */
export function opticsCommand(): Command {
  return new Command("optics")
    .description("list the built-in optics profiles, or show one in full with its sources")
    .argument("[name]", "a profile's name")
    .option("--json", "print the profiles as JSON: one that was printed so can be edited and given to --profile")
    .action((name: string | undefined, { json }: { json?: boolean }) => {
      const chosen = name === undefined ? null : opticsNamed(name);
      if (json) sayJson(chosen ? chosen.profile : OPTICS);
      else if (chosen) sayProfile(chosen);
      else sayList();
    });
}

function sayList(): void {
  sayTable(
    ["name", "median", "p99", "3 sigma", "Gb/s", "pJ/bit", "evidence", "what"],
    OPTICS.map((profile) => [
      paint.bold(profile.name),
      duration(profile.medianNs),
      duration(profile.p99Ns),
      duration(profile.bodyJitter3SigmaNs),
      String(profile.portGbps),
      profile.picojoulesPerBit === null ? "?" : figure(profile.picojoulesPerBit),
      profile.evidence[0]!.grade,
      profile.title,
    ]),
    [1, 2, 3, 4, 5],
  );
  say();
  say("Latencies are of one hop, 3 sigma is of its body, a ? stands where nobody states it.");
  sayNext([[typed("optics cpo-800g"), "one in full, with its sources"]]);
}

function sayProfile({ profile, hop }: Optics): void {
  say(`${paint.bold(profile.name)}: ${profile.title}`);
  const { stall, retrain } = profile;
  const lengths = (fault: { lowNs: number; highNs: number }) => `${duration(fault.lowNs)} to ${duration(fault.highNs)}`;
  heading("One hop");
  sayTable(
    ["", "", ""],
    [
      ["median", duration(profile.medianNs), ""],
      ["p99", duration(profile.p99Ns), ""],
      ["p99.9", duration(hop.quantileNs(0.001)), profile.p999Ns === undefined ? "the tail's slope, continued" : ""],
      ["mean", duration(hop.moments().meanNs), "of the whole distribution"],
      ["3 sigma, body", duration(profile.bodyJitter3SigmaNs), "as stated"],
      ["3 sigma, whole", duration(3 * hop.moments().sigmaNs), "what the quantiles come to: it counts the tail"],
    ],
    [1],
  );
  heading("Port and faults");
  sayTable(
    ["", "", ""],
    [
      ["rate", `${profile.portGbps} Gb/s`, `${percent(profile.goodputShare)} of it carries weights`],
      ["energy", `${orUnstated(profile.picojoulesPerBit)} pJ/bit`, portWatts(profile)],
      ["clock crossings", orUnstated(profile.clockCrossings), "between ASIC and fibre"],
      [
        "frame stalls",
        stall ? lengths(stall) : "none known",
        stall ? `probability ${orUnstated(stall.probabilityPerFrame)}` : "",
      ],
      [
        "link retrains",
        retrain ? lengths(retrain) : "none known",
        retrain ? `rate ${orUnstated(retrain.ratePerLinkHour)} per link-hour` : "",
      ],
    ],
  );
  heading("Evidence");
  for (const { about, grade, source, note } of profile.evidence) {
    sayWrapped(`  ${paint.bold(grade.padEnd(10))}  `, about);
    sayWrapped(" ".repeat(14), source);
    sayWrapped(" ".repeat(14), paint.dim(note));
  }
}

function orUnstated(value: number | null): string {
  return value === null ? "unstated" : figure(value);
}

function portWatts({ portGbps, picojoulesPerBit }: OpticsProfile): string {
  return picojoulesPerBit === null ? "" : `${figure((portGbps * picojoulesPerBit) / 1000)} W a port, one way`;
}
