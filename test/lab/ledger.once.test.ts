import { expect } from "vitest";
import { FACTS } from "../../src/index.ts";
import { TIMED } from "../timed.ts";
import { inChromium, knob, longTasks, seriousFaults, theLab } from "./page.ts";

const lab = theLab();
const shown = ".claims > li:not([hidden])";

inChromium("statements are there at once, and verdicts as they come, while the page stays quick", TIMED, async () => {
  const { page, slips } = await lab.open("#view=ledger");
  expect(await page.locator(shown).count()).toBe(FACTS.length);
  const tasks = await longTasks(page, async () => {
    await expect.poll(() => page.locator(".claims .verdict[data-verdict='follows']").count()).toBeGreaterThan(5);
    await page.waitForTimeout(2000);
  });
  expect(tasks).toEqual([]);
  await page.getByRole("button", { name: "Cancel" }).click();
  await expect.poll(() => page.locator(".task").count()).toBe(0);
  expect(slips).toEqual([]);
});

inChromium(
  "a statement unfolds to what is stated and found, the arithmetic, and what would have to be true",
  async () => {
    const { page } = await lab.open("#view=ledger&ledger.search=optics.retrain-miss");
    await expect.poll(() => page.locator(shown).count()).toBe(1);
    await expect.poll(() => page.locator(`${shown} .verdict`).textContent()).toBe("follows");
    await page.locator(`${shown} summary`).focus();
    await page.keyboard.press("Enter");
    await page.locator(`${shown} table`).first().waitFor();
    expect(await page.locator(`${shown} .unfolded`).textContent()).toContain("Arithmetic");
  },
);

inChromium("verdicts and words filter, and the address keeps both", async () => {
  const { page } = await lab.open("#view=ledger");
  await expect.poll(() => page.locator(".claims .verdict[data-verdict='input']").count()).toBe(25);
  await knob(page, "verdicts").getByLabel("input").uncheck();
  await expect.poll(() => page.locator(shown).count()).toBe(FACTS.length - 25);
  await knob(page, "search").locator("input").fill("power");
  await expect.poll(() => page.locator(shown).count()).toBeLessThan(20);
  await expect.poll(() => page.url()).toContain("ledger.search=power");
  expect(page.url()).not.toContain("input");
  await knob(page, "search").locator("input").fill("no such thing");
  await expect.poll(() => page.locator(shown).count()).toBe(0);
  await page.getByRole("button", { name: "Reset knobs" }).locator("visible=true").click();
  await expect.poll(() => page.locator(shown).count()).toBe(FACTS.length);
});

inChromium("nothing serious stands in the way of anybody", async () => {
  const { page } = await lab.open("#view=ledger&ledger.search=optics");
  await expect.poll(() => page.locator(".claims .verdict[data-verdict='follows']").count()).toBeGreaterThan(2);
  await page.locator(`${shown} summary`).first().click();
  expect(await seriousFaults(page)).toEqual([]);
});
