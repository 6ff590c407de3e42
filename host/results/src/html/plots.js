// Plots: latency, scores by check, and the table of checks.

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
  const p = summary.measured.latency_ms;
  let edge = -Infinity;
  const marks = ["p50", "p95", "p99"].filter((name) => p[name] !== undefined).map((name) => {
    const at = x(p[name] * 1000);
    const room = at - edge > 36;
    if (room) edge = at;
    return [svg("line", { class: "percentile", x1: at, x2: at, y1: room ? 16 : top, y2: height - bottom }),
      room && svg("text", { class: "axis strong", x: Math.min(Math.max(at, 12), width - 12), y: 11, "text-anchor": "middle" }, name)];
  });
  const words = ["p50", "p95", "p99", "max"].map((name) => `${name} ${time(p[name] * 1000)}`).join(", ");
  return section("Latency", `Whole cases, logarithmic scale: ${words}.`,
    el("div", { class: "panel" }, svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", class: "plot",
      "aria-label": `Latency distribution: ${words}` },
    svg("line", { class: "tick", x1: 0, x2: width, y1: height - bottom, y2: height - bottom }), bars, axis, marks)));
}

// How the scores of a check type are spread, from 0 on the left to 1 on the right.
function spread(name) {
  const bins = head.scores[head.types.indexOf(name)];
  const total = bins ? bins.reduce((a, b) => a + b, 0) : 0;
  if (!total) return el("span", { class: "zero" }, "no scores");
  const [width, height] = [120, 26];
  const most = Math.max(...bins);
  const step = width / bins.length;
  const edges = (n) => `${score(n / bins.length)} to ${score((n + 1) / bins.length)}`;
  const peak = bins.indexOf(most);
  return svg("svg", { viewBox: `0 0 ${width} ${height}`, width, height, role: "img", class: "spread",
    "aria-label": `${plural(total, "score")}, most of them ${edges(peak)}` },
  svg("line", { class: "tick", x1: 0, x2: width, y1: height - 0.5, y2: height - 0.5 }),
  bins.map((count, n) => {
    if (!count) return null;
    const tall = Math.max(1.5, (count / most) * (height - 2));
    return svg("rect", { class: "bin", x: n * step + 0.5, y: height - 1 - tall, width: step - 1, height: tall, rx: 1 },
      svg("title", {}, `${plural(count, "score")} from ${edges(n)}`));
  }));
}

function checks() {
  const rows = entries(summary.evaluators);
  if (!rows.length) return null;
  const about = summary.checks || {};
  const columns = tallyColumns("Check", rows, (name) => {
    const number = head.types.indexOf(name);
    return { check: number < 0 ? -1 : `all ${number}` };
  }, "Cost of its calls");
  const profile = (row) => (about.profiles || {})[row[0]] || {};
  const fuel = (row) => (profile(row).fresh ? profile(row).fuel / profile(row).fresh : null);
  const used = entries(about.profiles).length > 0;
  const list = [columns.name, columns.rate, summary.statistics && columns.score,
    { title: "Scores, 0 to 1", value: (row) => row[0], cell: (row) => spread(row[0]) },
    ...columns.counts, used && { title: "Fuel each", numeric: true, value: fuel, cell: (row) => (fuel(row) === null ? "–" : whole(Math.round(fuel(row)))) },
    columns.tokens, columns.cost];
  const place = (check) => [check.scenario, check.scope === "turn" && check.turn !== undefined && check.turn !== null ? `turn ${check.turn + 1}` : check.scope].filter(Boolean).join(", ");
  const dead = (about.dead || []).map((check) => el("li", {}, el("b", {}, check.type), ` never failed in ${plural(check.judged, "verdict")}`, place(check) && ` (${place(check)})`));
  const costly = (about.costly || []).map((check) => el("li", {}, el("b", {}, check.type), ` takes ${percent(check.fuel_share)} of the fuel of all checks`,
    check.cost_share > 0 && ` and ${percent(check.cost_share)} of the cost`));
  return section("Checks", "By type. Counts are of checks; cost is of their own calls.",
    table(list.filter(Boolean), rows, "Results by check type"),
    dead.length > 0 && el("div", { class: "hints" }, el("h3", {}, "Never failed"), el("ul", {}, dead),
      about.dead_left_out > 0 && el("p", { class: "note" }, `and ${whole(about.dead_left_out)} more`)),
    costly.length > 0 && el("div", { class: "hints" }, el("h3", {}, "Costly"), el("ul", {}, costly)));
}

function errors() {
  const rows = entries(summary.errors);
  if (!rows.length) return null;
  const columns = [{ title: "Error", value: (row) => row[0], cell: (row) => el("code", {}, row[0]) },
    { title: "Cases", numeric: true, value: (row) => row[1], cell: (row) => whole(row[1]) }];
  return section("Errors", null, table(columns, rows.sort((a, b) => b[1] - a[1]), "Cases by error"));
}
