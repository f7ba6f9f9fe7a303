import { fabricOf, type ServingCluster, TIERS } from "../cluster/index.ts";
import { type DrivePlan, planDrive } from "../drive/plan.ts";
import type { DecodingOptions } from "./plan.ts";

/** Each tier has its own optics; paths are those of the tier that they cross, links those that lead anywhere. */
export function fabricPlan(options: DecodingOptions, cluster: ServingCluster, seed: number): DrivePlan {
  const { gpus, gpusPerNode, gpusPerPod } = cluster;
  const { means = "executor", order, lane } = options;
  const plans = TIERS.map((tier) => {
    const { hops: _, optics, ...carried } = fabricOf(cluster, tier);
    return planDrive(
      {
        optics,
        fabric: { ...carried, ...options.fabric, ...(means === "coherent" ? { hops: TIERS.indexOf(tier) + 1 } : {}) },
        gpus,
        means,
        ...(means === "coherent" ? {} : { tree: { gpusPerNode, gpusPerPod } }),
        ...(order === undefined ? {} : { order }),
        ...(lane === undefined ? {} : { lane }),
        seed,
      },
      gpus,
    );
  });
  return {
    ...plans[2]!,
    hopsOfTier: [1, 2, 3],
    gpusPerNode,
    gpusPerPod,
    doorbellPath: (hops) => plans[hops - 1]!.doorbellPath(hops),
    answerPath: (hops) => plans[hops - 1]!.answerPath(hops),
  };
}

/** The same, with links that go out only when they are told to: see `Engine.strike`. */
export function heldFabric(options: DecodingOptions, cluster: ServingCluster, seed: number): DrivePlan {
  const { anywhere } = cluster.tiers;
  const { profile, hop } = anywhere.optics;
  const { retrain } = profile;
  if (!retrain) throw new TypeError("optics must be such that links may train again, got none that do");
  // Any rate has links laid out as those that fail; then it is taken away.
  const optics = { hop, profile: { ...profile, retrain: { ...retrain, ratePerLinkHour: 1 } } };
  const tiers = { ...cluster.tiers, anywhere: { ...anywhere, optics } };
  const plan = fabricPlan(options, { ...cluster, tiers }, seed);
  const { faults } = plan.pacer;
  const outages = { ...faults!.outages!, outagesPerLinkNs: 0 };
  return { ...plan, pacer: { ...plan.pacer, faults: { ...faults, outages } } };
}
