import { existsSync, readFileSync } from "node:fs";
import { createServer, request } from "node:http";
import type { AddressInfo } from "node:net";
import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { commandLine } from "../run-cli.ts";
import { inChromium, theLab } from "./page.ts";

const lab = theLab();
const { folder, run } = commandLine("lab");

/** A request as it is written, which `fetch` would tidy. */
function asked(path: string, headers: Record<string, string> = {}, method = "GET") {
  const { hostname, port } = new URL(lab.address);
  return new Promise<{ status: number; text: string; headers: Record<string, unknown> }>((resolve, reject) => {
    const sent = request({ hostname, port, path, method, headers }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (piece: string) => {
        text += piece;
      });
      response.on("end", () => resolve({ status: response.statusCode!, text, headers: response.headers }));
    });
    sent.on("error", reject).end();
  });
}

inChromium("the server has one page, for those who ask for this machine by its own name", async () => {
  const page = await asked("/");
  expect(page.status).toBe(200);
  expect(page.text).toBe(readFileSync("dist/lab.html", "utf8"));
  expect(page.headers["content-security-policy"]).toMatch(
    /^default-src 'none'; script-src 'sha256-[^']+' 'wasm-unsafe-eval'/,
  );
  expect(page.headers["cross-origin-opener-policy"]).toBe("same-origin");
  expect((await asked("/?from=mail")).status).toBe(200);
  expect(await asked("/", {}, "HEAD")).toMatchObject({ status: 200, text: "" });

  const { port } = new URL(lab.address);
  for (const host of [`evil.example:${port}`, "127.0.0.1", "127.0.0.1:1"])
    expect(await asked("/", { host })).toMatchObject({ status: 403 });
  expect((await asked("/", { host: `localhost:${port}` })).status).toBe(200);
  for (const path of ["/../package.json", "/%2e%2e/package.json", "/lab.html", "//etc/passwd", "/cli/main.js"])
    expect(await asked(path)).toMatchObject({ status: 404 });
  expect(await asked("/", {}, "POST")).toMatchObject({ status: 405 });
});

