import { chromium } from "playwright-core";
const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox", "--disable-dev-shm-usage"] });
const U = "http://127.0.0.1:8971/";
const shot = async (name, options, act, url = U) => {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  page.on("console", (m) => /warn|error/.test(m.type()) && console.log(name, m.text()));
  page.on("pageerror", (e) => console.log(name, String(e)));
  try {
    await page.goto(url);
    await page.locator(".pod, .map-counts").first().waitFor({ timeout: 15000 });
    await page.waitForTimeout(1500);
    await act?.(page);
    await page.waitForTimeout(1200);
  } catch (e) { console.log(name, String(e).split("\n")[0]); }
  await page.screenshot({ path: `/tmp/kb/look/${name}.png` });
  await context.close();
};
const L = { viewport: { width: 1280, height: 800 }, colorScheme: "light" }, D = { ...L, colorScheme: "dark" }, J = { ...L, locale: "ja-JP" };
const P = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true, deviceScaleFactor: 2 };
const only = process.argv[2] && new RegExp(process.argv[2]);
const all = {
  first: [L], firstDark: [D], firstJa: [J], phone: [P], phoneJa: [{ ...P, locale: "ja-JP", colorScheme: "dark" }], wide: [{ viewport: { width: 1920, height: 1080 } }],
  off: [L, async (p) => { await p.locator("[data-place='node/node-2'] .power").click(); await p.waitForTimeout(9000); }],
  timeline: [L, async (p) => { await p.locator("[data-place='node/node-2'] .power").click(); await p.waitForTimeout(4000); await p.locator(".tabs .tab").nth(2).click(); await p.waitForTimeout(1500); }],
  podInspect: [D, async (p) => { await p.locator(".pod").first().click(); await p.waitForTimeout(2500); }],
  faults: [L, async (p) => { await p.locator(".tabs .tab").nth(4).click(); }],
  tree: [J, async (p) => { await p.locator(".tabs .tab").nth(5).click(); }],
  editor: [L, async (p) => { await p.locator(".tabs .tab").nth(0).click(); await p.waitForTimeout(2500); }],
  terminal: [D, async (p) => { await p.locator(".tabs .tab").nth(1).click(); await p.waitForTimeout(2000); await p.keyboard.type("kubectl get pods -A -o wide\n"); await p.waitForTimeout(1500); await p.keyboard.type("kubectl describe pod\n"); }],
  paused: [L, async (p) => { await p.keyboard.press("Space"); }],
  present: [{ viewport: { width: 1920, height: 1080 } }, async (p) => { await p.keyboard.press("p"); await p.waitForTimeout(500); await p.keyboard.press("Shift+P"); }],
  phoneEditor: [P, async (p) => { await p.locator(".tabs .tab").nth(0).click(); await p.waitForTimeout(2500); }],
  phoneTimeline: [P, async (p) => { await p.locator(".tabs .tab").nth(2).click(); await p.waitForTimeout(1500); }],
  phonePod: [P, async (p) => { await p.locator(".pod").first().tap(); await p.waitForTimeout(2500); }],
};
for (const [name, [options, act]] of Object.entries(all)) if (!only || only.test(name)) await shot(name, options, act);
await browser.close(); process.exit();
