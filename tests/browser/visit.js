// node visit.js CHROMIUM FILE.html [FOLDER FOR SCREENSHOTS]: opens the page and prints what it finds as one line of JSON.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { chromium } from "playwright-core";

const [executablePath, file, folder] = process.argv.slice(2);
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const widths = { phone: 360, desk: 1280 };
// playwright starts the browser with a new, empty profile.
const args = ["--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync"];

const visible = (page) => page.locator(".item:visible").count();

async function visit(browser, scheme, size) {
  // The page's Content-Security-Policy would block axe.
  const context = await browser.newContext({
    bypassCSP: true, colorScheme: scheme, viewport: { width: widths[size], height: 800 },
  });
  const page = await context.newPage();
  const errors = [];
  page.on("pageerror", (error) => errors.push(String(error)));
  page.on("console", (message) => message.type() === "error" && errors.push(message.text()));
  await page.goto(pathToFileURL(file).href);
  if (folder) await page.screenshot({ path: `${folder}/${scheme}-${size}.png` });
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  await page.evaluate(() => document.querySelectorAll("details").forEach((details, index) => { details.open = index < 30; }));
  const unfolded = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  if (folder) await page.screenshot({ path: `${folder}/${scheme}-${size}-whole.png`, fullPage: true });
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => axe.run());
  const background = await page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
  await context.close();
  return {
    scheme, size, errors, overflow, unfolded, background,
    violations: violations.map(({ id, impact, nodes }) => `${impact}: ${id}: ${nodes[0].html.slice(0, 200)}`),
  };
}

// Searches and unfolds, with the page's own Content-Security-Policy.
async function use(browser) {
  const context = await browser.newContext({ viewport: { width: widths.phone, height: 800 } });
  const page = await context.newPage();
  const errors = [], requests = [];
  page.on("pageerror", (error) => errors.push(String(error)));
  page.on("console", (message) => message.type() === "error" && errors.push(message.text()));
  page.on("request", (request) => requests.push(request.url().split(":")[0]));
  await page.goto(pathToFileURL(file).href);
  const searches = {};
  const box = page.getByRole("searchbox");
  const before = await visible(page);
  if (await box.count()) {
    for (const words of (process.env.WORDS ?? "").split("|").filter(Boolean)) {
      await box.fill(words);
      searches[words] = { rows: await visible(page), said: await page.getByRole("status").textContent() };
    }
    await box.fill("");
  }
  const after = await visible(page);
  const buttons = await page.locator("button.all:visible").count();
  if (buttons) await page.locator("button.all:visible").first().click();
  const unfolded = await visible(page);
  await context.close();
  return { errors, requests: [...new Set(requests)], searches, before, after, unfolded, ...await withoutScripts(browser) };
}

async function withoutScripts(browser) {
  const context = await browser.newContext({ javaScriptEnabled: false });
  const page = await context.newPage();
  await page.goto(pathToFileURL(file).href);
  const plain = await visible(page);
  const idle = await page.locator("button:visible, input:visible").count();
  await context.close();
  return { plain, idle };
}

const browser = await chromium.launch({ executablePath, headless: true, chromiumSandbox: false, args });
try {
  const visits = [];
  for (const scheme of ["light", "dark"]) {
    for (const size of Object.keys(widths)) visits.push(await visit(browser, scheme, size));
  }
  console.log(JSON.stringify({ visits, use: await use(browser) }));
} finally {
  await browser.close();
}
