import bytes from "../build/release.wasm";

let kernels: WebAssembly.Module | undefined;

/**
 * Hands in the compiled kernels, for a host that forbids compiling from bytes: `vorchestrate/kernels.wasm`, or
 * `vorchestrate/kernels.portable.wasm` where there is no SIMD. Objects made earlier keep what they were made with.
 */
export function useKernels(compiled: WebAssembly.Module): void {
  if (!(compiled instanceof WebAssembly.Module)) throw new TypeError("compiled must be a WebAssembly.Module");
  kernels = compiled;
}

/** The kernels: those handed in, or the ones inlined here, compiled once at first use. */
export function compiledKernels(): WebAssembly.Module {
  kernels ??= new WebAssembly.Module(bytes);
  return kernels;
}
