// A page must be silent: whatever a browser complains about fails the test.

/** What is not a fault: when a page, or a frame in it, is left, the browser aborts what it was loading, and the stream. */
const LEFT = /^request failed: net::ERR_ABORTED /;

/** Without scripts the browser refuses to preload them, as if by a policy, and misses who uses the rest. */
const WITHOUT_SCRIPTS = [/request failed: csp \S+\.js$/, /was preloaded using link preload but not used/];

/**
 * Collects all console messages, page errors, violations of the content security policy, failed requests, answers that
 * are errors, and requests to anywhere but `origin`. `allow` are patterns of expected ones.
 */
export function watch(page, { origin, allow = [], scripts = true } = {}) {
  const faults = [];
  const note = (text) => {
    if (![LEFT, ...(scripts ? [] : WITHOUT_SCRIPTS), ...allow].some((pattern) => pattern.test(text))) faults.push(text);
  };
  page.on("console", (message) => note(`console.${message.type()}: ${message.text()} (${message.location().url})`));
  page.on("pageerror", (error) => note(`page error: ${error.stack ?? error}`));
  page.on("crash", () => note("the page crashed"));
  page.on("requestfailed", (request) => note(`request failed: ${request.failure()?.errorText} ${request.url()}`));
  page.on("response", (response) => {
    if (response.status() >= 400) note(`answer ${response.status()}: ${response.url()}`);
  });
  page.on("request", (request) => {
    const url = new URL(request.url());
    if (origin && url.protocol.startsWith("http") && url.origin !== origin) note(`foreign request: ${url}`);
  });
  return faults;
}
