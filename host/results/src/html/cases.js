// The list of cases: filters, search, sorting, pages, and what is opened below a row.

const PAGE = 50;
const OPTIONS = 500;
const ORDER = ["failed", "error", "not_run", "skipped", "passed"];

const rows = data.rows.map(([[index, scenario, provider, outcome, trial, extras], [latency, cost, tokens], reason, block, types]) =>
  ({ index, scenario, provider, outcome, trial, extras: extras || [], latency, cost, tokens, reason, block, types }));

const extras = ({ extras: [region, row, variant], trial }) =>
  [region, row && `row ${row}`, variant, trial > 0 && `trial ${trial + 1}`].filter(Boolean).join(" · ");

function named(row) {
  if (row.named === undefined) {
    row.named = [head.scenarios[row.scenario], head.providers[row.provider], extras(row), row.reason, row.outcome].join("\n").toLowerCase();
  }
  return row.named;
}

const caseList = (() => {
  const any = { scenario: null, provider: null, label: null, check: null };
  const open = new Set();
  const state = { ...any, outcomes: new Set(), terms: [], found: null, sort: null, falling: false, page: 0 };
  const columns = [
    { title: "Outcome", value: (row) => ORDER.indexOf(row.outcome) },
    { title: "Case", value: (row) => `${head.scenarios[row.scenario]} ${extras(row)}` },
    { title: "Provider", value: (row) => head.providers[row.provider] },
    { title: "Reason", value: (row) => row.reason },
    { title: "Latency", numeric: true, value: (row) => row.latency },
    { title: "Cost", numeric: true, value: (row) => row.cost },
    { title: "Tokens", numeric: true, value: (row) => row.tokens },
  ];
  const body = el("tbody");
  const status = el("p", { class: "note", role: "status" });
  const heads = columns.map((column) => sortHead(column, () => {
    state.falling = state.sort === column ? !state.falling : Boolean(column.numeric);
    state.sort = column;
    refresh();
  }));

  const chips = ORDER.map((outcome) => el("button", { type: "button", class: `chip ${outcome}`, "aria-pressed": "false", onclick: () => {
    if (!state.outcomes.delete(outcome)) state.outcomes.add(outcome);
    refresh();
  } }, badge(outcome), whole(rows.filter((row) => row.outcome === outcome).length)));

  // A list to choose from, with the numbers of names as values.
  function choice(name, title, options) {
    const list = el("select", { "aria-label": title, onchange: () => {
      state[name] = list.value === "" ? null : name === "check" ? list.value : Number(list.value);
      refresh();
    } }, el("option", { value: "" }, title), options);
    return list;
  }
  const listed = (names, prefix = "") => names.map((name, number) => [name, number]).filter(([name]) => name !== null).slice(0, OPTIONS)
    .map(([name, number]) => el("option", { value: `${prefix}${number}` }, name));
  const choices = {
    scenario: choice("scenario", "Any scenario", listed(head.scenarios)),
    provider: choice("provider", "Any provider", listed(head.providers)),
    check: choice("check", "Any check", [el("optgroup", { label: "Check that did not pass" }, listed(head.types, "bad ")),
      el("optgroup", { label: "Check that ran" }, listed(head.types, "all "))]),
    label: head.labels.length > 0 && choice("label", "Any label", listed(head.labels)),
  };
  const clear = el("button", { type: "button", class: "quiet", hidden: true, onclick: () => { reset(); refresh(); search.focus(); } }, "Clear filters");

  let timer = 0;
  const search = el("input", { type: "search", placeholder: "Search names, reasons and transcripts", "aria-label": "Search cases", oninput: () => {
    clearTimeout(timer);
    timer = setTimeout(() => seek(search.value), 150);
  } });

  function reset() {
    Object.assign(state, any, { terms: [], found: null });
    state.outcomes.clear();
    search.value = "";
    clearTimeout(timer);
    for (const list of Object.values(choices)) if (list) list.value = "";
  }

  function refresh() {
    state.page = 0;
    draw();
  }

  // Words must all occur, in names or in the transcript; what stands in quotes is one word.
  async function seek(text) {
    const terms = [...text.toLowerCase().matchAll(/"([^"]+)"|([^\s"]+)/g)].map((match) => match[1] || match[2]);
    const found = terms.length ? new Set() : null;
    Object.assign(state, { terms, found });
    refresh();
    if (!found) return;
    const blocks = transcripts.blocks();
    let drawn = performance.now();
    for (let n = 0; n < blocks.length; n += 1) {
      let texts;
      try { texts = await transcripts.searchable(blocks[n]); } catch (error) { status.textContent = `Transcripts cannot be searched: ${error}`; return; }
      if (state.found !== found) return;
      for (const [index, words] of texts) {
        const row = byIndex.get(index);
        if (row && terms.every((term) => words.includes(term) || named(row).includes(term))) found.add(index);
      }
      if (performance.now() - drawn > 250) {
        draw(` · searching transcripts, ${Math.round((n / blocks.length) * 100)}%`);
        drawn = performance.now();
        await new Promise((next) => { setTimeout(next); });
      }
    }
    if (state.found === found) draw();
  }
  const byIndex = new Map(rows.map((row) => [row.index, row]));

  // Shows what fits these filters alone.
  function only(filters) {
    if (!rows.length) return;
    reset();
    Object.assign(state, filters);
    for (const [name, list] of Object.entries(choices)) if (list && state[name] !== null) list.value = String(state[name]);
    refresh();
    document.getElementById("cases").scrollIntoView();
    const first = body.querySelector(".toggle");
    (first || search).focus({ preventScroll: true });
  }

  function fits(row) {
    const [kind, number] = state.check === null ? [null, 0] : state.check.split(" ");
    return (!state.outcomes.size || state.outcomes.has(row.outcome))
      && (state.scenario === null || row.scenario === state.scenario)
      && (state.provider === null || row.provider === state.provider)
      && (state.label === null || (head.labelsOf[row.scenario] || []).includes(state.label))
      && (kind === null || row.types.includes(~Number(number)) || (kind === "all" && row.types.includes(Number(number))))
      && (!state.found || state.found.has(row.index) || state.terms.every((term) => named(row).includes(term)));
  }

  function matching() {
    const by = state.sort ? state.sort.value : columns[0].value;
    const sign = state.falling ? -1 : 1;
    return rows.filter(fits).sort((a, b) => compare(by(a), by(b)) * sign || a.index - b.index);
  }

  function line(row) {
    const isOpen = open.has(row.index);
    const toggle = el("button", { type: "button", class: "toggle", "aria-expanded": String(isOpen), "data-index": row.index },
      badge(row.outcome), el("span", { class: "hidden" }, ` ${head.scenarios[row.scenario]}, ${head.providers[row.provider]} ${extras(row)}`));
    const cells = el("tr", { class: `case ${row.outcome}`, id: `case-${row.index}`, onclick: () => {
      if (String(getSelection()) !== "") return;
      const now = !open.delete(row.index);
      if (now) open.add(row.index);
      toggle.setAttribute("aria-expanded", String(now));
      if (now) cells.after(below(row));
      else cells.nextSibling.remove();
    } },
    el("td", {}, toggle), el("td", { class: "name" }, head.scenarios[row.scenario], el("span", { class: "sub" }, extras(row))),
    el("td", { class: "provider" }, head.providers[row.provider]), el("td", { class: "why", title: visible(row.reason || "") }, row.reason),
    el("td", { class: "numeric" }, row.outcome === "skipped" || row.outcome === "not_run" ? "–" : time(row.latency)),
    el("td", { class: "numeric" }, money(row.cost)), el("td", { class: "numeric" }, whole(row.tokens)));
    return isOpen ? [cells, below(row)] : [cells];
  }

  const below = (row) => el("tr", { class: "below" }, el("td", { colspan: columns.length }, detail(row)));

  const turn = (by) => {
    state.page += by;
    draw();
    document.getElementById("cases").scrollIntoView();
    const first = body.querySelector(".toggle");
    if (first) first.focus({ preventScroll: true });
  };
  const before = el("button", { type: "button", onclick: () => turn(-1) }, "‹ Previous");
  const after = el("button", { type: "button", onclick: () => turn(1) }, "Next ›");
  const where = el("span", { class: "note" });
  const pager = el("nav", { class: "pager", "aria-label": "Pages of cases" }, before, where, after);

  function draw(doing = "") {
    const found = matching();
    const from = state.page * PAGE;
    body.replaceChildren(...found.slice(from, from + PAGE).flatMap(line));
    if (!found.length) body.append(el("tr", {}, el("td", { colspan: columns.length, class: "nothing" }, doing ? "Searching…" : "No case fits these filters.")));
    showOrder(heads, columns.indexOf(state.sort), state.falling);
    chips.forEach((chip, n) => chip.setAttribute("aria-pressed", String(state.outcomes.has(ORDER[n]))));
    clear.hidden = !state.outcomes.size && !state.terms.length && Object.keys(any).every((name) => state[name] === null);
    pager.hidden = found.length <= PAGE;
    before.disabled = from === 0;
    after.disabled = from + PAGE >= found.length;
    where.textContent = `${whole(from + 1)} to ${whole(Math.min(from + PAGE, found.length))} of ${whole(found.length)}`;
    status.textContent = (found.length === rows.length ? plural(rows.length, "case") : `${whole(found.length)} of ${plural(rows.length, "case")}`) + doing;
  }

  function leftOut() {
    const left = data.leftOut;
    if (!left.cases && !left.transcripts) return null;
    const bad = left.bad ? ` (${whole(left.bad)} of them failed or in error)` : "";
    const what = [left.cases && `${plural(left.cases, "case")}${bad}`,
      left.transcripts && `${plural(left.transcripts, "transcript")} of the cases below`].filter(Boolean).join(" and ");
    return el("p", { class: "left-out" }, `Left out to keep this page small: ${what}. Counts and plots cover all cases; the run's records have everything.`);
  }

  function step(by) {
    const all = [...body.querySelectorAll(".toggle")];
    const current = document.activeElement.closest && document.activeElement.closest(".below");
    const at = all.indexOf(current ? current.previousSibling.querySelector(".toggle") : document.activeElement);
    const next = all[at < 0 ? 0 : at + by];
    if (next) next.focus();
  }

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const within = body.contains(event.target);
    const typing = ["INPUT", "SELECT", "TEXTAREA"].includes(event.target.tagName);
    if (event.key === "Escape" && event.target === search) {
      search.value = "";
      seek("");
    } else if (event.key === "Escape" && within) {
      const row = event.target.closest("tr");
      const line = row.classList.contains("below") ? row.previousSibling : row;
      const toggle = line.querySelector(".toggle");
      if (toggle && toggle.getAttribute("aria-expanded") === "true") { toggle.focus(); toggle.click(); }
    } else if (event.key === "/" && !typing) {
      event.preventDefault();
      search.focus();
    } else if (!typing && (event.key === "j" || (within && event.target.classList.contains("toggle") && event.key === "ArrowDown"))) {
      event.preventDefault();
      step(1);
    } else if (!typing && (event.key === "k" || (within && event.target.classList.contains("toggle") && event.key === "ArrowUp"))) {
      event.preventDefault();
      step(-1);
    }
  });

  // The case that the address names, opened.
  function wanted() {
    const index = Number((location.hash.match(/^#case-(\d+)$/) || [])[1]);
    const at = Number.isInteger(index) ? matching().findIndex((row) => row.index === index) : -1;
    if (at < 0) return;
    open.add(index);
    state.page = Math.floor(at / PAGE);
  }

  function view() {
    if (!rows.length) {
      const note = leftOut();
      return note && section("Cases", null, note);
    }
    wanted();
    const node = section("Cases", "Failures first. Keys: / searches, j and k move, Enter opens, Escape closes.",
      el("div", { class: "toolbar" }, search, chips, Object.values(choices), clear), leftOut(), status,
      scroller("Cases", el("table", { class: "cases" }, el("caption", { class: "hidden" }, "Cases"), el("thead", {}, el("tr", {}, heads)), body)), pager);
    node.id = "cases";
    draw();
    return node;
  }

  return { only, view };
})();
