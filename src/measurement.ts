import type { LatencyQuantiles } from "./distribution.ts";
import type { CountedValues } from "./histogram.ts";

/** Latencies that somebody measured. */
export interface Measurement {
  name: string;
  source: string;
  counted: CountedValues | null;
  quantiles: LatencyQuantiles | null;
  notes: string[];
}
