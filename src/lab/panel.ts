import { givenFile } from "./address.ts";
import { element, freshId } from "./elements.ts";
import { FILE_BYTES_MAX } from "./files.ts";
import type { FileKnob, Knob, Knobs, NumberKnob, Value } from "./knobs.ts";
import { readList, refusal, writtenList } from "./knobs.ts";

/** A knob on the page: shows what it stands at, and complaints about it. */
export interface Control {
  root: HTMLElement;
  show(value: Value): void;
  /** Says below the control why its value was refused elsewhere; null takes that back. */
  complain(reason: string | null): void;
}

/** Controls for `knobs`. `turned` is told what somebody set, if the knob may stand there. */
export function controlsFor(knobs: Knobs, turned: (name: string, value: Value) => void): Map<string, Control> {
  return new Map(Object.entries(knobs).map(([name, knob]) => [name, controlFor(name, knob, turned)]));
}

/** The controls in their order, neighbours of one group under its heading; without those that only the address knows. */
export function arranged(knobs: Knobs, controls: ReadonlyMap<string, Control>): HTMLElement[] {
  const arranged: HTMLElement[] = [];
  let [last, into]: [string | undefined, HTMLElement | null] = [undefined, null];
  for (const [name, { group, isKept }] of Object.entries(knobs)) {
    if (isKept) continue;
    const { root } = controls.get(name)!;
    if (group !== last || group === undefined) {
      into = group === undefined ? null : element("fieldset", { class: "group" }, element("legend", {}, group));
      arranged.push(into ?? root);
    }
    into?.append(root);
    last = group;
  }
  return arranged;
}

/** What a kind of control is made of: what is shown of a value, and where focus and complaints go. */
interface Made {
  inputs: HTMLElement;
  /** What the complaint describes. */
  described: HTMLElement[];
  show(value: Value): void;
}

type Turn = (value: Value) => void;

function controlFor(name: string, knob: Knob, turned: (name: string, value: Value) => void): Control {
  const complaint = element("p", { class: "complaint", id: freshId("complaint"), role: "alert" });
  const hint = knob.hint ? element("p", { class: "hint", id: freshId("hint") }, knob.hint) : null;
  // What the control itself refuses stands there until it is turned, whatever else is answered meanwhile.
  let [own, told]: (string | null)[] = [null, null];
  const say = () => {
    const reason = own ?? told ?? null;
    complaint.textContent = reason === null ? "" : `${knob.label} ${reason}`;
    for (const input of made.described) {
      if (reason === null) input.removeAttribute("aria-invalid");
      else input.setAttribute("aria-invalid", "true");
    }
  };
  const refuse = (reason: string | null) => {
    own = reason;
    say();
  };
  const turn: Turn = (value) => {
    const reason = refusal(knob, value);
    refuse(reason);
    if (reason === null) turned(name, value);
  };
  const made = MAKERS[knob.kind](knob as never, turn, refuse);
  const describedBy = [complaint.id, hint?.id].filter(Boolean).join(" ");
  for (const input of made.described) input.setAttribute("aria-describedby", describedBy);
  const root = element("div", { class: `knob ${knob.kind}`, "data-knob": name }, made.inputs, hint, complaint);
  const complain = (reason: string | null) => {
    told = reason;
    say();
  };
  const show = (value: Value) => {
    [own, told] = [null, null];
    say();
    made.show(value);
  };
  return { root, complain, show };
}

