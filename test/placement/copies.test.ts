import { expect, test } from "vitest";
import {
  CLOSED,
  FORCED,
  HOME,
  ROW_ALL,
  ROW_BYTES,
  ROW_COLUMNS,
  ROW_LOAD,
  ROW_MOVE_COST,
  SHAPE_WORDS,
} from "../../assembly/layout.ts";
import { type LatencyProblem, placeForLatency, verifyPlacement } from "../../src/index.ts";
import { workspace } from "../../src/wasm.ts";
import { drawer, leastCost, lists, tierOf, tinyProblem } from "../reference/copies.ts";
import { shareOf } from "../share.ts";

const TINY = shareOf(240, 40);

test(`${TINY} tiny problems with all rules: plans keep them, bounds are below, infeasible is infeasible`, () => {
  const seen = { planned: 0, proved: 0, refused: 0, missed: 0 };
  for (let seed = 1; seed <= TINY; seed++) {
    const problem = tinyProblem(seed);
    const least = leastCost(problem);
    const { plan, check, bound, status } = placeForLatency(problem, { gap: 0, rounds: 2 });
    if (status === "infeasible") {
      expect(least, `seed ${seed}`).toBe(Number.POSITIVE_INFINITY);
      seen.refused++;
    } else if (least === Number.POSITIVE_INFINITY) {
      // Not every problem without a plan can be told to be so.
      expect(plan, `seed ${seed}`).toBeUndefined();
      seen.missed++;
    } else {
      expect(plan && verifyPlacement(problem, plan).violations, `seed ${seed}`).toEqual([]);
      expect(bound, `seed ${seed}`).toBeLessThanOrEqual(least * (1 + 1e-12));
      // Measured, and no rule: of 2,000 seeds 1,023 have a plan; 3 found (0.3%) are above the best, 1 is not found; none here.
      expect(check!.cost, `seed ${seed}`).toBeCloseTo(least, 9);
      seen.planned++;
      if (status === "optimal") seen.proved++;
    }
  }
  expect(seen.planned + seen.refused + seen.missed).toBe(TINY);
  expect(seen.planned).toBeGreaterThan(TINY / 3);
  expect(seen.proved).toBeGreaterThan(seen.planned / 2);
  expect(seen.refused).toBeGreaterThan(seen.missed);
});

test("where nothing is scarce, the bound at no prices is the best plan itself", () => {
  for (let seed = 1; seed <= shareOf(60); seed++) {
    const { pinned, from, movedBytesMax, gpuLoadMax, ...problem } = tinyProblem(seed);
    problem.cluster.slotsPerGpu.fill(problem.demand.length);
    const least = leastCost(problem);
    const { status, check, bound } = placeForLatency({ ...problem, copiesMax: 3, copies: 2 });
    const expected = leastCost({ ...problem, copiesMax: 3, copies: 2 });
    if (status === "infeasible") {
      expect(expected, `seed ${seed}`).toBe(Number.POSITIVE_INFINITY);
      continue;
    }
    expect(expected).toBeLessThanOrEqual(least + 1e-9);
    expect(status, `seed ${seed}`).toBe("optimal");
    expect([check!.cost, bound], `seed ${seed}`).toEqual([expected, expected]);
  }
});

/** A problem of one expert, as the kernels have it, with prices of everything. */
function pricedExpert(seed: number) {
  const draw = drawer(seed);
  const gpusPerNode = 1 + draw(4);
  const gpusPerPod = gpusPerNode * (1 + draw(3));
  const gpus = 3 + draw(5);
  const [nodes, pods] = [Math.ceil(gpus / gpusPerNode), Math.ceil(gpus / gpusPerPod)];
  const copiesMax = 1 + draw(3);
  return {
    gpus,
    gpusPerNode,
    gpusPerPod,
    nodes,
    pods,
    copiesMax,
    copies: 1 + draw(copiesMax),
    radius: [3, 3, 2, 1][draw(4)]!,
    isLimited: draw(3) > 0,
    demand: Array.from({ length: gpus }, () => (draw(3) === 0 ? 0 : draw(100))),
    load: draw(50),
    moveCost: draw(40),
    bytes: draw(4),
    bytePrice: draw(5),
    flags: Array.from({ length: gpus }, () => [HOME, FORCED, CLOSED, 0, 0, 0, 0, 0][draw(8)]!),
    prices: Array.from({ length: 2 * gpus }, () => draw(60)),
    tierCosts: [draw(2), 2, 2 + draw(3), 7],
  };
}

