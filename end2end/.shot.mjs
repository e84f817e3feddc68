// node shot.mjs url out w h [scheme] [waitms]
import { chromium } from "@playwright/test";
import { launchOptions } from "./lib/chromium.js";
const [url,out,w,h,scheme="dark",wait="3000"]=process.argv.slice(2);
const b=await chromium.launch(launchOptions);
const p=await b.newPage({viewport:{width:+w,height:+h},colorScheme:scheme});
p.on("console",m=>console.log("console",m.type(),m.text())); p.on("pageerror",e=>console.log("error",e.message));
await p.goto(url); await p.waitForTimeout(+wait);
console.log(await p.evaluate(()=>document.documentElement.dataset.link));
await p.screenshot({path:out}); await b.close();
