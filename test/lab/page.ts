import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { execPath } from "node:process";
import { type Browser, chromium, type Page } from "playwright";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { CHROMIUM_FLAGS, findChromium } from "../chromium.ts";
import { MAIN } from "../run-cli.ts";

const executablePath = findChromium();
const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** Tests of the page, skipped by name where there is no Chromium. */
export const inChromium = test.skipIf(!executablePath);

/** A browser and the server of the page, for the tests of one file. */
export function theLab(): Lab {
  let browser: Browser | undefined;
  let server: ChildProcess | undefined;
  const pages: Page[] = [];
  const lab: Lab = {
    address: "",
    async open(fragment = "", { url = lab.address, ...options } = {}) {
      const page = await browser!.newPage({ viewport: { width: 1280, height: 900 }, ...options });
      const slips: string[] = [];
      page.on("pageerror", ({ message }) => slips.push(message));
      page.on("console", (message) => ["error", "warning"].includes(message.type()) && slips.push(message.text()));
      page.on("request", (request) => {
        const asked = request.url();
        if (!/^(blob|data):/.test(asked) && asked.replace(/#.*/, "") !== url) slips.push(`asks for ${asked}`);
      });
      pages.push(page);
      await page.goto(url + fragment);
      return { page, slips };
    },
  };
  beforeAll(async () => {
    if (!executablePath) return;
    browser = await chromium.launch({ executablePath, args: CHROMIUM_FLAGS });
    server = spawn(execPath, [MAIN, "lab", "--port", "0", "--no-open"], { stdio: ["ignore", "pipe", "inherit"] });
    lab.address = await new Promise((resolve) => {
      server!.stdout!.on("data", (said: Buffer) => {
        const [address] = /http:\S+/.exec(String(said)) ?? [];
        if (address) resolve(address);
      });
    });
  });
  // What a page is at would else go on beside the next test.
  afterEach(async () => {
    for (const page of pages.splice(0)) await page.close();
  });
  afterAll(async () => {
    await browser?.close();
    server?.kill();
  });
  return lab;
}

interface Lab {
  /** Of the served page, with the last slash. */
  address: string;
  /** The page at `fragment`, and what it did that no page should: requests, errors, words on the console. */
  open(fragment?: string, options?: OpenOptions): Promise<{ page: Page; slips: string[] }>;
}

type OpenOptions = { url?: string } & Parameters<Browser["newPage"]>[0];

/** The control with that label in the view that is seen. */
export const knob = (page: Page, name: string) => page.locator(`.view:not([hidden]) [data-knob="${name}"]`);

/** Types a number into a knob, as a person would. */
export async function typeInto(page: Page, name: string, value: string | number): Promise<void> {
  const box = knob(page, name).locator('input[type="text"]');
  await box.fill(String(value));
  await box.press("Enter");
}

/** Drops a file on a knob, from the outside. */
export async function drop(page: Page, name: string, file: string, content: string | Uint8Array): Promise<void> {
  const bytes = [...(typeof content === "string" ? new TextEncoder().encode(content) : content)];
  const data = await page.evaluateHandle(
    ([file, bytes]) => {
      const transfer = new DataTransfer();
      transfer.items.add(new File([new Uint8Array(bytes as number[])], file as string));
      return transfer;
    },
    [file, bytes] as const,
  );
  await knob(page, name).locator(".drop").dispatchEvent("drop", { dataTransfer: data });
}

/** Drops so many zeros: made on the page, as that many do not travel there quickly. */
export async function dropZeros(page: Page, name: string, file: string, length: number): Promise<void> {
  const dataTransfer = await page.evaluateHandle(
    ([file, length]) => {
      const transfer = new DataTransfer();
      transfer.items.add(new File([new Uint8Array(length as number)], file as string));
      return transfer;
    },
    [file, length] as const,
  );
  await knob(page, name).locator(".drop").dispatchEvent("drop", { dataTransfer });
}

/** What is wrong with the page for people who use it by other means than sight and mouse; and of its colours, light and dark. */
export async function seriousFaults(page: Page): Promise<string[]> {
  // Into the page's own world without its policy: a script element would be refused, as it should be.
  await page.evaluate(AXE);
  const faults: string[] = [];
  for (const [colorScheme, rules] of [
    ["light", null],
    ["dark", ["color-contrast"]],
  ] as const) {
    await page.emulateMedia({ colorScheme });
    const { violations, passes } = await page.evaluate(
      (rules) => (globalThis as unknown as { axe: Axe }).axe.run(document, rules ? { runOnly: rules } : {}),
      rules,
    );
    expect(passes.some(({ id }) => id === "color-contrast")).toBe(true);
    for (const { id, impact, nodes } of violations)
      if (impact === "serious" || impact === "critical") faults.push(`${colorScheme}: ${id}: ${nodes[0]!.html}`);
  }
  return faults;
}

interface Axe {
  run(root: Document, options: { runOnly?: readonly string[] }): Promise<{ violations: Finding[]; passes: Finding[] }>;
}

interface Finding {
  id: string;
  impact: string;
  nodes: { html: string }[];
}

/**
 * The tasks at which the main thread worked above 50 ms while `busy` ran, in ms. The page's own observer of long tasks counts what
 * others had of the processor in between as well; the browser's trace keeps the two apart.
 */
export async function longTasks(page: Page, busy: () => Promise<void>): Promise<number[]> {
  const browser = page.context().browser()!;
  await browser.startTracing(page, { categories: ["toplevel"] });
  await busy();
  await page.waitForTimeout(100);
  const { traceEvents }: { traceEvents: Traced[] } = JSON.parse(String(await browser.stopTracing()));
  const threadOf = ({ pid, tid }: Traced) => `${pid} ${tid}`;
  const threads = new Set(traceEvents.filter(({ args }) => args?.name === "CrRendererMain").map(threadOf));
  const tasks = traceEvents.filter((event) => event.name.endsWith("::RunTask") && threads.has(threadOf(event)));
  // Without tasks, or without their work, there is nothing to go by.
  expect(tasks.filter(({ tdur }) => tdur !== undefined).length).toBeGreaterThan(0);
  return tasks.map(({ tdur = 0 }) => tdur / 1e3).filter((ms) => ms > 50);
}

/** An event of a trace; `tdur` is how long its thread worked, in us. */
interface Traced {
  name: string;
  pid: number;
  tid: number;
  tdur?: number;
  args?: { name?: string };
}
