// Chromium or Firefox, as a test in Python asks: a line of JSON comes in, a line goes out.
// Puppeteer drives both: Chromium by its own protocol, Firefox by WebDriver BiDi, without any other driver.
import { createInterface } from "node:readline";
import puppeteer from "puppeteer-core";

const [browser, executablePath, ...args] = process.argv.slice(2);
const launched = await puppeteer.launch({ browser, executablePath, args });
const page = await launched.newPage();

// A selector's element in view, and its points, from 0 to 1 each way, as places on the screen.
async function seen(selector, points = []) {
  const found = await page.waitForSelector(selector.startsWith("//") ? `xpath/${selector}` : selector);
  await found.evaluate((element) => element.scrollIntoView({ block: "center" }));
  const { x, y, width, height } = await found.boundingBox();
  return [found, points.map(([across, down]) => [x + across * width, y + down * height])];
}

const acts = {
  go: (address) => page.goto(address),
  evaluate: (expression) => page.evaluate(expression),
  resize: (width, height) => page.setViewport({ width, height, hasTouch: true }),
  async click(selector) {
    await (await seen(selector))[0].click();
  },
  async give(selector, text) {
    const [field] = await seen(selector);
    await field.click({ count: 3 });
    await page.keyboard.type(text);
    await page.keyboard.press("Enter");
  },
  async draw(pointer, selector, points) {
    const [first, ...others] = (await seen(selector, points))[1];
    const mouse = pointer === "mouse";
    if (mouse) await page.mouse.move(...first);
    await (mouse ? page.mouse.down() : page.touchscreen.touchStart(...first));
    for (const place of others)
      await (mouse ? page.mouse.move(...place, { steps: 8 }) : page.touchscreen.touchMove(...place));
    await (mouse ? page.mouse.up() : page.touchscreen.touchEnd());
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const [act, ...words] = JSON.parse(line);
  let answer;
  try {
    const value = await acts[act](...words);
    answer = { value: act === "evaluate" ? value : null };
  } catch (error) {
    answer = { error: String(error) };
  }
  console.log(JSON.stringify(answer));
}
await launched.close();
