/**
 * The greedy way that EPLB published: a further copy of what is heaviest a copy, then the heaviest copy first to the least
 * loaded GPU that has room; every GPU has as many slots. Returns what each GPU's slots hold.
 */
export function placeGreedily(loads: ArrayLike<number>, gpus: number, slots: number): number[][] {
  const copies = Array.from(loads, () => 1);
  const physical = Array.from(loads, (_, e) => e);
  while (physical.length < slots) {
    let heaviest = 0;
    for (let e = 1; e < loads.length; e++)
      if (loads[e]! / copies[e]! > loads[heaviest]! / copies[heaviest]!) heaviest = e;
    copies[heaviest]!++;
    physical.push(heaviest);
  }
  const loadOf = (e: number) => loads[e]! / copies[e]!;
  physical.sort((a, b) => loadOf(b) - loadOf(a));
  const held: number[][] = Array.from({ length: gpus }, () => []);
  const sums = new Float64Array(gpus);
  for (const expert of physical) {
    let least = -1;
    for (let g = 0; g < gpus; g++)
      if (held[g]!.length < slots / gpus && (least < 0 || sums[g]! < sums[least]!)) least = g;
    held[least]!.push(expert);
    sums[least]! += loadOf(expert);
  }
  return held;
}
