import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { FACTS } from "../../src/claims/fact.ts";

const CLAIMS = fileURLToPath(new URL("../../../shared/claims.json", import.meta.url));

test.skipIf(!existsSync(CLAIMS))(
  "facts have the ids, kinds and figures of ../shared/claims.json, and no sentence of it",
  () => {
    const { claims } = JSON.parse(readFileSync(CLAIMS, "utf8")) as {
      claims: { id: string; kind: string; seed: string; section: string; claim: string; values: object }[];
    };
    expect(claims).toHaveLength(83);
    const seeds = [...new Set(claims.map(({ seed }) => seed))].sort();
    const bare = (facts: readonly { id: string; kind: string; document: number; section: string; values: object }[]) =>
      facts
        .map(({ id, kind, document, section, values }) => ({ id, kind, document, section, values }))
        .sort((a, b) => (a.id < b.id ? -1 : 1));
    expect(bare(FACTS)).toEqual(bare(claims.map((claim) => ({ ...claim, document: seeds.indexOf(claim.seed) + 1 }))));
    const own = new Map(FACTS.map(({ id, states }) => [id, states]));
    for (const { id, claim } of claims) expect(own.get(id), id).not.toBe(claim);
  },
);
