import { DOORBELL_FACTS } from "./facts-doorbell.ts";
import { FETCHING_FACTS } from "./facts-fetching.ts";
import { OPTICS_FACTS } from "./facts-optics.ts";
import { SERVING_FACTS } from "./facts-serving.ts";
import { WORLD_FACTS } from "./facts-world.ts";

/**
 * What a statement is to this library: *input*, a parameter; *derived*, to follow by arithmetic; *simulated*, to come out of a
 * simulation; *measured*, to be measured here; *context*, about the world and not modelled.
 */
export type FactKind = "input" | "derived" | "simulated" | "measured" | "context";

/** A figure, or what holds several. */
export type FactValue = number | string | boolean | readonly FactValue[] | { readonly [name: string]: FactValue };

/** One statement of the source documents: what it is about, in our words, and its figures as stated. */
export interface Fact {
  id: string;
  /** Which of the four documents, from 1, and where in it. */
  document: number;
  section: string;
  kind: FactKind;
  states: string;
  values: Readonly<Record<string, FactValue>>;
}

/** Every statement of the source documents that has a figure, and some that have none. */
export const FACTS: readonly Fact[] = [
  ...DOORBELL_FACTS,
  ...FETCHING_FACTS,
  ...OPTICS_FACTS,
  ...SERVING_FACTS,
  ...WORLD_FACTS,
];

const BY_ID = new Map(FACTS.map((fact) => [fact.id, fact]));

/** The figure that a fact states under `path`, names with dots between them. */
export function stated(id: string, path = "value"): number {
  const fact = BY_ID.get(id);
  if (!fact) throw new RangeError(`id must be that of a fact, got ${JSON.stringify(id)}`);
  const value = path.split(".").reduce<FactValue | undefined>((at, name) => {
    return typeof at === "object" ? (at as Readonly<Record<string, FactValue>>)[name] : undefined;
  }, fact.values);
  if (typeof value !== "number") throw new RangeError(`path must lead to a figure of ${id}, got ${path}`);
  return value;
}
