import { fileError } from "../measurement.ts";
import { JsonValue } from "./json.ts";

/** The fields of a `config.json`, by whichever of several names they have; null is as good as not given. */
export class ConfigFields {
  readonly all: JsonValue;

  constructor(all: JsonValue) {
    this.all = all;
  }

  get file(): string {
    return this.all.file;
  }

  /** A value by its name, `a.b` within an object of that name. */
  at(name: string): JsonValue {
    return name
      .split(".")
      .reduce(
        (one, key) =>
          typeof one.value === "object" && one.value !== null ? one.at(key) : new JsonValue(one.file, name, undefined),
        this.all,
      );
  }

  is(name: string): boolean {
    return this.at(name).value === true;
  }

  /** The whole number that has one of `names`; two of them must agree. Null where none is given. */
  wholeOrNull(names: readonly string[], low: number, high: number): number | null {
    const given = names.map((name) => this.at(name)).filter(({ value }) => value != null);
    const [first, ...others] = given.map((one) => one.whole(low, high));
    const at = others.findIndex((other) => other !== first);
    if (at >= 0)
      throw fileError(
        this.file,
        null,
        `${given[0]!.place} and ${given[at + 1]!.place} to agree`,
        `${first} and ${others[at]}`,
      );
    return first ?? null;
  }

  whole(names: readonly string[], low: number, high: number): number {
    const value = this.wholeOrNull(names, low, high);
    if (value === null) throw fileError(this.file, null, names.join(" or "), "nothing");
    return value;
  }

  /** What is not given must still be a whole number: heads may not divide what they share. */
  wholeOr(names: readonly string[], otherwise: number, low: number, high: number): number {
    return this.wholeOrNull(names, low, high) ?? new JsonValue(this.file, names[0]!, otherwise).whole(low, high);
  }

  wholes(name: string, low: number, high: number): number[] | null {
    const list = this.at(name);
    return list.value == null ? null : list.wholes(low, high);
  }

  /** `layer_types`, one a layer: as files repeat them for models of several sizes, the first ones count. Null where not given. */
  typesOf(layers: number): string[] | null {
    const list = this.at("layer_types");
    if (list.value == null) return null;
    const types = list.list("a list of types").map((one) => {
      if (typeof one.value !== "string") throw one.wrong("a type of layer");
      return one.value;
    });
    if (types.length < layers) throw fileError(this.file, null, `layer_types of ${layers} layers`, `${types.length}`);
    return types.slice(0, layers);
  }
}
