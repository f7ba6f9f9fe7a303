import { expect, test } from "vitest";
import { formatAddress, givenFile, parseAddress } from "../../src/lab/address.ts";
import type { Knobs, Value } from "../../src/lab/knobs.ts";

const knobs = {
  hops: { kind: "number", label: "Hops", value: 3, min: 1, max: 16 },
  words: { kind: "text", label: "Words", value: "" },
  chosen: {
    kind: "several",
    label: "Chosen",
    value: ["a"],
    options: ["a", "b, c", "d=e&f"].map((value) => ({ value, label: value })),
  },
  gpus: { kind: "list", label: "GPUs", value: [], min: 0, max: 99 },
  isOn: { kind: "switch", label: "On", value: false },
  own: { kind: "file", label: "File", value: null, accept: "" },
} as const satisfies Knobs;
const VIEWS = new Map<string, Knobs>([["here", knobs]]);

const writtenOf = (values: Record<string, Value>) => formatAddress("here", VIEWS, new Map([["here", values]]));

test("whatever knobs stand at is read back from the address, odd signs and all", async () => {
  const own = await givenFile("a~b & c=d, 100%.csv", new TextEncoder().encode("ns\n1\n2\n"));
  const values = { hops: 2.5e-7 + 1, words: "#&=~%, ?/ü", chosen: ["b, c", "d=e&f"], gpus: [1, 2, 9], isOn: true, own };
  const { view, values: read, complaints } = await parseAddress(writtenOf(values), VIEWS);
  expect(complaints).toEqual([]);
  expect(view).toBe("here");
  expect(Object.fromEntries(read.get("here")!)).toEqual(values);
  expect(writtenOf({ hops: 3, words: "", chosen: ["a"], gpus: [], isOn: false, own: null })).toBe("#view=here");
});

test.each([
  ["here.constructor=1", "nothing is called here.constructor: here has hops, words"],
  ["here.__proto__=1", "nothing is called here.__proto__: here has hops, words"],
  ["here.hops.odd=1", "nothing is called here.hops.odd: here has hops, words"],
  ["there.hops=1", "nothing is called there.hops: before a dot come here"],
  ["hops=1", "nothing is called hops: before a dot come here"],
  ["view=there", "there is no view there: there are here"],
  ["here.hops", "here.hops has no value"],
  ["here.hops=", "here.hops must be a number"],
  ["here.hops=17", "here.hops must be from 1 to 16, got 17"],
  ["here.words=%E0%A4%A", "here.words cannot be read: the address is damaged"],
  ["here.isOn=true", "here.isOn must be yes or no"],
  ["here.gpus=3-1", "here.gpus must be whole numbers from 0 to 99"],
  ["here.own=x.csv", "here.own must be a file's name, a ~ and what the file holds"],
  ["here.own=x.csv~", "here.own names the file x.csv, which is too large for an address: give it again"],
  ["here.own=x.csv~%%%", "here.own cannot be read: the address is damaged"],
])("of a broken address what is whole holds, and the rest is named: %s", async (part, said) => {
  const { values, complaints } = await parseAddress(`#${part}&here.words=kept`, VIEWS);
  expect(complaints).toEqual([expect.stringContaining(said)]);
  expect(Object.fromEntries(values.get("here")!)).toEqual({ words: "kept" });
});

test("a file that an address cannot bear is named in it without what it holds", async () => {
  let state = 1;
  // Bytes that nothing packs.
  const noise = Uint8Array.from({ length: 24_100 }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
    return state >>> 24;
  });
  const [small, large] = [await givenFile("small", noise.subarray(0, 23_000)), await givenFile("large", noise)];
  expect(small.packed!.length).toBeGreaterThan(30_000);
  expect(large.packed).toBeNull();
  expect(writtenOf({ own: large })).toBe("#view=here&here.own=large~");
});
