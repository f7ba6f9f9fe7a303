/** Whether this is Node, and no browser. */
export const inNode = (): boolean => Boolean(globalThis.process?.versions?.node);

/** Node's modules under a name that a bundler for browsers does not follow. */
export const nodeModule = <M>(specifier: string): Promise<M> => import(/* @vite-ignore */ specifier);

/** What this runs on, in a few words. */
export async function hostName(): Promise<string> {
  if (!inNode()) return `a browser that names ${navigator.hardwareConcurrency} cores: ${navigator.userAgent}`;
  const { cpus } = await nodeModule<typeof import("node:os")>("node:os");
  return `${cpus()[0]?.model ?? "an unnamed CPU"}, ${cpus().length} cores, Node ${process.version}`;
}
