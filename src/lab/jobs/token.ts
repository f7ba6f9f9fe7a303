import {
  type DecodingTimeline,
  type Fence,
  modelNamed,
  resizedModel,
  simulateDecoding,
  sourceScenario,
} from "../../index.ts";
import { Checksum } from "./checksum.ts";

/** One step of the sources' scenario, with what is turned in it. */
export interface TokenQuestion {
  optics: string;
  /** Of the model's experts: all else of it stays. */
  expertBytes: number;
  coldShare: number;
  gpusPerDpu: number;
  dpuPaceBytesPerNs: number;
  ports: number;
  fence: Fence;
  gapNs: number;
  deadlineNs: number;
  /** Which step of which GPU is shown. */
  gpu: number;
  step: number;
  seed: number;
}

export interface TokenAnswer {
  timeline: DecodingTimeline;
  /** A step with all weights there. */
  residentStepNs: number;
  checksum: string;
}

/** Decodes up to the step that is asked for, and says when what happened in it. */
export function token(question: TokenQuestion, progress: (done: { done: number; all: number }) => void): TokenAnswer {
  const { optics, expertBytes, coldShare, gpusPerDpu, dpuPaceBytesPerNs, ports, fence, gapNs, deadlineNs } = question;
  const { gpu, step, seed } = question;
  const source = sourceScenario();
  const { report, timeline } = simulateDecoding(
    {
      ...source,
      model: resizedModel(modelNamed("mixtral-8x22b"), { bytesPerWeight: 1, expertBytes }),
      cluster: { ...source.cluster!, optics, gpusPerDpu, dpuPaceBytesPerNs, ports },
      cold: { share: coldShare },
      fence,
      gapNs,
      deadlineNs,
      steps: step + 1,
      seed,
    },
    { repetitions: 1, timeline: { gpu, step }, onProgress: (done, all) => progress({ done, all }) },
  );
  const { residentStepNs } = report;
  return { timeline, residentStepNs, checksum: String(new Checksum().addJson(timeline)) };
}
