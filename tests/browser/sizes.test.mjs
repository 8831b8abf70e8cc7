// Every size, theme and language: pictures to be looked at, and what a look would find first is looked for.

import assert from "node:assert/strict";
import { test } from "node:test";
import { openPage, openScenario, screenshot, startServer } from "./harness.mjs";

const SIZES = {
  phone: { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true },
  tablet: { viewport: { width: 820, height: 1180 }, hasTouch: true },
  low: { viewport: { width: 1280, height: 720 } },
  laptop: { viewport: { width: 1280, height: 800 } },
  projector: { viewport: { width: 1920, height: 1080 } },
};
/** A pod that cannot be pulled, one that crashes and one that fits nowhere; and nothing at all. */
const pod = (name, image, cpu) => `{apiVersion: v1, kind: Pod, metadata: {name: ${name}}, spec: {containers: [{name: c, image: '${image}', resources: {requests: {cpu: '${cpu}'}}}]}}`;
const cluster = (nodes, steps) => `apiVersion: kubarium.dev/v1alpha1\nkind: Scenario\nmetadata: {name: sizes}\nspec: {seed: 5, cluster: {nodes: ${nodes}}, opening: 60s, steps: ${steps}}\n`;
const CLUSTERS = {
  failing: cluster("[{count: 3}]", `[{at: 1s, fault: {target: 'image/lost:1', kind: Missing}}, {at: 2s, apply: "${pod("lost", "lost:1", 1)}"}, {at: 2s, apply: "${pod("crashes", "todo-api:v1.2", 1)}"}, {at: 2s, apply: "${pod("large", "todo-api:v1.0", 64)}"}]`),
  map: cluster("[{count: 60}]", "[]"),
  empty: cluster("[]", "[]"),
};
/** Two of these may lie on each other by so much: letters have room around them. */
const SLACK = 2;
/** A list that can be chosen from has so much for its arrow. */
const ARROW = 16;

/** In the page: texts that are cut off without a sign of it, and pairs of texts that lie on each other. */
function faults([slack, arrow]) {
  // What moves passes over everything.
  const passing = ".dots";
  const texts = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const { currentNode: node, currentNode: { parentElement: element } } = walker;
    if (!node.textContent.trim() || !element.checkVisibility({ opacityProperty: true, visibilityProperty: true }) || element.closest(passing)) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    for (const rect of range.getClientRects()) {
      // Where it begins: its middle may be what is cut off.
      const [x, y] = [rect.x + Math.min(4, rect.width / 2), rect.y + rect.height / 2];
      if (rect.width < 2 || rect.height < 2 || x < 0 || y < 0 || x > innerWidth || y > innerHeight) continue;
      const above = document.elementsFromPoint(x, y);
      const depth = above.indexOf(element);
      const covered = above.slice(0, depth < 0 ? above.length : depth).some((other) => !element.contains(other) && !other.contains(element) && /^rgb\(/.test(getComputedStyle(other).backgroundColor));
      // Scrolled out of a list's window.
      if (depth < 0 || covered) continue;
      texts.push({ element, text: node.textContent.trim(), rect });
    }
  }
  const cut = texts.filter(({ element, rect }) => {
    for (let around = element; around; around = around.parentElement) {
      const style = getComputedStyle(around);
      if (style.textOverflow === "ellipsis" || style.webkitLineClamp !== "none" || ["auto", "scroll"].includes(style.overflowX)) return false;
      const { left, right } = around.getBoundingClientRect();
      if (["hidden", "clip"].includes(style.overflowX) && (rect.left < left - slack || rect.right > right + slack)) return true;
    }
    return false;
  }).map(({ text }) => text);
  const pen = document.createElement("canvas").getContext("2d");
  for (const select of [...document.querySelectorAll("select")].filter((select) => select.checkVisibility())) {
    const style = getComputedStyle(select);
    pen.font = style.font;
    const [text] = select.selectedOptions;
    const room = select.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight) - arrow;
    if (pen.measureText(text.textContent).width > room + slack) cut.push(text.textContent);
  }
  const on = [];
  for (const [index, one] of texts.entries()) {
    for (const other of texts.slice(index + 1)) {
      if (one.element === other.element) continue;
      const width = Math.min(one.rect.right, other.rect.right) - Math.max(one.rect.left, other.rect.left);
      const height = Math.min(one.rect.bottom, other.rect.bottom) - Math.max(one.rect.top, other.rect.top);
      // The boxes of two lines share a little.
      if (width > slack && height > 0.3 * Math.min(one.rect.height, other.rect.height)) on.push(`“${one.text}” and “${other.text}”`);
    }
  }
  const { scrollWidth, clientWidth, scrollHeight, clientHeight } = document.documentElement;
  // A phone's page is as long as it needs; elsewhere what is below the screen would lie below the tabs that stay there.
  return { wide: scrollWidth - clientWidth, long: clientWidth < 720 ? 0 : scrollHeight - clientHeight, cut, on };
}

async function isInOrder(page, name) {
  await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
  await screenshot(page, `sizes/${name}`);
  assert.deepEqual(await page.evaluate(faults, [SLACK, ARROW]), { wide: 0, long: 0, cut: [], on: [] }, name);
}

for (const [size, options] of Object.entries(SIZES)) {
  const looks = [["en-US", "light"], ["ja-JP", "dark"], ["en-US", "dark"], ["ja-JP", "light"]];
  // Between the others in size: once in each language.
  for (const [locale, colorScheme] of ["tablet", "low"].includes(size) ? looks.slice(0, 2) : looks) {
    const name = `${size}-${locale.slice(0, 2)}-${colorScheme}`;
    test(`nothing is cut off and nothing lies on anything: ${name}`, async (t) => {
      const server = await startServer(t);
      const page = await openPage(t, server.url, { ...options, locale, colorScheme });
      await page.locator(".pod[data-shape=ready].serving").nth(2).waitFor();
      if (size === "projector") await page.keyboard.press("p");
      await isInOrder(page, `${name}-begins`);
      await page.locator(".node .power").last().click();
      await page.locator(".node[data-state=off]").waitFor({ timeout: 60_000 });
      await isInOrder(page, `${name}-node-off`);
      for (const [tab, panel] of ["yaml", "terminal", "timeline", "inspector", "faults", "tree"].entries()) {
        await page.locator(".tabs .tab").nth(tab).click();
        await page.locator("#drawer:not([aria-busy=true])").waitFor();
        if (panel === "yaml") await page.locator("#drawer .cm-content").waitFor();
        if (panel === "tree") await page.locator("[role=treeitem]").first().waitFor();
        await isInOrder(page, `${name}-${panel}`);
      }
      await page.keyboard.press("Escape");
      await page.locator("#drawer").waitFor({ state: "hidden" });
      for (const [what, scenario] of Object.entries(CLUSTERS)) {
        await openScenario(page, scenario);
        if (what === "failing") await page.locator(".pod[data-shape=failing]").first().waitFor();
        else if (what === "map") await page.locator(".map canvas").waitFor();
        else await page.locator(".map").waitFor({ state: "detached" });
        await isInOrder(page, `${name}-${what}`);
        // A panel beside it takes half of its room.
        await page.locator(".tabs .tab").nth(3).click();
        await page.locator("#drawer:not([aria-busy=true])").waitFor();
        await isInOrder(page, `${name}-${what}-panel`);
        await page.locator("#drawer .round").first().click();
        await page.locator("#drawer").waitFor({ state: "hidden" });
      }
    });
  }
}
