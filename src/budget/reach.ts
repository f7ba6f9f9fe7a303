import { TraversalTable } from "./load.ts";
import { withFabric } from "./margins.ts";
import { completeScenario, type ScenarioInput } from "./scenario.ts";
import { assess, sorted, type Term } from "./terms.ts";

/** What a load comes to from so many hops away. */
export interface HopReach {
  hops: number;
  /** Whether no term fails. */
  holds: boolean;
  totalNs: number;
  /** What binds, or fails by the most. */
  binding: Term;
}

/** The hops that stand for same node, same pod and anywhere. */
const HOPS = [1, 2, 3] as const;

/** A scenario from 1, 2 and 3 hops away, whatever hops it states: where its radius ends, and why. */
export function reachByHops(input: ScenarioInput): HopReach[] {
  const scenario = completeScenario(input);
  const paths = new TraversalTable();
  return HOPS.map((hops) => {
    const { terms, phases } = assess(withFabric(scenario, { hops }), paths);
    const [binding] = sorted(terms);
    return { hops, holds: binding!.holds !== false, totalNs: phases.totalNs, binding: binding! };
  });
}
