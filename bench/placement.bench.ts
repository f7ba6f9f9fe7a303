import { balanceRows } from "./balances.ts";
import { latencyRows } from "./hops.ts";
import type { Row } from "./row.ts";

export default async function rows(options: { quick: boolean }): Promise<Row[]> {
  return [...balanceRows(options), ...(await latencyRows(options))];
}
