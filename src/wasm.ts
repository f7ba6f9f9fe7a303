import { instantiateSync } from "@assemblyscript/loader";
import type * as Abi from "../assembly/index.ts";
import { compiledKernels } from "./kernels.ts";

type View = { F32: Float32Array<ArrayBuffer>; F64: Float64Array<ArrayBuffer>; U32: Uint32Array<ArrayBuffer> };
type Layout = Record<string, readonly [type: keyof View, length: number]>;
type Address<T> = number & { readonly array: T };
type Lowered<T> = T extends StaticArray<infer E> ? (E extends { type: infer K } ? Address<K> : never) : number;
type Kernels = {
  [K in keyof typeof Abi]: (typeof Abi)[K] extends (...args: infer A) => infer R
    ? (...args: { [I in keyof A]: Lowered<A[I]> }) => R
    : WebAssembly.Global;
};

const BYTES: Record<keyof View, number> = { F32: 4, F64: 8, U32: 4 };

/** An array is addressed by a signed 32-bit length, and all share one memory. */
const MOST_BYTES = 2 ** 30;

/**
 * A fresh instance with `layout` laid out in its memory. Kernels never allocate, so memory never grows again,
 * views stay valid for life, and an address is where its view starts.
 */
export function workspace<L extends Layout>(layout: L) {
  const bytes = Object.values(layout).reduce((sum, [type, length]) => sum + BYTES[type] * length, 0);
  if (bytes > MOST_BYTES)
    throw new RangeError(`the arrays of one object must fit in ${MOST_BYTES} bytes, got ${bytes}`);
  const { instance, exports: runtime } = instantiateSync(compiledKernels());
  const kernels = instance.exports as unknown as Kernels;
  const at = mapValues(layout, ([type, length]) => runtime.__newArray(kernels[type].value, length));
  const views = mapValues(at, (address) => runtime.__getArrayView(address));
  return {
    kernels,
    at: at as { [K in keyof L]: Address<L[K][0]> },
    views: views as { [K in keyof L]: View[L[K][0]] },
  };
}

function mapValues<T, U>(object: Record<string, T>, map: (value: T) => U): Record<string, U> {
  return Object.fromEntries(Object.entries(object).map(([key, value]) => [key, map(value)]));
}