test("an expert's best set at any prices is that of trying all sets", () => {
  const problems = shareOf(400);
  let feasible = 0;
  for (let seed = 1; seed <= problems; seed++) {
    const e = pricedExpert(seed);
    const { gpus, gpusPerNode, gpusPerPod, nodes, pods, demand, prices, flags, tierCosts } = e;
    if (!e.isLimited) prices.fill(0, gpus);
    const all = demand.reduce((sum, amount) => sum + amount, 0);
    let least = Number.POSITIVE_INFINITY;
    for (const held of lists(gpus, e.copies, e.copiesMax)) {
      if (held.some((gpu) => flags[gpu] === CLOSED)) continue;
      if (flags.some((flag, gpu) => flag === FORCED && !held.includes(gpu))) continue;
      let cost = held.reduce(
        (sum, gpu) => sum + prices[gpu]! + (flags[gpu] === HOME ? 0 : e.moveCost + e.bytePrice * e.bytes),
        0,
      );
      demand.forEach((amount, source) => {
        const tiers = held.map((gpu) => tierOf(gpusPerNode, gpusPerPod, source, gpu));
        const tier = Math.min(...tiers);
        const price = Math.min(...held.filter((_, i) => tiers[i] === tier).map((gpu) => prices[gpus + gpu]!));
        if (amount > 0)
          cost += tier > e.radius ? Number.POSITIVE_INFINITY : amount * (tierCosts[tier]! + (e.load / all) * price);
      });
      if (all === 0) cost += e.load * Math.min(...held.map((gpu) => prices[gpus + gpu]!));
      least = Math.min(least, cost);
    }
    const places = e.copiesMax + 1;
    const { kernels, at, views } = workspace({
      chosen: ["U32", e.copiesMax],
      sum: ["F64", 1],
      work: ["F64", gpus + (2 * gpus + nodes + pods + 2) * places],
      marks: ["U32", (nodes + pods + Math.max(pods, gpusPerPod / gpusPerNode) + 1) * places + nodes + 2 * pods],
      rows: ["F64", gpus + nodes + pods + ROW_COLUMNS],
      flags: ["U32", gpus],
      prices: ["F64", 2 * gpus],
      tierCosts: ["F64", 4],
      shape: ["U32", SHAPE_WORDS],
    });
    demand.forEach((amount, gpu) => {
      const above = [gpu, gpus + Math.floor(gpu / gpusPerNode), gpus + nodes + Math.floor(gpu / gpusPerPod)];
      for (const column of above) views.rows[column]! += amount;
    });
    const whole = gpus + nodes + pods;
    views.rows[whole + ROW_ALL] = all;
    views.rows[whole + ROW_LOAD] = e.load;
    views.rows[whole + ROW_MOVE_COST] = e.moveCost;
    views.rows[whole + ROW_BYTES] = e.bytes;
    views.flags.set(flags);
    views.prices.set(prices);
    views.tierCosts.set(tierCosts);
    const counts = [e.copies, e.copiesMax, e.radius, e.isLimited ? 1 : 0, nodes, pods];
    views.shape.set([gpus, gpusPerNode, gpusPerPod, ...counts]);
    const scratch = [at.chosen, at.sum, at.work, at.marks, at.rows, at.flags, at.prices] as const;
    const found = kernels.sumOfCopies(...scratch, at.tierCosts, at.shape, e.bytePrice);
    if (least === Number.POSITIVE_INFINITY) expect(found, `seed ${seed}`).toBe(least);
    else expect(found, `seed ${seed}`).toBeCloseTo(least, 8);
    if (least < Number.POSITIVE_INFINITY) feasible++;
  }
  expect(feasible).toBeGreaterThan(problems / 2);
});

/** Experts that two pods ask for, each from some nodes of its own. */
function podsProblem(experts: number): LatencyProblem {
  const draw = drawer(11);
  const gpus = 32;
  const demand = Array.from({ length: experts }, () => {
    const nodes = [draw(4), 4 + draw(4)];
    return Array.from({ length: gpus }, (_, gpu) => (nodes.includes(Math.floor(gpu / 4)) ? 1 + draw(20) : 0));
  });
  const cluster = { gpus, gpusPerNode: 4, gpusPerPod: 16, slotsPerGpu: Math.ceil((experts * 2.2) / gpus) };
  return { objective: "latency", cluster, demand, copies: 2 };
}

test("two copies within a hop: everybody is served in the own node, and nobody beyond", () => {
  const pods = podsProblem(64);
  // The node that is asked for most needs 23 of its 24 slots.
  const problem = { ...pods, radius: 1, cluster: { ...pods.cluster, slotsPerGpu: 6 } };
  expect(placeForLatency({ ...pods, radius: 1 }).infeasible?.because).toMatch(/24 to 27 ask for 23 experts.* 20 slots/);
  const near = placeForLatency(problem, { rounds: 2 });
  expect([near.infeasible, near.check?.violations]).toEqual([undefined, []]);
  const [own, node, pod, far] = near.check!.demandOfTier;
  expect([pod, far]).toEqual([0, 0]);
  expect(own).toBeGreaterThan(0);
  expect(node).toBeGreaterThan(0);
  expect(near.gap).toBeLessThanOrEqual(0.005);
  // A rule less is never dearer, a rule more never cheaper.
  const anywhere = placeForLatency({ ...problem, radius: 3 }, { rounds: 2 });
  expect(anywhere.bound).toBeLessThanOrEqual(near.check!.cost);
});

