// The upper half: verdict, counts, gates, heat map, tables.

function allGates() {
  return [...(summary.gates || []), ...(summary.measured.gates || [])];
}

// A gate without data neither holds nor breaks.
function isUndecided(gate) {
  return !gate.passed && (gate.actual === undefined || gate.actual === null);
}

const GATES = {
  passed: ["✓", "Gate held:"],
  failed: ["✕", "Gate broken:"],
  undecided: ["?", "Gate undecided:"],
};

function verdict() {
  const c = summary.cases;
  if (c.planned === 0) return ["skipped", "No cases were planned"];
  const all = allGates();
  // Gates decide, but over a run that was cut short or in which no case was judged.
  if (all.length && !c.not_run && c.passed + c.failed > 0) {
    const open = all.filter(isUndecided).length;
    const broken = all.filter((gate) => !gate.passed).length - open;
    const cases = `${whole(c.passed)} of ${plural(c.planned, "case")} passed`;
    const undecided = open && `${whole(open)} of ${plural(all.length, "gate")} ${open === 1 ? "is" : "are"} undecided`;
    if (open && !broken) return ["skipped", `${undecided}, ${cases}`];
    if (!broken) return ["passed", `${all.length === 1 ? "The gate holds" : `All ${whole(all.length)} gates hold`}, ${cases}`];
    const held = `${whole(broken)} of ${plural(all.length, "gate")} ${broken === 1 ? "does" : "do"} not hold`;
    return ["failed", [held, undecided, cases].filter(Boolean).join(", ")];
  }
  if (c.failed || c.error) {
    const failed = c.failed ? `${whole(c.failed)} of ${plural(c.planned, "case")} failed` : "";
    const error = c.failed
      ? `${whole(c.error)} ended in an error`
      : `${whole(c.error)} of ${plural(c.planned, "case")} ended in an error`;
    return [c.failed ? "failed" : "error", [failed, c.error && error].filter(Boolean).join(", ")];
  }
  if (c.passed === c.planned) return ["passed", c.passed === 1 ? "The one case passed" : `All ${whole(c.passed)} cases passed`];
  const rest = [c.skipped && `${whole(c.skipped)} skipped`, c.not_run && `${whole(c.not_run)} not run`];
  return ["skipped", `${whole(c.passed)} of ${plural(c.planned, "case")} passed, ${rest.filter(Boolean).join(", ")}`];
}

function themeSwitch() {
  const names = { auto: "Auto", light: "Light", dark: "Dark" };
  const order = Object.keys(names);
  let theme = "auto";
  try { theme = localStorage.getItem("arena-theme") || "auto"; } catch { /* a page from a file may have no storage */ }
  if (!names[theme]) theme = "auto";
  const button = el("button", { type: "button", class: "quiet", id: "theme", onclick: () => {
    theme = order[(order.indexOf(theme) + 1) % order.length];
    try { localStorage.setItem("arena-theme", theme); } catch { /* then it holds for this visit */ }
    show();
  } });
  function show() {
    if (theme === "auto") document.documentElement.removeAttribute("data-theme");
    else document.documentElement.setAttribute("data-theme", theme);
    button.textContent = `Theme: ${names[theme]}`;
  }
  show();
  return button;
}

function masthead() {
  const [kind, text] = verdict();
  document.title = `${text} · Arena report`;
  const measured = summary.measured;
  const facts = [
    summary.origin.source,
    measured.started && `started ${measured.started.replace("T", " ").replace(/\.\d+Z$/, "Z")}`,
    measured.wall_ms > 0 && `took ${time(measured.wall_ms * 1000)}`,
    summary.origin.engine && `engine ${summary.origin.engine}`,
  ];
  return el("header", { class: `verdict ${kind}` },
    el("div", { class: "brand" }, el("span", {}, "Arena report"), themeSwitch()),
    el("h1", {}, el("span", { class: "mark", "aria-hidden": "true" }, OUTCOMES[kind].mark), text),
    el("p", { class: "facts" }, facts.filter(Boolean).map((fact) => el("span", {}, fact))),
    partial(), conservation(), gates());
}

function partial() {
  const missing = summary.cases.not_run;
  if (!missing) return null;
  return el("p", { class: "partial" }, el("b", {}, "Partial. "),
    `${whole(missing)} of ${plural(summary.cases.planned, "case")} did not run: rates are over the others, and nothing is said of the whole.`);
}

// planned = passed + failed + error + skipped + not run, as a bar and in words.
function conservation() {
  const c = summary.cases;
  const bar = el("div", { class: "bar", "aria-hidden": "true" }, COUNTED.filter((outcome) => c[outcome] > 0).map((outcome) => {
    const part = el("span", { class: outcome });
    part.style.flexGrow = c[outcome];
    return part;
  }));
  const terms = COUNTED.map((outcome, n) => el("li", { class: c[outcome] ? outcome : `${outcome} none` },
    n > 0 && el("span", { class: "sign" }, "+"), el("b", {}, whole(c[outcome])), badge(outcome)));
  return [bar, el("ul", { class: "legend" }, el("li", {}, el("b", {}, whole(c.planned)), "planned", el("span", { class: "sign" }, "=")), terms)];
}

