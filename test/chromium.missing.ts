import { readdirSync } from "node:fs";
import { test } from "vitest";

// Stands in for the browser project where there is no Chromium, so that what was not run is named.
for (const name of readdirSync("test").filter((name) => name.endsWith(".test.ts") && !name.endsWith(".once.test.ts")))
  test.skip(`${name} in Chromium: none found; set CHROMIUM_PATH`, () => {});
