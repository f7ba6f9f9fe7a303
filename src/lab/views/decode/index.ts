import { decodingPage, judgeDecoding, type SensitivityReport } from "../../../index.ts";
import { element } from "../../elements.ts";
import { save } from "../../files.ts";
import { Fitted } from "../../fitted.ts";
import type { DecodeAnswer, DecodeProgress } from "../../jobs/decode.ts";
import type { Knobs } from "../../knobs.ts";
import { type Stage, view } from "../../stage.ts";
import { type CausesRun, causesPicture } from "./causes.ts";
import { type ScenarioValues, scenarioKnobs } from "./knobs.ts";
import { type Decoded, lineOf, scenarioOf, valuesIn } from "./scenario.ts";
import { Sensitivity } from "./sensitivity.ts";
import { SideBySide } from "./side-by-side.ts";
import { causesTable, comparedTable, costsTable, timesTable } from "./tables.ts";
import { boundWords, runWords, STATUS, verdictWords } from "./words.ts";

const knobs = {
  ...scenarioKnobs,
  /** The line of the scenario that is kept for comparison; empty where there is none. */
  kept: { kind: "text", label: "Kept for comparison", value: "", isKept: true },
} as const satisfies Knobs;

export const decodeView = view({
  name: "decode",
  title: "Decode",
  question:
    "Does decoding keep its objective when experts come over the fabric, where does the time go, and what would change it?",
  knobs,
  open: (stage) => void new DecodeStage(stage).ask(),
});

type DecodeKnobs = typeof knobs;

class DecodeStage {
  readonly #stage: Stage<DecodeKnobs>;
  readonly #finding = element("p", { class: "finding", role: "status" });
  readonly #words = element("p", { class: "words wide" });
  readonly #causes = new Fitted("decode-causes", "Where the time goes");
  readonly #tables = element("div", { class: "stack" });
  readonly #sideBySide: SideBySide;
  readonly #sensitivity: Sensitivity;
  readonly #checksum = element("p", { class: "words checksum" });
  /** What there is to see only where something was run. */
  readonly #ofRuns: readonly HTMLElement[];
  /** What is asked for now, and what is seen. */
  #asked: string | null = null;
  #shown: Decoded | null = null;
  #kept: Decoded | null = null;
  #drawn: { shown: Decoded | null; kept: Decoded | null } = { shown: null, kept: null };

