import { readFileSync } from "node:fs";
import type { Page } from "playwright";
import { expect } from "vitest";
import { bindsWords } from "../../src/index.ts";
import { decode } from "../../src/lab/jobs/decode.ts";
import { sensitivity } from "../../src/lab/jobs/sensitivity.ts";
import { defaultsOf } from "../../src/lab/knobs.ts";
import { scenarioKnobs } from "../../src/lab/views/decode/knobs.ts";
import { scenarioOf } from "../../src/lab/views/decode/scenario.ts";
import { TIMED } from "../timed.ts";
import { drop, dropZeros, inChromium, knob, longTasks, seriousFaults, theLab, typeInto } from "./page.ts";

const lab = theLab();

/** Small, so that each answer takes tens of milliseconds. */
const SMALL = "#view=decode&decode.gpus=16&decode.steps=10&decode.repetitions=3";
const small = { ...defaultsOf(scenarioKnobs), gpus: 16, steps: 10, repetitions: 3 };

const finding = (page: Page) => page.locator("#view-decode .finding");
const status = (page: Page) => page.locator("#view-decode .status");
const checksum = (page: Page) => page.locator("#view-decode .checksum");
const complaint = (page: Page, name: string) => knob(page, name).locator(".complaint");
const press = (page: Page, name: string | RegExp) =>
  page.locator("#view-decode .content").getByRole("button", { name }).click();

/** What Node makes of the same knobs. */
const inNode = (values: typeof small) => decode(scenarioOf(values), () => {});

inChromium(
  "the first answer is that of Node, bit for bit, and says what holds, what binds and what no fabric changes",
  async () => {
    const { page, slips } = await lab.open("#view=decode");
    await expect.poll(() => status(page).textContent()).toBe("It holds.");
    const { verdict, run } = inNode(defaultsOf(scenarioKnobs) as typeof small);
    expect(await checksum(page).textContent()).toContain(`Checksum of the report: ${run!.checksum}.`);
    expect(await finding(page).textContent()).toContain(bindsWords(verdict));
    expect(await page.locator("#view-decode .words").first().textContent()).toContain(
      "27.73 ms of computing and 56 gaps of 62 µs are 31.2 ms a step",
    );
    expect(slips).toEqual([]);
  },
);

inChromium("routes with caches and prefetches are those of Node too", async () => {
  const { page } = await lab.open(SMALL);
  await checksum(page).waitFor();
  await knob(page, "cold").locator("select").selectOption("routes");
  await knob(page, "prefetch").locator("select").selectOption("weighed");
  await typeInto(page, "cached", 5);
  const { run } = inNode({ ...small, cold: "routes", prefetch: "weighed", cached: 5 });
  await expect.poll(() => checksum(page).textContent()).toContain(run!.checksum);
  expect(run!.report.loads.prefetchesPerStep.mean).toBeGreaterThan(0);
  await expect.poll(() => page.url()).toContain("decode.cached=5");
});

inChromium(
  "what no fabric can keep is said at once, with its bound; another objective takes no other run",
  async () => {
    const { page } = await lab.open(SMALL);
    await checksum(page).waitFor();
    const before = await checksum(page).textContent();
    await typeInto(page, "slo", 20);
    await expect.poll(() => status(page).textContent()).toBe("No fabric can keep that.");
    expect(await finding(page).textContent()).toContain(
      "31.2 ms even with every weight in place, 11.2 ms more than the 20 ms",
    );
    await typeInto(page, "slo", 33);
    await expect.poll(() => status(page).textContent()).toBe("It does not hold.");
    await typeInto(page, "slo", 50);
    await expect.poll(() => status(page).textContent()).toBe("It holds.");
    expect(await checksum(page).textContent()).toBe(before);
    await knob(page, "of").locator("select").selectOption("tpot");
    await expect.poll(() => finding(page).textContent()).toContain("time per output token");
  },
);