test("the file is the page that is served, whole and small", async () => {
  const { status, stdout } = await run("--file lab.html");
  expect(status).toBe(0);
  expect(stdout).toContain("lab.html");
  const page = readFileSync(`${folder}/lab.html`, "utf8");
  expect(page).toBe(readFileSync("dist/lab.html", "utf8"));
  expect(gzipSync(page, { level: 9 }).length).toBeLessThan(250 * 1024);
  expect(page).toContain("Copyright (c) 2022 Leon Sorokin");
  // Nothing in it is fetched: no source, no style sheet, no address but that of SVG's own namespaces.
  const [markup] = page.split("<script>");
  expect(markup).not.toMatch(/\ssrc=|@import|url\((?!data:)/);
});

test("what cannot be served or written is refused by name", async () => {
  const taken = createServer();
  await new Promise<void>((resolve) => taken.listen(0, "127.0.0.1", resolve));
  const { port } = taken.address() as AddressInfo;
  try {
    for (const [words, said] of [
      [`--port ${port} --no-open`, `--port must be free, got ${port}`],
      ["--port 70000", "--port must be a whole number from 0 to 65535, got 70000"],
      ["--port one", "Expected a number"],
      ["--file nowhere/lab.html", "nowhere"],
      ["--prot 8000", "--port"],
    ] as const) {
      const { status, stderr } = await run(words);
      expect(status, words).toBe(2);
      expect(stderr, words).toContain(said);
    }
  } finally {
    taken.close();
  }
  expect(existsSync(`${folder}/nowhere`)).toBe(false);
});

inChromium("a first visit explains itself and shows something true for less than a second of work", async () => {
  const { page, slips } = await lab.open();
  const welcome = page.locator("#welcome");
  expect((await welcome.locator("p").textContent())!.match(/\.(?=\s|$)/g)).toHaveLength(3);
  await welcome.getByRole("button", { name: "Got it" }).click();
  expect(await welcome.isVisible()).toBe(false);
  const { page: again } = await lab.open("#view=tail");
  expect(await again.locator("#welcome").isVisible()).toBe(false);
  expect(slips).toEqual([]);
  const visits = [await firstPicture()];
  // Others on the machine can make a visit slow; a page that is slow itself is so at each.
  while (visits.length < 3 && visits.at(-1)!.workedMs >= 1000) visits.push(await firstPicture());
  console.log(
    `the first picture is there after ${visits.map(({ ms, workedMs }) => `${ms.toFixed(0)} ms, of which a processor worked ${workedMs.toFixed(0)}`).join("; ")}`,
  );
  // For the rest of the time others had the machine.
  expect(Math.min(...visits.map(({ workedMs }) => workedMs))).toBeLessThan(1000);
});

/** When a visitor sees the first picture, and the work till then of the page and its workers together. */
async function firstPicture() {
  const { page } = await lab.open();
  await page.locator(".uplot canvas").first().waitFor();
  const ms = await page.evaluate(() => performance.now());
  const devtools = await page.context().newCDPSession(page);
  await devtools.send("Performance.enable");
  const { metrics } = await devtools.send("Performance.getMetrics");
  await page.close();
  return { ms, workedMs: 1e3 * metrics.find(({ name }) => name === "ProcessTime")!.value };
}

inChromium("every view opens from the links, by key alone, and says what it is", async () => {
  const { page, slips } = await lab.open();
  const links = page.locator("nav a");
  for (let i = 0; i < (await links.count()); i++) {
    await links.nth(i).focus();
    await page.keyboard.press("Enter");
    const title = await links.nth(i).textContent();
    await expect.poll(() => page.locator(".view:not([hidden]) h2").textContent()).toBe(title);
    expect(await links.nth(i).getAttribute("aria-current")).toBe("page");
    expect(await page.title()).toBe(`${title} – vorchestrate lab`);
  }
  await page.goBack();
  const before = await links.nth((await links.count()) - 2).textContent();
  await expect.poll(() => page.locator(".view:not([hidden]) h2").textContent()).toBe(before);
  expect(slips).toEqual([]);
});

inChromium("colours are those of the system, or those that somebody chose", async () => {
  const { page } = await lab.open("", { colorScheme: "dark" });
  const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const dark = await ground();
  await page.locator("#theme").selectOption("light");
  await expect.poll(ground).not.toBe(dark);
  await expect.poll(() => page.url()).toContain("page.theme=light");
});

/** How many words of drawings come out smaller than people read. */
const tinyWords = () =>
  [...document.querySelectorAll<SVGTextElement>(".view:not([hidden]) svg text")].filter((text) => {
    const { viewBox } = text.ownerSVGElement!;
    const scale = text.ownerSVGElement!.getBoundingClientRect().width / viewBox.baseVal.width;
    return scale * Number.parseFloat(getComputedStyle(text).fontSize) < 11;
  }).length;

const QUICK =
  "#verdict.draws=1000&placement.layers=4&decode.gpus=16&decode.steps=5&decode.repetitions=1&tail.draws=10000";

inChromium(
  "nothing is wider than the page, nor any word of a picture too small to read, however wide it is",
  async () => {
    const { page } = await lab.open(QUICK, { viewport: { width: 380, height: 900 } });
    const links = page.locator("nav a");
    for (let i = 0; i < (await links.count()); i++) {
      await links.nth(i).click();
      const title = String(await links.nth(i).textContent());
      await page.locator(".view:not([hidden]) .finding:not(:empty)").waitFor();
      for (const width of [380, 768, 1280, 2560, 380]) {
        await page.setViewportSize({ width, height: 900 });
        await page.waitForTimeout(300);
        expect(await page.evaluate(() => document.documentElement.scrollWidth), title).toBeLessThanOrEqual(width);
        expect(await page.evaluate(tinyWords), `${title}, ${width}`).toBe(0);
      }
    }
  },
);
