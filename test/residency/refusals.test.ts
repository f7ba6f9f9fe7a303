import { expect, test } from "vitest";
import type { Accesses } from "../../src/residency/accesses.ts";
import { Residency } from "../../src/residency/index.ts";
import { POLICIES } from "../../src/residency/policies.ts";
import { recencyCliff, streamResidency, sweepResidency } from "../../src/residency/sweep.ts";

test("names the bad argument", () => {
  const good = { layers: 2, experts: 4, expertBytes: [3, 5], budgetBytes: 20, policy: "lru" } as const;
  for (const [change, message] of [
    [
      { policy: "lur" },
      "policy must be one of random, lru, lfu, layer, layerlfu, guided, belady, got lur; did you mean lru?",
    ],
    [{ budgetBytes: 0 }, "budgetBytes must be above 0, got 0"],
    [{ expertBytes: [3, 5, 7] }, "expertBytes must hold 8 values, got 3"],
    [{ expertBytes: [3, 0.5] }, "expertBytes[1] must be from 1 to 1099511627776, got 0.5"],
    [{ pinned: [{ layer: 2, expert: 0 }] }, "pinned[0].layer must be from 0 to 1, got 2"],
    [{ pinned: [{ layer: 1, expert: 0 }], budgetBytes: 4 }, "pinned must fit in 4 bytes, got 5 up to pinned[0]"],
    [{ batch: 6 }, "batch must be a positive multiple of 4, got 6"],
  ] as const)
    expect(() => new Residency({ ...good, ...(change as object) })).toThrow(new RangeError(message));
  expect(() => new Residency({ ...good, budgetByte: 1 } as never)).toThrow(
    new TypeError("options has no field budgetByte; did you mean budgetBytes?"),
  );
  expect(() => new Residency(good).scores).toThrow(new TypeError("scores are of the policy guided, got lru"));

  for (const policy of POLICIES) {
    const event = (blocks: number[]): Accesses => ({
      layers: 2,
      experts: 4,
      blocks: Uint32Array.from([0, ...blocks]),
      starts: Uint32Array.of(0, 1, 1 + blocks.length),
      phases: Uint8Array.of(1, 1),
    });
    const apart = policy === "layer" || policy === "layerlfu";
    for (const blocks of [[1, 1], [8], [4, 9], ...(apart ? [[3, 4]] : [])])
      expect(() => new Residency({ ...good, policy }).replay(event(blocks)), `${policy} ${blocks}`).toThrow(
        new RangeError(`event 1 must name distinct experts of one layer, below 2 x 4, got ${blocks.join(", ")}`),
      );
  }
});

test("events that do not lie one behind the other are refused by all that take them", async () => {
  const shape = { layers: 2, experts: 4, blocks: Uint32Array.of(0, 1, 4), phases: Uint8Array.of(1, 1) };
  const options = { expertBytes: [3, 5], budgetsBytes: [20], policies: ["layer"] as const };
  const [budgetBytes, expertBytes] = [20, [3, 5]];
  for (const [starts, message] of [
    [[0, 2], "starts must hold 3 values, got 2"],
    [[1, 2, 3], "starts must begin at 0, got 1"],
    [[0, 3, 2], "starts must ascend, got 2 after 3 at event 1"],
    [[0, 2, 9], "starts must end at 3, as blocks do, got 9"],
    [[0, 1, 2], "starts must end at 3, as blocks do, got 2"],
  ] as const) {
    const accesses = { ...shape, starts: Uint32Array.from(starts) };
    const refused = new RangeError(message);
    for (const policy of POLICIES)
      expect(() => new Residency({ layers: 2, experts: 4, expertBytes, budgetBytes, policy }).replay(accesses)).toThrow(
        refused,
      );
    expect(() => sweepResidency(accesses, options)).toThrow(refused);
    expect(() => recencyCliff(accesses, [3, 5])).toThrow(refused);
    await expect(streamResidency([accesses], options)).rejects.toThrow(refused);
  }
});

test("an event of more accesses than a batch holds is refused, scored or not", () => {
  const residency = () =>
    new Residency({ layers: 2, experts: 4, expertBytes: [3, 5], budgetBytes: 20, policy: "guided", batch: 4 });
  const accesses: Accesses = {
    layers: 2,
    experts: 4,
    blocks: Uint32Array.of(0, 1, 2, 3, 0),
    starts: Uint32Array.of(0, 5),
    phases: Uint8Array.of(1),
  };
  const refused = new RangeError("event 0 must have at most 4 accesses, got 5");
  expect(() => residency().replay(accesses)).toThrow(refused);
  expect(() => residency().replay(accesses, { score: () => {} })).toThrow(refused);
});
