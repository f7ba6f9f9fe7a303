import { expect, test } from "vitest";
import { readList, refusal, writtenList } from "../../src/lab/knobs.ts";

test("a list of numbers is read from commas and ranges, and written as short as it can be", () => {
  expect(readList("9, 3,8-8, 10 - 11,3")).toEqual([3, 8, 9, 10, 11]);
  expect(readList(" ")).toEqual([]);
  expect(writtenList([3, 8, 9, 10, 12, 13])).toBe("3, 8-10, 12-13");
  for (const list of [[], [0], [0, 1], [5, 7, 8, 9, 11]]) expect(readList(writtenList(list))).toEqual(list);
});

test("what is no list of numbers is refused", () => {
  const knob = { kind: "list", label: "GPUs", value: [], min: 0, max: 99 } as const;
  for (const text of ["x", "3-1", "1-", "-2", "1.5", "0-70000", "100", "3;4"])
    expect(refusal(knob, readList(text))).toMatch(/^must be whole numbers from 0 to 99/);
  expect(refusal(knob, readList("0, 98-99"))).toBeNull();
});
