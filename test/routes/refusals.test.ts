import { expect, test } from "vitest";
import { readRoutes } from "../../src/formats/routes.ts";
import { bytesOf, gzip, TRACE } from "./trace.ts";

const lines = TRACE.trimEnd().split("\n");
const changed = (line: number, text: string | null) =>
  [...lines.slice(0, line - 1), ...(text === null ? [] : [text]), ...lines.slice(line)].join("\n");

test.each([
  [
    "an expert out of range",
    changed(7, "0,0,0,0,1,4,0.25,0,100"),
    "t:7: expected expert to be a whole number from 0 to 3, got 4",
  ],
  [
    "a negative expert",
    changed(7, "0,0,0,0,1,-1,0.25,0,100"),
    "t:7: expected expert to be a whole number from 0 to 3, got -1",
  ],
  [
    "a layer out of range",
    changed(14, "0,1,2,2,1,3,0.5,0,120"),
    "t:14: expected layer to be a whole number from 0 to 1, got 2",
  ],
  ["an expert twice", changed(7, "0,0,0,0,1,3,0.25,0,100"), "t:7: expected distinct experts, got 3 twice"],
  ["slots out of order", changed(7, "0,0,0,0,2,1,0.25,0,100"), "t:7: expected slot to be 1, got 2"],
  [
    "a step out of order",
    changed(16, "0,1,1,0,1,1,0.5,1,0").replace("0,1,3,0,0,0", "0,1,1,0,0,0"),
    "t:16: expected steps to ascend from 2, got step 1",
  ],
  [
    "a layer that is missing",
    [...lines.slice(0, 12), ...lines.slice(14)].join("\n"),
    "t:14: expected layer 1 of step 2, got none",
  ],
  ["a layer that is missing at the end", lines.slice(0, 16).join("\n"), "t: expected layer 1 of step 3, got none"],
  [
    "a layer that is missing before decode",
    changed(10, null),
    "t:11: expected layer 1 of the prefill of prompt 0, got none",
  ],
  [
    "prefill after decode",
    `${TRACE}0,0,9,0,0,1,1,1,0`,
    "t:19: expected prefill of prompt 0 before its decode, got prefill after it",
  ],
  ["a step of decode that is missing", "step,layer,experts\n4,0,1\n6,0,1", "t:3: expected step 5, got step 6"],
  [
    "a prefill deeper than that of the prompt before",
    "prompt,phase,step,layer,experts\n0,0,0,0,1\n0,0,0,1,1\n1,0,0,0,1\n1,0,0,1,1\n1,0,0,2,1",
    "t:6: expected layer to be from 0 to 1, got 2",
  ],
  [
    "a prefill less deep, layer by layer",
    "prompt,phase,step,layer,experts\n0,0,0,0,1\n0,0,0,1,1\n1,0,0,0,1\n1,0,1,0,1",
    "t: expected layer 1 of the prefill of prompt 1, got none",
  ],
  [
    "a decode deeper than its prefill",
    "phase,step,layer,experts\n0,0,0,1\n1,1,0,1\n1,1,1,1",
    "t:4: expected layer to be from 0 to 0, got 1",
  ],
  ["another version", changed(1, "# route_trace v2"), "t:1: expected route_trace v1, got v2"],
  [
    "an unknown column",
    changed(5, lines[4]!.replace("weight", "wieght")),
    "t:5: expected columns of routes, got wieght; did you mean weight?",
  ],
  ["a size that is missing", changed(4, null), "t:4: expected expert_bytes of layers 0 to 1, got none of layer 1"],
  ["a short line", changed(8, "0,0,1,0"), "t:8: expected 9 columns, got 4 columns"],
  ["a bad weight", changed(8, "0,0,1,0,0,0,much,0,100"), "t:8: expected weights to be numbers, got much"],
  ["no rows", lines.slice(0, 5).join("\n"), "t: expected at least 1 row of routes, got none"],
  ["nothing", "", "t: expected at least 1 row of routes, got none"],
  ["broken JSON", '{"step":0,"layer":0,"experts":[1]}\n{"step":1', "t:2: expected a JSON object"],
  [
    "an unknown key",
    '{"step":0,"layer":0,"expert":[1]}',
    "t:1: expected keys of a row of routes, got expert; did you mean experts?",
  ],
  [
    "steps of JSON out of order",
    '{"step":5,"layer":0,"experts":[1]}\n{"step":4,"layer":0,"experts":[1]}',
    "t:2: expected steps to ascend from 5, got step 4",
  ],
])("refuses %s", async (_, text, message) => {
  await expect(readRoutes(bytesOf(text), { file: "t" })).rejects.toThrow(message);
});

test("refuses a gzip stream that breaks off, and options that the file contradicts", async () => {
  const packed = await gzip(TRACE.repeat(1));
  await expect(readRoutes(packed.slice(0, -20), { file: "t.gz" })).rejects.toThrow(
    /^t\.gz:\d+: expected a whole gzip stream, got one that breaks off or is damaged here/,
  );
  await expect(readRoutes(bytesOf(TRACE), { file: "t", experts: 8 })).rejects.toThrow(
    "t:2: expected n_expert to be 8, as was said before, got 4",
  );
  await expect(readRoutes(bytesOf(TRACE), { fil: "t" } as never)).rejects.toThrow(
    "options has no field fil; did you mean file?",
  );
});
