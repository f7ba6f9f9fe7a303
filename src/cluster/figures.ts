/** What one field of a cluster may be. */
export interface Figure {
  unit: "count" | "bytes" | "bytes/ns" | "share";
  low: number;
  high: number;
  /** Above `low`, not at it. */
  isAbove?: boolean;
  what: string;
}

const MOST_GPUS = 2 ** 16;
const MOST_BYTES = 1e15;
const MOST_BYTES_PER_NS = 1e6;

const count = (low: number, high: number, what: string): Figure => ({ unit: "count", low, high, what });
const rate = (what: string): Figure => ({ unit: "bytes/ns", low: 0, high: MOST_BYTES_PER_NS, isAbove: true, what });

/** The figures of a cluster, by name. */
export const CLUSTER_FIGURES = {
  gpus: count(1, MOST_GPUS, "GPUs in all"),
  gpusPerNode: count(1, MOST_GPUS, "GPUs of a node, a hop apart"),
  gpusPerPod: count(1, MOST_GPUS, "GPUs of a pod, a multiple of those of a node; two hops apart"),
  gpusPerDpu: count(1, 1024, "GPUs that share one DPU and its ports"),
  kvReserveShare: { unit: "share", low: 0, high: 1, what: "of HBM that is kept for sequences, not for weights" },
  dpuPaceBytesPerNs: rate("the token bucket of one DPU"),
  gpuIngressBytesPerNs: rate("what one GPU takes in; that of its scale-up links unless given"),
  sourceEgressBytesPerNs: rate("what one GPU sends out; as much as it takes in unless given"),
  sourceHbmBytesPerNs: rate("what a source's HBM spares for fetches; a quarter of its rate unless given"),
} as const satisfies Record<string, Figure>;

/** The figures of a tier. */
export const TIER_FIGURES = {
  ports: count(1, 4096, "ports that a load is striped over"),
} as const satisfies Record<string, Figure>;

/** The figures of a GPU that is described, not named. */
export const GPU_FIGURES = {
  hbmBytes: { unit: "bytes", low: 0, high: MOST_BYTES, isAbove: true, what: "size of its HBM" },
  hbmBytesPerNs: rate("rate of its HBM"),
  gpuIngressBytesPerNs: rate("what it takes in over its scale-up links"),
  pcieBytesPerNs: rate("what it takes in over PCIe"),
  watts: { unit: "count", low: 0, high: 1e5, isAbove: true, what: "watts of the whole module" },
} as const satisfies Record<string, Figure>;

/** Flops a nanosecond, a thousandth of TFLOPS. */
export const FLOPS_FIGURE: Figure = {
  unit: "count",
  low: 0,
  high: 1e9,
  isAbove: true,
  what: "dense flops a nanosecond; 1 TFLOPS is 1,000",
};
