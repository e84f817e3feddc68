// The server's SVG and the browser's canvas are two drawings of one chart model: they must look alike.
import { writeFileSync } from "node:fs";
import { get } from "../lib/http.js";
import { likeness } from "../lib/picture.js";
import { expect, test } from "../lib/test.js";
import { until } from "../lib/until.js";

// The browser does not find what it has preloaded where a test answers for the server.
test.use({ expected: { faults: [/preloaded using link preload but not used/] } });

for (const [path, scheme] of [["/", "light"], ["/groups/resources", "dark"], ["/groups/api", "light"], ["/groups/queue", "dark"]]) {
  test(`the charts of ${path} look alike as SVG and as canvas (${scheme})`, async ({ server, open }, info) => {
    test.setTimeout(120_000);
    // Some data first: an empty chart proves little.
    await until("15 s of data", async () => {
      await get(server.url("/healthz"));
      return (await server.panel("resources.memory", "window=1m")).series[0]?.points.filter(([, value]) => value !== null).length > 15;
    }, { timeout: 30_000, every: 200 });
    const address = server.url(`${path}?window=1m&theme=${scheme}&lang=en`);
    // Both browsers get the very same document, and no event after it: one tick, drawn twice.
    // Without events the page says that it is cut off, and data grow pale: not what is compared here.
    const vivid = "<style>.banner { display: none !important } .panel { background: none !important } .chart, .chart .first, .chart .canvas { filter: none !important; opacity: 1 !important }</style></head>";
    const body = (await get(address)).body.replace("</head>", vivid);
    const serve = async (page) => {
      await page.route(address, (route) => route.fulfill({ body, contentType: "text/html; charset=utf-8" }));
      await page.route("**/api/live?*", () => {});
      await page.goto(address, { waitUntil: "load" });
      return page;
    };
    const options = { viewport: { width: 1440, height: 2400 } };
    const still = await serve(await open(server.url("/healthz"), { ...options, javaScriptEnabled: false }));
    const moving = await serve(await open(server.url("/healthz"), options));
    await moving.waitForFunction(() => [...document.querySelectorAll(".chart")].every((chart) => chart.dataset.chart === "live"));
    const panels = await moving.evaluate(() => [...document.querySelectorAll("section[data-panel]:has(.chart)")].map(({ dataset }) => dataset.panel));
    expect(panels.length).toBeGreaterThan(0);
    for (const panel of panels) {
      const [one, two] = await Promise.all([still, moving].map((page) => page.locator(`section[data-panel="${panel}"] .chart`).screenshot()));
      const { share, ink, reason, there, back } = likeness(one, two);
      console.log(`  ${panel.padEnd(28)} ${(share * 100).toFixed(1)} % of ${ink} pixels alike`);
      if (share < 0.97) {
        writeFileSync(info.outputPath(`${panel}-svg.png`), one);
        writeFileSync(info.outputPath(`${panel}-canvas.png`), two);
      }
      expect.soft(ink, panel).toBeGreaterThan(200);
      expect.soft(share, `${panel}: ${reason ?? `${there} there, ${back} back`}`).toBeGreaterThan(0.97);
    }
  });
}
