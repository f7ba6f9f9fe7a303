import { readFileSync } from "node:fs";
import type { Page } from "playwright";
import { expect } from "vitest";
import { token } from "../../src/lab/jobs/token.ts";
import { TIMED } from "../timed.ts";
import { inChromium, knob, seriousFaults, theLab, typeInto } from "./page.ts";

const lab = theLab();
const finding = ".view:not([hidden]) .finding";
const numbers = ".view:not([hidden]) .numbers";

const bell = (page: Page) => page.getByRole("slider", { name: "How late the doorbell is", exact: true });
const frame = (page: Page) => page.locator('.drawing [role="slider"][aria-label="Enlarged layer"]');
const late = (page: Page) => knob(page, "late").locator('input[type="text"]').inputValue();

async function opened(fragment = "#view=token", options = {}) {
  const { page, slips } = await lab.open(fragment, options);
  await expect.poll(() => page.locator(finding).textContent()).toContain("This token takes");
  return { page, slips };
}

inChromium("the step is that of Node, bit for bit", async () => {
  const { page, slips } = await opened();
  const { checksum, timeline } = token(
    {
      optics: "cpo-800g",
      expertBytes: 160e6,
      coldShare: 0.25,
      gpusPerDpu: 1,
      dpuPaceBytesPerNs: 1600,
      ports: 16,
      fence: "blocking",
      gapNs: 62e3,
      deadlineNs: 180e3,
      gpu: 0,
      step: 0,
      seed: 1,
    },
    () => {},
  );
  await page.locator(`${numbers} summary`).first().click();
  await expect.poll(() => page.locator(`${numbers} caption`).first().textContent()).toContain(checksum);
  expect(await page.locator(`${numbers} tbody tr`).count()).toBe(timeline.layers.length);
  expect(slips).toEqual([]);
});

inChromium("the doorbell is dragged late by pointer, by keys and by its knob, and all behind it shifts", async () => {
  const { page, slips } = await opened("#view=token&token.late=0");
  await bell(page).scrollIntoViewIfNeeded();
  const box = (await bell(page).boundingBox())!;
  const [x, y] = [box.x + box.width / 2, box.y + 12];
  await page.mouse.move(x, y);
  await page.mouse.down();
  for (let moved = 10; moved <= 120; moved += 10) await page.mouse.move(x + moved, y);
  await page.mouse.up();
  await expect.poll(() => late(page)).not.toBe("0");
  const dragged = Number(await late(page));
  expect(dragged).toBeGreaterThan(20);
  expect(dragged).toBeLessThan(60);
  // Where the pointer let go is where the doorbell is.
  const after = (await bell(page).boundingBox())!;
  expect(Math.abs(after.x + after.width / 2 - x - 120)).toBeLessThan(2);
  expect(await page.locator(finding).textContent()).toContain(`late by ${dragged} µs`);
  await bell(page).focus();
  await page.keyboard.press("Home");
  await expect.poll(() => late(page)).toBe("0");
  for (const key of ["PageUp", "ArrowRight", "ArrowUp"]) await page.keyboard.press(key);
  await expect.poll(() => late(page)).toBe("12");
  await expect.poll(() => bell(page).getAttribute("aria-valuetext")).toBe("12 µs late");
  await typeInto(page, "late", 40);
  await expect.poll(() => page.locator(finding).textContent()).toContain("40 µs more");
  await expect.poll(() => page.url()).toContain("token.late=40");
  await knob(page, "which").locator("select").selectOption("all");
  await expect.poll(() => page.locator(finding).textContent()).toContain("With all 16 doorbells late by 40 µs");
  expect(slips).toEqual([]);
});

inChromium("a doorbell is redrawn within a frame or two of being dragged", TIMED, async () => {
  const { page } = await opened("#view=token&token.late=0");
  const times = await page.evaluate(async () => {
    const slider = document.querySelector<HTMLInputElement>(
      '.view:not([hidden]) [data-knob="late"] input[type="range"]',
    )!;
    const times: number[] = [];
    for (let us = 1; us <= 20; us++)
      times.push(
        await new Promise((resolve) => {
          let startMs = 0;
          requestAnimationFrame(() => {
            startMs = performance.now();
          });
          slider.value = String(us);
          slider.dispatchEvent(new Event("input", { bubbles: true }));
          // Called behind what draws, with the layout still to be made.
          requestAnimationFrame(() => resolve(document.body.offsetHeight && performance.now() - startMs));
        }),
      );
    return times.sort((a, b) => a - b);
  });
  console.log(
    `a late doorbell is drawn in ${times[0]!.toFixed(1)} ms, in the middle of 20 ${times[10]!.toFixed(1)} ms`,
  );
  // The least of them: whoever shares the machine makes the others long.
  expect(times[0]).toBeLessThan(50);
});

inChromium(
  "a layer is enlarged by click and by keys, and one that waits for nothing has no doorbell to drag",
  async () => {
    const { page, slips } = await opened("#view=token&token.layer=8");
    expect(await frame(page).getAttribute("aria-valuenow")).toBe("8");
    await frame(page).focus();
    await page.keyboard.press("ArrowRight");
    await expect.poll(() => frame(page).getAttribute("aria-valuenow")).toBe("9");
    await expect.poll(() => page.url()).toContain("token.layer=9");
    await page.keyboard.press("End");
    await expect.poll(() => frame(page).getAttribute("aria-valuenow")).toBe("55");
    const strip = (await page.locator(".view:not([hidden]) svg.drawing").first().boundingBox())!;
    await page.mouse.click(strip.x + strip.width / 100, strip.y + 100);
    await expect.poll(() => frame(page).getAttribute("aria-valuenow")).toBe("0");
    await typeInto(page, "cold", 0);
    await expect.poll(() => page.locator(finding).textContent()).toContain("waits for no weights");
    expect(await bell(page).isVisible()).toBe(false);
    expect(slips).toEqual([]);
  },
);

inChromium("what is seen is saved as a trace that Perfetto opens", async () => {
  const { page } = await opened();
  const [download] = await Promise.all([
    page.waitForEvent("download"),
    page.getByRole("button", { name: "The whole step as Perfetto" }).click(),
  ]);
  const { traceEvents } = JSON.parse(readFileSync(await download.path(), "utf8"));
  const names = new Set(traceEvents.map(({ name }: { name: string }) => name));
  for (const name of ["attention and router", "gap", "stall", "multiply"]) expect(names).toContain(name);
});

inChromium("what a knob or the simulator refuses is said beside it, and nothing is lost", async () => {
  const { page } = await opened();
  const before = await page.locator(finding).textContent();
  await typeInto(page, "layer", 2.5);
  const complaint = (name: string) => knob(page, name).locator(".complaint").textContent();
  await expect.poll(() => complaint("layer")).toBe("Enlarged layer must be a whole number, got 2.5");
  await typeInto(page, "gap", "NaN");
  await expect.poll(() => complaint("gap")).toBe("Gap must be a number");
  expect(await page.locator(finding).textContent()).toBe(before);
  await typeInto(page, "gap", 0);
  await expect.poll(() => page.locator(finding).textContent()).not.toBe(before);
});

inChromium("nothing serious stands in the way of anybody", async () => {
  const { page } = await opened("#view=token");
  await page.locator(`${numbers} summary`).last().click();
  expect(await seriousFaults(page)).toEqual([]);
});
