import type { View } from "../stage.ts";
import { placementView } from "./placement.ts";
import { tailView } from "./tail.ts";

/** What the page shows, in the order of its links; the first is seen first. */
export const VIEWS: readonly View[] = [tailView, placementView];
