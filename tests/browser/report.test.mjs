// What a person does with a report, done by a browser.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { after, before, test } from "node:test";
import { open, start } from "./browser.mjs";

const SHOWCASE = process.env.ARENA_SHOWCASE;
const VOLUME = process.env.ARENA_VOLUME;
const CUT = process.env.ARENA_CUT;

let browser;
before(async () => { browser = await start(); });
after(async () => { await browser.close(); });

/** A test with a page in it; ends with no error, warning or request. */
function see(name, file, steps, hash) {
  test(name, async () => {
    const { page, trouble } = await open(browser.context, file, hash);
    try {
      await steps(page);
      assert.deepEqual(trouble, []);
    } finally {
      await page.close();
    }
  });
}

const rows = (page) => page.locator("tr.case");
const status = (page) => page.locator("#cases [role=status]");
const said = (page, text) => status(page).filter({ hasText: text }).waitFor();
const number = (text) => Number(text.replace(/[^0-9.]/g, ""));

see("the verdict comes first, and the counts add up", SHOWCASE, async (page) => {
  assert.match(await page.locator("h1").innerText(), /32 of 200 cases failed, 11 ended in an error/);
  const terms = (await page.locator(".legend b").allInnerTexts()).map(number);
  assert.equal(terms[0], terms.slice(1).reduce((a, b) => a + b));
  assert.deepEqual(terms, [200, 147, 32, 11, 5, 5]);
  assert.match(await page.locator(".partial").innerText(), /5 of 200 cases did not run/);
  assert.match(await page.title(), /32 of 200 cases failed/);
});

see("failures stand first; filters lead to one of them", SHOWCASE, async (page) => {
  const outcomes = await rows(page).locator(".toggle .badge").allInnerTexts();
  assert.deepEqual(outcomes.slice(0, 32), Array(32).fill(outcomes[0]));
  assert.match(outcomes[0], /failed/);
  await page.locator(".chip.failed").click();
  await said(page, "32 of 200 cases");
  await page.getByLabel("Any scenario").selectOption({ label: "out-of-scope-question" });
  await page.getByLabel("Any provider").selectOption({ label: "claude-sonnet" });
  await page.getByLabel("Any check").selectOption("bad 2");
  await page.getByLabel("Any label").selectOption({ label: "team=support" });
  await said(page, "1 of 200 cases");
  assert.equal(await rows(page).count(), 1);
  await page.getByLabel("Any label").selectOption({ label: "team=payments" });
  await said(page, "0 of 200 cases");
  await page.getByRole("button", { name: "Clear filters" }).click();
  await said(page, "200 cases");
});

see("columns sort both ways and say so", SHOWCASE, async (page) => {
  const head = page.locator(".cases th").filter({ hasText: "Tokens" });
  const tokens = async () => (await rows(page).locator("td:last-child").allInnerTexts()).map(number);
  await head.locator("button").click();
  assert.equal(await head.getAttribute("aria-sort"), "descending");
  const falling = await tokens();
  assert.deepEqual(falling, [...falling].sort((a, b) => b - a));
  await head.locator("button").click();
  assert.equal(await head.getAttribute("aria-sort"), "ascending");
  const rising = await tokens();
  assert.deepEqual(rising, [...rising].sort((a, b) => a - b));
  assert.equal(await page.locator(".cases th[aria-sort=none]").count(), 6);
});

see("words of transcripts are found, and pages turn", SHOWCASE, async (page) => {
  const search = page.getByLabel("Search cases");
  await search.fill("portugal gpt-4o-mini");
  await said(page, "5 of 200 cases");
  await search.fill("\"would be portugal\"");
  await said(page, "20 of 200 cases");
  await search.fill("\"portugal would\"");
  await said(page, "0 of 200 cases");
  await search.fill("返金は14日以内");
  await said(page, "25 of 200 cases");
  await search.press("Escape");
  await said(page, "200 cases");
  assert.equal(await rows(page).count(), 50);
  await page.getByRole("button", { name: "Next" }).click();
  assert.match(await page.locator(".pager .note").innerText(), /51 to 100 of 200/);
});