inChromium("a scenario is kept, by keys alone, compared, swapped, and carried by the address", async () => {
  const { page, slips } = await lab.open(SMALL);
  await checksum(page).waitFor();
  const keep = page.getByRole("button", { name: "Keep for comparison" });
  await keep.focus();
  await page.keyboard.press("Enter");
  await typeInto(page, "sharing", 8);
  const differences = page.locator("#view-decode .differences li");
  await expect.poll(() => differences.allTextContents()).toEqual(["GPUs that share a DPU: 8, not 1"]);
  const { run: a } = inNode({ ...small, sharing: 8 });
  const { run: b } = inNode(small);
  await expect.poll(() => checksum(page).textContent()).toContain(a!.checksum);
  expect(
    await page.locator("#view-decode table", { hasText: "Side by side" }).locator("thead th").allTextContents(),
  ).toEqual(["figure", "A", "B", "A less B"]);
  await expect.poll(() => page.url()).toContain("decode.kept=");
  const { page: copy } = await lab.open(new URL(page.url()).hash);
  await expect.poll(() => copy.locator("#view-decode .differences li").count()).toBe(1);
  expect(await copy.locator("#view-decode .compare p").textContent()).toBe(
    await page.locator("#view-decode .compare p").textContent(),
  );
  await press(page, "Swap A and B");
  await expect.poll(() => checksum(page).textContent()).toContain(b!.checksum);
  expect(await knob(page, "sharing").locator('input[type="text"]').inputValue()).toBe("1");
  await press(page, "Let B go");
  await expect.poll(() => page.url()).not.toContain("decode.kept=");
  expect(slips).toEqual([]);
});

inChromium("what changes the answer is asked for, cancelled, asked for again, and drawn as Node has it", async () => {
  const { page } = await lab.open("#view=decode&decode.gpus=128&decode.steps=200&decode.repetitions=20");
  await page.getByRole("button", { name: "Cancel" }).click();
  await page.evaluate((hash) => (location.hash = hash), SMALL);
  await checksum(page).waitFor();
  await press(page, "Change each parameter");
  const picture = page
    .locator("#view-decode figure", { hasText: "What changes the answer" })
    .locator("svg title")
    .first();
  const { rows } = sensitivity(scenarioOf(small), () => {});
  await expect.poll(() => picture.textContent()).toContain(rows.map(({ parameter }) => parameter)[0]);
  await page.locator("#view-decode figure", { hasText: "What changes the answer" }).locator("summary").click();
  const shown = await page.locator("#view-decode figure tbody tr td:first-child").allTextContents();
  expect(shown).toEqual(rows.map(({ parameter }) => parameter));
  // Programs know columns by their titles.
  const titles = await page.locator("#view-decode figure thead th").allTextContents();
  expect(new Set(titles).size).toBe(titles.length);
  await typeInto(page, "seed", 2);
  await expect.poll(() => page.locator("#view-decode .stale").count()).toBe(1);
});

inChromium("the report is handed on as a page and as JSON", async () => {
  const { page } = await lab.open(SMALL);
  await checksum(page).waitFor();
  const [json] = await Promise.all([page.waitForEvent("download"), press(page, "As JSON")]);
  const { run } = inNode(small);
  const saved = JSON.parse(readFileSync(await json.path(), "utf8"));
  expect(saved.report).toEqual(JSON.parse(JSON.stringify(run!.report)));
  expect(saved.checksum).toBe(run!.checksum);
  const [html] = await Promise.all([page.waitForEvent("download"), press(page, "As a page")]);
  const text = readFileSync(await html.path(), "utf8");
  expect(text).toContain("The p99 of inter-token latency is");
  expect(text).not.toContain("<script");
});

/** DBRX-like, as Hugging Face keeps it: of the keys that mixtral has. */
const CONFIG = {
  model_type: "mixtral",
  num_local_experts: 4,
  num_experts_per_tok: 2,
  num_hidden_layers: 4,
  hidden_size: 1024,
  intermediate_size: 2048,
  num_attention_heads: 16,
  num_key_value_heads: 4,
  vocab_size: 32_000,
  torch_dtype: "bfloat16",
};

