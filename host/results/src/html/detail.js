// One case, opened: conversation on the left, checks on the right.

const IMAGES = ["image/png", "image/jpeg", "image/gif", "image/webp"];

const textOf = (content) => typeof content === "string"
  ? content : (content || []).map((part) => part.text).filter((text) => text !== undefined && text !== null).join("\n");

const pretty = (value) => JSON.stringify(value, null, 2);

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
      ending.length && el("sup", {}, el("span", { class: "hidden" }, ` (${note}) `), el("span", { "aria-hidden": "true" }, ending.join(" "))));
  }
  return pieces;
}

function media(part) {
  const about = part.media || {};
  if (IMAGES.includes(about.mime_type) && /^[A-Za-z0-9+/=]+$/.test(about.data || "")) {
    return el("img", { class: "media", src: `data:${about.mime_type};base64,${about.data}`, alt: visible(about.caption || "image") });
  }
  return el("p", { class: "media" }, `[${part.type}: ${about.caption || about.file_path || about.url || about.mime_type || "no description"}]`);
}

function bubble(message, at, checks) {
  const spans = checks.flatMap((check, n) => (check.evidence || []).filter((span) => span.message === at)
    .map((span) => ({ ...span, number: n + 1, outcome: check.outcome })));
  const text = textOf(message.content);
  const parts = Array.isArray(message.content) ? message.content.filter((part) => part.type !== "text") : [];
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
    (message.tool_calls || []).map((call) => el("div", { class: "call" }, el("b", {}, `${call.name} `), el("code", {}, pretty(call.arguments)))));
}

// What a check was asked to find: its parameters, one a line.
function expected(params) {
  const lines = params && typeof params === "object" && !Array.isArray(params) ? Object.entries(params) : [];
  if (!lines.length) return null;
  return el("dl", { class: "params" }, lines.map(([name, value]) => [el("dt", {}, name),
    el("dd", {}, el("code", {}, typeof value === "string" ? value : JSON.stringify(value)))]));
}

function checkCard(check, n, took, messages) {
  const where = check.scope === "turn" ? `turn ${check.turn === null || check.turn === undefined ? "–" : check.turn + 1}` : check.scope;
  const component = check.evaluator
    ? [el("span", {}, `evaluator ${check.evaluator.name}`), el("span", {}, el("code", { title: visible(check.evaluator.digest) }, check.evaluator.digest.slice(0, 19)))]
    : [el("span", {}, "no evaluator found")];
  const quote = (span) => {
    const source = messages[span.message] ? textOf(messages[span.message].content) : "";
    const cut = new TextDecoder().decode(new TextEncoder().encode(source).subarray(span.start, span.end));
    return el("blockquote", { class: check.outcome }, el("q", { dir: "auto" }, cut.length > 300 ? `${cut.slice(0, 300)}…` : cut), span.note && ` ${span.note}`);
  };
  const bad = check.outcome === "failed" || check.outcome === "error";
  const wanted = expected(check.params);
  const calls = check.calls || [];
  return el("li", { class: `check ${check.outcome}` },
    el("div", { class: "title" }, el("span", { class: "number" }, n + 1), el("b", {}, check.type),
      check.id && el("span", { class: "sub" }, check.id), el("span", { class: "sub" }, where), badge(check.outcome)),
    check.message && el("p", { class: "message" }, check.message),
    check.error && el("p", {}, el("code", {}, check.error)),
    check.reason && el("p", {}, check.reason),
    (check.evidence || []).map(quote),
    wanted && el("details", { open: bad }, el("summary", {}, "Expected"), wanted),
    calls.length > 0 && el("details", {}, el("summary", {}, plural(calls.length, "call")),
      calls.map((call) => el("div", {}, el("p", { class: "facts" }, el("span", {}, call.to),
        el("span", {}, `${whole(call.usage.input + call.usage.output)} tokens`), el("span", {}, money(call.cost_usd_micro))),
      el("pre", { tabindex: "0" }, call.reply)))),
    el("p", { class: "facts" },
      typeof check.score === "number" && el("span", {}, `score ${score(check.score)}`),
      check.label && el("span", {}, check.label), component,
      el("span", {}, `${whole(check.fuel || 0)} fuel`), el("span", {}, bytes(check.memory_bytes || 0)),
      took !== undefined && el("span", {}, time(took)), check.reused && el("span", {}, "reused instance")));
}

// What did not pass comes first; each keeps its number.
function checkCards({ checks, messages, measured }) {
  const weight = { failed: 0, error: 1 };
  const order = checks.map((check, n) => [check, n]).sort(([a], [b]) => (weight[a.outcome] ?? 2) - (weight[b.outcome] ?? 2));
  return order.map(([check, n]) => checkCard(check, n, (measured.checks_us || [])[n], messages));
}

function opened(row, full) {
  const reason = (full && full.reason) || row.reason;
  const line = reason && el("p", { class: `reason ${row.outcome}` }, reason);
  if (!full) {
    return [line, el("p", { class: "left-out" }, row.block === -1 ? "This case has no transcript."
      : "The transcript was left out to keep this page small; it is in the run's records.")];
  }
  const m = full.measured;
  const turns = (m.turns || []).length > 0 && `turns ${m.turns.map((turn) => time(turn.latency_ms * 1000)).join(", ")}`;
  const facts = [`case ${row.index}`, `key ${full.key}`, `input ${full.input.slice(0, 19)}`, turns,
    typeof m.ttft_ms === "number" && `first token ${time(m.ttft_ms * 1000)}`, m.attempts > 1 && `${m.attempts} attempts`, m.cached && "from cache"];
  return [line,
    el("div", { class: "columns" },
      el("div", {}, el("h3", {}, "Conversation"), full.messages.length ? el("ol", { class: "chat" }, full.messages.map((message, at) => bubble(message, at, full.checks)))
        : el("p", { class: "left-out" }, "No message was exchanged.")),
      el("div", {}, el("h3", {}, "Checks"), full.checks.length ? el("ol", { class: "checks" }, checkCards(full))
        : el("p", { class: "left-out" }, "No check was judged."))),
    el("p", { class: "facts" }, facts.filter(Boolean).map((fact) => el("span", {}, fact)))];
}

// A place for the case, filled once its transcript is unpacked.
function detail(row) {
  const place = el("div", { class: "detail", "aria-busy": "true" });
  const show = (parts) => {
    fill(place, {}, parts);
    place.removeAttribute("aria-busy");
  };
  transcripts.of(row).then((full) => show(opened(row, full)),
    (error) => show([el("p", { class: "reason error" }, `The transcript cannot be shown: ${error}`)]));
  return place;
}