see("a keyboard is enough", SHOWCASE, async (page) => {
  await page.keyboard.press("Tab");
  assert.equal(await page.evaluate(() => document.activeElement.textContent), "Skip to the cases");
  await page.keyboard.press("/");
  await page.keyboard.type("calm claude");
  await said(page, "5 of 200 cases");
  assert.equal(await page.evaluate(() => document.activeElement.type), "search");
  for (let n = 0; n < 30 && !(await page.evaluate(() => document.activeElement.classList.contains("toggle"))); n += 1) await page.keyboard.press("Tab");
  const first = await page.evaluate(() => document.activeElement.dataset.index);
  await page.keyboard.press("ArrowDown");
  assert.notEqual(await page.evaluate(() => document.activeElement.dataset.index), first);
  await page.keyboard.press("k");
  assert.equal(await page.evaluate(() => document.activeElement.dataset.index), first);
  await page.keyboard.press("Enter");
  await page.locator(".detail .said").filter({ hasText: "Please calm down" }).waitFor();
  assert.equal(await page.evaluate(() => document.activeElement.getAttribute("aria-expanded")), "true");
  await page.keyboard.press("Tab");
  assert.equal(await page.evaluate(() => document.activeElement.closest(".below") !== null), true, "into what was opened");
  await page.keyboard.press("Escape");
  assert.equal(await page.locator(".detail").count(), 0);
  assert.equal(await page.evaluate(() => document.activeElement.dataset.index), first);
});

see("an opened failure shows what was said, wanted and found", SHOWCASE, async (page) => {
  await page.getByLabel("Search cases").fill("\"refunded you in full\" failed");
  await said(page, "2 of 200 cases");
  await rows(page).filter({ hasText: "refund-too-late" }).first().locator(".toggle").click();
  const detail = page.locator(".detail");
  assert.equal(await detail.locator("mark.failed").innerText(), "I have refunded you in full");
  assert.equal(await detail.locator("mark.passed").innerText(), "14 days");
  const worst = detail.locator(".check").first();
  assert.match(await worst.innerText(), /llm_judge.*failed/s);
  assert.match(await worst.innerText(), /Keeps to the refund policy/);
  assert.match(await worst.innerText(), /evaluator judges\nsha256:[0-9a-f]{12}\n3,204,118 fuel\n1\.1 MiB\n812 ms/);
});

see("a cell of the heat map leads to its cases", SHOWCASE, async (page) => {
  await page.locator(".cell[title^='pii-redaction, gemini-flash']").click();
  await said(page, "5 of 200 cases");
  assert.equal(await page.evaluate(() => document.activeElement.classList.contains("toggle")), true);
  assert.equal(await page.locator(".cell").first().getAttribute("title"), "refund-within-policy, gpt-4o-mini: 95% interval 38–96%; 4 passed, 1 error");
});

see("an address leads to a case", SHOWCASE, async (page) => {
  await page.locator("#case-117 + .below .said").first().waitFor();
}, "#case-117");

see("the theme follows the system and can be chosen", SHOWCASE, async (page) => {
  const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  await page.emulateMedia({ colorScheme: "light" });
  const light = await ground();
  await page.emulateMedia({ colorScheme: "dark" });
  const dark = await ground();
  assert.notEqual(light, dark);
  await page.locator("#theme").click();
  assert.equal(await page.locator("#theme").innerText(), "Theme: Light");
  assert.equal(await ground(), light);
  await page.locator("#theme").click();
  await page.emulateMedia({ colorScheme: "light" });
  assert.equal(await ground(), dark);
  await page.locator("#theme").click();
  assert.equal(await ground(), light);
  await page.emulateMedia({ media: "print" });
  assert.equal(await page.locator(".toolbar").isVisible(), false);
});

