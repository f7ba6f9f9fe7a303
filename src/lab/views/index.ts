import type { View } from "../stage.ts";
import { decodeView } from "./decode/index.ts";
import { ledgerView } from "./ledger/index.ts";
import { placementView } from "./placement/index.ts";
import { tailView } from "./tail/index.ts";
import { tokenView } from "./token/index.ts";
import { verdictView } from "./verdict/index.ts";

/** What the page shows, in the order of its links; the first is seen first. */
export const VIEWS: readonly View[] = [tailView, verdictView, tokenView, placementView, decodeView, ledgerView];
