import { meanRow } from "./balance-bounds.ts";
import { type CompleteBalance, roomsOf } from "./balance-problem.ts";

/** What one node holds of a layer: which experts, on which active GPUs. */
export interface Part {
  experts: number[];
  gpus: number[];
}

function partsOf({ nodes, groups }: CompleteBalance, nodeOf: readonly number[]): Part[] {
  return nodes
    .map((gpus, node) => ({ gpus, experts: groups.flatMap((group, i) => (nodeOf[i] === node ? group : [])) }))
    .filter(({ experts }) => experts.length > 0);
}

/** Shares groups out to nodes, so that the busiest node's GPUs bear little, the heaviest first; `base` is what GPUs bear already. */
export function spreadGroups(balance: CompleteBalance, layer: number, base?: Float64Array): Part[] {
  const { nodes, groups } = balance;
  if (groups.length === 1 && nodes.length === 1) return [{ experts: groups[0]!, gpus: nodes[0]! }];
  const loads = meanRow(balance, layer);
  const weights = groups.map((group) => group.reduce((sum, e) => sum + loads[e]!, 0));
  const even = Math.ceil(groups.length / nodes.length);
  const rooms = roomsOf(balance);
  const evenRooms = rooms.map((room) => Math.min(room, even));
  const left = evenRooms.reduce((a, b) => a + b, 0) >= groups.length ? evenRooms : rooms;
  const sums = nodes.map((node) => node.reduce((sum, gpu) => sum + (base?.[gpu] ?? 0), 0));
  const nodeOf = new Array<number>(groups.length).fill(0);
  const levelOf = (node: number, more: number) => (sums[node]! + more) / nodes[node]!.length;
  for (const group of [...groups.keys()].sort((a, b) => weights[b]! - weights[a]!)) {
    let best = -1;
    for (let node = 0; node < nodes.length; node++)
      if (left[node]! > 0 && (best < 0 || levelOf(node, weights[group]!) < levelOf(best, weights[group]!))) best = node;
    nodeOf[group] = best;
    left[best]!--;
    sums[best]! += weights[group]!;
  }
  // Swaps, as long as the busier node of the two gets less.
  for (let isChanged = true; isChanged; ) {
    isChanged = false;
    for (let a = 0; a < groups.length; a++)
      for (let b = 0; b < groups.length; b++) {
        const [p, q, less] = [nodeOf[a]!, nodeOf[b]!, weights[a]! - weights[b]!];
        if (p === q || less <= 0) continue;
        const top = Math.max(levelOf(p, 0), levelOf(q, 0));
        if (Math.max(levelOf(p, -less), levelOf(q, less)) >= top * (1 - 1e-9)) continue;
        [nodeOf[a], nodeOf[b]] = [q, p];
        sums[p]! -= less;
        sums[q]! += less;
        isChanged = true;
      }
  }
  return partsOf(balance, nodeOf);
}

/** Leaves each group on the node that holds most of its experts, as far as there are slots. `held` is by active GPU. */
export function keepGroups(balance: CompleteBalance, held: readonly (readonly number[])[]): Part[] {
  const { nodes, groups } = balance;
  if (groups.length === 1 && nodes.length === 1) return [{ experts: groups[0]!, gpus: nodes[0]! }];
  const size = groups[0]!.length;
  const counts = nodes.flatMap((node, n) => {
    const there = new Set(node.flatMap((gpu) => held[gpu]!));
    return groups.map((group, g) => ({ n, g, count: group.filter((e) => there.has(e)).length }));
  });
  const left = roomsOf(balance);
  const nodeOf = new Array<number>(groups.length).fill(-1);
  for (const { n, g } of counts.sort((a, b) => b.count - a.count)) {
    if (nodeOf[g]! >= 0 || left[n]! <= 0) continue;
    nodeOf[g] = n;
    left[n]!--;
  }
  if (size > 0 && nodeOf.includes(-1)) throw new Error("nodes have room for all groups: that was checked");
  return partsOf(balance, nodeOf);
}
