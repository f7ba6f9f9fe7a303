import { checkKeys, checkPositive, didYouMean } from "./check.ts";
import type { Evidence } from "./optics/index.ts";

/** Numbers that a GPU multiplies. */
export type Precision = "bf16" | "fp8" | "fp4";

/** A GPU as its makers state it: rates are peaks, of dense matrices and one way. */
export interface Gpu {
  name: string;
  title: string;
  hbmBytes: number;
  hbmBytesPerNs: number;
  /** Null where it has no units for such numbers. */
  flopsPerNs: Readonly<Record<Precision, number | null>>;
  /** What it takes in over its scale-up links, which is also what it sends; null where it has none. */
  gpuIngressBytesPerNs: number | null;
  /** What it takes in over PCIe. */
  pcieBytesPerNs: number;
  /** Of the whole module. */
  watts: number;
  evidence: readonly Evidence[];
}

/** 10^12 a second, in units a nanosecond. */
const tera = (value: number) => value * 1e3;
/** Sixteen lanes of a generation, after encoding. */
const PCIE_4 = 31.5;
const PCIE_5 = 63;

const sheet = (note: string): Evidence[] => [
  { about: "all figures", grade: "published", source: "the maker's data sheet", note: `dense rates; ${note}` },
];
const byLink = "NVLink's stated rate counts both ways: half of it comes in";

const H100: Gpu = {
  name: "h100",
  title: "NVIDIA H100 SXM, 80 GB",
  hbmBytes: 80e9,
  hbmBytesPerNs: 3350,
  flopsPerNs: { bf16: tera(989.4), fp8: tera(1978.9), fp4: null },
  gpuIngressBytesPerNs: 450,
  pcieBytesPerNs: PCIE_5,
  watts: 700,
  evidence: sheet(byLink),
};
const MI300X: Gpu = {
  name: "mi300x",
  title: "AMD Instinct MI300X, 192 GB",
  hbmBytes: 192e9,
  hbmBytesPerNs: 5300,
  flopsPerNs: { bf16: tera(1307.4), fp8: tera(2614.9), fp4: null },
  gpuIngressBytesPerNs: 448,
  pcieBytesPerNs: PCIE_5,
  watts: 750,
  evidence: sheet("7 links of 64 GB/s to its 7 neighbours: from one of them it takes in a seventh"),
};
const B200: Gpu = {
  name: "b200",
  title: "NVIDIA B200, 180 GB",
  hbmBytes: 180e9,
  hbmBytesPerNs: 7700,
  flopsPerNs: { bf16: tera(2250), fp8: tera(4500), fp4: tera(9000) },
  gpuIngressBytesPerNs: 900,
  pcieBytesPerNs: PCIE_5,
  watts: 1000,
  evidence: sheet(byLink),
};

