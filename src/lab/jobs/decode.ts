import {
  boundDecoding,
  type DecodingBound,
  type DecodingReport,
  type DecodingTimeline,
  type DecodingVerdict,
  type Evidence,
  judgeDecoding,
  simulateDecoding,
} from "../../index.ts";
import { Checksum } from "./checksum.ts";
import { type DecodeScenario, evidenceOf, optionsOf } from "./decoding.ts";

/** Steps done of all; and what is known before the first. */
export interface DecodeProgress {
  done: number;
  all: number;
  bound: DecodingBound;
}

export interface DecodeAnswer {
  verdict: DecodingVerdict;
  /** Null where no fabric can keep the objective: nothing is simulated then. */
  run: { report: DecodingReport; timeline: DecodingTimeline; checksum: string } | null;
  evidence: Evidence[];
}

/** Decodes, and judges what came of it. */
export function decode(scenario: DecodeScenario, progress: (now: DecodeProgress) => unknown): DecodeAnswer {
  const { sloNs, of, repetitions } = scenario;
  const options = optionsOf(scenario);
  const bound = boundDecoding(options);
  const slo = { sloNs, of };
  const evidence = evidenceOf(scenario, options);
  if (sloNs < bound.stepNs) return { verdict: judgeDecoding(bound, slo, null), run: null, evidence };
  progress({ done: 0, all: 1, bound });
  const onProgress = (done: number, all: number) => void progress({ done, all, bound });
  const { report, timeline } = simulateDecoding(options, { repetitions, onProgress });
  const checksum = String(new Checksum().addJson(report));
  return { verdict: judgeDecoding(bound, slo, report), run: { report, timeline, checksum }, evidence };
}
