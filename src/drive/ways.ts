import { LANES } from "../../assembly/layout.ts";
import { type Path, PathSampler } from "../latency.ts";
import type { Traffic } from "../traffic.ts";
import type { DrivePlan } from "./plan.ts";

/** Traversals of paths, one at a time, all of what was drawn. */
class Draws {
  readonly #sampler: PathSampler;
  #drawn: Float32Array = new Float32Array();
  #next = 0;

  constructor(path: Path, seed: number, stream: number) {
    this.#sampler = new PathSampler(path, { seed, stream, batch: LANES * 256 });
  }

  next(): number {
    if (this.#next === this.#drawn.length) {
      this.#drawn = this.#sampler.next();
      this.#next = 0;
    }
    return this.#drawn[this.#next++]!;
  }
}

/** How long doorbells and answers are on their way, tier by tier; a row of a traffic stands for its source and destination. */
export class Ways {
  readonly #plan: DrivePlan;
  readonly #traffic: Traffic;
  readonly #doorbells: Draws[];
  readonly #answers: Draws[];
  readonly #leastAnswerNs: number[];

  constructor(plan: DrivePlan, traffic: Traffic) {
    this.#plan = plan;
    this.#traffic = traffic;
    const tiers = plan.hopsOfTier;
    this.#doorbells = tiers.map((hops, tier) => new Draws(plan.doorbellPath(hops), plan.seed, 2 * tier));
    this.#answers = tiers.map((hops, tier) => new Draws(plan.answerPath(hops), plan.seed, 2 * tier + 1));
    this.#leastAnswerNs = tiers.map((hops) => {
      const { hops: each, pipelineNs = 0, serdesNs = 0 } = plan.answerPath(hops);
      const traversalNs = pipelineNs + serdesNs + each.reduce((sum, hop) => sum + hop.leastNs, 0);
      return plan.traversals[1] * traversalNs + plan.afterNs;
    });
  }

  /** From the ring to the DPU's queue, drawn anew by each call. */
  doorbellNs(row: number): number {
    const draws = this.#doorbells[this.#tierOf(row)]!;
    let ns = this.#plan.beforeNs;
    for (let i = 0; i < this.#plan.traversals[0]; i++) ns += draws.next();
    return ns;
  }

  /** From the last byte to the end, drawn anew by each call. */
  answerNs(row: number): number {
    const draws = this.#answers[this.#tierOf(row)]!;
    let ns = this.#plan.afterNs;
    for (let i = 0; i < this.#plan.traversals[1]; i++) ns += draws.next();
    return ns;
  }

  /** The least that `answerNs` can be. */
  leastAnswerNs(row: number): number {
    return this.#leastAnswerNs[this.#tierOf(row)]!;
  }

  #tierOf(row: number): 0 | 1 | 2 {
    const [from, to] = [this.#traffic.sourceGpu[row]!, this.#traffic.destinationGpu[row]!];
    const { gpusPerNode, gpusPerPod } = this.#plan;
    if (Math.floor(from / gpusPerNode) === Math.floor(to / gpusPerNode)) return 0;
    return Math.floor(from / gpusPerPod) === Math.floor(to / gpusPerPod) ? 1 : 2;
  }
}
