import { formatAddress, type KnobsOfViews, parseAddress } from "./address.ts";
import { element } from "./elements.ts";
import type { ChoiceKnob, Value } from "./knobs.ts";
import { Stage, type View } from "./stage.ts";
import { VIEWS } from "./views/index.ts";

const THEME: ChoiceKnob = {
  kind: "choice",
  label: "Colours",
  value: "auto",
  options: [
    { value: "auto", label: "as the system" },
    { value: "light", label: "light" },
    { value: "dark", label: "dark" },
  ],
};

/** Knobs of all views, and of the page itself. */
const KNOBS: KnobsOfViews = new Map([
  ...VIEWS.map(({ name, knobs }) => [name, knobs] as const),
  ["page", { theme: THEME }],
]);

/** So long a knob stands still before the address follows. */
const ADDRESS_MS = 150;

/** The page: views behind one another, and an address that says what is seen. */
class Lab {
  readonly #stages = new Map<string, Stage>();
  readonly #opened = new Set<string>();
  readonly #links = new Map<string, HTMLElement>();
  readonly #notice = element("p", { class: "notice", role: "alert", hidden: true });
  readonly #theme = element("select", { id: "theme", change: () => this.#recolour(this.#theme.value) });
  #script: string | null = null;
  #view = VIEWS[0]!.name;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(body: HTMLElement) {
    for (const view of VIEWS)
      this.#stages.set(
        view.name,
        new Stage(
          view,
          () => this.#workerScript(),
          () => this.#changed(),
        ),
      );
    body.prepend(this.#head());
    const main = element("main", { id: "main" }, this.#notice, ...[...this.#stages.values()].map(({ root }) => root));
    body.querySelector("header")!.after(main);
    // Somebody else's doing: what the page writes itself is no such event.
    addEventListener("hashchange", () => void this.read());
    // Whoever misses the zone would else lose the page to the file.
    for (const type of ["dragover", "drop"]) addEventListener(type, (event) => event.preventDefault());
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () =>
      document.dispatchEvent(new Event("recolour")),
    );
  }

  /** Turns everything to what the address asks for. */
  async read(): Promise<void> {
    const { view, values, complaints } = await parseAddress(location.hash, KNOBS);
    for (const [name, stage] of this.#stages) stage.reset(values.get(name));
    this.#theme.value = (values.get("page")?.get("theme") as string | undefined) ?? "auto";
    this.#recolour(this.#theme.value);
    this.#say(complaints);
    this.show(view ?? VIEWS[0]!.name);
  }

  show(name: string): void {
    this.#view = name;
    for (const [other, { root }] of this.#stages) root.hidden = other !== name;
    for (const [other, link] of this.#links) {
      if (other === name) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
    const { title, open } = VIEWS.find((view) => view.name === name)!;
    document.title = `${title} – vorchestrate lab`;
    if (this.#opened.has(name)) return;
    this.#opened.add(name);
    const stage = this.#stages.get(name)!;
    open(stage);
    stage.settle();
  }

  #head(): HTMLElement {
    const link = ({ name, title }: View) => {
      const go = (event: Event) => {
        event.preventDefault();
        this.show(name);
        this.#write("push");
      };
      const made = element("a", { href: `#view=${name}`, click: go }, title);
      this.#links.set(name, made);
      return element("li", {}, made);
    };
    this.#theme.append(...THEME.options.map(({ value, label }) => element("option", { value }, label)));
    return element(
      "header",
      {},
      element("a", { class: "skip", href: "#main", click: this.#skip }, "Skip to the view"),
      element("h1", {}, "vorchestrate ", element("span", {}, "lab")),
      element("nav", { "aria-label": "Views" }, element("ul", {}, ...VIEWS.map(link))),
      element("div", { class: "theme" }, element("label", { for: "theme" }, THEME.label), this.#theme),
    );
  }

  #skip = (event: Event): void => {
    event.preventDefault();
    this.#stages.get(this.#view)!.root.querySelector("summary")!.focus();
  };

  #recolour(theme: string): void {
    document.documentElement.dataset["theme"] = theme;
    document.dispatchEvent(new Event("recolour"));
    this.#changed();
  }

  #changed(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#write("replace"), ADDRESS_MS);
  }

  #write(how: "push" | "replace"): void {
    const values = new Map<string, Record<string, Value>>(
      [...this.#stages].map(([name, stage]) => [name, stage.values]),
    );
    values.set("page", { theme: this.#theme.value });
    const written = formatAddress(this.#view, KNOBS, values);
    if (written !== (location.hash || `#view=${VIEWS[0]!.name}`)) history[`${how}State`](null, "", written);
  }

  #say(complaints: readonly string[]): void {
    this.#notice.hidden = complaints.length === 0;
    this.#notice.textContent =
      complaints.length === 0
        ? ""
        : `Not all of this address makes sense, and what does not was left out: ${complaints.slice(0, 5).join("; ")}.`;
  }

  /** The page's own script, which does a worker's part where there is no document. */
  #workerScript(): string {
    this.#script ??= URL.createObjectURL(
      new Blob([document.querySelector("script")!.textContent], { type: "text/javascript" }),
    );
    return this.#script;
  }
}

/** Opens the page. */
export function openLab(): void {
  const welcome = document.querySelector<HTMLElement>("#welcome")!;
  welcome.hidden = location.hash !== "";
  welcome.querySelector("button")!.addEventListener("click", () => (welcome.hidden = true));
  const lab = new Lab(document.body);
  document.querySelector("main")!.prepend(welcome);
  void lab.read();
}
