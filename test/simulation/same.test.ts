import { expect, inject, test } from "vitest";
import { simulateDecoding } from "../../src/simulation/index.ts";
import { decodedText } from "../decoded.ts";

test("the same seed gives the same report: in every build, and in Chromium as on Node", () => {
  const text = decodedText({ simulateDecoding });
  expect(text).toBe(inject("decoded"));
  expect(decodedText({ simulateDecoding })).toBe(text);
  const [given, routed] = JSON.parse(text);
  // There is something to differ.
  expect(given.report.outages.one.addedNs.mean).toBeGreaterThan(0);
  expect(routed.report.loads.prefetchesPerStep.mean).toBeGreaterThan(0);
});
