// The lower half: the list of cases with filters, search, sorting, and each case's transcript and checks.

const FIRST = 25;
const PAGE = 100;
const ORDER = ["failed", "error", "not_run", "skipped", "passed"];
const IMAGES = ["image/png", "image/jpeg", "image/gif", "image/webp"];

const rows = data.rows.map(([index, scenario, provider, outcome, [trial, region, row], variant, latency, cost, tokens, reason]) =>
  ({ index, scenario, provider, outcome, trial, region, row, variant, latency, cost, tokens, reason }));

const extras = (row) => [row.region, row.row && `row ${row.row}`, row.variant, row.trial > 0 && `trial ${row.trial + 1}`]
  .filter(Boolean).join(" · ");

const textOf = (content) => typeof content === "string"
  ? content : content.map((part) => part.text).filter((text) => text !== undefined && text !== null).join("\n");

function haystack(row) {
  if (row.text === undefined) {
    const full = data.transcripts[row.index];
    const said = full ? full.messages.map((message) => textOf(message.content)) : [];
    const checks = full ? full.checks.map((check) => `${check.type} ${check.id || ""} ${check.reason || ""}`) : [];
    row.text = [head.scenarios[row.scenario], head.providers[row.provider], extras(row), row.reason, ...said, ...checks]
      .join("\n").toLowerCase();
  }
  return row.text;
}

// Evidence is given in UTF-8 bytes. Cuts the text at every border and marks what any span covers.
function highlighted(text, spans) {
  if (!spans.length) return [text];
  const raw = new TextEncoder().encode(text);
  const decoder = new TextDecoder();
  const clip = (at) => Math.max(0, Math.min(raw.length, at));
  const borders = [...new Set([0, raw.length, ...spans.flatMap((span) => [clip(span.start), clip(span.end)])])].sort((a, b) => a - b);
  const pieces = [];
  for (let n = 0; n + 1 < borders.length; n += 1) {
    const [from, to] = [borders[n], borders[n + 1]];
    const piece = decoder.decode(raw.subarray(from, to));
    const over = spans.filter((span) => clip(span.start) <= from && clip(span.end) >= to);
    if (!over.length) {
      pieces.push(piece);
      continue;
    }
    const worst = over.find((span) => span.outcome !== "passed") || over[0];
    const note = over.map((span) => `check ${span.number}${span.note ? `: ${span.note}` : ""}`).join("; ");
    const ending = over.filter((span) => clip(span.end) === to).map((span) => span.number);
    pieces.push(el("mark", { class: worst.outcome, title: visible(note) }, piece),
      ending.length && el("sup", { "aria-label": note }, ending.join(" ")));
  }
  return pieces;
}

function media(part) {
  const about = part.media || {};
  if (IMAGES.includes(about.mime_type) && /^[A-Za-z0-9+/=]+$/.test(about.data || "")) {
    return el("img", { class: "media", src: `data:${about.mime_type};base64,${about.data}`, alt: about.caption || "image" });
  }
  return el("p", { class: "media" }, `[${part.type}: ${about.caption || about.file_path || about.url || about.mime_type || "no description"}]`);
}

const pretty = (value) => JSON.stringify(value, null, 2);

function bubble(message, at, checks) {
  const spans = checks.flatMap((check, n) => check.evidence.filter((span) => span.message === at)
    .map((span) => ({ ...span, number: n + 1, outcome: check.outcome })));
  const text = textOf(message.content);
  const parts = typeof message.content === "string" ? [] : message.content.filter((part) => part.type !== "text");
  const facts = [
    message.by !== message.role && !(message.role === "assistant" && message.by === "model") && !(message.role === "user" && message.by === "script") && `by ${message.by}`,
    message.usage && `${whole(message.usage.input)} in, ${whole(message.usage.output)} out`,
    message.finish && message.finish !== "stop" && `ended by ${message.finish}`,
    message.tool_call_id && `answers ${message.tool_call_id}`,
  ].filter(Boolean).join(" · ");
  return el("li", { class: `bubble ${message.role}` },
    el("div", { class: "who" }, el("b", {}, message.role), facts && ` ${facts}`),
    text !== "" && el("div", { class: "said", dir: "auto" }, highlighted(text, spans)),
    parts.map(media),
    message.tool_calls.map((call) => el("div", { class: "call" }, el("b", {}, `${call.name} `), el("code", {}, pretty(call.arguments)))));
}

