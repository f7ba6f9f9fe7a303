import { latencyRows } from "./hops.ts";
import type { Row } from "./row.ts";

export default async function rows(options: { quick: boolean }): Promise<Row[]> {
  return latencyRows(options);
}
