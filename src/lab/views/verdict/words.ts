import { duration, figure, percent, type Term, type Verdict } from "../../../index.ts";

/** A share of loads; what tables behind it cannot tell is only said to be rare. */
export const missWords = (share: number): string => (share < 1e-9 ? "less than 1 in a billion" : percent(share));

export function valueWords({ name, unit }: Term, value: number): string {
  if (name === "tail") return missWords(value);
  if (unit === "ns") return duration(value);
  return unit === "share" ? percent(value) : `${figure(value)} in a million`;
}

/** Whether a term holds, in a word. */
export const holdsWords = ({ holds }: Term): "undecided" | "holds" | "fails" =>
  holds === null ? "undecided" : holds ? "holds" : "fails";

/** How much of a limit is left. */
export function marginWords({ margin, limit, value }: Term): string {
  if (margin === null) return "nobody can tell";
  if (margin >= 0) return `${tenths(margin)} to spare`;
  const times = limit > 0 ? value! / limit : 0;
  return times >= 2 ? `${figure(times)} times its limit` : `${tenths(-margin)} beyond its limit`;
}

/** Whether a term holds, and how much of its limit is left. */
export function standing(term: Term): string {
  const margin = marginWords(term);
  if (term.holds !== null) return `${holdsWords(term)}: ${margin}`;
  if (term.margin === null) return "undecided";
  return `undecided, as it stands ${margin}`;
}

const tenths = (share: number) => `${(100 * share).toLocaleString("en", { maximumFractionDigits: 1 })}%`;

export const hopWords = (hops: number): string => (hops === 1 ? "1 hop" : `${hops} hops`);

/** The verdict in a sentence or two. */
export function finding({ schedulable, optics, fabric, demand, objective, terms, conditions }: Verdict): string {
  const load = `${figure(demand.expertBytes / 1e6)} MB`;
  const way = `over ${hopWords(fabric.hops)} and ${fabric.ports} ports of ${optics.name} (${optics.title})`;
  const binding = terms[0]!;
  if (!schedulable) {
    const others = terms.slice(1).filter(({ holds }) => holds === false);
    const names = others.map(({ name }) => name).join(" and ");
    const too = others.length === 0 ? "" : `; ${names} ${others.length === 1 ? "fails" : "fail"} too`;
    return `Not schedulable: ${load} ${way} within ${duration(objective.deadlineNs)} cannot be promised. What fails is ${binding.name}, ${marginWords(binding)}${too}.`;
  }
  const held = `Schedulable: ${load} ${way} are in place within ${duration(objective.deadlineNs)}. What binds is ${binding.name}, with ${marginWords(binding)}.`;
  if (conditions.length === 0) return held;
  const things = conditions.length === 1 ? "one thing" : `${conditions.length} things`;
  return `${held} That rests on ${things} that nobody states, named below.`;
}
