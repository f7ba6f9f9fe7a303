import { GPUS } from "../gpus.ts";
import { OPTICS } from "../optics/builtin.ts";
import { CLUSTER_FIGURES, type Figure, FLOPS_FIGURE, GPU_FIGURES, TIER_FIGURES } from "./figures.ts";
import { CLUSTER_DEFAULTS, TIERS } from "./index.ts";

/** A JSON schema, as editors read them. */
export type JsonSchema = { [key: string]: unknown };

/** The schema of a cluster's file (JSON Schema, 2020-12). */
export function clusterSchema(): JsonSchema {
  const optics = { description: "a built-in optics profile", enum: OPTICS.map(({ name }) => name) };
  const tier = objectOf("between GPUs so far apart", { optics, ...schemasOf(TIER_FIGURES) });
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: "vorchestrate cluster",
    ...objectOf(
      "GPUs to decode on: what they are, how they sit, and what carries weights between them",
      {
        ...schemasOf(CLUSTER_FIGURES, CLUSTER_DEFAULTS),
        gpu: {
          description: "a built-in GPU, or its figures",
          default: CLUSTER_DEFAULTS.gpu,
          oneOf: [{ enum: GPUS.map(({ name }) => name) }, gpuSchema()],
        },
        optics: { ...optics, default: CLUSTER_DEFAULTS.optics },
        ports: { ...schemaOf(TIER_FIGURES.ports), default: CLUSTER_DEFAULTS.ports },
        tiers: objectOf("where tiers differ", Object.fromEntries(TIERS.map((name) => [name, tier]))),
      },
      ["gpus"],
    ),
  };
}

function gpuSchema(): JsonSchema {
  const flops = schemaOf(FLOPS_FIGURE);
  return objectOf("a GPU", {
    like: { description: "the built-in GPU that has what is left out", enum: GPUS.map(({ name }) => name) },
    name: { type: "string" },
    ...schemasOf(GPU_FIGURES),
    flopsPerNs: objectOf("by the numbers it multiplies", {
      bf16: flops,
      fp8: { ...flops, type: ["number", "null"] },
      fp4: { ...flops, type: ["number", "null"] },
    }),
  });
}

function schemasOf(figures: Record<string, Figure>, defaults: Record<string, unknown> = {}): JsonSchema {
  return Object.fromEntries(
    Object.entries(figures).map(([name, figure]) => [
      name,
      { ...schemaOf(figure), ...(defaults[name] === undefined ? {} : { default: defaults[name] }) },
    ]),
  );
}

function schemaOf({ unit, low, high, isAbove, what }: Figure): JsonSchema {
  return {
    type: unit === "count" && !isAbove ? "integer" : "number",
    description: unit === "count" ? what : `${what}; ${unit}`,
    ...(isAbove ? { exclusiveMinimum: low } : { minimum: low }),
    maximum: high,
  };
}

function objectOf(description: string, properties: JsonSchema, required: string[] = []): JsonSchema {
  return {
    type: "object",
    description,
    properties,
    additionalProperties: false,
    ...(required.length > 0 ? { required } : {}),
  };
}
