import { exp, ln } from "../normal.ts";
import { RandomBits } from "../random.ts";

/** Tokens that begin as one topic, before each is looked at by itself. */
const WINDOW = 8;
const STARTS = 4;
const ITERATIONS = 12;
/** Tokens of no topic in particular that every topic counts as its own. */
const PRIOR = 40;

/** A run of tokens in which topics follow each other. */
export interface Run {
  from: number;
  to: number;
}

/**
 * What popularity alone must account for: of each token and layer the experts chosen that neither the token before chose nor
 * the layer below leads to, and those that were open to popularity at all.
 */
export interface Evidence {
  /** Places `layer * experts + expert`, of token t from `starts[t]` to `starts[t + 1]`. */
  fresh: Uint32Array;
  freshStarts: Uint32Array;
  /** The places that are not open, likewise. */
  closed: Uint32Array;
  closedStarts: Uint32Array;
  places: number;
}

/** Topics of which sums are taken side by side, in registers: rows are as wide as a whole number of these. */
const LANES = 4;

/** Topics that tokens follow. */
interface Model {
  topics: number;
  topicSwitch: number;
  /** Topics and what fills up a row. */
  width: number;
  /** `[place * width + topic]`: -ln(1 - chance) that an open expert is taken, and ln(chance / (1 - chance)). */
  lost: Float64Array;
  odds: Float64Array;
  /** Of each topic the sum of ln(1 - chance). */
  allLeft: Float64Array;
}

/** The likeliest of some models, each learnt from a start of its own. */
export function learn(evidence: Evidence, runs: readonly Run[], topics: number, seed: number): Model {
  let best: { model: Model; sum: number } | undefined;
  for (let start = 0; start < (topics === 1 ? 1 : STARTS); start++) {
    let model = modelOf(evidence, runs, startOf(evidence, runs, topics, seed + start), topics, 0.1);
    let sum = 0;
    for (let i = 0; i < (topics === 1 ? 1 : ITERATIONS); i++) {
      const passes = runs.map((run) => pass(evidence, run, model));
      sum = passes.reduce((total, { likelihood }) => total + likelihood, 0);
      const [switches, steps] = [0, 1].map((at) => passes.reduce((total, one) => total + one.switches[at]!, 0));
      const topicSwitch = Math.min(1, Math.max(1e-3, switches! / Math.max(1, steps!)));
      const shares = passes.map((one) => one.shares);
      model = modelOf(evidence, runs, shares, topics, topicSwitch);
    }
    if (!best || sum > best.sum) best = { model, sum };
  }
  return best!.model;
}

/** Shares of topics to begin with: windows of tokens go to the likest of some that lie far apart. */
function startOf(evidence: Evidence, runs: readonly Run[], topics: number, seed: number): Float64Array[] {
  const { fresh, freshStarts } = evidence;
  const windows = runs.flatMap(({ from, to }, run) =>
    Array.from({ length: Math.ceil((to - from) / WINDOW) }, (_, i) => {
      const [first, last] = [from + i * WINDOW, Math.min(to, from + (i + 1) * WINDOW)];
      const counts = new Map<number, number>();
      for (const place of fresh.subarray(freshStarts[first], freshStarts[last]))
        counts.set(place, (counts.get(place) ?? 0) + 1);
      return { run, first: first - from, last: last - from, counts };
    }),
  );
  const likeness = (a: Map<number, number>, b: Map<number, number>) => {
    let [both, one, other] = [0, 0, 0];
    for (const [place, count] of a) {
      both += count * (b.get(place) ?? 0);
      one += count * count;
    }
    for (const count of b.values()) other += count * count;
    return both / Math.sqrt(Math.max(1, one * other));
  };
  // The first by lot; then, of a few by lot, the one least like those chosen.
  const bits = new RandomBits({ seed, batch: 128 }).next();
  const draw = (i: number) => windows[bits[i]! % windows.length]!.counts;
  const centres = [draw(0)];
  for (let topic = 1; topic < topics; topic++) {
    const nearest = (counts: Map<number, number>) => Math.max(...centres.map((centre) => likeness(counts, centre)));
    const drawn = Array.from({ length: 8 }, (_, i) => draw(8 * topic + i));
    centres.push(drawn.reduce((far, one) => (nearest(one) < nearest(far) ? one : far)));
  }
  const shares = runs.map(({ from, to }) => new Float64Array((to - from) * topics));
  for (const { run, first, last, counts } of windows) {
    const like = centres.map((centre) => likeness(counts, centre));
    const topic = like.indexOf(Math.max(...like));
    for (let token = first; token < last; token++) shares[run]![token * topics + topic] = 1;
  }
  return shares;
}

