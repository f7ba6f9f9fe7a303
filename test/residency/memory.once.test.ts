import { execFileSync } from "node:child_process";
import { expect, test } from "vitest";

/** Replays 10 million accesses by Belady in a process of its own, and prints their number and the most memory it held, in MB. */
const PROGRAM = `
import { accessesOf, RandomBits, Residency } from "./dist/index.js";
const [layers, experts, k, tokens] = [48, 128, 6, 34723];
const bits = new RandomBits({ seed: 2, batch: layers * k });
const chosen = new Uint16Array(tokens * layers * k);
for (let token = 0; token < tokens; token++) {
  const words = bits.next();
  // One of each of six parts of the experts, so that they are distinct.
  for (let i = 0; i < layers * k; i++) chosen[token * layers * k + i] = (i % k) * 21 + Math.floor((words[i] / 2 ** 32) ** 2 * 21);
}
const phase = new Uint8Array(tokens).fill(1);
const accesses = accessesOf({ layers, experts, k, tokens, prompt: new Uint32Array(tokens), phase, chosen });
const expertBytes = new Array(layers).fill(3e6);
const residency = new Residency({ layers, experts, expertBytes, budgetBytes: 8e9, policy: "belady" });
residency.replay(accesses);
console.log(residency.report().accesses, process.resourceUsage().maxRSS / 1024);
`;

test("Belady takes 10 million accesses in under 256 MB, Node and all", () => {
  const printed = execFileSync(process.execPath, ["--input-type=module", "-e", PROGRAM], { encoding: "utf8" });
  const [accesses, megabytes] = printed.split(" ").map(Number);
  expect(accesses).toBe(10_000_224);
  expect(megabytes).toBeLessThan(256);
});
