import { expect, test } from "vitest";
import { type HeatMap, heatMap } from "../src/heat.ts";

const map: HeatMap = {
  title: "Loads & layers",
  rowLabel: "layer",
  columnLabel: "GPU",
  rows: [3, 4],
  panels: [
    {
      name: "before",
      note: "a <note>",
      values: [
        [0, 1, 2],
        [5, Number.NaN, 1],
      ],
    },
    {
      name: "after",
      values: [
        [1, 1, 1],
        [1, Number.NaN, 1],
      ],
    },
  ],
};

test("every cell is drawn once, with what has no value apart, and all words escaped", () => {
  const svg = heatMap(map);
  const cells = (pattern: RegExp) =>
    [...svg.matchAll(pattern)].reduce((sum, [, path]) => sum + path!.split("M").length - 1, 0);
  expect(cells(/<path [^>]*d="([^"]*)"/g)).toBe(12);
  expect(cells(/<path class="none" shape-rendering="crispEdges" d="([^"]*)"/g)).toBe(2);
  expect(cells(/<path fill="#f0f0ec" shape-rendering="crispEdges" d="([^"]*)"/g)).toBe(7); // 1, in either panel
  expect(cells(/<path fill="#b2182b" shape-rendering="crispEdges" d="([^"]*)"/g)).toBe(2); // 2 and more
  expect(cells(/<path fill="#214e8a" shape-rendering="crispEdges" d="([^"]*)"/g)).toBe(1); // 0
  expect(svg).toContain(">Loads &amp; layers</text>");
  expect(svg).toContain(">a &lt;note&gt;</text>");
  expect(svg).not.toMatch(/NaN|undefined/);
});

test("panels of unequal size, and none, are refused", () => {
  expect(() => heatMap({ ...map, panels: [] })).toThrow("panels must hold at least 1 cell, got 0");
  expect(() => heatMap({ ...map, panels: [map.panels[0]!, { name: "b", values: [[1, 2, 3]] }] })).toThrow(
    "values of a panel must hold 2 values, got 1",
  );
  expect(() => heatMap({ ...map, panels: [{ name: "b", values: [[1, 2, 3], [1]] }] })).toThrow(
    "a row of values must hold 3 values, got 1",
  );
});