inChromium(
  "a config.json takes the model's place; what is none, and what does not fit, is said where it was given",
  async () => {
    const { page, slips } = await lab.open(SMALL);
    await checksum(page).waitFor();
    const before = await finding(page).textContent();
    for (const [name, content, said] of [
      ["empty.json", "", "Your model's config.json cannot be empty.json: it is empty"],
      ["broken.json", '{"model_type": "mixtral",\n "num_local_experts": 8,', "Your model's config.json line"],
      ["nan.json", JSON.stringify(CONFIG).replace("1024", "NaN"), "expected JSON"],
      ["other.json", JSON.stringify({ ...CONFIG, model_type: "mixtrel" }), "mixtral"],
    ] as const) {
      await drop(page, "config", name, content);
      await expect.poll(() => complaint(page, "config").textContent()).toContain(said);
    }
    await dropZeros(page, "config", "large.json", 200e6);
    await expect
      .poll(() => complaint(page, "config").textContent())
      .toContain("must be at most 64 MB here, got 200 MB of large.json");
    expect(await finding(page).textContent()).toBe(before);
    await drop(page, "config", "mine.json", JSON.stringify(CONFIG));
    await expect.poll(() => page.locator("#view-decode .words").first().textContent()).toContain("mine on 16 GPUs");
    expect(await complaint(page, "config").textContent()).toBe("");
    await expect.poll(() => page.url()).toContain("decode.config=mine.json~");
    await knob(page, "config").getByRole("button", { name: "Remove" }).click();
    await knob(page, "model").locator("select").selectOption("kimi-k2");
    await typeInto(page, "gpus", 2);
    await expect.poll(() => complaint(page, "gpus").textContent()).toContain("GPUs must be more: 2 copies of");
    await typeInto(page, "gpus", "NaN");
    await expect.poll(() => complaint(page, "gpus").textContent()).toBe("GPUs must be a number");
    await knob(page, "cold").locator("select").selectOption("routes");
    await typeInto(page, "gpus", 64);
    await typeInto(page, "cached", 300);
    await expect
      .poll(() => complaint(page, "cached").textContent())
      .toContain("Cached experts a layer must be at most");
    expect(slips).toEqual([]);
  },
);

inChromium("a broken scenario in an address is said to be one, and the page lives on", async () => {
  const { page, slips } = await lab.open(`${SMALL}&decode.kept=view%3Ddecode%26decode.gpus%3D1e9&decode.batch=NaN`);
  await checksum(page).waitFor();
  const said = page.locator("#view-decode .stage > .complaint");
  await expect.poll(() => said.textContent()).toContain("kept for comparison: decode.gpus must be from 2 to 4096");
  expect(await page.locator(".notice:not(noscript *)").textContent()).toContain("decode.batch must be a number");
  await press(page, "Let B go");
  await expect.poll(() => said.textContent()).toBe("");
  await typeInto(page, "seed", 5);
  const { run } = inNode({ ...small, seed: 5 });
  await expect.poll(() => checksum(page).textContent()).toContain(run!.checksum);
  expect(slips).toEqual([]);
});

inChromium("while it decodes, nothing blocks the page", TIMED, async () => {
  const { page } = await lab.open(SMALL);
  await checksum(page).waitFor();
  const before = await checksum(page).textContent();
  const tasks = await longTasks(page, async () => {
    await typeInto(page, "gpus", 64);
    await typeInto(page, "steps", 60);
    await expect.poll(() => checksum(page).textContent()).not.toBe(before);
  });
  expect(tasks).toEqual([]);
});

inChromium("nothing serious stands in anybody's way", async () => {
  const { page } = await lab.open(SMALL);
  await checksum(page).waitFor();
  await press(page, "Keep for comparison");
  await typeInto(page, "seed", 3);
  await page.locator("#view-decode .differences li").waitFor();
  expect(await seriousFaults(page)).toEqual([]);
});
