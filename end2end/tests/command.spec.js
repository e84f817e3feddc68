// The command line and the configuration: every mistake is told with its place and what to write instead.
import { writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { get } from "../lib/http.js";
import { run, temporaryFolder } from "../lib/server.js";
import { expect, test } from "../lib/test.js";

function check(text, env) {
  const folder = temporaryFolder();
  writeFileSync(join(folder, "keiki.toml"), text);
  return run(["check", "--config", join(folder, "keiki.toml")], { cwd: folder, env });
}

const BROKEN = [
  ["unknown key", '[server]\nlisten = "127.0.0.1:3000"\nallowed_host = []\n', 3, /allowed_hosts/],
  ["unknown table", '[sever]\nlisten = "127.0.0.1:3000"\n', 1, /\[server\]/],
  ["wrong type", "[server]\nmax_connections = \"many\"\n", 2, /number/],
  ["bad value", '[server]\nlisten = "nowhere"\n', 2, /127\.0\.0\.1|address/],
  ["out of range", "[server]\nmax_connections = 0\n", 2, /from 1/],
  ["bad time zone", '[site]\ntimezone = "Mars/Olympus"\n', 2, /Mars\/Olympus/],
  ["bad language", '[site]\nlanguage = "fr"\n', 2, /ja/],
  ["duplicate name", '[[service]]\nname = "a"\n[[service]]\nname = "a"\n', 4, /a second|twice/],
  ["duplicate key", "[host]\nenabled = true\nenabled = false\n", 3, /duplicate|twice/i],
  ["no TOML", "[server\n", 1, /./],
  ["bad base path", '[server]\nbase_path = "no-slash"\n', 2, /\//],
  ["a later version's table", '[[postgres]]\nname = "x"\n', 1, /postgres/],
];

for (const [what, text, line, hint] of BROKEN) {
  test(`refuses: ${what}`, async () => {
    const { code, stderr, text: said } = await check(text);
    expect(code, said).toBe(1);
    expect(stderr).toContain(`keiki.toml:${line}:`);
    expect(stderr).toMatch(hint);
    expect(stderr).not.toMatch(/panicked|RUST_BACKTRACE/);
  });
}

test("all mistakes of a file are told at once", async () => {
  const { code, stderr } = await check('[server]\nlisen = "x"\n[site]\nlanguage = "fr"\n');
  expect(code).toBe(1);
  expect(stderr).toContain(":2:");
  expect(stderr).toContain(":4:");
});

test("accepts what is right, and the environment overrides it", async () => {
  expect((await check('[site]\nlanguage = "en"\n')).code).toBe(0);
  const wrong = await check("", { KEIKI_SERVER__LISTEN: "nowhere" });
  expect(wrong.code).toBe(1);
  expect(wrong.stderr).toContain("KEIKI_SERVER__LISTEN");
  const unknown = await check("", { KEIKI_SERVER__LISEN: "127.0.0.1:0" });
  expect(unknown.code).toBe(1);
});

test("a file that is not there is an error, but only when it was named", async () => {
  const folder = temporaryFolder();
  const named = await run(["check", "--config", "missing.toml"], { cwd: folder });
  expect(named.code).toBe(1);
  expect(named.stderr).toContain("missing.toml");
  expect((await run(["check"], { cwd: folder })).code).toBe(0);
});

test("tells its version, its help, and what it does not know", async () => {
  expect((await run(["--version"])).text).toMatch(/^keiki \d+\.\d+\.\d+/);
  expect((await run(["--help"])).text).toContain("check");
  const unknown = await run(["--lisen", "x"]);
  expect(unknown.code).not.toBe(0);
  expect(unknown.stderr).toContain("--lisen");
});

test("a port in use is one clear sentence", async () => {
  const other = createServer();
  await new Promise((resolve) => other.listen(0, "127.0.0.1", resolve));
  const { port } = other.address();
  const { code, text } = await run(["--listen", `127.0.0.1:${port}`], { cwd: temporaryFolder() });
  other.close();
  expect(code).toBe(1);
  expect(text).toContain(String(port));
  expect(text).toMatch(/in use/);
  expect(text).not.toMatch(/panicked/);
});

test("listens on loopback only", async () => {
  for (const address of ["0.0.0.0:0", "[::]:0", "192.0.2.1:3000"]) {
    const { code, text } = await run(["--listen", address], { cwd: temporaryFolder() });
    expect(code, address).toBe(1);
    expect(text, address).toMatch(/reached from other machines/);
  }
});

test("runs without any file, in an empty folder, with an empty environment", async ({ start }) => {
  const server = await start();
  expect((await get(server.url("/"))).status).toBe(200);
  const logs = server.log.trim().split("\n");
  expect(logs.length).toBeGreaterThan(0);
  for (const line of logs) expect(() => JSON.parse(line), line).not.toThrow();
});
