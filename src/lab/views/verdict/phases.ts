import { type Cause, duration, type Verdict } from "../../../index.ts";
import { stretch } from "../../causes.ts";
import { type Drawn, lines, roundMarks, stroke, widthOf, words } from "../../drawing.ts";

/** One load on an idle fabric, to scale: what each phase takes, and what it may. */
export function drawPhases({ load, sla, objective }: Verdict, width: number): Drawn {
  const [left, right] = [8, width - 24];
  const end = 1.04 * Math.max(load.totalNs, sla.phasesNs, objective.deadlineNs);
  const at = (ns: number) => left + (ns / end) * (right - left);
  const shapes: SVGElement[] = [];
  const row = (y: number, parts: readonly (readonly [cause: Cause, ns: number, label: string])[]) => {
    let from = 0;
    for (const [cause, ns, label] of parts) {
      shapes.push(stretch(cause, at(from), y, at(from + ns) - at(from), label));
      from += ns;
    }
  };
  for (const tick of roundMarks(0, end, width / 110)) {
    shapes.push(
      stroke(at(tick), 26, at(tick), 132, "grid"),
      words(at(tick), 148, duration(tick), `small soft ${tick > 0 ? "middle" : ""}`),
    );
  }
  shapes.push(words(left, 22, "the load", "small"), words(left, 82, "its phases' limits", "small"));
  row(30, [
    ["command", load.commandNs, "command"],
    ["data", load.dataNs, "data"],
    ["fence", load.fenceNs, "fence"],
  ]);
  row(90, [
    ["command", objective.commandNs, "command"],
    ["data", objective.dataNs, "data"],
    ["fence", objective.fenceNs, "fence"],
  ]);
  const deadline = `deadline ${duration(objective.deadlineNs)}`;
  const x = at(objective.deadlineNs);
  const isLeft = x + widthOf(deadline, 12) + 8 > width;
  shapes.push(
    stroke(x, 8, x, 132, "limit"),
    words(x + (isLeft ? -6 : 6), 16, deadline, `small ${isLeft ? "end" : ""}`),
  );
  let y = 176;
  const say = (cause: keyof Pick<Verdict["sla"], "command" | "data" | "fence">, made: string) => {
    const { ns, limitNs, holds } = sla[cause];
    const text = `${holds ? "✓" : "✕"} ${cause}: ${duration(ns)} of ${duration(limitNs)}: ${made}`;
    const written = lines(left, y, text, width - 2 * left, holds ? "small" : "small bad");
    shapes.push(...written.shapes);
    y = written.nextY + 4;
  };
  say(
    "command",
    `post ${duration(load.postNs)}, path ${duration(load.pathNs)}, translation ${duration(load.translateNs)}`,
  );
  say("data", `at ${Math.round(load.bytesPerNs).toLocaleString("en")} GB/s, which ${load.limitedBy} sets`);
  say("fence", `path back ${duration(load.completionPathNs)}, fence on the GPU ${duration(load.localFenceNs)}`);
  return { height: y, shapes };
}
