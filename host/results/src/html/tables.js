// Tables whose columns sort by a press on their heads.

// A column: {title, value(row), cell(row), numeric}. Gives a head cell and tells `onsort` when it is pressed.
function sortHead(column, onsort) {
  return el("th", { scope: "col", class: column.numeric && "numeric", "aria-sort": "none" },
    el("button", { type: "button", class: "sort", onclick: onsort }, column.title));
}

function showOrder(heads, at, falling) {
  heads.forEach((cell, n) => cell.setAttribute("aria-sort", n !== at ? "none" : falling ? "descending" : "ascending"));
}

// A box that scrolls sideways, and can be scrolled by keyboard.
const scroller = (name, ...children) =>
  el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": visible(name) }, children);

function table(columns, rows, caption) {
  const body = el("tbody");
  let order = null;
  const heads = columns.map((column, at) => sortHead(column, () => {
    const falling = order && order.at === at ? !order.falling : Boolean(column.numeric);
    order = { at, falling };
    showOrder(heads, at, falling);
    draw([...rows].sort((a, b) => compare(column.value(a), column.value(b)) * (falling ? -1 : 1)));
  }));
  function draw(list) {
    body.replaceChildren(...list.map((row) =>
      el("tr", {}, columns.map((column, at) =>
        el(at ? "td" : "th", { class: column.numeric && "numeric", scope: !at && "row" }, column.cell(row))))));
  }
  draw(rows);
  return scroller(caption, el("table", { class: "list" }, el("caption", { class: "hidden" }, caption), el("thead", {}, el("tr", {}, heads)), body));
}

// A share on a line from 0 to 1, with its interval.
function meter(share, interval) {
  if (share === null || share === undefined) return el("span", {}, "–");
  const bar = el("span", { class: "meter", "aria-hidden": "true" });
  if (interval) {
    const reach = bar.appendChild(el("i", { class: "reach" }));
    reach.style.left = `${interval.low * 100}%`;
    reach.style.width = `${(interval.high - interval.low) * 100}%`;
  }
  const point = bar.appendChild(el("i", { class: "point" }));
  point.style.left = `${share * 100}%`;
  return el("span", { class: "metered" }, bar, el("b", {}, percent(share)),
    interval && el("span", { class: "sub" }, range(interval)));
}

// A name that leads to its cases, if the list of cases knows it.
const lead = (text, filters) => (Object.values(filters).every((number) => number >= 0 || typeof number === "string")
  ? el("button", { type: "button", class: "link", onclick: () => caseList.only(filters) }, text) : el("span", {}, text));

// Columns of tallies: [name, tally] in each row.
function tallyColumns(title, rows, filters, cost = "Cost") {
  const named = (row) => lead(row[0], filters(row[0]));
  const scored = (row) => row[1].statistics && row[1].statistics.mean_score;
  return {
    name: { title, value: (row) => row[0], cell: named },
    rate: { title: "Pass rate", numeric: true, value: (row) => rate(row[1].counts), cell: (row) => meter(rate(row[1].counts), intervalOf(row[1])) },
    score: { title: "Mean score", numeric: true, value: (row) => (scored(row) || {}).value, cell: (row) => (scored(row)
      ? [score(scored(row).value), scored(row).interval && el("span", { class: "sub" }, range(scored(row).interval, score))] : "–") },
    counts: COUNTED.filter((outcome) => outcome === "passed" || outcome === "failed" || rows.some((row) => row[1].counts[outcome])).map((outcome) => ({
      title: OUTCOMES[outcome].word, numeric: true, value: (row) => row[1].counts[outcome],
      cell: (row) => el("span", { class: row[1].counts[outcome] ? outcome : "zero" }, whole(row[1].counts[outcome])),
    })),
    tokens: { title: "Tokens", numeric: true, value: (row) => row[1].usage.input + row[1].usage.output,
      cell: (row) => whole(row[1].usage.input + row[1].usage.output) },
    cost: { title: cost, numeric: true, value: (row) => row[1].cost_usd_micro, cell: (row) => money(row[1].cost_usd_micro) },
  };
}
