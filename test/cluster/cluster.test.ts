import { describe, expect, test } from "vitest";
import { checkSchedulability } from "../../src/budget/index.ts";
import { CLUSTER_FIGURES, type Figure, TIER_FIGURES } from "../../src/cluster/figures.ts";
import {
  CLUSTER_KEYS,
  completeServingCluster,
  expertSlots,
  fabricOf,
  gpusWithin,
  type ServingClusterInput,
} from "../../src/cluster/index.ts";
import { clusterSchema, type JsonSchema } from "../../src/cluster/schema.ts";
import { readCluster } from "../../src/formats/cluster.ts";
import { gpuNamed } from "../../src/gpus.ts";
import { opticsNamed } from "../../src/optics/index.ts";

const file = "cluster.json";
const read = (fields: object) => readCluster(JSON.stringify(fields), { file });

const full: ServingClusterInput = {
  gpus: 288,
  gpusPerNode: 8,
  gpusPerPod: 72,
  gpu: "b200",
  kvReserveShare: 0.3,
  gpusPerDpu: 4,
  dpuPaceBytesPerNs: 800,
  gpuIngressBytesPerNs: 400,
  sourceEgressBytesPerNs: 300,
  sourceHbmBytesPerNs: 1000,
  optics: "dsp-800g",
  ports: 8,
  tiers: { node: { optics: "pcb", ports: 18 }, anywhere: { ports: 4 } },
};

describe("a cluster", () => {
  test("as a file has it, and as a program does", () => {
    const cluster = read(full);
    expect(cluster).toEqual(completeServingCluster(full));
    const { optics: _, ports: __, gpu: ___, tiers: ____, ...figures } = full;
    expect(cluster).toMatchObject(figures);
    expect(cluster.gpu).toBe(gpuNamed("b200"));
    expect(Object.values(cluster.tiers).map(({ optics, ports }) => [optics.profile.name, ports])).toEqual([
      ["pcb", 18],
      ["dsp-800g", 8],
      ["dsp-800g", 4],
    ]);
  });

  test("what is left out is of the GPU, or assumed", () => {
    expect(read({ gpus: 30, $schema: "cluster.schema.json" })).toMatchObject({
      gpusPerNode: 8,
      gpusPerPod: 32,
      kvReserveShare: 0.2,
      gpuIngressBytesPerNs: 450,
      sourceEgressBytesPerNs: 450,
      sourceHbmBytesPerNs: 3350 / 4,
    });
    expect(read({ gpus: 2 })).toMatchObject({ gpusPerNode: 2, gpusPerPod: 2, gpusPerDpu: 2 });
  });

  test("a GPU of one's own is like another but for what is stated, and says so", () => {
    const { gpu } = read({ gpus: 8, gpu: { like: "h200", hbmBytes: 1e11, flopsPerNs: { fp4: null, bf16: 5e5 } } });
    const { title: _, evidence, ...rest } = gpu;
    const h200 = gpuNamed("h200");
    expect({ ...h200, ...rest }).toMatchObject({
      hbmBytes: 1e11,
      hbmBytesPerNs: 4800,
      flopsPerNs: { bf16: 5e5, fp8: 1978.9e3 },
    });
    expect(evidence[0]).toMatchObject({ about: "hbmBytes, flopsPerNs", grade: "assumed", source: file });
  });

  test("tiers, slots and the fabric of a verdict", () => {
    const cluster = read(full);
    expect([0, 1, 2, 3, 4].map((hops) => gpusWithin(cluster, hops))).toEqual([1, 8, 72, 288, 288]);
    expect(gpusWithin({ gpus: 4, gpusPerNode: 8, gpusPerPod: 8 }, 1)).toBe(4);
    // 180 GB less 30%, less 10 GB: 116 GB of 44.04 MB each.
    expect(expertSlots(cluster, "deepseek-v3", 10e9)).toBe(Math.floor(116e9 / (3 * 7168 * 2048)));
    expect(expertSlots(cluster, "deepseek-v3", 200e9)).toBe(0);
    const { optics, ...fabric } = fabricOf(cluster, "pod");
    const verdict = checkSchedulability({ optics, fabric, demand: { expertBytes: 44e6 } }, { draws: 1000 });
    expect(verdict.optics).toBe(opticsNamed("dsp-800g").profile);
    expect(verdict.fabric).toMatchObject({ hops: 2, ports: 8, dpuPaceBytesPerNs: 800, sourceHbmBytesPerNs: 1000 });
  });
});

