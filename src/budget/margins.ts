import { leastWhole } from "../statistics.ts";
import { TraversalTable } from "./load.ts";
import {
  completeScenario,
  type Demand,
  type Fabric,
  MOST_HOPS,
  MOST_PORTS,
  type Scenario,
  type ScenarioInput,
} from "./scenario.ts";
import { assess, holds } from "./terms.ts";

/** How far a scenario can be pushed, one figure at a time, until it no longer holds. */
export interface Margins {
  /** Null, as below, where the scenario does not hold however small, few or late it is made. */
  largestExpertBytes: number | null;
  /** 64 is as far as is looked. */
  mostHops: number | null;
  fewestPorts: number | null;
  tightestDeadlineNs: number | null;
  mostLoadsPerStep: number | null;
}

/** Turns the verdict round: the largest expert, the most hops, the fewest ports, the tightest deadline, the most loads. */
export function margins(input: ScenarioInput): Margins {
  const scenario = completeScenario(input);
  const paths = new TraversalTable();
  const least = (low: number, high: number, change: (value: number) => Scenario) => {
    const found = leastWhole(low, high + 1, (value) => holds(change(value), paths));
    return found > high ? null : found;
  };
  const most = (low: number, high: number, change: (value: number) => Scenario) => {
    const found = leastWhole(low, high + 1, (value) => !holds(change(value), paths)) - 1;
    return found < low ? null : found;
  };
  const demand = (change: Partial<Demand>) => ({ ...scenario, demand: { ...scenario.demand, ...change } });
  return {
    largestExpertBytes: most(1, 1e12, (expertBytes) => demand({ expertBytes })),
    mostHops: most(1, MOST_HOPS, (hops) => withFabric(scenario, { hops })),
    fewestPorts: fewestPorts(scenario, paths),
    tightestDeadlineNs: least(1, 1e12, (deadlineNs) => ({
      ...scenario,
      objective: { ...scenario.objective, deadlineNs },
    })),
    mostLoadsPerStep: most(1, 1e6, (loadsPerStep) => demand({ loadsPerStep })),
  };
}

/** More ports carry more, but more links fail: those that hold are a band, and its lower end is looked for. */
function fewestPorts(scenario: Scenario, paths: TraversalTable): number | null {
  const allowed = 1e6 * scenario.objective.missShareMax;
  const termsAt = (ports: number) => assess(withFabric(scenario, { ports }), paths).terms;
  const carry = (ports: number) => termsAt(ports).every((term) => term.name === "faults" || term.holds !== false);
  for (let ports = leastWhole(1, MOST_PORTS + 1, carry); ports <= MOST_PORTS; ports++) {
    const terms = termsAt(ports);
    if (terms.every((term) => term.holds !== false)) return ports;
    if (terms.some((term) => term.name === "faults" && (term.value ?? 0) > allowed)) return null;
  }
  return null;
}

export function withFabric(scenario: Scenario, change: Partial<Fabric>): Scenario {
  return { ...scenario, fabric: { ...scenario.fabric, ...change } };
}
