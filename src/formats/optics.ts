import { measuredOptics, type Optics } from "../optics/index.ts";
import { type MeasurementOptions, readMeasurement } from "./measurement.ts";
import { isProfile, readProfile } from "./profile.ts";

/** Optics from any text that is understood: a profile as JSON, or measured latencies in one of their formats. */
export async function readOptics(text: string, options: MeasurementOptions): Promise<Optics> {
  if (!isProfile(text)) return measuredOptics(await readMeasurement(text, options));
  const { file, ...others } = options;
  const [stray] = Object.entries(others).flatMap(([key, value]) => (value === undefined ? [] : [key]));
  if (stray) throw new TypeError(`${file}: ${stray} does not apply to a profile, whose fields name their units`);
  return readProfile(text, { file });
}
