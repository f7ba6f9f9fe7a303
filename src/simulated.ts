import { checkWhole } from "./check.ts";
import { Distribution } from "./distribution.ts";
import { type Fault, type Path, PathSampler } from "./latency.ts";
import type { Optics } from "./optics/index.ts";
import type { RandomOptions } from "./random.ts";
import type { Transport } from "./tail.ts";
import { percent } from "./words.ts";

/** More hops than any fabric has. */
const HOPS_MAX = 64;

/** A transport that draws from `path` what each doorbell takes. */
export class SimulatedTransport implements Transport {
  readonly name: string;
  readonly method: string;
  readonly #sampler: PathSampler;
  #drawn: Float32Array = new Float32Array();

  constructor(path: Path, { name = "simulated path", ...random }: RandomOptions & { name?: string } = {}) {
    this.#sampler = new PathSampler(path, random);
    this.name = name;
    const { hops, correlation = 0, faults = [] } = path;
    this.method = `drawn, not measured: ${hops.length} hops, ${percent(correlation)} of traversals in step, ${faults.length === 0 ? "no faults" : "with faults"}`;
  }

  /** Over `hops` hops of `optics`, each of which may hold a doorbell's frame back where the profile says how often. */
  static over(
    { profile, hop }: Optics,
    { hops, seed, ...path }: RandomOptions & Omit<Path, "hops" | "faults"> & { hops: number },
  ): SimulatedTransport {
    checkWhole("hops", hops, 1, HOPS_MAX);
    const { name, stall } = profile;
    const delay = stall && Distribution.uniform(stall.lowNs, stall.highNs);
    const fault: Fault[] =
      delay && stall?.probabilityPerFrame ? [{ probability: stall.probabilityPerFrame, delay }] : [];
    const each = <T>(one: T): T[] => Array.from({ length: hops }, () => one);
    return new SimulatedTransport(
      { ...path, hops: each(hop), faults: fault.flatMap(each) },
      { name, ...(seed === undefined ? {} : { seed }) },
    );
  }

  ring(latencyNs: Float32Array): void {
    for (let filled = 0; filled < latencyNs.length; ) {
      if (this.#drawn.length === 0) this.#drawn = this.#sampler.next();
      const part = this.#drawn.subarray(0, latencyNs.length - filled);
      latencyNs.set(part, filled);
      filled += part.length;
      this.#drawn = this.#drawn.subarray(part.length);
    }
  }
}