function checkCard(check, n, took, messages) {
  const where = check.scope === "turn" ? `turn ${check.turn === null ? "–" : check.turn + 1}` : check.scope;
  const component = check.evaluator
    ? [el("span", {}, check.evaluator.name), el("span", { title: check.evaluator.digest }, check.evaluator.digest.slice(7, 19))]
    : [el("span", {}, "no evaluator found")];
  const raw = new TextEncoder();
  const quote = (span) => {
    const source = messages[span.message] ? textOf(messages[span.message].content) : "";
    const cut = new TextDecoder().decode(raw.encode(source).subarray(span.start, span.end));
    return el("blockquote", { class: check.outcome }, el("q", { dir: "auto" }, cut.length > 300 ? `${cut.slice(0, 300)}…` : cut), span.note && ` ${span.note}`);
  };
  return el("li", { class: `check ${check.outcome}` },
    el("div", { class: "title" }, el("span", { class: "number" }, n + 1), el("b", {}, check.type),
      check.id && el("span", { class: "sub" }, check.id), el("span", { class: "sub" }, where), badge(check.outcome)),
    check.message && el("p", { class: "message" }, check.message),
    check.reason && el("p", {}, check.reason),
    check.evidence.map(quote),
    el("p", { class: "facts" },
      check.score !== null && el("span", {}, `score ${Number(check.score.toFixed(4))}`),
      check.label && el("span", {}, check.label), component,
      el("span", {}, `${whole(check.fuel)} fuel`), el("span", {}, bytes(check.memory_bytes)),
      took !== undefined && el("span", {}, time(took)), check.reused && el("span", {}, "reused instance")),
    el("details", {}, el("summary", {}, "Params"), el("pre", {}, pretty(check.params))),
    check.calls.length > 0 && el("details", {}, el("summary", {}, plural(check.calls.length, "call")),
      check.calls.map((call) => el("div", {}, el("p", { class: "facts" }, el("span", {}, call.to),
        el("span", {}, `${whole(call.usage.input + call.usage.output)} tokens`), el("span", {}, money(call.cost_usd_micro))),
      el("pre", {}, call.reply)))));
}

function detail(row) {
  const full = data.transcripts[row.index];
  const reason = (full && full.reason) || row.reason;
  const line = reason && el("p", { class: `reason ${row.outcome}` }, reason);
  if (!full) {
    const never = row.outcome === "skipped" || row.outcome === "not_run";
    return el("div", { class: "detail" }, line, el("p", { class: "left-out" }, never ? "This case has no transcript."
      : "The transcript was left out to keep this page small; it is in the run's records."));
  }
  const m = full.measured;
  const turns = m.turns.length > 0 && `turns ${m.turns.map((turn) => time(turn.latency_ms * 1000)).join(", ")}`;
  const facts = [`case ${row.index}`, `key ${full.key.slice(0, 12)}`, `input ${full.input.slice(7, 19)}`, turns,
    m.ttft_ms !== null && `first token ${time(m.ttft_ms * 1000)}`, m.attempts > 1 && `${m.attempts} attempts`, m.cached && "from cache"];
  return el("div", { class: "detail" }, line,
    el("div", { class: "columns" },
      el("div", {}, el("h3", {}, "Conversation"), full.messages.length ? el("ol", { class: "chat" }, full.messages.map((message, at) => bubble(message, at, full.checks)))
        : el("p", { class: "left-out" }, "No message was exchanged.")),
      el("div", {}, el("h3", {}, "Checks"), full.checks.length ? el("ol", { class: "checks" }, full.checks.map((check, n) => checkCard(check, n, m.checks_us[n], full.messages)))
        : el("p", { class: "left-out" }, "No check was judged."))),
    el("p", { class: "facts" }, facts.filter(Boolean).map((fact) => el("span", {}, fact))));
}

