import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Page } from "playwright";
import { expect, test } from "vitest";
import { balancePlanOf, readMaps, readPlan, verifyBalance } from "../../src/index.ts";
import { madeLoads } from "../../src/lab/jobs/placement/example.ts";
import { placement } from "../../src/lab/jobs/placement/index.ts";
import type { PlacementQuestion } from "../../src/lab/jobs/placement/plans.ts";
import { TIMED } from "../timed.ts";
import { drop, dropZeros, inChromium, knob, longTasks, seriousFaults, theLab, typeInto } from "./page.ts";

const lab = theLab();
const LOADS = fileURLToPath(
  new URL("../../../shared/data/loads/deepseek-r1.decode_in2000out100.json.gz", import.meta.url),
);
const SEEN = ".view:not([hidden])";

/** What the knobs stand at until somebody turns them, but for the time, which is not to end the search. */
const DEFAULTS: PlacementQuestion = {
  own: null,
  of: "loads",
  layers: 16,
  experts: 64,
  skew: 0.8,
  drift: 0,
  gpus: 16,
  slots: 80,
  gpusPerNode: 8,
  groups: 1,
  scope: "layer",
  loadMax: 1.3,
  drained: [],
  start: "whole",
  force: null,
  moveShare: 0.1,
  gap: 0.0005,
  gapOfWays: 0.005,
  iterations: 48,
  timeLimitMs: 600e3,
  seed: 1,
};

const inNode = (question: Partial<PlacementQuestion>) => placement({ ...DEFAULTS, ...question }, () => {});
const finding = (page: Page) => page.locator(`${SEEN} .finding`).textContent();
const checksum = (page: Page) =>
  page.locator(`${SEEN} .content > div > .table tbody tr:last-child td:last-child`).textContent();
const complaint = (page: Page, name: string) => knob(page, name).locator(".complaint").textContent();
const open = async (fragment = "", options = {}) => {
  const opened = await lab.open(`#view=placement${fragment}&placement.time=600`, options);
  await expect.poll(() => finding(opened.page)).not.toBe("");
  return opened;
};

async function saved(page: Page, label: string): Promise<string> {
  const [download] = await Promise.all([
    page.waitForEvent("download"),
    page.getByRole("button", { name: label }).click(),
  ]);
  return readFileSync(await download.path(), "utf8");
}

inChromium("a placement is Node's, bit for bit, and its files say the same", async () => {
  const { page, slips } = await open();
  const { checksum: own, after } = await inNode({});
  await expect.poll(() => checksum(page)).toBe(own);
  const plan = readPlan(await saved(page, "Save the plan"));
  if (plan.objective !== "balance")
    throw new TypeError(`a plan for balance was asked for, got one for ${plan.objective}`);
  expect(plan.physicalToLogicalMap.flat()).toEqual([...after!.expertOfSlot]);
  const maps = readMaps(await saved(page, "Save EPLB's maps"));
  expect(maps).toEqual(plan.physicalToLogicalMap);
  // The rules, checked by what knows no solver.
  const problem = { loads: madeLoads(DEFAULTS), gpus: 16, slots: 80 };
  expect(verifyBalance(problem, balancePlanOf(problem, maps, plan.gpuOfSlot!)).violations).toEqual([]);
  expect(slips).toEqual([]);
});

inChromium("a click drains a GPU, keys bring it back, and few copies move", async () => {
  const { page, slips } = await open();
  await page.getByRole("button", { name: "Drain GPU 3", exact: true }).first().click();
  await expect.poll(() => finding(page)).toContain("GPU 3 is drained.");
  const { checksum: own, moves, movesMax } = await inNode({ drained: [3] });
  expect(moves).toBeLessThanOrEqual(movesMax!);
  expect(await finding(page)).toContain(`${moves} of 1,280 copies move`);
  expect(await checksum(page)).toBe(own);
  await expect.poll(() => page.url()).toContain("placement.drained=3");
  await page.locator(`${SEEN} details > summary`, { hasText: "What moves" }).click();
  const movesTable = page.getByRole("region", { name: "Copies that come to a GPU" });
  expect(await movesTable.locator("tbody tr").count()).toBe(moves);
  // By keys alone: from the names of GPUs down to the fourth, and from the picture's frame.
  await page.locator(`${SEEN} .gpu`).first().focus();
  for (let i = 0; i < 3; i++) await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  await expect.poll(() => finding(page)).not.toContain("drained");
  const frame = page.locator(`${SEEN} .cursor`).first();
  await frame.focus();
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("ArrowRight");
  await expect.poll(() => page.locator(`${SEEN} .place h3`).textContent()).toBe("GPU 1, layer 1");
  await page.keyboard.press("Enter");
  await expect.poll(() => finding(page)).toContain("GPU 1 is drained.");
  await page.getByRole("button", { name: "Undo drains" }).click();
  await expect.poll(() => finding(page)).not.toContain("drained");
  expect(slips).toEqual([]);
});