test("what may have more copies has them where slots are to spare, and gives them up where they are not", () => {
  const problem = { ...podsProblem(48), copies: 1, copiesMax: 4 };
  const held = (slotsPerGpu: number) => {
    const { plan, gap } = placeForLatency({ ...problem, cluster: { ...problem.cluster, slotsPerGpu } }, { rounds: 4 });
    expect(gap).toBeLessThanOrEqual(0.01);
    return plan!.gpusOfExpert.reduce((sum, gpus) => sum + gpus.length, 0);
  };
  expect([held(2), held(3)]).toEqual([64, 96]);
  expect(held(48)).toBe(4 * 48);
});

test("a plan in force is kept where moving costs more than it saves, and only so much is moved as may be", () => {
  const problem = podsProblem(48);
  const from = placeForLatency(problem, { rounds: 1, seed: 5 }).plan!.gpusOfExpert;
  const drained = [0, 17];
  const cluster = { ...problem.cluster, slotsPerGpu: 5, drained };
  const there = from.flat().filter((gpu) => drained.includes(gpu)).length;
  expect(there).toBeGreaterThan(2);
  const kept = placeForLatency({ ...problem, cluster, from, moveCost: 1e6 }, { rounds: 3 });
  expect(kept.check!.moves).toBe(there);
  const some = placeForLatency({ ...problem, cluster, from, movedBytesMax: there + 2 }, { rounds: 3 });
  expect(some.check!.movedBytes).toBeLessThanOrEqual(there + 2);
  expect(placeForLatency({ ...problem, cluster, from, movedBytesMax: there - 1 }).infeasible?.constraint).toBe(
    "moved bytes",
  );
});

const pair: LatencyProblem = {
  objective: "latency",
  cluster: { gpus: 4, gpusPerNode: 2, gpusPerPod: 4, slotsPerGpu: 1 },
  demand: [
    [4, 0, 0, 4],
    [0, 2, 2, 0],
  ],
  copies: 2,
};

test.each<[string, Partial<LatencyProblem>, string, RegExp]>([
  ["slots", { demand: [...pair.demand, [1, 1, 1, 1]] }, "slots", /need 6 slots.* 4/],
  ["copies", { cluster: { ...pair.cluster, drained: [1, 2, 3] } }, "copies", /2 copies .* 1 are open/],
  ["all load", { gpuLoadMax: 2.9 }, "load", /load of 12/],
  ["the load of one", { gpuLoadMax: [3, 9, 3, 3], loads: [12.5, 0] }, "load", /12\.5, and the 2 GPUs .* 12 at/],
  ["the load of one GPU", { gpuLoadMax: 3.5, copiesMax: 3 }, "load", /GPU 0 alone brings a load of 4 .* serve 3\.5/],
  ["pins beyond copies", { pinned: [0, 1, 2].map((gpu) => ({ expert: 0, gpu })) }, "pins", /3 GPUs .* 2 copies/],
  [
    "a pin too far",
    {
      radius: 1,
      pinned: [
        { expert: 0, gpu: 0 },
        { expert: 0, gpu: 1 },
      ],
    },
    "radius",
    /pinned to GPUs 0, 1/,
  ],
  [
    "slots of a node",
    { radius: 1, cluster: { ...pair.cluster, slotsPerGpu: [1, 0, 2, 2] } },
    "radius",
    /0 to 1 ask for 2/,
  ],
  ["load of a node", { radius: 1, gpuLoadMax: [4.5, 1, 9, 9] }, "load", /0 to 1 bring a load of 6/],
  [
    "slots for all nodes",
    { copies: 1, copiesMax: 2, radius: 1, cluster: { ...pair.cluster, slotsPerGpu: [2, 0, 1, 0] } },
    "radius",
    /have 1 slots/,
  ],
  ["moves", { from: [[0], [1, 2]], movedBytesMax: 0 }, "moved bytes", /1 bytes to move, and 0 may/],
  [
    "moves into a node",
    {
      radius: 1,
      from: [
        [0, 1],
        [1, 2],
      ],
      movedBytesMax: 0,
    },
    "moved bytes",
    /1 bytes to move/,
  ],
])("what is in the way is named: %s", (_, change, constraint, because) => {
  const { status, infeasible } = placeForLatency({ ...pair, ...change });
  expect(status).toBe("infeasible");
  expect(infeasible?.constraint).toBe(constraint);
  expect(infeasible?.because).toMatch(because);
});

test("the same seed gives the same plan, and plans get better as they are told", () => {
  const problem = { ...podsProblem(64), gpuLoadMax: 200 };
  const costs: number[] = [];
  const first = placeForLatency(problem, { rounds: 3, gap: 0, onPlan: (_, cost) => costs.push(cost) });
  expect(placeForLatency(problem, { rounds: 3, gap: 0 }).plan).toEqual(first.plan);
  expect(costs.at(-1)).toBe(first.check!.cost);
  expect(costs).toEqual([...costs].sort((a, b) => b - a));
});
