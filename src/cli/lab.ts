import { spawn } from "node:child_process";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { platform } from "node:process";
import { fileURLToPath } from "node:url";
import { Command } from "commander";
import { checkFolders, readText, writeText } from "./files.ts";
import { number } from "./options.ts";
import { say, typed } from "./print.ts";

interface LabFlags {
  file?: string;
  port?: number;
  open: boolean;
}

/** The page, as the build made it. */
const PAGE = fileURLToPath(new URL("../lab.html", import.meta.url));

/** Where it is served unless somebody else is there: an address that was kept stays good. */
const PORT = 8468;

/** `vorchestrate lab` */
export function labCommand(): Command {
  return new Command("lab")
    .description("the engine in a page: turn a knob, and see the tail move")
    .option("--file <file>", "write the page as one file that works offline, instead of serving it")
    .option(
      "--port <number>",
      `where to serve it, on this machine only (default: ${PORT}, or any that is free)`,
      number,
    )
    .option("--no-open", "do not open it in a browser")
    .addHelpText("after", `\nExamples:\n  ${typed("lab")}\n  ${typed("lab --file lab.html")}`)
    .action(async ({ file, port, open }: LabFlags) => {
      if (port !== undefined && !(Number.isInteger(port) && port >= 0 && port < 65536))
        throw new RangeError(`--port must be a whole number from 0 to 65535, got ${port}`);
      const page = readText(PAGE);
      if (file !== undefined) {
        checkFolders(file);
        writeText(file, page);
        return say(`The page is in ${file}: open it in a browser, or put it on any host.`);
      }
      const server = await listening(serverOf(page), port);
      const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
      say(`The lab is at ${address}`);
      say("Ctrl+C ends it.");
      if (open) openInBrowser(address);
    });
}

/** Answers with the page and nothing else, and only who asks for this machine by its own name. */
function serverOf(page: string): Server {
  const policy = /http-equiv="Content-Security-Policy" content="([^"]+)"/.exec(page)![1]!;
  const headers = {
    "Content-Type": "text/html; charset=utf-8",
    "Content-Security-Policy": `${policy}; frame-ancestors 'none'`,
    // Both together isolate the page, and only so may it share memory with its workers.
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-cache",
  };
  return createServer((request, response) => {
    const refused = refusal(request);
    if (refused) return refuse(response, refused);
    response.writeHead(200, headers).end(request.method === "HEAD" ? undefined : page);
  });
}

/** Why a request gets no page: a name that some other host gave this machine, a method, a path. */
function refusal({ headers, method, url, socket }: IncomingMessage): { status: number; because: string } | null {
  // Browsers leave out the port of the web itself.
  const port = socket.localPort === 80 ? "" : `:${socket.localPort}`;
  const hosts = ["127.0.0.1", "localhost"].map((name) => `${name}${port}`);
  if (!hosts.includes(headers.host ?? "")) return { status: 403, because: `ask for ${hosts[0]}, not for another name` };
  if (method !== "GET" && method !== "HEAD") return { status: 405, because: "there is only something to read" };
  const path = (url ?? "").split("?")[0];
  return path === "/" ? null : { status: 404, because: "there is one page, /" };
}

function refuse(response: ServerResponse, { status, because }: { status: number; because: string }): void {
  response.writeHead(status, { "Content-Type": "text/plain; charset=utf-8", "X-Content-Type-Options": "nosniff" });
  response.end(`${because}\n`);
}

/** `server` at `port`; where none was asked for, at the usual one, or at any where that is taken. */
function listening(server: Server, port: number | undefined): Promise<Server> {
  return new Promise((resolve, reject) => {
    let isTaken = false;
    server.on("listening", () => resolve(server));
    server.on("error", (cause: NodeJS.ErrnoException) => {
      const mayMove = port === undefined && cause.code === "EADDRINUSE" && !isTaken;
      if (!mayMove) return reject(new RangeError(`--port must be free, got ${port ?? PORT}: ${cause.message}`));
      isTaken = true;
      server.listen(0, "127.0.0.1");
    });
    server.listen(port ?? PORT, "127.0.0.1");
  });
}

/** Opens `address` where there is a desktop; where not, whoever reads it can. */
function openInBrowser(address: string): void {
  const { DISPLAY, WAYLAND_DISPLAY } = process.env;
  const [command, ...words] =
    platform === "darwin" ? ["open"] : platform === "win32" ? ["cmd", "/c", "start", ""] : ["xdg-open"];
  if (command === "xdg-open" && !DISPLAY && !WAYLAND_DISPLAY) return;
  const opener = spawn(command!, [...words, address], { stdio: "ignore", detached: true });
  opener.on("error", () => {}); // there is none: the address stands above
  opener.unref();
}