describe("refuses", () => {
  test.each<[object, string]>([
    [{}, "gpus to be a whole number from 1 to 65536, got nothing"],
    [{ gpus: 0 }, "gpus to be a whole number from 1 to 65536, got 0"],
    [{ gpus: 8, gpuPerNode: 8 }, "fields of a cluster, got gpuPerNode; did you mean gpusPerNode?"],
    [{ gpus: 32, gpusPerNode: 8, gpusPerPod: 12 }, "gpusPerPod to be a multiple of 8, the GPUs of a node, got 12"],
    [{ gpus: 8, kvReserveShare: 1.2 }, "kvReserveShare to be a number from 0 to 1, got 1.2"],
    [{ gpus: 8, dpuPaceBytesPerNs: 0 }, "dpuPaceBytesPerNs to be a number above 0, up to 1000000, got 0"],
    [{ gpus: 8, gpu: "b100" }, 'gpu to be the name of a built-in GPU, got "b100"; did you mean'],
    [{ gpus: 8, gpu: { hbmByte: 1 } }, "fields of gpu, got hbmByte; did you mean hbmBytes?"],
    [{ gpus: 8, gpu: { flopsPerNs: { bf16: null } } }, "gpu.flopsPerNs.bf16 to be a number above 0"],
    [{ gpus: 8, optics: "cpo-800" }, 'optics to be the name of built-in optics, got "cpo-800"; did you mean cpo-800g?'],
    [{ gpus: 8, tiers: { rack: {} } }, "fields of tiers, got rack"],
    [{ gpus: 8, tiers: { node: { ports: 0.5 } } }, "tiers.node.ports to be a whole number from 1 to 4096, got 0.5"],
  ])("%j", (fields, message) => {
    expect(() => read(fields)).toThrow(`${file}: expected ${message}`);
  });

  test("the same of what a program states", () => {
    const wrong = (part: object) => () => completeServingCluster({ gpus: 8, ...part });
    expect(wrong({ gpusPerPods: 1 })).toThrow("cluster has no field gpusPerPods; did you mean gpusPerPod?");
    expect(wrong({ kvReserveShare: -1 })).toThrow("kvReserveShare must be from 0 to 1, got -1");
    expect(wrong({ tiers: { node: { port: 1 } } })).toThrow("tiers.node has no field port; did you mean ports?");
    expect(wrong({ gpusPerPod: 12 })).toThrow("gpusPerPod must be a positive multiple of 8, got 12");
  });
});

describe("the schema", () => {
  const schema = clusterSchema() as { properties: Record<string, JsonSchema>; [key: string]: unknown };

  test("says of every field what it is, and refuses others", () => {
    expect(Object.keys(schema.properties).sort()).toEqual([...CLUSTER_KEYS].sort());
    expect(schema).toMatchObject({ type: "object", additionalProperties: false, required: ["gpus"] });
    expect(() => JSON.stringify(schema)).not.toThrow();
    for (const field of Object.values(schema.properties)) expect(field["description"] ?? "").not.toBe("");
  });

  test("has the bounds that the reader has", () => {
    const figures: Record<string, Figure> = { ...CLUSTER_FIGURES, ...TIER_FIGURES };
    for (const [name, { low, high, isAbove }] of Object.entries(figures)) {
      const bounds = schema.properties[name]!;
      const least = (bounds["minimum"] ?? bounds["exclusiveMinimum"]) as number;
      expect([least, bounds["maximum"], "exclusiveMinimum" in bounds], name).toEqual([low, high, isAbove ?? false]);
      // What the schema lets through at its bounds is read; a step beyond is not.
      const step = bounds["type"] === "integer" ? 1 : 1e-9;
      const others = name === "gpus" ? {} : { gpus: 65_536 };
      const alone = name === "gpusPerNode" ? { gpusPerPod: high } : name === "gpusPerPod" ? { gpusPerNode: 1 } : {};
      expect(() => read({ ...others, ...alone, [name]: high }), name).not.toThrow();
      expect(() => read({ ...others, ...alone, [name]: high * (1 + 1e-9) + step }), name).toThrow();
      expect(() => read({ ...others, ...alone, [name]: isAbove ? low : low - step }), name).toThrow();
    }
  });
});
