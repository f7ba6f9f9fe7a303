import { browserTail } from "./browser-tail.ts";
import { decode } from "./decode.ts";
import { ledger } from "./ledger.ts";
import { sensitivity } from "./sensitivity.ts";
import { tail } from "./tail.ts";

/** What workers can be asked: each takes a question that can be posted, tells how far it is, and gives an answer that can be. */
export const JOBS = { tail, browserTail, ledger, decode, sensitivity };

export type JobName = keyof typeof JOBS;
export type Question<J extends JobName> = Parameters<(typeof JOBS)[J]>[0];
export type Answer<J extends JobName> = Awaited<ReturnType<(typeof JOBS)[J]>>;
