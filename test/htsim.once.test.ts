import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { readConnectionMatrix } from "../src/formats/htsim.ts";
import { generateTraffic } from "../src/patterns.ts";

const INCAST = fileURLToPath(new URL("../../shared/data/fabric/htsim_incast_128.cm", import.meta.url));

test.skipIf(!existsSync(INCAST))(
  "csg-htsim's incast of 128 nodes is one load of 2 MB from each other node, all at 0",
  () => {
    const { gpus, traffic } = readConnectionMatrix(readFileSync(INCAST, "utf8"), { file: INCAST });
    expect(gpus).toBe(128);
    expect(traffic.postNs).toEqual(new Float64Array(127));
    expect(traffic.sizeBytes).toEqual(new Float64Array(127).fill(2e6));
    expect(traffic.destinationGpu).toEqual(new Uint32Array(127).fill(33));
    expect(traffic.sourceGpu.toSorted()).toEqual(Uint32Array.from({ length: 127 }, (_, i) => (i < 33 ? i : i + 1)));
    // But for who the sink is and in what order its sources come, our own incast is the same.
    const { postNs, sizeBytes, deadlineNs, op } = generateTraffic({ pattern: "incast", gpus, sizeBytes: 2e6 });
    expect(traffic).toMatchObject({ postNs, sizeBytes, deadlineNs, op });
  },
);
