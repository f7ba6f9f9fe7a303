import { paint, say, sayWrapped } from "../print.ts";

const SHOWN = 20;

/** The rules that a plan breaks, or that it breaks none. */
export function sayViolations(file: string, violations: readonly string[], full = false): void {
  const count = violations.length;
  const word =
    count === 0
      ? paint.green(paint.bold("keeps every rule"))
      : paint.red(paint.bold(`breaks ${count === 1 ? "1 rule" : `rules ${count.toLocaleString("en")} times`}`));
  say(`${paint.bold(file)}: ${word}`);
  const shown = full ? violations : violations.slice(0, SHOWN);
  for (const violation of shown) sayWrapped(`  ${paint.red("!")} `, violation);
  if (shown.length < count)
    say(paint.dim(`  and ${(count - shown.length).toLocaleString("en")} more: --full shows all`));
}
