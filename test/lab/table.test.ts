import { expect, test } from "vitest";
import { type Column, csv, json } from "../../src/lab/table.ts";

test("files name the units that people read beside each figure, and quote what would part a row", () => {
  const columns: Column<{ name: string; ns: number | null }>[] = [
    { title: "optics", of: ({ name }) => name },
    { title: "median", unit: "ns", of: ({ ns }) => ns, words: () => "1.5 µs" },
  ];
  const rows = [
    { name: 'one, "two"', ns: 1500 },
    { name: "none", ns: null },
  ];
  expect(csv(columns, rows)).toBe('optics,median ns\r\n"one, ""two""",1500\r\nnone,\r\n');
  expect(JSON.parse(json(columns, rows))).toEqual([
    { optics: 'one, "two"', "median ns": 1500 },
    { optics: "none", "median ns": null },
  ]);
});