function gates() {
  const all = allGates();
  if (!all.length) return null;
  return el("ul", { class: "gates", "aria-label": "Gates" }, all.map((gate) => {
    const kind = isUndecided(gate) ? "undecided" : gate.passed ? "passed" : "failed";
    const [mark, words] = GATES[kind];
    return el("li", { class: kind }, el("span", { class: "mark", "aria-hidden": "true" }, mark), el("span", { class: "hidden" }, words),
      el("code", {}, gate.gate), el("span", { class: "note" }, gate.detail));
  }));
}

function tiles() {
  const latency = summary.measured.latency_ms;
  const at = (name) => (latency[name] === undefined ? "–" : time(latency[name] * 1000));
  const tile = (name, value, ...notes) =>
    el("div", { class: "tile" }, el("dt", {}, name), el("dd", {}, value), notes.filter(Boolean).map((note) => el("dd", { class: "note" }, note)));
  const c = summary.cases;
  const all = summary.statistics || {};
  const sure = intervalOf({ statistics: all, counts: c });
  const confidence = percent(summary.confidence || 0.95);
  const mean = all.mean_score;
  const trials = summary.trials;
  return el("dl", { class: "tiles" },
    tile("Pass rate", percent(summary.passRate), `${range(sure) || "no interval"} at ${confidence}`, `${whole(c.passed)} of ${whole(judged(c))} judged`),
    mean && tile("Mean score", score(mean.value), mean.interval && `${range(mean.interval, score)} at ${confidence}`, `of ${plural(mean.of, "case")}`),
    tile("Latency", at("p50"), "median", `p95 ${at("p95")}`, `p99 ${at("p99")}`),
    tile("Cost", money(summary.costUsdMicro), summary.costUsdMicro === null ? "a price is not known"
      : `${money(judged(c) ? Math.round(summary.costUsdMicro / judged(c)) : 0)} per case`),
    tile("Tokens", whole(summary.usage.input + summary.usage.output),
      `${whole(summary.usage.input)} in`, `${whole(summary.usage.output)} out`, summary.usage.cached > 0 && `${whole(summary.usage.cached)} cached`),
    trials && tile("Flaky tests", percent(trials.flake_rate), `${whole(trials.flaky)} of ${whole(trials.tests)} repeated tests`));
}

// Mixes three tints: bad, middle, good.
function heat(node, share) {
  if (share === null) return node;
  const low = share < 0.5;
  const part = Math.round((low ? share : share - 0.5) * 200);
  const [from, to] = low ? ["bad", "middle"] : ["middle", "good"];
  node.style.backgroundColor = `color-mix(in oklab, var(--heat-${to}) ${part}%, var(--heat-${from}))`;
  return node;
}

function sum(list) {
  const total = { planned: 0, passed: 0, failed: 0, error: 0, skipped: 0, not_run: 0 };
  for (const counts of list) for (const name of Object.keys(total)) total[name] += counts[name];
  return total;
}