const caseList = (() => {
  const open = new Set();
  const state = { outcomes: new Set(), scenario: null, provider: null, search: "", sort: null, falling: false, shown: FIRST };
  const columns = [
    { title: "Outcome", value: (row) => ORDER.indexOf(row.outcome) },
    { title: "Case", value: (row) => head.scenarios[row.scenario] },
    { title: "Provider", value: (row) => head.providers[row.provider] },
    { title: "Reason", value: (row) => row.reason },
    { title: "Latency", numeric: true, value: (row) => row.latency },
    { title: "Cost", numeric: true, value: (row) => row.cost },
    { title: "Tokens", numeric: true, value: (row) => row.tokens },
  ];
  const body = el("tbody");
  const more = el("button", { type: "button", class: "more", onclick: () => { state.shown += PAGE; draw(); } });
  const status = el("p", { class: "note", role: "status" });
  const scope = el("button", { type: "button", class: "chip scope", hidden: true, onclick: () => only(null, null) });
  const heads = columns.map((column) => el("th", { scope: "col", "aria-sort": "none", class: column.numeric && "numeric" },
    el("button", { type: "button", class: "sort", onclick: () => {
      state.falling = state.sort === column ? !state.falling : Boolean(column.numeric);
      state.sort = column;
      draw();
    } }, column.title)));
  const chips = ORDER.map((outcome) => el("button", { type: "button", class: `chip ${outcome}`, "aria-pressed": "false", onclick: (event) => {
    if (!state.outcomes.delete(outcome)) state.outcomes.add(outcome);
    event.currentTarget.setAttribute("aria-pressed", String(state.outcomes.has(outcome)));
    refresh();
  } }, badge(outcome), whole(rows.filter((row) => row.outcome === outcome).length)));
  let timer = 0;
  const search = el("input", { type: "search", placeholder: "Search names, reasons, transcripts", "aria-label": "Search cases", oninput: () => {
    clearTimeout(timer);
    timer = setTimeout(() => { state.search = search.value.trim().toLowerCase(); refresh(); }, 120);
  } });

  function refresh() {
    state.shown = FIRST;
    draw();
  }

  function only(scenario, provider) {
    Object.assign(state, { scenario, provider });
    scope.hidden = scenario === null;
    if (scenario !== null) {
      scope.textContent = visible(`${head.scenarios[scenario]} × ${head.providers[provider]}  ✕`);
      document.getElementById("cases").scrollIntoView();
    }
    refresh();
  }

  function matching() {
    const found = rows.filter((row) => (!state.outcomes.size || state.outcomes.has(row.outcome))
      && (state.scenario === null || (row.scenario === state.scenario && row.provider === state.provider))
      && (!state.search || haystack(row).includes(state.search)));
    const by = state.sort ? state.sort.value : columns[0].value;
    const sign = state.falling ? -1 : 1;
    return found.sort((a, b) => compare(by(a), by(b)) * sign || a.index - b.index);
  }

  function line(row) {
    const isOpen = open.has(row.index);
    const toggle = el("button", { type: "button", class: "toggle", "aria-expanded": String(isOpen), "data-index": row.index }, badge(row.outcome));
    const cells = el("tr", { class: `case ${row.outcome}`, id: `case-${row.index}`, onclick: () => {
      if (String(getSelection()) !== "") return;
      if (!open.delete(row.index)) open.add(row.index);
      const after = cells.nextSibling;
      toggle.setAttribute("aria-expanded", String(open.has(row.index)));
      if (open.has(row.index)) cells.after(below(row));
      else after.remove();
    } },
    el("td", {}, toggle), el("td", { class: "name" }, head.scenarios[row.scenario], el("span", { class: "sub" }, extras(row))),
    el("td", { class: "provider" }, head.providers[row.provider]), el("td", { class: "why", title: visible(row.reason || "") }, row.reason),
    el("td", { class: "numeric" }, row.outcome === "skipped" || row.outcome === "not_run" ? "–" : time(row.latency)),
    el("td", { class: "numeric" }, money(row.cost)), el("td", { class: "numeric" }, whole(row.tokens)));
    return isOpen ? [cells, below(row)] : [cells];
  }

  const below = (row) => el("tr", { class: "below" }, el("td", { colspan: columns.length }, detail(row)));

  function draw() {
    const found = matching();
    body.replaceChildren(...found.slice(0, state.shown).flatMap(line));
    heads.forEach((cell, n) => cell.setAttribute("aria-sort", columns[n] !== state.sort ? "none" : state.falling ? "descending" : "ascending"));
    more.hidden = found.length <= state.shown;
    more.textContent = `Show ${whole(Math.min(PAGE, found.length - state.shown))} more`;
    status.textContent = found.length === rows.length ? plural(rows.length, "case") : `${whole(found.length)} of ${plural(rows.length, "case")}`;
  }

  function leftOut() {
    const left = data.leftOut;
    if (!left.cases && !left.transcripts) return null;
    const bad = left.bad ? ` (${whole(left.bad)} of them failed or in error)` : "";
    const what = [left.cases && `${plural(left.cases, "case")}${bad}`,
      left.transcripts && `${plural(left.transcripts, "transcript")} of the cases below`].filter(Boolean).join(" and ");
    return el("p", { class: "left-out" }, `Left out to keep this page small: ${what}. Counts and plots cover all cases; the run's records have everything.`);
  }

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target === search) {
      if (event.key === "Escape") { search.value = ""; state.search = ""; refresh(); search.blur(); }
      return;
    }
    if (event.key === "/") { event.preventDefault(); search.focus(); }
    if (event.key === "j" || event.key === "k") {
      const all = [...body.querySelectorAll(".toggle")];
      const at = all.indexOf(document.activeElement);
      const next = all[event.key === "j" ? at + 1 : Math.max(0, at - 1)];
      if (next) next.focus();
    }
  });

  function view() {
    if (data.rows.length === 0) return null;
    const wanted = Number((location.hash.match(/^#case-(\d+)$/) || [])[1]);
    if (Number.isInteger(wanted)) {
      open.add(wanted);
      const at = matching().findIndex((row) => row.index === wanted);
      if (at >= 0) state.shown = Math.max(FIRST, at + 1);
    }
    const node = section("Cases", "keys: / search, j and k move, Enter opens",
      el("div", { class: "toolbar" }, search, chips, scope), leftOut(), status,
      el("div", { class: "scroll" }, el("table", { class: "cases" }, el("caption", { class: "hidden" }, "Cases"), el("thead", {}, el("tr", {}, heads)), body)), more);
    node.id = "cases";
    draw();
    return node;
  }

  return { only, view };
})();

fill(document.getElementById("page"), {}, [masthead(), tiles(), matrix(), caseList.view(), histogram(), providers(), others(), provenance()]);
if (location.hash.startsWith("#case-")) {
  const target = document.getElementById(location.hash.slice(1));
  if (target) target.scrollIntoView();
}
