import { pathToFileURL } from "node:url";
import type { TestProject } from "vitest/node";
import { decodedText } from "./decoded.ts";

/** What the package itself, release kernels on Node, makes of a small cluster: every build and Chromium are held against it. */
export default async function setup({ provide }: TestProject): Promise<void> {
  provide("decoded", decodedText(await import(pathToFileURL("dist/index.js").href)));
}
