// Readable by everyone: structure, names, focus, contrast.
import AxeBuilder from "@axe-core/playwright";
import { PATHS, drawn, live } from "../lib/page.js";
import { expect, test } from "../lib/test.js";
import { until } from "../lib/until.js";

for (const path of PATHS) {
  for (const scheme of ["light", "dark"]) {
    test(`${path} ${scheme}: axe finds nothing serious`, async ({ server, open }) => {
      const page = await open(server.url(`${path}?lang=en&theme=${scheme}`));
      await live(page);
      await drawn(page);
      const { violations } = await new AxeBuilder({ page }).analyze();
      const serious = violations.filter(({ impact }) => ["serious", "critical"].includes(impact));
      expect(serious.map(({ id, nodes }) => `${id}: ${nodes.slice(0, 3).map(({ html }) => html.slice(0, 160)).join(" | ")}`)).toEqual([]);
    });
  }
}

test("headings are in order and name the panels", async ({ server, open }) => {
  for (const path of PATHS) {
    const page = await open(server.url(`${path}?lang=en`));
    await live(page);
    const levels = await page.evaluate(() => [...document.querySelectorAll("h1,h2,h3,h4,h5,h6")].map(({ tagName }) => Number(tagName[1])));
    expect(levels.filter((level) => level === 1)).toHaveLength(1);
    expect(levels[0]).toBe(1);
    levels.forEach((level, place) => place > 0 && expect(level - levels[place - 1], `${path} ${levels}`).toBeLessThanOrEqual(1));
    const unnamed = await page.evaluate(() =>
      [...document.querySelectorAll("section[data-panel]")].filter((panel) => !document.getElementById(panel.getAttribute("aria-labelledby"))?.textContent.trim()).map(({ dataset }) => dataset.panel),
    );
    expect(unnamed).toEqual([]);
    await page.close();
  }
});

test("the first Tab leads past the strips", async ({ server, open }) => {
  const page = await open(server.url("/?lang=en"));
  await live(page);
  await page.keyboard.press("Tab");
  const skip = page.locator("a.skip");
  await expect(skip).toBeFocused();
  await expect(skip).toBeInViewport();
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(/#main$/);
});

test("the focus is always seen", async ({ server, open }) => {
  const page = await open(server.url("/groups/resources?lang=en"));
  await live(page);
  for (let count = 0; count < 25; count += 1) {
    await page.keyboard.press("Tab");
    const focus = await page.evaluate(() => {
      const element = document.activeElement;
      const { outlineStyle, outlineWidth } = getComputedStyle(element);
      return { what: element.outerHTML.slice(0, 80), outlineStyle, width: Number.parseFloat(outlineWidth), body: element === document.body };
    });
    if (focus.body) break;
    expect(focus.outlineStyle, focus.what).not.toBe("none");
    expect(focus.width, focus.what).toBeGreaterThanOrEqual(2);
  }
});

test("data tables are tables", async ({ server, open }) => {
  await until("some points", async () => (await server.panel("resources.cpu")).series.length > 1);
  const page = await open(server.url("/groups/resources?lang=en"), { javaScriptEnabled: false });
  const details = page.locator('section[data-panel="resources.cpu"] details.data');
  await details.locator("summary").click();
  await expect(details.locator("table")).toHaveCount(1);
  expect(await details.locator("thead th[scope=col]").count()).toBeGreaterThan(1);
  await expect(details.locator("tbody tr").first().locator("th[scope=row]")).toHaveCount(1);
  await expect(details.locator("summary")).toHaveText(/\S/);
});

test("a touch target has 44 px", async ({ server, open }) => {
  const page = await open(server.url("/?lang=en"), { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true });
  await live(page);
  const small = await page.evaluate(() =>
    [...document.querySelectorAll("header.bar a, header.bar button, .tabs a")]
      .filter((target) => target.getClientRects().length > 0)
      .filter((target) => target.getBoundingClientRect().height < 43.5)
      .map((target) => `${target.outerHTML.slice(0, 80)} ${target.getBoundingClientRect().height}`),
  );
  expect(small).toEqual([]);
});

test("the keyboard does everything: ? lists the keys, and each does what it says", async ({ server, open }) => {
  const page = await open(server.url("/?lang=en"));
  await live(page);
  await page.keyboard.press("?");
  const help = page.getByRole("dialog");
  await expect(help).toBeVisible();
  await expect(help.locator("dt")).toHaveCount(14);
  await page.keyboard.press("4");
  await expect(page, "while the list is open its keys do nothing").toHaveURL(/\/\?lang=en$/);
  await page.keyboard.press("Escape");
  await expect(help).toHaveCount(0);
  await page.keyboard.press("4");
  await expect(page).toHaveURL(/\/groups\/resources\?lang=en$/);
  await live(page);
  await page.keyboard.press("[");
  await expect(page).toHaveURL(/window=1m/);
  await live(page);
  await page.keyboard.press("[");
  await expect(page, "there is no shorter one").toHaveURL(/window=1m/);
  await page.keyboard.press(",");
  await expect(page, "the minute before").toHaveURL(/from=\d+&to=\d+/);
  await live(page);
  await page.keyboard.press("n");
  await expect(page).not.toHaveURL(/from=/);
  await live(page);
  await page.keyboard.press("-");
  await expect(page.locator("nav.span p").first()).toHaveText("The newest 5 m");
  await live(page);
  await page.locator(".windows a").first().click();
  await expect(page).toHaveURL(/window=1m/);
  await live(page);
  await page.keyboard.press("c");
  await expect(page.locator("html")).toHaveAttribute("data-theme", "light");
  await page.keyboard.press("t");
  await expect(page.locator("details.data[open]").first()).toBeVisible();
  await page.keyboard.press("t");
  await expect(page.locator("details.data[open]")).toHaveCount(0);
  await page.keyboard.press("Space");
  await expect(page.locator("button.live")).toHaveAttribute("aria-pressed", "false");
  await page.keyboard.press("l");
  await expect(page.locator("html")).toHaveAttribute("lang", "ja");
  await live(page);
  await page.keyboard.press("0");
  await expect(page.locator("a[href*='window=1m'][aria-current=page]")).toBeVisible();
});

for (const path of ["/kiosk", "/kiosk?rotate=20", "/embed/api.latency", "/embed/resources.processes", "/embed", "/sources", "/explore", "/explore/system_cpu_utilization_ratio"]) {
  for (const scheme of ["light", "dark"]) {
    test(`${path} ${scheme}: axe finds nothing serious`, async ({ server, open }) => {
      for (const language of ["en", "ja"]) {
        const page = await open(server.url(`${path}${path.includes("?") ? "&" : "?"}lang=${language}&theme=${scheme}`), { colorScheme: scheme });
        await page.locator("main").waitFor();
        if (!["/embed", "/sources", "/explore"].includes(path)) await live(page);
        const { violations } = await new AxeBuilder({ page }).analyze();
        const serious = violations.filter(({ impact }) => ["serious", "critical"].includes(impact));
        expect(serious.map(({ id, nodes }) => `${id}: ${nodes.slice(0, 3).map(({ html }) => html.slice(0, 160)).join(" | ")}`)).toEqual([]);
        await page.close();
      }
    });
  }
}
