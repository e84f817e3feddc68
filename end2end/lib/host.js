// Somebody else's web page, on an origin of its own.
import { createServer } from "node:http";

/** Serves one page, whatever is asked for, on a port of its own or the one that is wanted. */
export async function hostPage(html, wanted = 0) {
  const server = createServer((request, response) => {
    if (request.url === "/favicon.ico") return response.writeHead(204).end();
    response.writeHead(200, { "content-type": "text/html; charset=utf-8" }).end(html());
  });
  await new Promise((resolve) => server.listen(wanted, resolve));
  const { port } = server.address();
  return {
    // Another site than 127.0.0.1, so that the browser takes the frames for a third party's.
    origin: `http://localhost:${port}`,
    close: () => new Promise((resolve) => server.close(resolve).closeAllConnections()),
  };
}
