import { CLAIM_VERDICTS, type ClaimAnswer, type ClaimVerdict, FACTS, type Fact } from "../../../index.ts";
import { element } from "../../elements.ts";
import { Fitted } from "../../fitted.ts";
import type { LedgerProgress } from "../../jobs/ledger.ts";
import type { Knobs } from "../../knobs.ts";
import { type Stage, view } from "../../stage.ts";
import { table } from "../../table.ts";
import { curveFigure, unfolded } from "./claim.ts";
import { tally } from "./tally.ts";

const knobs = {
  verdicts: {
    kind: "several",
    label: "Verdicts",
    value: [...CLAIM_VERDICTS],
    options: CLAIM_VERDICTS.map((value) => ({ value, label: value })),
  },
  search: { kind: "text", label: "Search", value: "", hint: "In names, statements and reasons." },
  thorough: {
    kind: "switch",
    label: "Thorough",
    value: false,
    hint: "All steps, tokens and doorbells: a minute or more, for narrower intervals.",
  },
  seed: { kind: "number", label: "Seed", value: 1, min: 0, max: 2 ** 31, isWhole: true },
} as const satisfies Knobs;

export const ledgerView = view({
  name: "ledger",
  title: "Ledger",
  question: "Which figures of the articles hold, and what would have to be true for the others?",
  knobs,
  open: (stage) => void new LedgerStage(stage).judge(),
});

type LedgerKnobs = typeof knobs;

class LedgerStage {
  readonly #stage: Stage<LedgerKnobs>;
  readonly #words = element("p", { class: "finding wide", role: "status" });
  readonly #tally = new Fitted("verdicts", "Verdicts");
  readonly #headline = element("div");
  readonly #list = element("ul", { class: "claims wide" });
  readonly #export = element("details", { class: "numbers wide" }, element("summary", {}, "All as a table"));
  readonly #answers = new Map<string, ClaimAnswer>();
  readonly #items = new Map<string, Item>();

