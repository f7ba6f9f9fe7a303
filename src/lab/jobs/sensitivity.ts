import { decodingSensitivity, type SensitivityReport } from "../../index.ts";
import { type DecodeScenario, optionsOf } from "./decoding.ts";

/** What each parameter is multiplied with and divided by. */
const FACTOR = 1.5;

/** What moves the p99, parameter by parameter. */
export function sensitivity(
  scenario: DecodeScenario,
  progress: (now: { done: number; all: number }) => unknown,
): SensitivityReport {
  const { of, repetitions } = scenario;
  const onProgress = (done: number, all: number) => void progress({ done, all });
  return decodingSensitivity(optionsOf(scenario), { factor: FACTOR, repetitions, of, onProgress });
}
