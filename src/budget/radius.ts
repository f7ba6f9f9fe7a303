import { leastWhole } from "../statistics.ts";
import { type LoadPhases, loadPhases, TraversalTable } from "./load.ts";
import { withFabric } from "./margins.ts";
import { completeScenario, type Scenario, type ScenarioInput } from "./scenario.ts";
import { holds } from "./terms.ts";

/** The hops that stand for anywhere. */
const RADIUS_MAX = 3;

/** The largest number of hops at which all terms hold; 0 if none. */
export function radiusOf(scenario: Scenario, paths: TraversalTable): number {
  return leastWhole(1, RADIUS_MAX + 1, (hops) => !holds(withFabric(scenario, { hops }), paths)) - 1;
}

/** A verdict's radius and load, for those who ask for nothing else of it. */
export function radiusAndLoad(input: ScenarioInput): { radiusHops: number; load: LoadPhases } {
  const scenario = completeScenario(input);
  const paths = new TraversalTable();
  return { radiusHops: radiusOf(scenario, paths), load: loadPhases(scenario, paths.of(scenario.fabric).path) };
}
