// How long a page of ten thousand cases takes to open, whether all of it is found, and what a larger one says it left
// out. Prints one JSON object.

import { open, start } from "./browser.mjs";

const OPENINGS = 9;

const browser = await start();
try {
  const times = [];
  const trouble = [];
  let facts = {};
  for (let n = 0; n < OPENINGS; n += 1) {
    const from = performance.now();
    const opened = await open(browser.context, process.env.ARENA_PAGE);
    const { page } = opened;
    await page.locator("tr.case").first().waitFor();
    await page.evaluate(() => new Promise((painted) => { requestAnimationFrame(() => requestAnimationFrame(painted)); }));
    times.push(performance.now() - from);
    if (n === OPENINGS - 1) facts = await look(page);
    trouble.push(...opened.trouble);
    await page.close();
  }
  const large = await open(browser.context, process.env.ARENA_LARGE);
  const status = await large.page.locator("#cases [role=status]").innerText();
  trouble.push(...large.trouble);
  const said = await large.page.locator(".left-out").allInnerTexts();
  console.log(JSON.stringify({ open_ms: times, trouble, ...facts, large: { shown: Number(status.replace(/\D/g, "")), said } }));
} finally {
  await browser.close();
}

/** The numbers on the page, and for each case whether the word that only its transcript has finds it. */
async function look(page) {
  const status = page.locator("#cases [role=status]");
  const cases = Number((await status.innerText()).replace(/\D/g, ""));
  await page.locator(".chip.failed").click();
  const failures = Number((await status.innerText()).split(" of ")[0].replace(/\D/g, ""));
  await page.getByRole("button", { name: "Clear filters" }).click();
  const search = page.getByLabel("Search cases");
  let [typed, search_ms] = [0, null];
  for (let index = 0; index < cases; index += Math.ceil(cases / 20)) {
    const from = performance.now();
    await search.fill(`needle${index}.`);
    await page.locator(`.case:first-child .toggle[data-index="${index}"]`).waitFor();
    await status.filter({ hasText: /^1 of / }).waitFor();
    // The first search unpacks everything.
    search_ms ??= performance.now() - from;
    typed += 1;
  }
  // The same by the page's own means, for every case.
  const found = await page.evaluate(async () => {
    let good = 0;
    for (const block of transcripts.blocks()) {
      for (const [index, words] of await transcripts.searchable(block)) good += words.includes(`needle${index}.`) ? 1 : 0;
    }
    return good;
  });
  const left_out = await page.locator(".left-out").allInnerTexts();
  return { cases, failures, search_ms, typed, found, left_out, elements: await page.locator("*").count() };
}
