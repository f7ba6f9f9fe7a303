import { expect, test } from "vitest";
import { inNode } from "../src/host.ts";
import { UdpEcho, UdpTransport } from "../src/udp.ts";

test("names the bad address", async () => {
  for (const connect of [
    "x",
    "9000",
    ":9000",
    "host:",
    "host:80a",
    "::1:9000",
    "[]:9000",
    "[host]:9000",
    "a b:9000",
    "",
  ])
    await expect(UdpTransport.open({ connect })).rejects.toThrow(
      new RangeError(`connect must be HOST:PORT, got "${connect}"`),
    );
  await expect(UdpTransport.open({ connect: 9000 as never })).rejects.toThrow(
    new TypeError("connect must be HOST:PORT, got number"),
  );
  for (const port of [0, 65_536, 999_999])
    await expect(UdpTransport.open({ connect: `[::1]:${port}` })).rejects.toThrow(
      new RangeError(`the port of connect must be from 1 to 65535, got ${port}`),
    );
  for (const listen of ["x", ":9000", "::1", "host:-1"])
    await expect(UdpEcho.open({ listen })).rejects.toThrow(
      new RangeError(`listen must be [HOST:]PORT, got "${listen}"`),
    );
  await expect(UdpEcho.open({ listen: "65536" })).rejects.toThrow(
    new RangeError("the port of listen must be from 0 to 65535, got 65536"),
  );
});

test("names the bad timeout", async () => {
  for (const timeoutMs of [0, -1, 60_001])
    await expect(UdpTransport.open({ connect: "127.0.0.1:9", timeoutMs })).rejects.toThrow(
      new RangeError(`timeoutMs must be from 1 to 60000, got ${timeoutMs}`),
    );
});

test.skipIf(inNode())("says in a browser that it takes Node", async () => {
  const problem = new TypeError("UDP must run in Node, got a browser");
  await expect(UdpTransport.open({ connect: "127.0.0.1:9" })).rejects.toThrow(problem);
  await expect(UdpEcho.open({ listen: "0" })).rejects.toThrow(problem);
});
