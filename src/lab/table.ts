import { element } from "./elements.ts";
import { save } from "./files.ts";

/** A column: what a cell is in the file, and how a person reads it. */
export interface Column<R> {
  title: string;
  /** Of the numbers in the file; what people read has its own beside each. */
  unit?: string;
  of: (row: R) => string | number | null;
  words?: (row: R) => string | Node;
}

/** Rows beyond that are in the file alone. */
const SHOWN = 400;

/** A table with its file: what people read, and what programs do. */
export function table<R>(
  name: string,
  caption: string,
  columns: readonly Column<R>[],
  rows: readonly R[],
): HTMLElement {
  const head = element("tr", {}, ...columns.map(({ title }) => element("th", { scope: "col" }, title)));
  const body = rows.slice(0, SHOWN).map((row) => {
    const cells = columns.map(({ of, words }) => {
      const value = of(row);
      return element(
        "td",
        { class: typeof value === "number" ? "figure" : null },
        words ? words(row) : String(value ?? "–"),
      );
    });
    return element("tr", {}, ...cells);
  });
  const more =
    rows.length > SHOWN ? element("p", { class: "hint" }, `${rows.length - SHOWN} more rows are in the files.`) : null;
  const shown = element(
    "table",
    {},
    element("caption", {}, caption),
    element("thead", {}, head),
    element("tbody", {}, ...body),
  );
  const saveAs = (ending: string, type: string, text: () => string) =>
    element(
      "button",
      { type: "button", click: () => save(`${name}.${ending}`, new Blob([text()], { type })) },
      ending.toUpperCase(),
    );
  return element(
    "div",
    { class: "table" },
    element("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": caption }, shown),
    more,
    element(
      "div",
      { class: "actions", role: "group", "aria-label": `Save ${caption}` },
      saveAs("csv", "text/csv", () => csv(columns, rows)),
      saveAs("json", "application/json", () => json(columns, rows)),
    ),
  );
}

const titleOf = <R>({ title, unit }: Column<R>) => (unit === undefined ? title : `${title} ${unit}`);

/** Rows as RFC 4180 has them. */
export function csv<R>(columns: readonly Column<R>[], rows: readonly R[]): string {
  const cell = (value: string | number | null) => {
    const text = String(value ?? "");
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  const lines = [
    columns.map((column) => cell(titleOf(column))),
    ...rows.map((row) => columns.map(({ of }) => cell(of(row)))),
  ];
  return `${lines.map((line) => line.join(",")).join("\r\n")}\r\n`;
}

/** Rows as objects, by the titles of columns. */
export function json<R>(columns: readonly Column<R>[], rows: readonly R[]): string {
  const objects = rows.map((row) => Object.fromEntries(columns.map((column) => [titleOf(column), column.of(row)])));
  return `${JSON.stringify(objects, null, 2)}\n`;
}
