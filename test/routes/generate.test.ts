import { expect, test } from "vitest";
import { fitRoutes, routeStatistics } from "../../src/routes/fit.ts";
import { RouteGenerator, type RouteModel, type RouteWorkload, stateOf } from "../../src/routes/generate.ts";
import { checkRoutes, type Routes } from "../../src/routes/routes.ts";
import { shareOf } from "../share.ts";

const CHAT: RouteWorkload = {
  name: "chat",
  share: 0.8,
  zipf: 0.8,
  repetition: 0.3,
  dependence: 0.25,
  topics: 3,
  topicShare: 0.5,
  topicSwitch: 0.05,
};
const CODE: RouteWorkload = {
  ...CHAT,
  name: "code",
  share: 0.2,
  zipf: [1.2, 0.4, 1.2, 0.4],
  repetition: 0.1,
  topics: 1,
};
const MODEL: RouteModel = { layers: 4, experts: 32, k: 4, workloads: [CHAT, CODE], seed: 3 };

/** What each choice of generated routes depended on. */
function* statesOf(made: ReturnType<RouteGenerator["generate"]>) {
  const { layers, k, tokens, chosen } = made.routes;
  for (let token = 0; token < tokens; token++)
    for (let layer = 0; layer < layers; layer++) {
      const at = (token * layers + layer) * k;
      yield { state: stateOf(made, token, layer), row: chosen.slice(at, at + k) };
    }
}

test("equal seeds give equal routes, others give others, and all are whole", () => {
  const options = { prompts: 6, prefillTokens: 5, decodeTokens: 20, seed: 8 };
  const one = new RouteGenerator(MODEL).generate(options);
  expect(new RouteGenerator(MODEL).generate(options)).toEqual(one);
  expect(new RouteGenerator(MODEL).generate({ ...options, seed: 9 }).routes.chosen).not.toEqual(one.routes.chosen);
  checkRoutes(one.routes);
  expect(one.routes.tokens).toBe(150);
  expect(one.routes.phase.filter((phase) => phase === 0)).toHaveLength(30);
  for (const { row } of statesOf(one)) expect(new Set(row).size).toBe(4);
});

test("experts are drawn with the probabilities that are told", () => {
  const model = { ...MODEL, k: 1 };
  const generator = new RouteGenerator(model);
  const made = generator.generate({ prompts: shareOf(40), prefillTokens: 0, decodeTokens: 100 });
  // Of every expert, how often it came less how often it should have, in its standard deviations; and of the likeliest alike.
  const [excess, variance] = [new Float64Array(33), new Float64Array(33)];
  for (const { state, row } of statesOf(made)) {
    const p = generator.probabilities(state);
    expect(Math.abs(p.reduce((sum, share) => sum + share, 0) - 1)).toBeLessThan(1e-12);
    const likeliest = p.indexOf(Math.max(...p));
    const count = (at: number, e: number) => {
      excess[at]! += Number(row[0] === e) - p[e]!;
      variance[at]! += p[e]! * (1 - p[e]!);
    };
    for (let e = 0; e < 32; e++) count(e, e);
    count(32, likeliest);
  }
  // 16,000 choices, or as many of them as are made; 33 sums, each within 4.5 of its standard deviations with a chance of 0.9998.
  for (let at = 0; at < 33; at++) expect(Math.abs(excess[at]!) / Math.sqrt(variance[at]!)).toBeLessThan(4.5);
});

test("who knows the probabilities recalls more than who repeats or knows what is popular", () => {
  const generator = new RouteGenerator(MODEL);
  const made = generator.generate({ prompts: 20, prefillTokens: 0, decodeTokens: 50 });
  const counts = Array.from({ length: 4 }, () => new Float64Array(32));
  for (const { state, row } of statesOf(made)) for (const e of row) counts[state.layer]![e]!++;
  const topOf = (scores: Float64Array) => [...scores.keys()].sort((a, b) => scores[b]! - scores[a]!).slice(0, 4);
  const hits = { best: 0, popular: 0, before: 0, all: 0 };
  for (const { state, row } of statesOf(made)) {
    const shared = (guess: readonly number[]) => row.filter((e) => guess.includes(e)).length;
    hits.best += shared(topOf(generator.probabilities(state)));
    hits.popular += shared(topOf(counts[state.layer]!));
    hits.before += shared(Array.from(state.before));
    hits.all += 4;
  }
  expect(hits.best / hits.all).toBeGreaterThan(hits.popular / hits.all);
  expect(hits.best / hits.all).toBeGreaterThan(hits.before / hits.all);
});

test("workloads are mixed by their shares, and topics switch as often as is said", () => {
  const [prompts, each] = [1500, 8];
  const { workload, topic } = new RouteGenerator({
    ...MODEL,
    layers: 1,
    k: 1,
    workloads: [CHAT, { ...CODE, zipf: 1 }],
  }).generate({ prompts, prefillTokens: 0, decodeTokens: each });
  const chats = [...workload.keys()].filter((prompt) => workload[prompt] === 0);
  expect(Math.abs(chats.length / prompts - 0.8)).toBeLessThan(4 * Math.sqrt((0.8 * 0.2) / prompts));
  // A switch draws one of three topics, of which one is the same again.
  const changes = chats.flatMap((prompt) =>
    Array.from({ length: each - 1 }, (_, i) => Number(topic[prompt * each + i + 1] !== topic[prompt * each + i])),
  );
  const chance = (0.05 * 2) / 3;
  const found = changes.reduce((sum, change) => sum + change, 0) / changes.length;
  expect(Math.abs(found - chance)).toBeLessThan(4 * Math.sqrt((chance * (1 - chance)) / changes.length));
});

