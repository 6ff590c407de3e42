// The upper half: verdict, counts, heat map, latency, tables.

function verdict() {
  const c = head.cases;
  if (c.planned === 0) return ["skipped", "No cases were planned"];
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

function themeToggle() {
  const names = { auto: "Auto", light: "Light", dark: "Dark" };
  const order = Object.keys(names);
  let theme = "auto";
  try { theme = localStorage.getItem("arena-theme") || "auto"; } catch { /* a page from a file may have no storage */ }
  if (!names[theme]) theme = "auto";
  const button = el("button", { type: "button", class: "quiet", onclick: () => {
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
  const origin = head.origin;
  const facts = [
    origin.source,
    head.measured.started && `started ${head.measured.started.replace("T", " ").replace(/\.\d+Z$/, "Z")}`,
    head.measured.wall_ms > 0 && `took ${time(head.measured.wall_ms * 1000)}`,
    origin.engine,
  ];
  return el("header", { class: `verdict ${kind}` },
    el("div", { class: "brand" }, el("span", {}, "Arena report"), themeToggle()),
    el("h1", {}, el("span", { class: "mark", "aria-hidden": "true" }, OUTCOMES[kind].mark), text),
    el("p", { class: "facts" }, facts.filter(Boolean).map((fact) => el("span", {}, fact))),
    counts());
}

function counts() {
  const c = head.cases;
  const parts = ["passed", "failed", "error", "skipped", "not_run"].filter((outcome) => c[outcome] > 0);
  const bar = el("div", { class: "bar", "aria-hidden": "true" }, parts.map((outcome) => {
    const part = el("span", { class: outcome });
    part.style.flexGrow = c[outcome];
    return part;
  }));
  const legend = el("ul", { class: "legend" }, ["passed", "failed", "error", "skipped", "not_run"].map((outcome) =>
    el("li", { class: c[outcome] ? outcome : `${outcome} none` }, badge(outcome), el("b", {}, whole(c[outcome])))));
  return [bar, legend];
}

function tiles() {
  const latency = head.measured.latency_ms;
  const at = (name) => (latency[name] === undefined ? "–" : time(latency[name] * 1000));
  const tile = (name, value, note) =>
    el("div", { class: "tile" }, el("dt", {}, name), el("dd", {}, value), el("dd", { class: "note" }, note));
  const c = head.cases;
  return el("dl", { class: "tiles" },
    tile("Pass rate", percent(head.passRate), `${whole(c.passed)} of ${whole(judged(c))} with a verdict`),
    tile("Cost", money(head.cost), head.cost === null ? "a price is not known" : `${money(judged(c) ? Math.round(head.cost / judged(c)) : 0)} per case`),
    tile("Tokens", whole(head.usage.input + head.usage.output),
      `${whole(head.usage.input)} in, ${whole(head.usage.output)} out, ${whole(head.usage.cached)} cached`),
    tile("Latency", at("p50"), `median; p95 ${at("p95")}, p99 ${at("p99")}`));
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

function matrix() {
  const cells = new Map(head.matrix.map(([scenario, provider, counts]) => [`${scenario} ${provider}`, counts]));
  const scenarios = [...new Set(head.matrix.map(([scenario]) => scenario))];
  const providers = [...new Set(head.matrix.map(([, provider]) => provider))].sort((a, b) => a - b);
  if (!scenarios.length) return null;
  const cell = (scenario, provider) => {
    const counts = cells.get(`${scenario} ${provider}`);
    if (!counts) return el("td", { class: "empty" }, el("span", { class: "hidden" }, "no case"));
    const share = rate(counts);
    const words = ["passed", "failed", "error", "skipped", "not_run"].filter((outcome) => counts[outcome])
      .map((outcome) => `${counts[outcome]} ${OUTCOMES[outcome].word}`).join(", ");
    const label = `${head.scenarios[scenario]}, ${head.providers[provider]}: ${words}`;
    return el("td", {}, heat(el("button", { type: "button", class: "cell", title: visible(label), "aria-label": visible(label),
      onclick: () => caseList.only(scenario, provider) },
    el("b", {}, percent(share)), el("span", {}, share === null ? words : `${counts.passed}/${judged(counts)}`)), share));
  };
  const left = head.matrixLeftOut;
  return section("Pass rate", "scenario × provider; press a cell for its cases",
    el("div", { class: "scroll" }, el("table", { class: "matrix" },
      el("thead", {}, el("tr", {}, el("td"), providers.map((provider) =>
        el("th", { scope: "col", title: visible(head.providers[provider]) }, head.providers[provider])))),
      el("tbody", {}, scenarios.map((scenario) =>
        el("tr", {}, el("th", { scope: "row", title: visible(head.scenarios[scenario]) }, head.scenarios[scenario]),
          providers.map((provider) => cell(scenario, provider))))))),
    left.scenarios || left.providers
      ? el("p", { class: "left-out" }, `Left out here: ${plural(left.scenarios, "scenario")} with the fewest failures and ${plural(left.providers, "provider")}.`)
      : null);
}

function histogram() {
  const buckets = head.latency;
  if (!buckets.length) return null;
  const [width, height, bottom, top] = [720, 200, 26, 26];
  const low = Math.max(buckets[0][0], 1);
  const high = Math.max(buckets[buckets.length - 1][1], low * 1.05);
  const x = (micros) => (Math.log(Math.max(micros, low) / low) / Math.log(high / low)) * width;
  const count = Math.max(1, Math.min(60, Math.ceil(Math.log(high / low) / Math.log(1.03))));
  const bins = new Array(count).fill(0);
  for (const [from, to, cases] of buckets) {
    bins[Math.min(count - 1, Math.floor((x((from + to) / 2) / width) * count))] += cases;
  }
  const most = Math.max(...bins);
  const scale = (cases) => (cases / most) * (height - bottom - top);
  const bars = bins.map((cases, at) => cases > 0 && svg("rect", {
    class: "bin", x: (at * width) / count + 0.5, width: Math.max(1, width / count - 1),
    y: height - bottom - Math.max(2, scale(cases)), height: Math.max(2, scale(cases)), rx: 1.5,
  }, svg("title", {}, plural(cases, "case"))));
  const ticks = [];
  for (let power = 1; power <= high; power *= 10) {
    for (const step of [1, 2, 5]) {
      const at = power * step;
      if (at >= low && at <= high && x(at) > 8 && x(at) < width - 24) ticks.push(at);
    }
  }
  const every = Math.ceil(ticks.length / 10) || 1;
  const axis = ticks.filter((_, n) => n % every === 0).map((at) => [
    svg("line", { class: "tick", x1: x(at), x2: x(at), y1: height - bottom, y2: height - bottom + 4 }),
    svg("text", { class: "axis", x: x(at), y: height - 8, "text-anchor": "middle" }, time(at).replace(/\.0+ /, " "))]);
  let edge = -Infinity;
  const marks = ["p50", "p95", "p99"].map((name) => {
    const at = x(head.measured.latency_ms[name] * 1000);
    const room = at - edge > 36;
    if (room) edge = at;
    return [svg("line", { class: "percentile", x1: at, x2: at, y1: room ? 16 : top, y2: height - bottom }),
      room && svg("text", { class: "axis strong", x: Math.min(Math.max(at, 12), width - 12), y: 11, "text-anchor": "middle" }, name)];
  });
  const p = head.measured.latency_ms;
  const words = ["p50", "p95", "p99", "max"].map((name) => `${name} ${time(p[name] * 1000)}`).join(", ");
  return section("Latency", `whole cases, logarithmic scale; ${words}`,
    el("div", { class: "panel" }, svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", class: "plot",
      "aria-label": `Latency distribution: ${words}` },
    svg("line", { class: "tick", x1: 0, x2: width, y1: height - bottom, y2: height - bottom }), bars, axis, marks)));
}

function meter(counts) {
  const share = rate(counts);
  const bar = el("span", { class: "meter", "aria-hidden": "true" }, el("i"));
  bar.firstChild.style.width = `${(share || 0) * 100}%`;
  return el("span", { class: "metered" }, share === null ? null : bar, percent(share));
}

const tallyColumns = (title, cost) => [
  { title, value: (row) => row[0], cell: (row) => row[0] },
  { title: "Pass rate", numeric: true, value: (row) => rate(row[1].counts), cell: (row) => meter(row[1].counts) },
  ...["passed", "failed", "error", "skipped", "not_run"].map((outcome) => ({
    title: OUTCOMES[outcome].word, numeric: true, value: (row) => row[1].counts[outcome],
    cell: (row) => el("span", { class: row[1].counts[outcome] ? outcome : "zero" }, whole(row[1].counts[outcome])),
  })),
  { title: "Tokens", numeric: true, value: (row) => row[1].usage.input + row[1].usage.output,
    cell: (row) => whole(row[1].usage.input + row[1].usage.output) },
  { title: cost, numeric: true, value: (row) => row[1].cost_usd_micro, cell: (row) => money(row[1].cost_usd_micro) },
];

function providers() {
  if (!head.byProvider.length) return null;
  const latency = (row) => head.measured.latency_ms_by_provider[row[0]] || {};
  const column = (name) => ({ title: name, numeric: true, value: (row) => latency(row)[name],
    cell: (row) => (latency(row)[name] === undefined ? "–" : time(latency(row)[name] * 1000)) });
  const columns = tallyColumns("Provider", "Cost");
  columns[0].cell = (row) => [row[0], el("span", { class: "sub" }, head.models[row[0]] || "")];
  return section("Providers", null, table([...columns, column("p50"), column("p95"), column("p99")], head.byProvider, "Results by provider"));
}

function others() {
  return [
    head.byCheck.length > 0 && section("Checks", "by type; counts are of checks, cost is of their own calls",
      table(tallyColumns("Check", "Cost"), head.byCheck, "Results by check type")),
    head.byLabel.length > 0 && section("Labels", null, table(tallyColumns("Label", "Cost"), head.byLabel, "Results by label")),
  ];
}

function provenance() {
  const rows = [
    ["Work digest", head.work.digest], ["Merkle root of the records", head.merkleRoot], ["Bundle digest", head.work.bundle],
    ["Arena file", head.work.entry], ["Source", head.origin.source], ["Seed", head.work.seed],
    ["Engine", head.origin.engine], ["Created", head.origin.created],
  ];
  return el("footer", {}, el("h2", {}, "Provenance"),
    el("dl", {}, rows.map(([name, value]) => [el("dt", {}, name), el("dd", {}, el("code", {}, value))])));
}
