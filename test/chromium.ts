import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { getuid } from "node:process";

/** Flags for a headless Chromium that stays on this machine. */
export const CHROMIUM_FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** Where Chromium is: CHROMIUM_PATH, else on PATH, else installed where that is possible, else undefined. */
export function findChromium(): string | undefined {
  const path = process.env["CHROMIUM_PATH"] ?? onPath("chromium") ?? onPath("google-chrome") ?? installed();
  if (!path && process.env["REQUIRE_BROWSER"] === "1")
    throw new Error("REQUIRE_BROWSER=1, and there is no Chromium: set CHROMIUM_PATH or install the package chromium");
  return path;
}

function onPath(name: string): string | undefined {
  try {
    return execFileSync("which", [name], { encoding: "utf8" }).trim();
  } catch {
    return undefined;
  }
}

/** Installs Debian's package, which takes root. */
function installed(): string | undefined {
  if (getuid?.() !== 0 || !existsSync("/etc/debian_version")) return undefined;
  console.log("installing Debian's chromium for the browser tests");
  try {
    const quiet = { stdio: "ignore", env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" } } as const;
    execFileSync("apt-get", ["update"], quiet);
    execFileSync("apt-get", ["install", "-y", "--no-install-recommends", "chromium"], quiet);
  } catch {
    return undefined;
  }
  return onPath("chromium");
}