/** How far statistics lie apart. */
function apart(a: Routes, b: Routes) {
  const [one, other] = [routeStatistics(a), routeStatistics(b)];
  return {
    repetition: Math.abs(one.repetition - other.repetition),
    dependence: Math.abs(one.dependence - other.dependence),
    topShare: Math.max(...one.topShare.map((share, layer) => Math.abs(share - other.topShare[layer]!))),
  };
}

test("a fitted model makes routes of the same statistics, each workload by itself", () => {
  const topicless = { topics: 1, topicShare: 0, topicSwitch: 0 };
  const model = {
    ...MODEL,
    workloads: [
      { ...CHAT, ...topicless },
      { ...CODE, ...topicless },
    ],
  };
  const prompts = shareOf(40);
  // Bounds are for 40 prompts, and wider for fewer as their statistics waver more.
  const wider = Math.sqrt(40 / prompts);
  const made = new RouteGenerator(model).generate({ prompts, prefillTokens: 0, decodeTokens: 60, seed: 4 });
  const names = Array.from(made.workload, (place) => model.workloads[place]!.name);
  const fitted = fitRoutes(made.routes, { workloads: names, topics: 1 });
  expect(fitted.workloads.map(({ name }) => name).sort()).toEqual(["chat", "code"]);
  for (const { name, share, repetition, dependence } of fitted.workloads) {
    expect(share).toBe(names.filter((other) => other === name).length / prompts);
    const truth = model.workloads.find((workload) => workload.name === name)!;
    // The model's own figures come back as well as so few tokens tell them.
    expect(Math.abs(repetition - truth.repetition)).toBeLessThan(0.06 * wider);
    expect(Math.abs(dependence - truth.dependence)).toBeLessThan(0.08 * wider);
  }
  const one = fitRoutes(made.routes, { topics: 1 });
  const again = new RouteGenerator(one).generate({ prompts, prefillTokens: 0, decodeTokens: 60, seed: 77 });
  // 2,400 tokens x 4 experts a layer: a share's standard deviation is at most 0.01 where choices are independent.
  const far = apart(made.routes, again.routes);
  expect(far.repetition).toBeLessThan(0.03 * wider);
  expect(far.dependence).toBeLessThan(0.03 * wider);
  expect(far.topShare).toBeLessThan(0.05 * wider);
});

test("statistics of routes that are known", () => {
  // Experts 0 and 1 by turns, in the second layer one further: nothing repeats, all follow.
  const chosen = Uint16Array.from(Array.from({ length: 10 }, (_, token) => [token % 2, (token % 2) + 2]).flat());
  const routes = {
    layers: 2,
    experts: 8,
    k: 1,
    tokens: 10,
    prompt: new Uint32Array(10),
    phase: new Uint8Array(10),
    chosen,
  };
  const windowLikeness = [0, 0, 0, 0]; // of one window there is no other
  expect(routeStatistics(routes)).toEqual({ topShare: [0.5, 0.5], repetition: 0, dependence: 1, windowLikeness });
  const same = { ...routes, chosen: new Uint16Array(20).fill(5) };
  expect(routeStatistics(same)).toEqual({ topShare: [1, 1], repetition: 1, dependence: 1, windowLikeness });
  // Four windows a, a, b, b of a prompt, of which the rest begins in its midst: beside each other they are like, unlike, like.
  const windows = Array.from({ length: 37 }, (_, token) => (token < 5 ? 7 : token < 21 ? 1 : 2));
  const long = {
    ...routes,
    layers: 1,
    tokens: 37,
    prompt: Uint32Array.from({ length: 37 }, (_, token) => Number(token >= 5)),
    phase: new Uint8Array(37),
    chosen: Uint16Array.from(windows),
  };
  expect(routeStatistics(long).windowLikeness).toEqual([1 / 3, -1, 0, 0].map((like) => expect.closeTo(like, 6)));
});

test("names the bad argument", () => {
  const make = (change: object) => new RouteGenerator({ ...MODEL, workloads: [{ ...CHAT, ...change }] });
  for (const [change, message] of [
    [{ zipf: -1 }, "workloads[0].zipf must be from 0 to 8, got -1"],
    [{ zipf: [1, 2] }, "workloads[0].zipf must hold 4 values, got 2"],
    [{ topics: 0 }, "workloads[0].topics must be from 1 to 4096, got 0"],
    [{ share: 0 }, `workloads[0].share must be from ${Number.MIN_VALUE} to 1000000000, got 0`],
  ] as const)
    expect(() => make(change)).toThrow(new RangeError(message));
  expect(() => make({ repetition: 0.5, dependence: 0.6 })).toThrow(
    /^workloads\[0\]\.dependence must be from 0 to 0\.499/,
  );
  expect(() => make({ topik: 1 })).toThrow("workloads[0] has no field topik; did you mean topics?");
  const generator = new RouteGenerator(MODEL);
  expect(() => generator.generate({ prompts: 0, prefillTokens: 1, decodeTokens: 1 })).toThrow(
    new RangeError("prompts must be from 1 to 16777216, got 0"),
  );
  const state = { workload: 0, topic: 0, layer: 0, before: [32], below: [] };
  expect(() => generator.probabilities(state)).toThrow(new RangeError("before[0] must be from 0 to 31, got 32"));
});
