import { type Path, PathSampler } from "./latency.ts";
import type { RandomOptions } from "./random.ts";
import type { Transport } from "./tail.ts";

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
    this.method = `drawn, not measured: ${hops.length} hops, ${correlation * 100}% of traversals in step, ${faults.length === 0 ? "no faults" : `${faults.length} kinds of fault`}`;
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
