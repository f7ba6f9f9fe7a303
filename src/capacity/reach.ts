import { radiusAndLoad } from "../budget/radius.ts";
import type { Objective } from "../budget/scenario.ts";
import { completeServingCluster, fabricOf, type ServingClusterInput, TIERS } from "../cluster/index.ts";
import { modelOf } from "../models/index.ts";
import type { ModelShape } from "../models/shape.ts";
import type { Optics } from "../optics/index.ts";
import type { OpticsReach } from "./index.ts";

/** How far fetches of a model's experts hold over these optics in such a cluster, and how long one takes from there. */
export function opticsReach(
  optics: string | Optics,
  model: ModelShape | string,
  cluster: Omit<ServingClusterInput, "gpus"> = {},
  objective: Partial<Objective> = {},
): OpticsReach {
  const { tiers: _, ...alike } = cluster;
  const complete = completeServingCluster({ ...alike, gpus: 2 ** 16, optics });
  const demand = { expertBytes: modelOf(model).expertBytes };
  const verdictAt = (hops: number) => {
    const { optics: one, ...fabric } = fabricOf(complete, TIERS[hops - 1]!);
    return { profile: one.profile, ...radiusAndLoad({ optics: one, fabric, demand, objective }) };
  };
  const { radiusHops, load, profile } = verdictAt(TIERS.length);
  const isNearer = radiusHops > 0 && radiusHops < TIERS.length;
  return {
    name: profile.name,
    radiusHops,
    // Where nothing is fetched in time, nothing is fetched.
    loadNs: radiusHops === 0 ? 0 : (isNearer ? verdictAt(radiusHops).load : load).totalNs,
  };
}
