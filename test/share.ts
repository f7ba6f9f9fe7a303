import { inject } from "vitest";

/**
 * How many of `count` runs of a property, or draws of a sample, are made here: all of them by the release in Node, which is to
 * prove what the test says; by debug, portable and Chromium, which are to show that they compute the same, the share that
 * vitest.config.ts gives them, and `least` at the least. Tolerances follow from what is returned.
 */
export function shareOf(count: number, least = 10): number {
  return Math.min(count, Math.max(least, Math.ceil(count * inject("share"))));
}
