import { expect, test } from "vitest";
import { duration, figure, percent } from "../src/words.ts";

test.each([
  [0, "0"],
  [1, "1"],
  [1.2345, "1.23"],
  [-0.5, "-0.5"],
  [99.95, "100"],
  [999.4, "999"],
  [999.7, "1,000"],
  [1000, "1,000"],
  [-1234.6, "-1,235"],
  [1_234_567, "1,234,567"],
  [123_456_789_012_345, "123,456,789,012,345"],
  [-1e15, "-1.00e+15"],
  [0.001, "0.001"],
  [0.00012345, "1.2e-4"],
  [Number.POSITIVE_INFINITY, "Infinity"],
  [Number.NaN, "NaN"],
])("figure(%d) is %s", (value, words) => {
  expect(figure(value)).toBe(words);
});

test.each([
  [0.05, "5%"],
  [1, "100%"],
  [0.12345, "12.3%"],
  [1e-7, "1.0e-5%"],
])("percent(%d) is %s", (share, words) => {
  expect(percent(share)).toBe(words);
});

test.each([
  [0, "0 ns"],
  [0.5, "0.5 ns"],
  [48.314, "48.31 ns"],
  [999.9, "999.9 ns"],
  [999.96, "1 µs"],
  [1000, "1 µs"],
  [122_940, "122.9 µs"],
  [999_960, "1 ms"],
  [1.6e6, "1.6 ms"],
  [2e9, "2 s"],
  [-40_000, "-40 µs"],
])("duration(%d) is %s", (ns, words) => {
  expect(duration(ns)).toBe(words);
});
