// Bundles dist/: the library, the command line, and the kernels on their own.
import { createHash } from "node:crypto";
import { chmodSync, copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

const common = {
  bundle: true,
  target: "es2022",
  logLevel: "warning",
  preserveSymlinks: true, // else a linked node_modules leaves its folder's name in the bundle's comments
};

/** The kernels as a text of characters below 256: that packs into three quarters of what base64 does, which hides what repeats. */
const kernelsAsText = {
  name: "kernels as text",
  setup: ({ onLoad }) =>
    onLoad({ filter: /\.wasm$/ }, ({ path }) => ({
      contents: `const text = ${JSON.stringify(readFileSync(path, "latin1"))};
        const bytes = new Uint8Array(text.length);
        for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
        export default bytes;`,
    })),
};

// The worker's script first: the library holds it as text, as it holds the kernels as bytes.
await build({
  ...common,
  entryPoints: ["src/threads.worker.ts"],
  minify: true,
  format: "iife",
  platform: "neutral",
  outfile: "build/threads.worker.txt",
});
await build({
  ...common,
  entryPoints: ["src/index.ts", "src/cli/main.ts"],
  splitting: true,
  format: "esm",
  platform: "neutral",
  mainFields: ["module", "main"],
  minify: true, // declarations and messages say what a reader needs
  external: ["node:*", "commander", "cli-progress", "cli-table3", "picocolors"],
  loader: { ".txt": "text" },
  plugins: [kernelsAsText],
  outdir: "dist",
});

// The lab is one file: style and script in it, and a policy that lets nothing else in. It carries the kernels packed.
const kernels = gzipSync(readFileSync("build/release.wasm"), { level: 9 });
writeFileSync("build/kernels.gz.txt", kernels.toString("base64"));
const lab = await build({
  ...common,
  entryPoints: ["src/lab/main.ts", "src/lab/lab.css"],
  minify: true,
  format: "iife",
  platform: "browser",
  charset: "utf8", // the page says so
  external: ["node:*"],
  loader: { ".wasm": "empty", ".txt": "text" },
  outdir: "build/lab",
  write: false,
});
const textOf = (ending) => lab.outputFiles.find(({ path }) => path.endsWith(ending)).text;
const script = textOf(".js").replaceAll("</script", "<\\/script");
const policy = [
  "default-src 'none'",
  `script-src 'sha256-${createHash("sha256").update(script).digest("base64")}' 'wasm-unsafe-eval'`,
  "worker-src blob:",
  "style-src 'unsafe-inline'",
  "img-src data: blob:",
  "base-uri 'none'",
  "form-action 'none'",
].join("; ");
// The page leaves the package as a file, and what it is made of has to be named in it.
const notice = `<!--\n${readFileSync("NOTICE", "utf8")}-->`;
const page = readFileSync("src/lab/lab.html", "utf8")
  .replace("default-src 'none'", () => policy)
  .replace("</head>", () => `<style>${textOf(".css")}</style>\n${notice}\n</head>`)
  .replace("</body>", () => `<script>${script}</script>\n</body>`);
writeFileSync("dist/lab.html", page);

chmodSync("dist/cli/main.js", 0o755);
copyFileSync("build/release.wasm", "dist/kernels.wasm");
copyFileSync("build/portable.wasm", "dist/kernels.portable.wasm");

// Of the declarations those that the library's own name, and they in turn; what is left is nobody's business.
const declared = new Set();
const declare = (path) => {
  if (declared.has(path)) return;
  declared.add(path);
  const text = readFileSync(join("build/types", path), "utf8");
  mkdirSync(dirname(join("dist", path)), { recursive: true });
  writeFileSync(join("dist", path), text);
  for (const [, from] of text.matchAll(/(?:from|import\()\s*"(\.[^"]+)"/g))
    declare(join(dirname(path), from.replace(/(\.d)?\.ts$/, ".d.ts")));
};
declare("index.d.ts");
