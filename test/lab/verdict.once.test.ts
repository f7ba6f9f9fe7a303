import { readFileSync } from "node:fs";
import { expect } from "vitest";
import { checkSchedulability, margins } from "../../src/index.ts";
import { TIMED } from "../timed.ts";
import { drop, inChromium, knob, longTasks, seriousFaults, theLab, typeInto } from "./page.ts";

const lab = theLab();
const finding = ".view:not([hidden]) .finding";
/** A verdict takes a while where convolutions have to share a processor. */

/** Every value of a verdict by its place in it. */
function valuesOf(value: unknown, at = ""): [place: string, value: unknown][] {
  if (typeof value !== "object" || value === null) return [[at, value]];
  return Object.entries(value).flatMap(([key, inner]) => valuesOf(inner, `${at}.${key}`));
}

/** The page once the verdict is there. */
async function opened(fragment: string, options = {}) {
  const { page, slips } = await lab.open(`#view=verdict${fragment}`, options);
  await expect.poll(() => page.locator(finding).textContent()).toContain("chedulable");
  return { page, slips };
}

inChromium("the verdict is that of Node: what is drawn to the last load, all else but for hosts' maths", async () => {
  const { page, slips } = await opened("");
  const node = checkSchedulability({ optics: "cpo-800g" });
  const said = await page.locator(finding).textContent();
  expect(said).toContain(node.schedulable ? "Schedulable: 160 MB" : "Not schedulable");
  expect(said).toContain(`What binds is ${node.binding}`);
  const drawn = await page.locator(".view:not([hidden]) svg.drawing").first().locator("text.strong").allTextContents();
  expect(drawn.filter((word) => node.terms.some(({ name }) => name === word))).toEqual(
    node.terms.map(({ name }) => name),
  );
  const [download] = await Promise.all([
    page.waitForEvent("download"),
    page.getByRole("button", { name: "Save the whole verdict as JSON" }).click(),
  ]);
  const shown = JSON.parse(readFileSync(await download.path(), "utf8"));
  expect(shown.miss.sampled).toEqual(node.miss.sampled);
  const [drawing] = await Promise.all([
    page.waitForEvent("download"),
    page.getByRole("button", { name: "Six terms, the binding one first as SVG" }).click(),
  ]);
  // Away from the page there is no sheet that says what a variable is.
  expect(readFileSync(await drawing.path(), "utf8")).not.toMatch(/var\(|class=/);
  const own = valuesOf(JSON.parse(JSON.stringify(node)));
  const theirs = new Map(valuesOf(shown));
  expect([...theirs.keys()]).toEqual(own.map(([place]) => place));
  // Sines and logarithms of two engines differ in the last bit, and sums over a lattice of thousands of points carry that on.
  for (const [place, value] of own)
    if (typeof value === "number")
      expect(Math.abs((theirs.get(place) as number) - value), place).toBeLessThanOrEqual(1e-10 * Math.abs(value));
    else expect(theirs.get(place), place).toBe(value);
  expect(slips).toEqual([]);
});

inChromium(
  "what fails is named, how far it reaches is drawn, and what nobody states is told apart by words",
  async () => {
    const { page, slips } = await opened("&verdict.draws=1000&verdict.optics=dsp-800g");
    await expect.poll(() => page.locator(finding).textContent()).toContain("Not schedulable");
    expect(await page.locator(finding).textContent()).toContain("What fails is jitter, 19.8% beyond its limit");
    const pictures = page.locator(".view:not([hidden]) svg.drawing");
    await expect.poll(() => pictures.nth(1).textContent()).toContain("anywhere, 3 hops: out of reach");
    expect(await pictures.nth(1).textContent()).toContain("in the same pod, 2 hops: reached");
    expect(await pictures.first().textContent()).toContain("nobody states the probability of a frame's stall");
    expect(await pictures.first().getAttribute("aria-label")).toContain("faults undecided");
    await knob(page, "isFaulty").locator("input").check();
    await typeInto(page, "stalls", 1);
    await expect.poll(() => pictures.first().getAttribute("aria-label")).toContain("faults holds");
    expect(slips).toEqual([]);
  },
);

inChromium("margins are worked out when asked for, follow the knobs, and are the library's", async () => {
  const { page } = await opened("&verdict.draws=1000");
  await page.getByRole("button", { name: "Push each figure to its end" }).click();
  const ends = page.locator(".view:not([hidden]) .aside tbody tr");
  await expect.poll(() => ends.count()).toBe(5);
  const { largestExpertBytes, fewestPorts } = margins({ optics: "cpo-800g" });
  expect(await ends.nth(0).textContent()).toContain(`${Math.round(largestExpertBytes! / 1e6)} MB`);
  expect(await ends.nth(2).locator("td").last().textContent()).toBe(String(fewestPorts));
  await expect.poll(() => page.url()).toContain("verdict.margins=yes");
  await typeInto(page, "hops", 1);
  await expect.poll(() => ends.nth(1).textContent()).toContain("1 hop");
});

inChromium("keys turn it, a measurement takes the optics' place, and what is none is refused by name", async () => {
  const { page, slips } = await opened("&verdict.draws=1000");
  const slider = knob(page, "ports").locator('input[type="range"]');
  await slider.focus();
  for (let i = 0; i < 8; i++) await page.keyboard.press("ArrowLeft");
  await expect.poll(() => page.url()).toContain("verdict.ports=8");
  await expect.poll(() => page.locator(finding).textContent()).toContain("8 ports");
  const samples = Array.from({ length: 2000 }, (_, i) => 300 + ((i * 7919) % 1000) / 30);
  await drop(page, "own", "mine.csv", `ns\n${samples.join("\n")}\n`);
  await expect.poll(() => page.locator(finding).textContent()).toContain("mine.csv");
  await drop(page, "own", "poem.txt", "no number is in here\n");
  await expect.poll(() => knob(page, "own").locator(".complaint").textContent()).toContain("Your measurement");
  await typeInto(page, "deadline", "soon");
  await expect.poll(() => knob(page, "deadline").locator(".complaint").textContent()).toBe("Deadline must be a number");
  await knob(page, "own").getByRole("button", { name: "Remove" }).click();
  await expect.poll(() => page.locator(finding).textContent()).toContain("cpo-800g");
  expect(slips).toEqual([]);
});

inChromium("nothing serious stands in the way of anybody, and no task blocks the page", TIMED, async () => {
  const { page } = await opened("&verdict.draws=1000");
  const tasks = await longTasks(page, async () => {
    await typeInto(page, "size", 100);
    await expect.poll(() => page.locator(finding).textContent()).toContain("100 MB");
    await typeInto(page, "size", 200);
    await expect.poll(() => page.locator(finding).textContent()).toContain("200 MB");
  });
  expect(tasks).toEqual([]);
  for (const numbers of await page.locator(".view:not([hidden]) .numbers summary").all()) await numbers.click();
  expect(await seriousFaults(page)).toEqual([]);
});
