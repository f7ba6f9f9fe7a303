import { openLab } from "./lab.ts";
import { serveJobs } from "./worker.ts";

// One script, two parts: the page's, and that of the workers which the page starts from the same text.
if (typeof document === "undefined") serveJobs();
else openLab();