/** The model by which each topic takes open experts as often as those tokens do that are its own, by their shares. */
function modelOf(
  { fresh, freshStarts, closed, closedStarts, places }: Evidence,
  runs: readonly Run[],
  shares: readonly Float64Array[],
  topics: number,
  topicSwitch: number,
): Model {
  const width = Math.ceil(topics / LANES) * LANES;
  const [taken, shut] = [new Float64Array(places * width), new Float64Array(places * width)];
  const [weights, own] = [new Float64Array(topics), new Float64Array(width)];
  let tokens = 0;
  for (const [run, { from, to }] of runs.entries()) {
    tokens += to - from;
    for (let token = from; token < to; token++) {
      own.set(shares[run]!.subarray((token - from) * topics, (token - from + 1) * topics));
      for (let z = 0; z < topics; z++) weights[z]! += own[z]!;
      addRow(taken, own, fresh, freshStarts[token]!, freshStarts[token + 1]!);
      addRow(shut, own, closed, closedStarts[token]!, closedStarts[token + 1]!);
    }
  }
  const [lost, odds] = [new Float64Array(taken.length), new Float64Array(taken.length)];
  const allLeft = new Float64Array(width);
  for (let place = 0; place < places; place++) {
    const [from, to] = [place * width, place * width + topics];
    const sumOf = (values: Float64Array) => values.subarray(from, to).reduce((sum, value) => sum + value, 0);
    const all = (sumOf(taken) + 0.5) / (tokens - sumOf(shut) + 1);
    for (let at = from; at < to; at++) {
      const chance = (taken[at]! + PRIOR * all) / (weights[at - from]! - shut[at]! + PRIOR);
      const sure = Math.min(0.999, Math.max(1e-6, chance));
      const left = ln(1 - sure);
      lost[at] = -left;
      odds[at] = ln(sure) - left;
      allLeft[at - from]! += left;
    }
  }
  return { topics, topicSwitch, width, lost, odds, allLeft };
}

/** Adds one row to the rows of the places that lie between `from` and `to`. */
function addRow(rows: Float64Array, row: Float64Array, places: Uint32Array, from: number, to: number): void {
  const width = row.length;
  for (let z = 0; z < width; z += LANES) {
    const [a, b, c, d] = [row[z]!, row[z + 1]!, row[z + 2]!, row[z + 3]!];
    for (let i = from; i < to; i++) {
      const at = places[i]! * width + z;
      rows[at]! += a;
      rows[at + 1]! += b;
      rows[at + 2]! += c;
      rows[at + 3]! += d;
    }
  }
}

/** Adds the rows of the places that lie between `from` and `to` to one row. */
function addToRow(row: Float64Array, rows: Float64Array, places: Uint32Array, from: number, to: number): void {
  const width = row.length;
  for (let z = 0; z < width; z += LANES) {
    let [a, b, c, d] = [row[z]!, row[z + 1]!, row[z + 2]!, row[z + 3]!];
    for (let i = from; i < to; i++) {
      const at = places[i]! * width + z;
      a += rows[at]!;
      b += rows[at + 1]!;
      c += rows[at + 2]!;
      d += rows[at + 3]!;
    }
    row.set([a, b, c, d], z);
  }
}

/** How likely each token of a run is in each topic: of a token, the ln of the likeliest, and each over that. */
function emissions({ fresh, freshStarts, closed, closedStarts }: Evidence, { from, to }: Run, model: Model) {
  const { topics, width, lost, odds, allLeft } = model;
  const most = new Float64Array(to - from);
  const over = new Float64Array((to - from) * topics);
  const values = new Float64Array(width);
  for (let token = from; token < to; token++) {
    values.set(allLeft);
    addToRow(values, odds, fresh, freshStarts[token]!, freshStarts[token + 1]!);
    addToRow(values, lost, closed, closedStarts[token]!, closedStarts[token + 1]!);
    let likeliest = values[0]!;
    for (let z = 1; z < topics; z++) likeliest = Math.max(likeliest, values[z]!);
    most[token - from] = likeliest;
    for (let z = 0, at = (token - from) * topics; z < topics; z++, at++)
      over[at] = exp(Math.max(-600, values[z]! - likeliest));
  }
  return { most, over };
}

/** The ln of how likely the tokens of a run are. */
export function likelihood(evidence: Evidence, run: Run, model: Model): number {
  return pass(evidence, run, model).likelihood;
}

/** There and back through a run: what share of each token each topic has, and how many steps began a topic, of how many. */
function pass(evidence: Evidence, run: Run, model: Model) {
  const { topics, topicSwitch } = model;
  const length = run.to - run.from;
  const { most, over } = emissions(evidence, run, model);
  // Before its own choices are seen, a token is of its topic with `ahead`; after, with `shares`.
  const [ahead, shares] = [new Float64Array(length * topics), new Float64Array(length * topics)];
  let likelihood = 0;
  for (let t = 0; t < length; t++) {
    let sum = 0;
    for (let z = 0; z < topics; z++) {
      const at = t * topics + z;
      ahead[at] = t === 0 ? 1 / topics : (1 - topicSwitch) * shares[at - topics]! + topicSwitch / topics;
      shares[at] = ahead[at]! * over[at]!;
      sum += shares[at]!;
    }
    for (let at = t * topics; at < (t + 1) * topics; at++) shares[at]! /= sum;
    likelihood += most[t]! + ln(sum);
  }
  // Back: a token's share is weighed by what comes after it, of which `shares / ahead` is all that need be known.
  let switches = 0;
  for (let t = length - 2; t >= 0; t--) {
    let drawn = 0;
    for (let at = (t + 1) * topics; at < (t + 2) * topics; at++) drawn += shares[at]! / ahead[at]! / topics;
    for (let at = t * topics; at < (t + 1) * topics; at++)
      shares[at]! *= (1 - topicSwitch) * (shares[at + topics]! / ahead[at + topics]!) + topicSwitch * drawn;
    switches += topicSwitch * drawn;
  }
  return { shares, likelihood, switches: [switches, Math.max(0, length - 1)] as const };
}
