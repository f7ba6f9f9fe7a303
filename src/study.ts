import { checkSchedulability, type Verdict } from "./budget/index.ts";
import { completeScenario, pathOf, type ScenarioInput } from "./budget/scenario.ts";
import { OPTICS } from "./optics/builtin.ts";
import { type Optics, opticsNamed } from "./optics/index.ts";
import { SimulatedTransport } from "./simulated.ts";
import { measureTail, type TailReport } from "./tail.ts";

/** One kind of optics in a study: what the harness measured on its simulated path, and the verdict. */
export interface StudyRow {
  name: string;
  tail: TailReport;
  verdict: Verdict;
}

export interface StudyOptions extends Omit<ScenarioInput, "optics"> {
  /** Each a profile's optics or a built-in profile's name; all built-in ones unless given. */
  optics?: readonly (Optics | string)[];
  /** Doorbells timed for each; 1,000,000 unless given. */
  iterations?: number;
  seed?: number;
  /** Called as each kind of optics begins. */
  onProgress?: (name: string, done: number, of: number) => void;
}

/** Takes every kind of optics through the tail harness and the verdict, side by side and with the same random numbers. */
export async function studyOptics({
  optics = OPTICS.map(({ name }) => name),
  iterations = 1_000_000,
  seed = 1,
  onProgress,
  ...scenario
}: StudyOptions = {}): Promise<StudyRow[]> {
  const rows: StudyRow[] = [];
  // All before the first: a name that is none is refused at once.
  const kinds = optics.map((one) => (typeof one === "string" ? opticsNamed(one) : one));
  for (const one of kinds) {
    const { name } = one.profile;
    onProgress?.(name, rows.length, optics.length);
    const { fabric } = completeScenario({ ...scenario, optics: one });
    const { report } = await measureTail(SimulatedTransport.over(one, { ...pathOf(fabric), hops: fabric.hops, seed }), {
      iterations,
    });
    rows.push({
      name,
      tail: report,
      verdict: checkSchedulability({ ...scenario, optics: one }, { draws: iterations, seed }),
    });
  }
  onProgress?.("", rows.length, optics.length);
  return rows;
}
