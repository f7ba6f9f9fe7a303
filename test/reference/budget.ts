// P(miss) of loads, drawn the obvious way: every frame at every hop, every outage in its time.

/** Marsaglia's xorshift32: of another family than the engine's generator. */
export function uniforms(seed: number): () => number {
  let x = seed | 0 || 1;
  return () => {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    return ((x >>> 0) - 0.5) / 2 ** 32;
  };
}

export interface StalledLoads {
  loads: number;
  fixedNs: number;
  deadlineNs: number;
  traversalNs: (uniform: () => number) => number;
  ports: number;
  framesPerPort: number;
  hops: number;
  stall: { probabilityPerFrame: number; lowNs: number; highNs: number };
}

/** Each frame of each port may be stalled at each hop; the load ends with its last port. */
export function stalledMisses(load: StalledLoads, uniform: () => number): number {
  const { lowNs, highNs, probabilityPerFrame } = load.stall;
  let misses = 0;
  for (let i = 0; i < load.loads; i++) {
    let lastPortNs = 0;
    for (let port = 0; port < load.ports; port++) {
      let heldBackNs = 0;
      for (let hop = 0; hop < load.hops; hop++)
        for (let frame = 0; frame < load.framesPerPort; frame++)
          if (uniform() < probabilityPerFrame) heldBackNs += lowNs + uniform() * (highNs - lowNs);
      lastPortNs = Math.max(lastPortNs, heldBackNs);
    }
    if (load.fixedNs + load.traversalNs(uniform) + load.traversalNs(uniform) + lastPortNs > load.deadlineNs) misses++;
  }
  return misses;
}

export interface InterruptedLoads {
  loads: number;
  totalNs: number;
  deadlineNs: number;
  links: number;
  ratePerLinkHour: number;
  lowNs: number;
  highNs: number;
}

/** Outages begin on any link, one after the other in a Poisson stream; each that a load meets holds it back for what is left of it. */
export function interruptedLoads(load: InterruptedLoads, uniform: () => number): { met: number; late: number } {
  const gapNs = () => (-Math.log(uniform()) * 3.6e12) / (load.links * load.ratePerLinkHour);
  let [met, late] = [0, 0];
  for (let i = 0; i < load.loads; i++) {
    let [heldBackNs, meets] = [0, 0];
    for (let at = gapNs() - load.highNs; at < load.totalNs; at += gapNs()) {
      const endsNs = at + load.lowNs + uniform() * (load.highNs - load.lowNs);
      if (endsNs <= 0) continue;
      meets = 1;
      heldBackNs += endsNs - Math.max(0, at);
    }
    met += meets;
    if (load.totalNs + heldBackNs > load.deadlineNs) late++;
  }
  return { met, late };
}
