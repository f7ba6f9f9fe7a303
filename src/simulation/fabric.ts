import { fabricOf, type ServingCluster, TIERS } from "../cluster/index.ts";
import { type DrivePlan, planDrive } from "../drive/plan.ts";
import type { DecodingOptions } from "./plan.ts";

/** Each tier has its own optics; paths are those of the tier that they cross. */
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