/** The built-in GPUs. */
export const GPUS: readonly Gpu[] = [
  {
    ...H100,
    name: "a100",
    title: "NVIDIA A100 SXM, 80 GB",
    hbmBytesPerNs: 2039,
    flopsPerNs: { bf16: tera(312), fp8: null, fp4: null },
    gpuIngressBytesPerNs: 300,
    pcieBytesPerNs: PCIE_4,
    watts: 400,
  },
  H100,
  {
    ...H100,
    name: "h20",
    title: "NVIDIA H20, 96 GB",
    hbmBytes: 96e9,
    hbmBytesPerNs: 4000,
    flopsPerNs: { bf16: tera(148), fp8: tera(296), fp4: null },
    watts: 400,
  },
  { ...H100, name: "h200", title: "NVIDIA H200 SXM, 141 GB", hbmBytes: 141e9, hbmBytesPerNs: 4800 },
  B200,
  {
    ...B200,
    name: "gb200",
    title: "NVIDIA GB200, one of its two GPUs, 186 GB",
    hbmBytes: 186e9,
    hbmBytesPerNs: 8000,
    flopsPerNs: { bf16: tera(2500), fp8: tera(5000), fp4: tera(10_000) },
    watts: 1200,
  },
  {
    ...B200,
    name: "b300",
    title: "NVIDIA B300, 270 GB",
    hbmBytes: 270e9,
    flopsPerNs: { bf16: tera(2250), fp8: tera(4500), fp4: tera(13_500) },
    watts: 1100,
    evidence: [
      {
        about: "all figures",
        grade: "reported",
        source: "figures of systems with 8 of them, divided by 8",
        note: `dense rates; ${byLink}`,
      },
    ],
  },
  {
    name: "rtx-pro-6000",
    title: "NVIDIA RTX PRO 6000 Blackwell, 96 GB",
    hbmBytes: 96e9,
    hbmBytesPerNs: 1792,
    flopsPerNs: { bf16: tera(503.8), fp8: tera(1007.6), fp4: tera(2015.2) },
    gpuIngressBytesPerNs: null,
    pcieBytesPerNs: PCIE_5,
    watts: 600,
    evidence: [
      {
        about: "all figures",
        grade: "reported",
        source: "tables of GPUs, second-hand",
        note: "dense rates; memory is GDDR7, and there are no links between GPUs but PCIe",
      },
    ],
  },
  MI300X,
  {
    ...MI300X,
    name: "mi325x",
    title: "AMD Instinct MI325X, 256 GB",
    hbmBytes: 256e9,
    hbmBytesPerNs: 6000,
    watts: 1000,
  },
  {
    ...MI300X,
    name: "mi355x",
    title: "AMD Instinct MI355X, 288 GB",
    hbmBytes: 288e9,
    hbmBytesPerNs: 8000,
    flopsPerNs: { bf16: tera(2500), fp8: tera(5000), fp4: tera(10_000) },
    gpuIngressBytesPerNs: 537.6,
    watts: 1400,
    evidence: sheet("7 links of 76.8 GB/s to its 7 neighbours: from one of them it takes in a seventh"),
  },
  {
    name: "r200",
    title: "NVIDIA Rubin, 288 GB",
    hbmBytes: 288e9,
    hbmBytesPerNs: 22_000,
    flopsPerNs: { bf16: tera(4000), fp8: tera(17_500), fp4: tera(35_000) },
    gpuIngressBytesPerNs: 1800,
    pcieBytesPerNs: 126,
    watts: 1800,
    evidence: [
      {
        about: "all figures",
        grade: "reported",
        source: "announcements, second-hand",
        note: "the GPU that the defaults of a scenario stand for: 3.6 TB/s of scale-up links both ways, 22 TB/s of HBM",
      },
    ],
  },
];

/** The built-in GPU of that name. */
export function gpuNamed(name: string): Gpu {
  const gpu = GPUS.find((candidate) => candidate.name === name);
  if (gpu) return gpu;
  const names = GPUS.map((candidate) => candidate.name);
  throw new RangeError(`gpu must name a built-in GPU, got ${JSON.stringify(name)}${didYouMean(name, names)}`);
}

/** A GPU, checked, or the built-in one of a name. */
export function gpuOf(gpu: Gpu | string): Gpu {
  if (typeof gpu === "string") return gpuNamed(gpu);
  checkKeys("gpu", gpu, Object.keys(H100));
  for (const name of ["hbmBytes", "hbmBytesPerNs", "pcieBytesPerNs", "watts"] as const) checkPositive(name, gpu[name]);
  if (gpu.gpuIngressBytesPerNs !== null) checkPositive("gpuIngressBytesPerNs", gpu.gpuIngressBytesPerNs);
  checkKeys("flopsPerNs", gpu.flopsPerNs, ["bf16", "fp8", "fp4"]);
  checkPositive("flopsPerNs.bf16", gpu.flopsPerNs.bf16 as number);
  for (const name of ["fp8", "fp4"] as const)
    if (gpu.flopsPerNs[name] !== null) checkPositive(`flopsPerNs.${name}`, gpu.flopsPerNs[name]);
  return gpu;
}

/** Flops a nanosecond with weights of so many bytes: in the least precise numbers that hold them and that the GPU multiplies. */
export function flopsPerNsOf({ flopsPerNs }: Gpu, bytesPerWeight: number): number {
  const { bf16, fp8, fp4 } = flopsPerNs;
  const small = bytesPerWeight < 1 ? fp4 : bytesPerWeight === 1 ? fp8 : null;
  // What the units do not take is turned into bf16 on its way to them.
  return small ?? (bf16 as number);
}
