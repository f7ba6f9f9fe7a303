import { pack, unpack } from "./files.ts";
import { type Knob, type Knobs, readList, refusal, type Value, writtenList } from "./knobs.ts";

// The page's state as the fragment of its address: #view=tail&tail.hops=2&tail.optics=cpo-800g,lpo-800g
// What stands at its default is left out, so that an address says what somebody chose.

/** What an address asks for, and what in it makes no sense: that is left at its default. */
export interface Asked {
  view: string | null;
  /** By view, then by knob. */
  values: Map<string, Map<string, Value>>;
  complaints: string[];
}

/** Knobs by view. */
export type KnobsOfViews = ReadonlyMap<string, Knobs>;

/** The fragment for a view with what the knobs of all views stand at. */
export function formatAddress(view: string, views: KnobsOfViews, values: ReadonlyMap<string, Record<string, Value>>) {
  const parts = [`view=${view}`];
  for (const [name, knobs] of views)
    for (const [key, knob] of Object.entries(knobs)) {
      const value = values.get(name)?.[key];
      if (value === undefined) continue;
      const text = written(knob, value);
      if (text !== written(knob, knob.value)) parts.push(`${name}.${key}=${text}`);
    }
  return `#${parts.join("&")}`;
}

function written(knob: Knob, value: Value): string {
  switch (knob.kind) {
    case "number":
      return String(value);
    case "choice":
    case "text":
      return encodeURIComponent(value as string);
    case "several":
      return (value as readonly string[]).map(encodeURIComponent).join(",");
    case "switch":
      return value ? "yes" : "no";
    case "list":
      return writtenList(value as readonly number[]).replaceAll(" ", "");
    case "file": {
      if (value === null) return "";
      const { name, packed } = value as NonNullable<typeof knob.value>;
      return `${encodeURIComponent(name)}~${packed ?? ""}`;
    }
  }
}

/** Reads a fragment. Nothing in it can break the page. */
export async function parseAddress(fragment: string, views: KnobsOfViews): Promise<Asked> {
  const asked: Asked = { view: null, values: new Map(), complaints: [] };
  for (const part of fragment.replace(/^#/, "").split("&")) {
    if (part === "") continue;
    const [path = "", text = ""] = [part.slice(0, part.indexOf("=")), part.slice(part.indexOf("=") + 1)];
    const complaint = part.includes("=") ? await take(asked, path, text, views) : `${clip(part)} has no value`;
    if (complaint !== null) asked.complaints.push(complaint);
  }
  return asked;
}

async function take(asked: Asked, path: string, text: string, views: KnobsOfViews): Promise<string | null> {
  if (path === "view") {
    if (!views.has(text)) return `there is no view ${clip(text)}: there are ${[...views.keys()].join(", ")}`;
    asked.view = text;
    return null;
  }
  const dot = path.indexOf(".");
  const [view, key] = [path.slice(0, dot), path.slice(dot + 1)];
  const knobs = views.get(view);
  if (dot < 0 || !knobs) return `nothing is called ${clip(path)}: before a dot come ${[...views.keys()].join(", ")}`;
  // What every object has by inheritance is no knob.
  if (!Object.hasOwn(knobs, key))
    return `nothing is called ${clip(path)}: ${view} has ${Object.keys(knobs).join(", ")}`;
  const knob = knobs[key]!;
  const value = await read(knob, text);
  if (typeof value === "object" && value !== null && "complaint" in value) return `${clip(path)} ${value.complaint}`;
  const reason = refusal(knob, value);
  if (reason !== null) return `${clip(path)} ${reason}`;
  if (!asked.values.has(view)) asked.values.set(view, new Map());
  asked.values.get(view)!.set(key, value);
  return null;
}

async function read(knob: Knob, text: string): Promise<Value | { complaint: string }> {
  try {
    switch (knob.kind) {
      case "number":
        return text.trim() === "" ? Number.NaN : Number(text);
      case "choice":
      case "text":
        return decodeURIComponent(text);
      case "several":
        return text.split(",").map(decodeURIComponent);
      case "list":
        return readList(text);
      case "switch":
        return text === "yes" || text === "no" ? text === "yes" : { complaint: "must be yes or no" };
      case "file":
        return await readFile(text);
    }
  } catch {
    return { complaint: "cannot be read: the address is damaged" };
  }
}

async function readFile(text: string): Promise<Value | { complaint: string }> {
  // A name may hold the sign as well; what is packed does not.
  const end = text.lastIndexOf("~");
  if (end < 0) return { complaint: "must be a file's name, a ~ and what the file holds" };
  const [name, packed] = [decodeURIComponent(text.slice(0, end)), text.slice(end + 1)];
  if (packed === "") return { complaint: `names the file ${name}, which is too large for an address: give it again` };
  return { name, bytes: await unpack(packed), packed };
}

/** As much of somebody's text as a sentence bears. */
const clip = (text: string) => (text.length > 60 ? `${text.slice(0, 57)}...` : text);

/** A file as a knob holds it. */
export async function givenFile(name: string, bytes: Uint8Array) {
  return { name, bytes, packed: await pack(bytes) };
}
