// The pictures of the documentation.

import { stat } from "node:fs/promises";
import { join } from "node:path";
import { open, start } from "./browser.mjs";

const LARGEST = 150_000;
const VIEW = { viewport: { width: 1040, height: 790 } };

for (const colorScheme of ["light", "dark"]) {
  const browser = await start({ ...VIEW, colorScheme });
  const { page } = await open(browser.context, process.env.ARENA_SHOWCASE);
  await take(page, `report-${colorScheme}.png`);
  if (colorScheme === "light") {
    await page.getByLabel("Search cases").fill("\"refunded you in full\"");
    await page.locator(".case.failed").filter({ hasText: "refund-too-late" }).first().locator(".toggle").click();
    await page.locator(".detail mark.failed").waitFor();
    await page.evaluate(() => { document.activeElement.blur(); document.getElementById("cases").scrollIntoView(); });
    await take(page, "report-transcript.png");
  }
  await browser.close();
}

async function take(page, name) {
  const path = join(process.env.ARENA_IMAGES, name);
  await page.mouse.move(0, 0);
  await page.screenshot({ path, animations: "disabled", caret: "hide" });
  const { size } = await stat(path);
  if (size > LARGEST) throw new Error(`${name} has ${size} bytes, at most ${LARGEST} are wanted`);
  console.log(`${path} (${size} bytes)`);
}