const MAKERS: {
  [K in Knob["kind"]]: (knob: Extract<Knob, { kind: K }>, turn: Turn, complain: (reason: string) => void) => Made;
} = {
  number(knob, turn) {
    const id = freshId("number");
    const marks = marksOf(knob);
    const box = element("input", { id, type: "text", inputmode: "decimal", autocomplete: "off" });
    const slider = element("input", {
      type: "range",
      min: marks.min,
      max: marks.max,
      step: marks.step,
      "aria-label": knob.label,
    });
    slider.addEventListener("input", () => {
      const value = marks.valueAt(slider.valueAsNumber);
      box.value = String(value);
      slider.setAttribute("aria-valuetext", `${value} ${knob.unit ?? ""}`);
      turn(value);
    });
    box.addEventListener("change", () => {
      const value = box.value.trim() === "" ? Number.NaN : Number(box.value);
      if (refusal(knob, value) === null) slider.value = String(marks.markOf(value));
      turn(value);
    });
    const label = element(
      "label",
      { for: id },
      knob.label,
      knob.unit ? element("span", { class: "unit" }, ` ${knob.unit}`) : null,
    );
    return {
      inputs: element("div", { class: "row" }, label, box, slider),
      described: [box, slider],
      show(value) {
        box.value = String(value);
        slider.value = String(marks.markOf(value as number));
        slider.setAttribute("aria-valuetext", `${value} ${knob.unit ?? ""}`);
      },
    };
  },

  choice(knob, turn) {
    const id = freshId("choice");
    const options = knob.options.map(({ value, label }) => element("option", { value }, label));
    const select = element("select", { id, change: () => turn(select.value) }, ...options);
    return {
      inputs: element("div", { class: "row" }, element("label", { for: id }, knob.label), select),
      described: [select],
      show: (value) => (select.value = value as string),
    };
  },

  several(knob, turn) {
    const chosen = () => boxes.filter(({ checked }) => checked).map(({ value }) => value);
    const boxes = knob.options.map(({ value }) =>
      element("input", { type: "checkbox", value, change: () => turn(chosen()) }),
    );
    const labels = boxes.map((box, i) => element("label", {}, box, ` ${knob.options[i]!.label}`));
    return {
      inputs: element("fieldset", {}, element("legend", {}, knob.label), element("div", { class: "boxes" }, ...labels)),
      described: boxes,
      show(value) {
        for (const box of boxes) box.checked = (value as readonly string[]).includes(box.value);
      },
    };
  },

  text(knob, turn) {
    const id = freshId("text");
    const box = element("input", { id, type: "text", autocomplete: "off", input: () => turn(box.value) });
    return {
      inputs: element("div", { class: "row" }, element("label", { for: id }, knob.label), box),
      described: [box],
      show(value) {
        if (box.value !== value) box.value = value as string;
      },
    };
  },

  switch(knob, turn) {
    const box = element("input", { type: "checkbox", change: () => turn(box.checked) });
    return {
      inputs: element("label", { class: "row" }, box, ` ${knob.label}`),
      described: [box],
      show: (value) => (box.checked = value as boolean),
    };
  },

  list(knob, turn) {
    const id = freshId("list");
    const box = element("input", { id, type: "text", autocomplete: "off", change: () => turn(readList(box.value)) });
    return {
      inputs: element("div", { class: "row" }, element("label", { for: id }, knob.label), box),
      described: [box],
      show: (value) => (box.value = writtenList(value as readonly number[])),
    };
  },

  file: fileControl,
};

/** A file by the host's dialogue, or dropped. */
function fileControl(knob: FileKnob, turn: Turn, complain: (reason: string) => void): Made {
  const id = freshId("file");
  const input = element("input", { id, type: "file", accept: knob.accept });
  const name = element("output", { class: "given" });
  const remove = element("button", { type: "button", hidden: true, click: () => turn(null) }, "Remove");
  const take = async (file: File | undefined) => {
    input.value = "";
    if (!file) return;
    if (file.size === 0) return complain(`cannot be ${file.name}: it is empty`);
    if (file.size > FILE_BYTES_MAX)
      return complain(
        `must be at most ${FILE_BYTES_MAX / 1e6} MB here, got ${(file.size / 1e6).toFixed(0)} MB of ${file.name}: the command line takes more`,
      );
    try {
      turn(await givenFile(file.name, new Uint8Array(await file.arrayBuffer())));
    } catch (cause) {
      complain(`cannot be ${file.name}: ${(cause as Error).message}`);
    }
  };
  input.addEventListener("change", () => take(input.files?.[0]));
  const zone = element("div", { class: "drop" }, element("label", { for: id }, knob.label), input, name, remove);
  for (const over of ["dragenter", "dragover"])
    zone.addEventListener(over, (event) => {
      event.preventDefault();
      zone.classList.add("over");
    });
  for (const out of ["dragleave", "drop"]) zone.addEventListener(out, () => zone.classList.remove("over"));
  zone.addEventListener("drop", (event) => {
    event.preventDefault();
    void take(event.dataTransfer?.files[0]);
  });
  return {
    inputs: zone,
    described: [input],
    show(value) {
      const file = value as FileKnob["value"];
      name.textContent = file ? file.name : "";
      remove.hidden = file === null;
    },
  };
}

/** A slider's marks, and the values that they stand for. */
function marksOf({ min, max, isLog, isWhole }: NumberKnob) {
  const fine = 1000;
  const rounded = (value: number) => {
    const short = isWhole ? Math.round(value) : Number(value.toPrecision(3));
    return Math.min(max, Math.max(min, short));
  };
  if (isLog) {
    const ratio = Math.log(max / min) / fine;
    return {
      min: 0,
      max: fine,
      step: 1,
      valueAt: (mark: number) => rounded(min * Math.exp(mark * ratio)),
      markOf: (value: number) => Math.log(value / min) / ratio,
    };
  }
  const step = isWhole ? 1 : (max - min) / fine;
  return { min, max, step, valueAt: rounded, markOf: (value: number) => value };
}
