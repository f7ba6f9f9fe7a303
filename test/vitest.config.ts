import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { playwright } from "@vitest/browser-playwright";
import { defineConfig, type TestProjectConfiguration } from "vitest/config";
import { CHROMIUM_FLAGS, findChromium } from "./chromium.ts";

declare module "vitest" {
  interface ProvidedContext {
    build: string;
    /** What part of their runs and draws tests take: see share.ts. */
    share: number;
    /** See decoded.setup.ts. */
    decoded: string;
  }
}

const root = fileURLToPath(new URL("..", import.meta.url));

/** Puts `build` in place of the release, as bytes, and takes in scripts as text: what esbuild's loaders do for the package. */
const kernels = (build: string) => ({
  name: "kernels",
  enforce: "pre" as const,
  load(id: string) {
    if (id.endsWith("/build/threads.worker.txt"))
      return `export default ${JSON.stringify(readFileSync(`${root}/build/threads.worker.txt`, "utf8"))}`;
    if (!id.endsWith("/build/release.wasm")) return;
    const base64 = readFileSync(`${root}/build/${build}.wasm`).toString("base64");
    return `export default Uint8Array.from(atob("${base64}"), (c) => c.charCodeAt(0))`;
  },
});

/** Makes pages cross-origin isolated: without that a browser has no SharedArrayBuffer. */
const isolated = {
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
};

/** `*.test.ts` runs on every build and in the browser, `*.once.test.ts` (what reads files, runs processes or takes long) on the release. */
const project = (name: string, build: string, test = {}): TestProjectConfiguration => ({
  plugins: [kernels(build)],
  server: { headers: isolated },
  test: {
    name,
    root,
    include: ["test/**/*.test.ts"],
    exclude: ["test/**/*.once.test.ts"],
    testTimeout: 120_000,
    // Modules are loaded once a worker, and kernels compiled once, not anew for each of a hundred files: files share no state.
    isolate: false,
    globalSetup: ["test/decoded.setup.ts"],
    provide: { build, share: name === "release" || name === "once" ? 1 : 0.1 },
    ...test,
  },
});

const executablePath = findChromium();
const browser = project("chromium", "release", {
  browser: {
    enabled: true,
    headless: true,
    screenshotFailures: false,
    provider: playwright({ launchOptions: { executablePath, args: CHROMIUM_FLAGS } }),
    instances: [{ browser: "chromium" }],
  },
});

export default defineConfig({
  test: {
    // One file a core: by default a core is kept back for vitest itself, which idles while files run.
    maxWorkers: 2,
    projects: [
      ...["debug", "release", "portable"].map((build) => project(build, build)),
      project("once", "release", {
        include: ["test/**/*.once.test.ts"],
        exclude: [],
        testTimeout: 300_000,
        isolate: true,
        // Whoever shares the machine makes pages late.
        expect: { poll: { timeout: 60_000 } },
      }),
      executablePath ? browser : project("chromium", "release", { include: ["test/chromium.missing.ts"] }),
    ],
  },
});
