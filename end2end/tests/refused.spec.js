// What the shared stream does where one of several pages is refused, or has all that there is already.
import { expect, test } from "@playwright/test";
import { hostPage } from "../lib/host.js";
import { standIn } from "../lib/stand-in.js";
import { until } from "../lib/until.js";

const tab = async (context, server, view) => {
  const page = await context.newPage();
  await page.goto(server.url(`/page?view=${view}`));
  return page;
};

const heard = (page) => page.evaluate(() => window.seen.length);

for (const status of [400, 403]) {
  test(`a view that is refused with ${status} takes no other with it, and the others come together again`, async ({ context }) => {
    const server = await standIn({ refuses: (views) => (views.includes("bad") ? status : undefined) });
    await context.clock.install();
    try {
      const one = await tab(context, server, "one");
      const two = await tab(context, server, "two");
      await until("both share", () => server.streams().join(" ") === "one,two");
      await tab(context, server, "bad");
      await until("all are apart", () => server.streams().join(" ") === "one two");
      await until("it is known whose view it was", () => server.refused.includes("bad"));
      // Minutes pass, until the others have heard of it too.
      await until("they share again", async () => {
        await context.clock.fastForward(60_000);
        return until("now", () => server.streams().join(" ") === "one,two", { timeout: 3_000 }).catch(() => false);
      }, { timeout: 25_000 });
      for (const page of [one, two]) {
        const before = await heard(page);
        await until("it goes on", async () => (await heard(page)) > before);
      }
      // One more that is good joins; the refused one takes nobody with it any more.
      await tab(context, server, "three");
      await until("three share", () => server.streams().join(" ") === "one,three,two");
    } finally {
      await server.close();
    }
  });
}

test("every frame of one address says that the token is no longer good", async ({ page }) => {
  let revoked = false;
  const server = await standIn({ refuses: () => (revoked ? 401 : undefined) });
  const host = await hostPage(() => `<!doctype html>${`<iframe src="${server.url("/page?view=one")}"></iframe>`.repeat(3)}`);
  try {
    await page.goto(host.origin);
    const frames = () => page.frames().slice(1);
    for (const frame of frames()) await until("events come", () => frame.evaluate(() => window.seen?.length > 0));
    revoked = true;
    server.end();
    for (const frame of await page.locator("iframe").all()) {
      await expect(frame.contentFrame().locator("body")).toHaveText("refused", { timeout: 30_000 });
    }
  } finally {
    await host.close();
    await server.close();
  }
});

test("a second tab of which nothing is new learns that it is linked", async ({ context }) => {
  const server = await standIn({ refuses: () => undefined, quiet: true });
  try {
    await tab(context, server, "long");
    await until("one stream", () => server.streams().join(" ") === "long");
    const second = await tab(context, server, "long");
    await expect.poll(() => second.evaluate(() => window.seen), { timeout: 10_000 }).toEqual(["live", ""]);
    expect(server.streams()).toEqual(["long"]);
  } finally {
    await server.close();
  }
});
