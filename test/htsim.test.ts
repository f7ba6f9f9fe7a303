import fc from "fast-check";
import { expect, test } from "vitest";
import { readConnectionMatrix } from "../src/formats/htsim.ts";
import { checkTraffic } from "../src/traffic.ts";

const file = "net/some.cm";
const anyConnections = fc.integer({ min: 1, max: 1000 }).chain((gpus) =>
  fc.record({
    gpus: fc.constant(gpus),
    rows: fc.uniqueArray(
      fc.record({
        id: fc.integer({ min: 1, max: 2 ** 32 - 1 }),
        source: fc.nat({ max: gpus - 1 }),
        sink: fc.nat({ max: gpus - 1 }),
        startNs: fc.nat({ max: 30 }),
        sizeBytes: fc.integer({ min: 1, max: 2 ** 31 - 1 }),
      }),
      { selector: ({ id }) => id, maxLength: 30 },
    ),
  }),
);

test("every connection is a load, in order of start, which is told in picoseconds", () => {
  fc.assert(
    fc.property(anyConnections, ({ gpus, rows }) => {
      const lines = rows.map((c) => `${c.source}->${c.sink} id ${c.id} start ${c.startNs}000 size ${c.sizeBytes}`);
      const text = ["# made here", `Nodes ${gpus}`, `Connections ${rows.length}`, ...lines, ""].join("\n");
      const read = readConnectionMatrix(text, { slackNs: 500 });
      const sorted = rows.toSorted((a, b) => a.startNs - b.startNs);
      expect(read.gpus).toBe(gpus);
      checkTraffic(read.traffic, gpus);
      expect(read.traffic).toEqual({
        postNs: Float64Array.from(sorted, (c) => c.startNs),
        op: new Uint8Array(rows.length).fill(1),
        fenceId: Uint32Array.from(sorted, (c) => c.id),
        sourceGpu: Uint32Array.from(sorted, (c) => c.source),
        destinationGpu: Uint32Array.from(sorted, (c) => c.sink),
        sizeBytes: Float64Array.from(sorted, (c) => c.sizeBytes),
        deadlineNs: Float64Array.from(sorted, (c) => c.startNs + 500),
      });
    }),
  );
});

test("without ids they are numbered from 1; a start need not be whole, nor a deadline stated", () => {
  const text =
    "Nodes 4\r\nConnections 2\r\nTriggers 0\r\n1->0 start 1500.5 size 7\r\n\r\n3->0 size 2000000 start 0\r\n";
  const { traffic } = readConnectionMatrix(text);
  expect([...traffic.fenceId]).toEqual([2, 1]);
  expect([...traffic.postNs]).toEqual([0, 1.5005]);
  expect([...traffic.deadlineNs]).toEqual([180_000, 180_001.5005]);
});

const HEADS = ["Nodes 4", "Connections 1"];
test.each<[string, string[], string]>([
  ["no head", [], ": expected a line Nodes N, got none"],
  ["no count", ["Nodes 4"], ": expected a line Connections N, got none"],
  ["a wrong count", [...HEADS], ": expected as many connections as it says, 1, got 0"],
  ["an unknown head", ["Node 4"], ":1: expected A->B start T size S, got Node; did you mean Nodes?"],
  ["a head twice", [...HEADS, "Nodes 5"], ":3: expected Nodes once, got it again"],
  ["triggers", [...HEADS, "Triggers 1"], ":3: expected Triggers 0, got 1"],
  ["failures", [...HEADS, "Failures 2"], ":3: expected Failures 0, got 2"],
  [
    "a trigger's line",
    [...HEADS, "trigger id 1 oneshot"],
    ":3: expected A->B start T size S, got trigger; did you mean Triggers?",
  ],
  [
    "a connection before the heads",
    ["1->0 start 0 size 5"],
    ":1: expected a line Nodes N before all connections, got 1->0",
  ],
  ["no nodes", ["Nodes 0"], ":1: expected Nodes from 1 to 4294967296, got 0"],
  ["a node that is not there", [...HEADS, "1->4 start 0 size 5"], ":3: expected a destination from 0 to 3, got 4"],
  ["a source that is none", [...HEADS, "->1 start 0 size 5"], ":3: expected a source from 0 to 3, got nothing"],
  ["a chain", [...HEADS, "0->1->2 start 0 size 5"], ":3: expected A->B start T size S, got 0->1->2"],
  ["a size without end", [...HEADS, "0->1 start 0"], ":3: expected size from 1 to 9007199254740991, got nothing"],
  ["a size of 0", [...HEADS, "0->1 start 0 size 0"], ":3: expected size from 1 to 9007199254740991, got 0"],
  ["no start", [...HEADS, "0->1 size 5"], ":3: expected a start in picoseconds, got nothing"],
  ["a start before 0", [...HEADS, "0->1 start -5 size 5"], ":3: expected a start in picoseconds, got -5"],
  ["a start twice", [...HEADS, "0->1 start 5 start 5 size 5"], ":3: expected start once, got it again"],
  [
    "an unknown word",
    [...HEADS, "0->1 strat 5 size 5"],
    ":3: expected start, size, id, got strat; did you mean start?",
  ],
  [
    "a wait",
    [...HEADS, "0->1 id 1 trigger 1 size 5"],
    ":3: expected no more than start, size, id of a connection, got trigger",
  ],
  [
    "a priority",
    [...HEADS, "0->1 start 0 size 5 prio 1"],
    ":3: expected no more than start, size, id of a connection, got prio",
  ],
  ["an id of 0", [...HEADS, "0->1 id 0 start 0 size 5"], ":3: expected id from 1 to 4294967295, got 0"],
  [
    "an id twice",
    ["Nodes 4", "Connections 2", "0->1 id 8 start 0 size 5", "0->1 id 8 start 0 size 5"],
    ":4: expected an id of its own, got 8, that of line 3",
  ],
  [
    "an id of some only",
    ["Nodes 4", "Connections 2", "0->1 id 8 start 0 size 5", "0->1 start 0 size 5"],
    ":4: expected an id, as other connections have, got none",
  ],
])("%s is refused", (_, lines, message) => {
  expect(() => readConnectionMatrix(lines.join("\n"), { file })).toThrow(new RangeError(`${file}${message}`));
});

test("a wrong slack and an unknown option are refused", () => {
  expect(() => readConnectionMatrix("", { slackNs: -1 })).toThrow(new RangeError("slackNs must be at least 0, got -1"));
  expect(() => readConnectionMatrix("", { slack: 1 } as never)).toThrow(
    /options has no field slack; did you mean slackNs/,
  );
});
