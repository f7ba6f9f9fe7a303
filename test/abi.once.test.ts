import { readFileSync } from "node:fs";
import { expect, test } from "vitest";

/** What `exportRuntime` adds for @assemblyscript/loader, and the memory. */
const RUNTIME = ["__new", "__pin", "__unpin", "__collect", "__rtti_base", "memory"];

/** The names that assembly/index.ts exports, as it spells them. */
function exportedNames(): string[] {
  const source = readFileSync("assembly/index.ts", "utf8");
  const lists = [...source.matchAll(/^export\s*\{([^}]*)\}/gm)].flatMap(([, list]) => list!.split(","));
  const declared = [...source.matchAll(/^export\s+(?:const|function)\s+(\w+)/gm)].map(([, name]) => name!);
  const names = [...lists.map((name) => name.trim()).filter(Boolean), ...declared];
  // Nothing is exported in a form that is not understood here: as many statements as were read.
  expect(source.match(/\bexport\b/g)).toHaveLength(declared.length + source.match(/^export\s*\{/gm)!.length);
  return names;
}

const bytesOf = (build: string) => readFileSync(`build/${build}.wasm`);

test.each(["release", "portable"])("%s imports nothing", (build) => {
  expect(WebAssembly.Module.imports(new WebAssembly.Module(bytesOf(build)))).toEqual([]);
});

test.each(["debug", "release", "portable"])("%s exports what assembly/index.ts says", (build) => {
  const names = WebAssembly.Module.exports(new WebAssembly.Module(bytesOf(build))).map(({ name }) => name);
  expect(names.sort()).toEqual([...exportedNames(), ...RUNTIME].sort());
  expect(names).toContain("drawHops");
});

// 64 KiB held all rooms but the decode loop; a browser's main thread compiles up to 8 MB synchronously.
test("the release is small enough to be inlined, and compiled at first use: below 64 KiB", () => {
  expect(bytesOf("release").length).toBeLessThan(64 * 1024);
});

test("the release is SIMD, the portable build holds none", () => {
  expect(readFileSync("build/release.wat", "utf8")).toMatch(/\bv128\b/);
  expect(readFileSync("build/portable.wat", "utf8")).not.toMatch(/\bv128\b|\b[if](?:8x16|16x8|32x4|64x2)\b/);
});

test.each(["release", "portable"])("%s never grows its memory in a kernel", (build) => {
  // Only the allocator grows memory, and no kernel calls it: the kernels that are exported allocate nothing.
  const wat = readFileSync(`build/${build}.wat`, "utf8");
  const functions = wat.split(/^ \(func /m).slice(1);
  const grows = functions.filter((body) => body.includes("memory.grow")).map((body) => body.split(/\s/)[0]!);
  expect(grows.length).toBeGreaterThan(0);
  const callers = new Set(grows);
  for (let known = -1; known !== callers.size; ) {
    known = callers.size;
    for (const body of functions)
      if ([...callers].some((name) => new RegExp(`call \\${name}\\b`).test(body))) callers.add(body.split(/\s/)[0]!);
  }
  const exported = [...wat.matchAll(/\(export "(\w+)" \(func (\S+?)\)\)/g)];
  expect(exported.filter(([, , name]) => callers.has(name!)).map(([, name]) => name)).toEqual(["__new"]);
});