  constructor(stage: Stage<DecodeKnobs>) {
    this.#stage = stage;
    this.#sideBySide = new SideBySide({
      keep: () => this.#shown && stage.set("kept", this.#shown.line),
      swap: () => this.#swap(),
      letGo: () => {
        stage.forgive();
        stage.set("kept", "");
      },
    });
    this.#sensitivity = new Sensitivity(() => void this.#askSensitivity());
    const button = (label: string, click: () => void) => element("button", { type: "button", click }, label);
    const handOn = element(
      "section",
      { class: "aside wide" },
      element("h3", {}, "To hand on"),
      element("p", {}, "All of this in one file: as a page that needs nothing else, or for programs."),
      element(
        "div",
        { class: "buttons" },
        button("As a page", () => this.#savePage()),
        button("As JSON", () => this.#saveJson()),
      ),
      this.#checksum,
    );
    stage.content.append(
      this.#finding,
      this.#words,
      element("div", { class: "stack" }, this.#causes.root, this.#sideBySide.root),
      this.#tables,
      this.#sensitivity.root,
      handOn,
    );
    this.#ofRuns = [this.#causes.root, this.#tables, this.#sensitivity.root, handOn];
    for (const part of this.#ofRuns) part.hidden = true;
    stage.onTurn((_, turned) => this.#turned(turned));
  }

  /** Asks for what the knobs stand at, and for what is kept beside it. */
  async ask(): Promise<void> {
    const values = { ...this.#stage.values };
    const line = lineOf(values);
    this.#asked = line;
    const answer = await this.#run(values, ({ bound }) => {
      if (!this.#shown) this.#words.textContent = boundWords(bound, values.cold === "routes");
    });
    if (answer) this.#shown = { line, values, answer };
    else if (this.#asked === line) this.#asked = null;
    this.#show();
    if (answer) await this.#askKept();
  }

  #run(values: ScenarioValues, onProgress?: (progress: DecodeProgress) => void): Promise<DecodeAnswer | null> {
    return this.#stage.ask("decode", scenarioOf(values), {
      what: "Decoding",
      share: ({ done, all }: DecodeProgress) => done / all,
      ...(onProgress ? { onProgress } : {}),
    });
  }

  #turned(turned: ReadonlySet<string>): void {
    const line = lineOf(this.#stage.values);
    if (line === this.#asked) {
      if (turned.has("kept")) void this.#askKept();
    } else if (!this.#judgeAnew(line, turned)) void this.ask();
    this.#show();
  }

  /** Another objective takes no other run. */
  #judgeAnew(line: string, turned: ReadonlySet<string>): boolean {
    const { slo, of } = this.#stage.values;
    const { run, verdict } = this.#shown?.answer ?? {};
    const isObjective = [...turned].every((name) => name === "slo" || name === "of");
    const sloNs = slo * 1e6;
    if (!isObjective || !run || !verdict || this.#asked !== this.#shown!.line || sloNs < verdict.bound.stepNs)
      return false;
    if (of === "tpot" && !run.report.tpot) return false;
    const judged = judgeDecoding(verdict.bound, { sloNs, of: of as typeof verdict.of }, run.report);
    this.#asked = line;
    this.#shown = { line, values: { ...this.#stage.values }, answer: { ...this.#shown!.answer, verdict: judged } };
    return true;
  }

  /** What is kept comes from the page where it was just seen, else from a run. */
  async #askKept(): Promise<void> {
    const line = this.#stage.values.kept;
    if (this.#kept?.line !== line) this.#kept = this.#shown?.line === line ? this.#shown : null;
    this.#show();
    // A question that is under way would be dropped for this one: it asks again when it is answered.
    if (line === "" || this.#kept || this.#shown?.line !== this.#asked) return;
    try {
      const values = await valuesIn(line);
      if (this.#shown.line !== this.#asked) return;
      const answer = await this.#run(values);
      if (answer && this.#stage.values.kept === line) this.#kept = { line, values, answer };
    } catch (cause) {
      this.#stage.refuse(cause as Error);
    }
    this.#show();
  }

  #swap(): void {
    const [shown, kept] = [this.#shown, this.#kept];
    if (!shown || !kept) return;
    [this.#shown, this.#kept, this.#asked] = [kept, shown, kept.line];
    this.#stage.reset(new Map(Object.entries({ ...kept.values, kept: shown.line })));
    this.#show();
  }

  async #askSensitivity(): Promise<void> {
    const line = lineOf(this.#stage.values);
    const report = await this.#stage.ask("sensitivity", scenarioOf(this.#stage.values), {
      what: "Changing each parameter",
      share: ({ done, all }: { done: number; all: number }) => done / all,
    });
    if (report) this.#sensitivity.take(line, report);
    this.#show();
  }

  /** What hangs on where the knobs stand now, and, where something else came out, all the rest. */
  #show(): void {
    const [shown, kept] = [this.#shown, this.#kept];
    const line = lineOf(this.#stage.values);
    this.#sensitivity.show(line);
    this.#causes.root.classList.toggle("stale", shown !== null && shown.line !== line);
    if (!shown) this.#finding.textContent = this.#asked === null ? "Nothing was run. Turn a knob, and it is." : "";
    this.#sideBySide.show(shown, kept, { isCurrent: shown?.line === line, isKept: this.#stage.values.kept !== "" });
    if (shown === this.#drawn.shown && kept === this.#drawn.kept) return;
    this.#drawn = { shown, kept };
    if (shown) this.#draw(shown, kept);
  }

  #draw(shown: Decoded, kept: Decoded | null): void {
    const { verdict, run } = shown.answer;
    for (const part of this.#ofRuns) part.hidden = !run;
    this.#finding.replaceChildren(
      element("strong", { class: "status", "data-status": verdict.status }, STATUS[verdict.status]),
      ` ${verdictWords(verdict)}`,
    );
    this.#words.textContent = `${boundWords(verdict.bound, shown.values.cold === "routes")}${run ? ` ${runWords(run.report)}` : ""}`;
    if (!run) return;
    const runs = [barOf("A", shown), ...(kept ? [barOf("B", kept)] : [])].filter((bar) => bar !== null);
    this.#causes.show(
      (width) => causesPicture(runs, width),
      () => causesTable(runs),
    );
    const other = kept?.answer.run?.report;
    this.#tables.replaceChildren(
      timesTable(run.report),
      ...(other ? [comparedTable(run.report, other)] : [costsTable(run.report)]),
    );
    this.#checksum.textContent = `Checksum of the report: ${run.checksum}. The same knobs give the same one, here and in Node.`;
  }

  /** What was changed one by one, where that is of the scenario that is seen. */
  #sensitivityShown(): SensitivityReport | null {
    return this.#shown && this.#sensitivity.of(this.#shown.line);
  }

  #savePage(): void {
    const { verdict, run, evidence } = this.#shown!.answer;
    const sensitivity = this.#sensitivityShown();
    const title = `Decoding ${run!.report.model} with experts fetched over the fabric`;
    const { report, timeline } = run!;
    const page = decodingPage({ title, report, timeline, verdict, evidence, ...(sensitivity ? { sensitivity } : {}) });
    save("decode.html", new Blob([page], { type: "text/html" }));
  }

  #saveJson(): void {
    const ofOne = ({ line, answer: { verdict, run, evidence } }: Decoded) => ({
      address: `#${line}`,
      verdict,
      ...run,
      evidence,
    });
    const sensitivity = this.#sensitivityShown();
    const all = {
      ...ofOne(this.#shown!),
      ...(sensitivity ? { sensitivity } : {}),
      ...(this.#kept ? { comparedWith: ofOne(this.#kept) } : {}),
    };
    save("decode.json", new Blob([`${JSON.stringify(all, null, 2)}\n`], { type: "application/json" }));
  }
}

/** A run as a bar: by the p99 of what its objective is about. */
function barOf(name: string, { answer: { run, verdict } }: Decoded): CausesRun | null {
  if (!run) return null;
  return { name, report: run.report, p99Ns: verdict.p99!.mean, sloNs: verdict.sloNs };
}
