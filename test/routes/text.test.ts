import { describe, expect, test } from "vitest";
import { formatRouteModel, readRouteModel } from "../../src/formats/route-model.ts";
import { formatRoutes } from "../../src/formats/route-text.ts";
import { readRoutes } from "../../src/formats/routes.ts";
import { compareFit } from "../../src/routes/agreement.ts";
import { RouteGenerator, type RouteModel } from "../../src/routes/generate.ts";
import { ROUTE_MIX } from "../../src/routes/mix.ts";
import { NO_EXPERT } from "../../src/routes/routes.ts";

const MODEL: RouteModel = { ...ROUTE_MIX, layers: 6, experts: 32, k: 4 };
const { routes } = new RouteGenerator(MODEL).generate({ prompts: 3, prefillTokens: 4, decodeTokens: 10 });
const bytes = (pieces: Iterable<string>) => new TextEncoder().encode([...pieces].join(""));

describe("routes as a text", () => {
  test("route_trace: what is read is what was written, sizes and weights too", async () => {
    const all = {
      ...routes,
      weights: Float32Array.from(routes.chosen, (_, at) => 1 / (1 + (at % 7))),
      expertBytes: Float64Array.of(1, 2, 3, 4, 5, 2 ** 33),
    };
    expect(await readRoutes(bytes(formatRoutes(all, { model: "a b" })))).toEqual(all);
    expect(await readRoutes(bytes(formatRoutes(routes)))).toEqual(routes);
  });

  test("JSON lines: the same, with what they do not tell of the model", async () => {
    const text = bytes(formatRoutes(routes, { format: "jsonl" }));
    expect(await readRoutes(text, { layers: 6, experts: 32, k: 4 })).toEqual(routes);
    for (const line of new TextDecoder().decode(text).trimEnd().split("\n")) JSON.parse(line);
  });

  test("prefill may lack its last layer; no other token may lack any", () => {
    const lacking = (token: number, layer: number) => {
      const chosen = routes.chosen.slice();
      chosen.fill(NO_EXPERT, (token * 6 + layer) * 4, (token * 6 + layer + 1) * 4);
      return { ...routes, chosen };
    };
    expect(() => [...formatRoutes(lacking(0, 5))]).not.toThrow();
    expect(() => [...formatRoutes(lacking(0, 2))]).toThrow("token 0 must have an expert in layer 2 to be written");
    expect(() => [...formatRoutes(lacking(5, 5))]).toThrow("token 5 must have an expert in layer 5 to be written");
  });
});

describe("models as JSON", () => {
  test("what is read is what was written", () => {
    expect(readRouteModel(formatRouteModel(MODEL))).toEqual(MODEL);
  });

  test.each([
    [{ ...MODEL, layer: 6 }, "m.json: expected fields of a model of routes, got layer; did you mean layers?"],
    [
      { ...MODEL, workloads: [{ ...MODEL.workloads[0], topicshare: 1 }] },
      "expected fields of workloads[0], got topicshare; did you mean topicShare?",
    ],
    [{ ...MODEL, k: 33 }, "m.json: k must be from 1 to 32, got 33"],
    [{ ...MODEL, workloads: [] }, "m.json: workloads.length must be from 1 to 256, got 0"],
    [
      { ...MODEL, workloads: [{ ...MODEL.workloads[0], zipf: [1, 2] }] },
      "m.json: workloads[0].zipf must hold 6 values, got 2",
    ],
    [
      { ...MODEL, workloads: [{ ...MODEL.workloads[0], name: 3 }] },
      "m.json: expected workloads[0].name to be a name, got 3",
    ],
    [
      { ...MODEL, workloads: [{ name: "x" }] },
      "m.json: expected workloads[0].share to be a number from 0 up, got nothing",
    ],
  ])("%# is refused by name", (model, message) => {
    expect(() => readRouteModel(JSON.stringify(model), { file: "m.json" })).toThrow(message);
  });
});

test("a fit tells, workload by workload, what was to be reached and what is", () => {
  const { model, workloads } = compareFit(routes, { workloads: ["a", "b", "a"] });
  expect(model.workloads.map(({ name }) => name)).toEqual(["a", "b"]);
  expect(workloads.map(({ workload, prompts, tokens }) => [workload, prompts, tokens])).toEqual([
    ["a", 2, 28],
    ["b", 1, 14],
  ]);
  for (const { target, reached } of workloads) expect(Object.keys(reached)).toEqual(Object.keys(target));
});
