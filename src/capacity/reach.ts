import { radiusAndLoad } from "../budget/radius.ts";
import type { Objective } from "../budget/scenario.ts";
import { completeServingCluster, fabricOf, type ServingClusterInput, TIERS } from "../cluster/index.ts";
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
  for (let hops = TIERS.length; hops > 0; hops--) {
    const { optics, ...fabric } = fabricOf(complete, TIERS[hops - 1]!);
    const { radiusHops, load } = radiusAndLoad({ optics, fabric, demand, objective });
    if (radiusHops >= hops) return { radiusHops: hops, loadNs: load.totalNs };
  }
  // Where nothing is fetched in time, nothing is fetched.
  return { radiusHops: 0, loadNs: 0 };
}

/** The same over these optics, between all of its GPUs. */
export function opticsReach(
  optics: string | Optics,
  model: ModelShape | string,
  cluster: Omit<ServingClusterInput, "gpus"> = {},
  objective: Partial<Objective> = {},
): OpticsReach {
  const { tiers: _, ...alike } = cluster;
  return clusterReach(model, { ...alike, optics }, objective);
}
