// A reverse proxy as it comes: it asks by the server's own name, speaks HTTP/1.1 and says nothing of itself.
import http, { createServer } from "node:http";

/**
 * Forwards to a port of this machine. `without` are headers that do not come through: browsers themselves leave out
 * `Sec-Fetch-*` where a server has neither HTTPS nor this machine's name.
 */
export async function bareProxy(port, without = () => false) {
  const server = createServer((request, response) => {
    const kept = Object.entries(request.headers).filter(([name]) => !without(name));
    const headers = { ...Object.fromEntries(kept), host: `127.0.0.1:${port}` };
    const onward = http.request({ host: "127.0.0.1", port, method: request.method, path: request.url, headers, agent: false });
    onward.once("response", (answer) => answer.pipe(response.writeHead(answer.statusCode, answer.headers)));
    onward.once("error", () => response.destroy());
    response.once("close", () => onward.destroy());
    request.pipe(onward);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: (path) => `http://127.0.0.1:${server.address().port}${path}`,
    close: () => new Promise((resolve) => server.close(resolve).closeAllConnections()),
  };
}