see("hostile text is text", SHOWCASE, async (page) => {
  await page.getByLabel("Search cases").fill("constructor");
  await said(page, "25 of 200 cases");
  const before = await page.locator("*").count();
  await rows(page).first().locator(".toggle").click();
  const text = await page.locator(".bubble.user .said").innerText();
  for (const part of ["</script><script>window.pwned=1</script><img src=x onerror=window.pwned=1>",
    "<a href=\"javascript:window.pwned=1\">click</a> javascript:window.pwned=1 ]]>&amp;{{constructor}}",
    "[U+001B][31mred[U+001B][0m [U+001B]]8;;https://evil.example[U+0007]link", "nul:[U+0000]:", "rtl:[U+202E]:", "lone:[U+D83D]:[U+DC00]:"]) {
    assert.ok(text.includes(part), `${part} is not in ${text}`);
  }
  assert.ok((await page.locator("*").count()) > before);
  assert.equal(await page.evaluate(() => window.pwned), undefined);
  assert.deepEqual(await page.locator("a").evaluateAll((all) => all.map((a) => a.getAttribute("href"))), ["#cases"]);
  assert.equal(await page.locator("img, iframe, object, embed, form, link, base").count(), 0);
  assert.match(await page.locator("meta[http-equiv=Content-Security-Policy]").getAttribute("content"), /^default-src 'none'; style-src 'sha256-[^']+'; script-src 'sha256-[^']+'; img-src data:; base-uri 'none'; form-action 'none'$/);
});

test("nothing but the page's own script runs", async () => {
  const { page } = await open(browser.context, SHOWCASE);
  const ran = await page.evaluate(() => {
    document.addEventListener("securitypolicyviolation", (event) => { window.refused = event.effectiveDirective; });
    const script = document.createElement("script");
    script.textContent = "window.pwned = 1";
    document.body.append(script);
    return window.pwned;
  });
  assert.equal(ran, undefined);
  await page.waitForFunction(() => window.refused === "script-src-elem");
  await page.close();
});

see("ten thousand cases: all failures are there, each case is found, and the page stays small", VOLUME, async (page) => {
  await said(page, "10,000 cases");
  assert.equal(await page.locator(".left-out").count(), 0);
  await page.locator(".chip.failed").click();
  await said(page, "100 of 10,000 cases");
  await page.getByRole("button", { name: "Clear filters" }).click();
  assert.ok((await page.locator("*").count()) < 3000);
  const search = page.getByLabel("Search cases");
  for (const index of [0, 1, 43, 4999, 7643, 9999]) {
    await search.fill(`needle${index}.`);
    await page.locator(`.toggle[data-index="${index}"]:only-child`).and(page.locator(".case:first-child .toggle")).waitFor();
    await said(page, /^1 of 10,000 cases$/);
  }
  await search.fill("needle");
  await said(page, /^10,000 cases$/);
});

see("what does not fit is said, and failures fit first", CUT, async (page) => {
  assert.match(await page.locator(".left-out").innerText(), /Left out to keep this page small: [0-9,]+ cases and [0-9,]+ transcripts of the cases below/);
  await page.locator(".chip.failed").click();
  await said(page, "20 of");
  await rows(page).first().locator(".toggle").click();
  await page.locator(".detail .said").first().waitFor();
});

test("a reader without scripts has the numbers", async () => {
  const plain = await start({ javaScriptEnabled: false });
  try {
    const { page, trouble } = await open(plain.context, SHOWCASE);
    assert.match(await page.locator("noscript").innerText(), /200 cases = 147 passed \+ 32 failed \+ 11 error \+ 5 skipped \+ 5 not run/);
    assert.deepEqual(trouble, []);
  } finally {
    await plain.close();
  }
});

test("axe finds nothing, light and dark, with a case open", async (run) => {
  const axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
  for (const colorScheme of ["light", "dark"]) {
    await run.test(colorScheme, async () => {
      const free = await start({ bypassCSP: true, colorScheme });
      try {
        const { page } = await open(free.context, SHOWCASE);
        await rows(page).first().locator(".toggle").click();
        await page.locator(".detail .said").first().waitFor();
        await page.locator("details").evaluateAll((all) => all.forEach((one) => { one.open = true; }));
        await page.evaluate(axe);
        const found = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
        const violations = found.violations.map(({ id, nodes }) => `${id}: ${nodes.slice(0, 3).map((node) => node.html.slice(0, 160)).join(" | ")}`);
        assert.deepEqual(violations, []);
      } finally {
        await free.close();
      }
    });
  }
});
