import packed from "../../build/kernels.gz.txt";
import { useKernels } from "../index.ts";

/**
 * Has the library use the kernels that the page carries: as bytes in base64 they would take a third more of what is sent, so
 * they are packed, and unpacking takes a moment.
 */
export async function unpackKernels(): Promise<void> {
  const bytes = Uint8Array.from(atob(packed), (letter) => letter.charCodeAt(0));
  const unpacked = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  useKernels(await WebAssembly.compile(await new Response(unpacked).arrayBuffer()));
}