  constructor(stage: Stage<LedgerKnobs>) {
    this.#stage = stage;
    this.#tally.root.classList.add("wide");
    // What is only taken over comes last: there is nothing to find in it.
    const isTaken = ({ kind }: Fact) => Number(kind === "input" || kind === "context");
    for (const fact of [...FACTS].sort((a, b) => isTaken(a) - isTaken(b)))
      this.#items.set(fact.id, new Item(fact, (id) => stage.set("search", id)));
    this.#list.append(...[...this.#items.values()].map(({ root }) => root));
    stage.content.append(this.#words, this.#headline, this.#tally.root, this.#list, this.#export);
    this.#export.addEventListener("toggle", () => this.#showTable());
    stage.onTurn((_, turned) => {
      if (turned.has("thorough") || turned.has("seed")) void this.judge();
      else this.#show();
    });
    this.#show();
  }

  /** Judges all anew: answers show as they come. */
  async judge(): Promise<void> {
    const { thorough, seed } = this.#stage.values;
    this.#answers.clear();
    this.#headline.replaceChildren();
    for (const item of this.#items.values()) item.answer(null);
    const answer = await this.#stage.ask(
      "ledger",
      { isQuick: !thorough, seed },
      {
        what: "Judging",
        share: ({ done, all }: LedgerProgress) => done / all,
        onProgress: ({ answers }: LedgerProgress) => this.#take(answers),
      },
    );
    if (!answer) return;
    this.#take(answer.answers);
    const { headline } = answer;
    this.#words.textContent = `${this.#soFar()} ${headline.words}`;
    this.#headline.replaceChildren(curveFigure("headline", headline.stallsForOnePercent));
  }

  #take(answers: readonly ClaimAnswer[]): void {
    for (const answer of answers) {
      if (this.#answers.has(answer.id)) continue;
      this.#answers.set(answer.id, answer);
      this.#items.get(answer.id)!.answer(answer);
    }
    this.#words.textContent = this.#soFar();
    this.#show();
  }

  #soFar(): string {
    const [hold, fail] = [["follows", "reproduced"] as const, ["does not follow", "not reproduced"] as const].map(
      (verdicts) => verdicts.reduce((sum, verdict) => sum + this.#with(verdict).length, 0),
    );
    return `Of ${FACTS.length} figures, ${hold} hold as they are stated, and ${fail} do not.`;
  }

  /** Those that the knobs let through, and how many of each verdict there are. */
  #show(): void {
    const { verdicts, search } = this.#stage.values;
    const wanted = search.trim().toLowerCase();
    for (const [id, item] of this.#items) {
      const verdict = this.#answers.get(id)?.verdict;
      item.root.hidden = (verdict !== undefined && !verdicts.includes(verdict)) || !item.text.includes(wanted);
    }
    const counts = CLAIM_VERDICTS.map((verdict) => ({ verdict, count: this.#with(verdict).length }));
    const rest = FACTS.length - this.#answers.size;
    this.#tally.say(rest === 0 ? "" : `${rest} of ${FACTS.length} are still to be judged.`);
    this.#tally.show(
      (width) => tally(counts, FACTS.length, width),
      () =>
        table(
          "verdicts",
          "Verdicts",
          [
            { title: "verdict", of: (row) => row.verdict },
            { title: "statements", of: (row) => row.count },
          ],
          counts,
        ),
    );
    this.#showTable();
  }

  #with(verdict: ClaimVerdict): ClaimAnswer[] {
    return [...this.#answers.values()].filter((answer) => answer.verdict === verdict);
  }

  #showTable(): void {
    if (!this.#export.open) return;
    const rows = [...this.#answers.values()].filter(({ id }) => !this.#items.get(id)!.root.hidden);
    const made = table(
      "ledger",
      "The ledger",
      [
        { title: "id", of: ({ id }) => id },
        { title: "verdict", of: ({ verdict }) => verdict },
        { title: "states", of: ({ states }) => states },
        { title: "because", of: ({ because }) => because },
        {
          title: "would take",
          of: ({ needs }) =>
            needs
              .map(
                ({ parameter, value, unit }) =>
                  `${parameter}: ${value === null ? "no value does" : `${value} ${unit}`}`,
              )
              .join("; "),
        },
      ],
      rows,
    );
    this.#export.replaceChildren(this.#export.firstElementChild!, made);
  }
}

/** One statement: folded to a line until somebody looks. */
class Item {
  readonly root: HTMLLIElement;
  /** What a search looks through. */
  text: string;
  readonly #fact: Fact;
  readonly #verdict = element("span", { class: "verdict" });
  readonly #details: HTMLDetailsElement;
  readonly #body = element("div", { class: "unfolded" });
  readonly #onlyThis: (id: string) => void;
  #answer: ClaimAnswer | null = null;

  constructor(fact: Fact, onlyThis: (id: string) => void) {
    this.#fact = fact;
    this.#onlyThis = onlyThis;
    this.text = `${fact.id} ${fact.states}`.toLowerCase();
    const summary = element(
      "summary",
      {},
      this.#verdict,
      element("code", {}, fact.id),
      element("span", {}, fact.states),
    );
    this.#details = element("details", { toggle: () => this.#unfold() }, summary, this.#body);
    this.root = element("li", {}, this.#details);
    this.answer(null);
  }

  answer(answer: ClaimAnswer | null): void {
    this.#answer = answer;
    this.#verdict.textContent = answer?.verdict ?? "to be judged";
    this.#verdict.dataset["verdict"] = answer?.verdict ?? "";
    this.text = `${this.#fact.id} ${this.#fact.states} ${answer?.because ?? ""}`.toLowerCase();
    this.#unfold();
  }

  #unfold(): void {
    if (!this.#details.open) return;
    const only = element(
      "button",
      { type: "button", click: () => this.#onlyThis(this.#fact.id) },
      "Only this one, as an address",
    );
    this.#body.replaceChildren(
      ...(this.#answer ? unfolded(this.#answer) : [element("p", {}, "Not judged yet.")]),
      only,
    );
  }
}
