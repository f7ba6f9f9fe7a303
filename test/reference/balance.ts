/** The least that the busiest GPU can bear, of all ways to fill the slots; by trying each. */
export function bestBusiest(loads: readonly number[], gpus: number, gpuOfSlot: readonly number[]): number {
  const held: number[] = [];
  let best = Number.POSITIVE_INFINITY;
  const fill = (): void => {
    const slot = held.length;
    if (slot === gpuOfSlot.length) {
      const copies = loads.map((_, e) => held.filter((expert) => expert === e).length);
      if (copies.includes(0)) return;
      const sums = new Array<number>(gpus).fill(0);
      for (let i = 0; i < slot; i++) sums[gpuOfSlot[i]!]! += loads[held[i]!]! / copies[held[i]!]!;
      best = Math.min(best, Math.max(...sums));
      return;
    }
    for (let e = 0; e < loads.length; e++) {
      if (held.some((expert, i) => expert === e && gpuOfSlot[i] === gpuOfSlot[slot])) continue;
      held.push(e);
      fill();
      held.pop();
    }
  };
  fill();
  return best;
}
