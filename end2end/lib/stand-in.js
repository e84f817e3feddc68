// A server that stands in for Keiki where only the scripts of its pages are looked at: it serves them as they lie in the
// repository, and a stream that refuses what a test wants refused.
import { readFileSync } from "node:fs";
import { createServer } from "node:http";

/** Opens a view again and again, as the app does, and says in `seen` what came. */
const PAGE = `<!doctype html><html><body><script type="module">
  import { start } from "/stream.js";
  addEventListener("keiki:reload", () => location.reload());
  const { open } = start();
  const view = new URLSearchParams(location.search).get("view");
  window.seen = [];
  for (;;) {
    const stream = open(view, "run-1");
    try {
      for (;;) seen.push(...(await stream.read()));
    } catch {
      stream.close();
    }
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
</script>`;

/** `refuses(views)` gives the status of a refusal, if it is one. An admitted stream gets an event per view, and further ones if not `quiet`. */
export async function standIn({ refuses, quiet = false }) {
  const open = new Set();
  const refused = [];
  let tick = 1;
  const tell = ({ response, views }) => {
    for (const view of views) response.write(`event: delta\nid: run-${tick}\ndata: {"view":"${view}"}\n\n`);
  };
  const timer = setInterval(() => {
    if (quiet) for (const { response } of open) response.write(":\n\n");
    else {
      tick += 1;
      open.forEach(tell);
    }
  }, 200);
  const server = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url, "http://stand-in");
    if (pathname === "/api/live") {
      const views = searchParams.get("views").split(",").map((item) => item.split(";")[0]);
      const status = refuses(views);
      if (status) {
        refused.push(views.join(","));
        return response.writeHead(status).end("refused\n");
      }
      response.writeHead(200, { "content-type": "text/event-stream" });
      const stream = { response, views };
      open.add(stream);
      response.on("close", () => open.delete(stream));
      return tell(stream);
    }
    if (/^\/(stream|share|reader|memory)\.js$/.test(pathname)) {
      const script = readFileSync(new URL(`../../public${pathname}`, import.meta.url));
      return response.writeHead(200, { "content-type": "text/javascript" }).end(script);
    }
    const status = pathname === "/page" ? refuses([searchParams.get("view")]) : 404;
    response.writeHead(status === 401 ? 401 : pathname === "/page" ? 200 : 404, { "content-type": "text/html" });
    response.end(pathname !== "/page" || status === 401 ? "<p>refused</p>" : PAGE);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: (path) => `http://127.0.0.1:${server.address().port}${path}`,
    /** The views of each open stream. */
    streams: () => [...open].map(({ views }) => views.toSorted().join(",")).toSorted(),
    /** The views of each request that was refused. */
    refused,
    end: () => open.forEach(({ response }) => response.destroy()),
    close: () => (clearInterval(timer), new Promise((resolve) => server.close(resolve).closeAllConnections())),
  };
}