function matrix() {
  const cells = new Map(head.matrix.map(([scenario, provider, counts]) => [`${scenario} ${provider}`, counts]));
  const scenarios = [...new Set(head.matrix.map(([scenario]) => scenario))];
  const providers = [...new Set(head.matrix.map(([, provider]) => provider))].sort((a, b) => a - b);
  if (!scenarios.length) return null;
  const cell = (label, counts, interval, filter, kind) => {
    if (!counts) return el("td", { class: "empty" }, el("span", { class: "hidden" }, "no case"));
    const share = rate(counts);
    const words = COUNTED.filter((outcome) => counts[outcome]).map((outcome) => `${whole(counts[outcome])} ${OUTCOMES[outcome].word}`).join(", ");
    const text = `${label}: ${share === null ? "" : `95% interval ${range(interval)}; `}${words}`;
    const reach = interval && el("i", { class: "reach", "aria-hidden": "true" });
    if (reach) {
      reach.style.left = `${interval.low * 100}%`;
      reach.style.right = `${(1 - interval.high) * 100}%`;
    }
    return el("td", { class: kind }, heat(el("button", { type: "button", class: "cell", title: visible(text), onclick: () => caseList.only(filter) },
      el("b", {}, percent(share)), el("span", {}, share === null ? words : `${whole(counts.passed)}/${whole(judged(counts))}`),
      el("span", { class: "hidden" }, ` ${text}`), reach), share));
  };
  const of = (scenario, provider) => cells.get(`${scenario} ${provider}`);
  const whole_row = (scenario) => {
    const counts = sum(providers.map((provider) => of(scenario, provider)).filter(Boolean));
    const tally = (summary.scenarios || {})[head.scenarios[scenario]];
    return cell(head.scenarios[scenario], counts, intervalOf({ counts, statistics: tally && tally.statistics }), { scenario }, "all");
  };
  const wide = providers.length > 1;
  const rows = scenarios.map((scenario) =>
    el("tr", {}, el("th", { scope: "row", title: visible(head.scenarios[scenario]) }, head.scenarios[scenario]),
      providers.map((provider) => cell(`${head.scenarios[scenario]}, ${head.providers[provider]}`, of(scenario, provider),
        of(scenario, provider) && wilson(of(scenario, provider)), { scenario, provider })), wide && whole_row(scenario)));
  const last = scenarios.length > 1 && el("tr", { class: "all" }, el("th", { scope: "row" }, "all scenarios"), providers.map((provider) => {
    const tally = (summary.providers || {})[head.providers[provider]];
    const counts = tally ? tally.counts : sum(scenarios.map((scenario) => of(scenario, provider)).filter(Boolean));
    return cell(head.providers[provider], counts, intervalOf({ counts, statistics: tally && tally.statistics }), { provider });
  }), wide && el("td"));
  const left = head.matrixLeftOut;
  const gone = [left.scenarios && `${plural(left.scenarios, "scenario")} with the fewest failures`, left.providers && plural(left.providers, "provider")].filter(Boolean);
  return section("Pass rate", "Scenario by provider; the line in a cell is its 95% interval. Press a cell for its cases.",
    scroller("Pass rate by scenario and provider", el("table", { class: "matrix" }, el("caption", { class: "hidden" }, "Pass rate by scenario and provider"),
      el("thead", {}, el("tr", {}, el("td"), providers.map((provider) =>
        el("th", { scope: "col", title: visible(head.providers[provider]) }, head.providers[provider])), wide && el("th", { scope: "col" }, "all"))),
      el("tbody", {}, rows, last))),
    gone.length ? el("p", { class: "left-out" }, `Left out here: ${gone.join(" and ")}.`) : null);
}

const entries = (map) => Object.entries(map || {});

function providers() {
  const rows = entries(summary.providers);
  if (!rows.length) return null;
  const column = (times, name, title) => ({ title, numeric: true, value: (row) => (times[row[0]] || {})[name],
    cell: (row) => ((times[row[0]] || {})[name] === undefined ? "–" : time(times[row[0]][name] * 1000)) });
  const latency = summary.measured.latency_ms_by_provider;
  const first = summary.measured.ttft_ms_by_provider;
  const columns = tallyColumns("Provider", rows, (name) => ({ provider: head.providers.indexOf(name) }));
  const link = columns.name.cell;
  columns.name.cell = (row) => [link(row), el("span", { class: "sub" }, head.models[row[0]] || "")];
  return section("Providers", null, table([columns.name, columns.rate, summary.statistics && columns.score, ...columns.counts,
    ...["p50", "p95", "p99"].map((name) => column(latency, name, name)), entries(first).length > 0 && column(first, "p50", "first token"),
    columns.tokens, columns.cost].filter(Boolean), rows, "Results by provider"));
}

function labels() {
  const rows = entries(summary.labels);
  if (!rows.length) return null;
  const columns = tallyColumns("Label", rows, (name) => ({ label: head.labels.indexOf(name) }));
  return section("Labels", null, table([columns.name, columns.rate, summary.statistics && columns.score, ...columns.counts, columns.tokens, columns.cost].filter(Boolean),
    rows, "Results by label"));
}

function flaky() {
  const trials = summary.trials;
  const rows = trials ? trials.listed.filter((test) => test.flaky) : [];
  if (!rows.length) return null;
  const name = (test) => [test.scenario, test.provider, test.region, test.row && `row ${test.row}`, test.variant].filter(Boolean).join(" · ");
  const of = (test) => `${test.counts.passed} of ${judged(test.counts)}`;
  const columns = [
    { title: "Test", value: name, cell: (test) => lead(name(test), { scenario: head.scenarios.indexOf(test.scenario), provider: head.providers.indexOf(test.provider) }) },
    { title: "Passed", numeric: true, value: (test) => rate(test.counts), cell: of },
    { title: "Trials that did not", numeric: true, value: (test) => test.not_passed.length, cell: (test) => test.not_passed.join(", ") },
  ];
  const at = ((summary.statistics || {}).repeats || {}).at_k || [];
  const chances = at.length > 1 && el("dl", { class: "chances" }, at.map((k) => el("div", {}, el("dt", {}, `k = ${k.k}`),
    el("dd", {}, el("b", {}, percent(k.any)), " pass@k"), el("dd", {}, el("b", {}, percent(k.all)), " pass^k"))));
  return section("Flaky tests", [`${whole(trials.flaky)} of ${whole(trials.tests)} tests passed in some trials and not in others.`,
    chances && "pass@k is the chance that one of k trials passes, pass^k that all do."].filter(Boolean).join(" "), chances, table(columns, rows, "Flaky tests"));
}
