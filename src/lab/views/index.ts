import type { View } from "../stage.ts";
import { decodeView } from "./decode/index.ts";
import { ledgerView } from "./ledger.ts";
import { placementView } from "./placement.ts";
import { tailView } from "./tail.ts";
import { tokenView } from "./token/index.ts";
import { verdictView } from "./verdict/index.ts";

/** What the page shows, in the order of its links; the first is seen first. */
export const VIEWS: readonly View[] = [tailView, verdictView, tokenView, placementView, decodeView, ledgerView];
