import type { View } from "../stage.ts";
import { decodeView } from "./decode/index.ts";
import { ledgerView } from "./ledger.ts";
import { tailView } from "./tail.ts";

/** What the page shows, in the order of its links; the first is seen first. */
export const VIEWS: readonly View[] = [tailView, decodeView, ledgerView];
