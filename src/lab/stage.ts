import { Hand } from "./crew.ts";
import { element } from "./elements.ts";
import type { Answer, JobName, Question } from "./jobs/index.ts";
import { defaultsOf, type Knobs, type Value, type Values } from "./knobs.ts";
import { arranged, type Control, controlsFor } from "./panel.ts";

/** What the page shows under one name: its knobs, and how it makes pictures of them. */
export interface View<K extends Knobs = Knobs> {
  name: string;
  title: string;
  /** The question that it answers. */
  question: string;
  knobs: K;
  /** Called once, when it is first looked at. */
  open(stage: Stage<K>): void;
}

/** A view as the page keeps it, whatever its knobs. */
export const view = <const K extends Knobs>(declared: View<K>): View => declared as unknown as View;

/** Where there is no room for knobs beside what they turn, they are folded away at first. */
const NARROW = "(max-width: 900px)";

/** Where a view lives: its knobs to the one side, what it shows to the other. */
export class Stage<K extends Knobs = Knobs> {
  readonly root: HTMLElement;
  /** For what the view shows. */
  readonly content = element("div", { class: "content" });
  readonly #knobs: K;
  readonly #controls: Map<string, Control>;
  readonly #values: Values<K>;
  readonly #script: () => string;
  readonly #changed: () => void;
  readonly #listeners: ((values: Values<K>, turned: ReadonlySet<keyof K>) => void)[] = [];
  readonly #turned = new Set<keyof K>();
  readonly #complaint = element("p", { class: "complaint", role: "alert" });
  readonly #hands = new Map<JobName, Hand>();
  readonly #tasks = element("div", { class: "tasks" });

  /** `script`: the address of the workers' script. `changed` is told that a value changed. */
  constructor({ name, title, question, knobs }: View<K>, script: () => string, changed: () => void) {
    this.#knobs = knobs;
    this.#values = defaultsOf(knobs);
    this.#script = script;
    this.#changed = changed;
    this.#controls = controlsFor(knobs, (knob, value) => this.#turn(knob, value));
    const panel = element(
      "details",
      { class: "panel", open: !matchMedia(NARROW).matches },
      element("summary", {}, "Knobs"),
      element(
        "form",
        { "aria-label": `Knobs of ${title}`, submit: (event: Event) => event.preventDefault() },
        ...arranged(knobs, this.#controls),
        element("button", { type: "button", class: "reset", click: () => this.reset() }, "Reset knobs"),
      ),
    );
    const head = element("div", { class: "head" }, element("h2", {}, title), element("p", { class: "lead" }, question));
    this.root = element(
      "section",
      { id: `view-${name}`, class: "view", hidden: true, "aria-label": title },
      head,
      panel,
      element("div", { class: "stage" }, this.#complaint, this.#tasks, this.content),
    );
    this.#showAll();
  }

  get values(): Values<K> {
    return this.#values;
  }

  /** Turns a knob, as a hand on it would. */
  set<N extends keyof K & string>(name: N, value: Values<K>[N]): void {
    this.#turn(name, value as Value);
  }

  #turn(name: keyof K & string, value: Value): void {
    (this.#values as Record<string, Value>)[name] = value;
    this.#controls.get(name)!.show(value);
    this.#hideIdle();
    if (this.#turned.size === 0) requestAnimationFrame(() => this.#tell());
    this.#turned.add(name);
    this.#changed();
  }

  /** Turns all knobs at once; those that are not given go back to their defaults. */
  reset(values: ReadonlyMap<string, Value> = new Map()): void {
    for (const [name, value] of Object.entries({ ...defaultsOf(this.#knobs), ...Object.fromEntries(values) }))
      if (value !== this.#values[name]) this.#turn(name, value);
    // What was typed and refused goes, too.
    this.#showAll();
  }

  /** What was turned until now is no news any more. */
  settle(): void {
    this.#turned.clear();
  }

  /** Told which knobs were turned, once a frame at most. */
  onTurn(listener: (values: Values<K>, turned: ReadonlySet<keyof K>) => void): void {
    this.#listeners.push(listener);
  }

  /**
   * What a worker says to a question, with a bar that tells how far it is, and a button that gives it up. Null where a newer
   * question, or that button, took the answer's place, and where it was refused: that is said beside the knob at fault.
   */
  async ask<J extends JobName>(
    job: J,
    question: Question<J>,
    {
      what = "",
      share,
      onProgress,
    }: { what?: string; share?: (progress: never) => number; onProgress?: (progress: never) => void } = {},
  ): Promise<Answer<J> | null> {
    if (!this.#hands.has(job)) this.#hands.set(job, new Hand(this.#script));
    const hand = this.#hands.get(job)!;
    const bar = this.#task(what, () => {
      hand.cancel();
      this.#complaint.textContent = `${what}: given up. What is seen is from before; turn a knob to ask again.`;
    });
    try {
      const answer = await hand.ask(job, question, (progress: never) => {
        if (share) bar.show(share(progress));
        onProgress?.(progress);
      });
      if (answer !== null) this.forgive();
      return answer;
    } catch (cause) {
      this.refuse(cause as Error);
      return null;
    } finally {
      bar.end();
    }
  }

  /** Says what went wrong beside the knob that it names first, else above all. */
  refuse({ message }: { message: string }): void {
    this.forgive();
    for (const [name, knob] of Object.entries(this.#knobs)) {
      const { root, complain } = this.#controls.get(name)!;
      const value = this.#values[name];
      const file = knob.kind === "file" ? (value as { name: string } | null)?.name : null;
      for (const called of file === undefined ? [] : [file ?? name, knob.argument ?? name]) {
        if (!message.startsWith(called) || /^[A-Za-z0-9]/.test(message.slice(called.length)) || knob.isKept) continue;
        // Beside what is not seen nobody would see it.
        if (root.hidden) continue;
        root.closest("details")!.open = true;
        const reason = message.slice(called.length).replace(/^:(\d+):/, "line $1:");
        complain(reason.replace(/^[\s:,]+/, ""));
        return;
      }
    }
    this.#complaint.textContent = message;
  }

  /** Takes back what was said to be wrong. */
  forgive(): void {
    this.#complaint.textContent = "";
    for (const control of this.#controls.values()) control.complain(null);
  }

  #showAll(): void {
    for (const [name, control] of this.#controls) control.show(this.#values[name] as Value);
    this.#hideIdle();
  }

  /** Knobs that turn nothing as others stand. */
  #hideIdle(): void {
    for (const [name, { when }] of Object.entries(this.#knobs))
      this.#controls.get(name)!.root.hidden = !Object.entries(when ?? {}).every(
        ([other, is]) => this.#values[other] === is,
      );
  }

  #tell(): void {
    if (this.#turned.size === 0) return;
    const turned = new Set(this.#turned);
    this.#turned.clear();
    for (const listener of this.#listeners) listener(this.#values, turned);
  }

  /** A bar for one question. It shows itself only when the answer is a while in coming. */
  #task(what: string, cancel: () => void) {
    const bar = element("progress", { max: 1, "aria-label": what });
    const row = element(
      "div",
      { class: "task", role: "status" },
      element("span", {}, what),
      bar,
      element("button", { type: "button", click: cancel }, "Cancel"),
    );
    const timer = setTimeout(() => this.#tasks.append(row), 200);
    return {
      show(share: number) {
        bar.value = share;
      },
      end() {
        clearTimeout(timer);
        row.remove();
      },
    };
  }
}