inChromium("what makes a plan impossible is said, with what would help, and a button does that", async () => {
  const { page } = await open("&placement.drained=3&placement.moves=1");
  expect(await finding(page)).toContain("No plan keeps all rules. What binds is moves:");
  await page.getByRole("button", { name: /^Let .* of copies move$/ }).click();
  await expect.poll(() => finding(page)).toMatch(/^GPU 3 is drained\. [1-9]/);
  await typeInto(page, "slots", 60);
  await expect.poll(() => finding(page)).toContain("64 experts need as many slots");
  await page.getByRole("button", { name: "Have 80 slots" }).click();
  await expect.poll(() => finding(page)).toContain("GPU 3 is drained.");
});

inChromium("a plan that is put in force stays so in the address, and nothing moves until loads do", async () => {
  const { page } = await open("&placement.layers=4&placement.gap=1");
  await page.getByRole("button", { name: "Put this plan in force" }).click();
  await expect.poll(() => finding(page)).toMatch(/^0 of 320 copies move/);
  await typeInto(page, "drift", 0.3);
  await expect.poll(() => finding(page)).toMatch(/^[1-9]\d* of 320 copies move, (as many as may|of the 32 that may)/);
  await expect.poll(() => page.url()).toContain("placement.force=kept-plan.json~");
  const words = await checksum(page);
  const { page: copy } = await open(new URL(page.url()).hash.replace(/^#view=placement/, ""));
  await expect.poll(() => checksum(copy)).toBe(words);
  await typeInto(page, "layers", 5);
  await expect.poll(() => complaint(page, "force")).toContain("a row of layer 4, got none");
});

inChromium("files that are none are refused beside the control, and the page lives on", async () => {
  const { page } = await open();
  const before = await finding(page);
  for (const [name, content, said] of [
    ["empty.csv", "", "cannot be empty.csv: it is empty"],
    ["nan.csv", "1,2\n3,NaN\n", "loads to be numbers from 0 up"],
    ["wide.csv", "1,2\n3,4,5\n", "2 columns"],
    ["odd.json", '{"lods": [[1, 2]]}', "did you mean"],
    ["zero.csv", "0,0\n0,0\n", "every load is 0"],
    ["problem.json", '{"demand": [[1, 2, 3]]}', "demand of expert 0 must hold 16 values"],
  ] as const) {
    await drop(page, "own", name, content);
    await expect.poll(() => complaint(page, "own")).toContain(said);
    expect(await finding(page)).toBe(before);
  }
  await dropZeros(page, "own", "huge.npy", 200e6);
  await expect.poll(() => complaint(page, "own")).toContain("must be at most 64 MB here, got 200 MB of huge.npy");
  await drop(page, "own", "mine.csv", "9,1,1,1\n1,1,9,1\n");
  await typeInto(page, "gpus", 2);
  await typeInto(page, "slots", 6);
  await expect.poll(() => page.locator(`${SEEN} figure .words`).nth(1).textContent()).toContain("2 layers of 4");
  await drop(page, "force", "other.json", '{"physical_to_logical_map": [[0, 1], [1, 0]]}');
  await expect.poll(() => complaint(page, "force")).toContain("must hold every expert, got none of 2");
  await typeInto(page, "drained", "7");
  await expect.poll(() => complaint(page, "drained")).toContain("must be from 0 to 1, got 7");
  await typeInto(page, "drained", "x");
  await expect.poll(() => complaint(page, "drained")).toContain("must be whole numbers from 0");
});

inChromium("a problem of who asks for whom is placed, and each place has its prices", async () => {
  const { page, slips } = await open("&placement.of=demand&placement.layers=4&placement.drained=2");
  const { checksum: own } = await inNode({ of: "demand", layers: 4, drained: [2] });
  expect(await checksum(page)).toBe(own);
  expect(await finding(page)).toMatch(/^GPU 2 is drained\. \d+ of 256 copies move/);
  await expect.poll(() => page.locator(`${SEEN} .place caption`).textContent()).toMatch(/^What expert \d+ costs/);
  await page.locator(`${SEEN} .cursor`).last().focus();
  await page.keyboard.press("ArrowRight");
  await expect.poll(() => page.locator(`${SEEN} .place h3`).textContent()).toBe("GPU 1");
  expect(slips).toEqual([]);
});

(existsSync(LOADS) ? inChromium : test.skip)(
  "while DeepSeek-R1's loads are placed, no task blocks the page",
  TIMED,
  async () => {
    const { page } = await open("&placement.gpus=32&placement.slots=288&placement.gap=0&placement.iterations=4");
    await knob(page, "own").locator('input[type="file"]').setInputFiles(LOADS);
    await expect.poll(() => page.locator(`${SEEN} figure .words`).nth(1).textContent()).toContain("256 experts");
    await expect.poll(() => checksum(page)).toMatch(/^[0-9a-f]{8}$/);
    const before = await checksum(page);
    const tasks = await longTasks(page, async () => {
      await typeInto(page, "seed", 2);
      await expect.poll(() => checksum(page)).not.toBe(before);
    });
    expect(tasks).toEqual([]);
  },
);

inChromium("nothing serious stands in the way of anybody", async () => {
  const { page } = await open("&placement.drained=3");
  expect(await seriousFaults(page)).toEqual([]);
});
