import { radiusAndLoad } from "../budget/radius.ts";
import type { Objective } from "../budget/scenario.ts";
import { completeServingCluster, fabricOf, type ServingClusterInput, TIERS, withOptics } from "../cluster/index.ts";
import { modelOf } from "../models/index.ts";
import type { ModelShape } from "../models/shape.ts";
import type { Optics } from "../optics/index.ts";
import type { OpticsReach } from "./index.ts";

/** How far fetches of a model's experts hold in such a cluster, and how long one takes from there. */
export function clusterReach(
  model: ModelShape | string,
  cluster: Omit<ServingClusterInput, "gpus"> = {},
  objective: Partial<Objective> = {},
): OpticsReach {
  const complete = completeServingCluster({ ...cluster, gpus: 2 ** 16 });
  const demand = { expertBytes: modelOf(model).expertBytes };
  // Where nothing is fetched in time, nothing is fetched.
  const reach = { radiusHops: 0, loadNs: 0 };
  // Each tier has optics and ports of its own: the first that fails ends the reach.
  for (const tier of TIERS) {
    const { optics, ...fabric } = fabricOf(complete, tier);
    const { radiusHops, load } = radiusAndLoad({ optics, fabric, demand, objective });
    if (radiusHops <= reach.radiusHops) break;
    reach.radiusHops++;
    reach.loadNs = load.totalNs;
  }
  return reach;
}

/** The same over these optics, between all of its GPUs. */
export function opticsReach(
  optics: string | Optics,
  model: ModelShape | string,
  cluster: Omit<ServingClusterInput, "gpus"> = {},
  objective: Partial<Objective> = {},
): OpticsReach {
  return clusterReach(model, withOptics(cluster, optics), objective);
}
