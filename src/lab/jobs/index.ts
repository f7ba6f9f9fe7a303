import { browserTail } from "./browser-tail.ts";
import { decode } from "./decode.ts";
import { ledger } from "./ledger.ts";
import { placement } from "./placement/index.ts";
import { placementPlace } from "./placement/latency.ts";
import { sensitivity } from "./sensitivity.ts";
import { tail } from "./tail.ts";
import { token } from "./token.ts";
import { margins, reach, verdict } from "./verdict.ts";

/** What workers can be asked: each takes a question that can be posted, tells how far it is, and gives an answer that can be. */
export const JOBS = {
  tail,
  browserTail,
  verdict,
  reach,
  margins,
  token,
  placement,
  placementPlace,
  decode,
  sensitivity,
  ledger,
};

export type JobName = keyof typeof JOBS;
export type Question<J extends JobName> = Parameters<(typeof JOBS)[J]>[0];
export type Answer<J extends JobName> = Awaited<ReturnType<(typeof JOBS)[J]>>;
