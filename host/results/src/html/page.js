// What stands at the end, and the page as a whole.

function provenance() {
  const work = head.work;
  const origin = summary.origin;
  const rows = [
    ["Bundle", work.bundle], ["Arena file", work.entry], ["Source", origin.source], ["Work digest", summary.workDigest],
    ["Plan", work.plan], ["Seed", work.seed], ["Clock of guests", work.epoch], ["Engine", origin.engine], ["Created", origin.created],
    ["Merkle root of the records", summary.merkleRoot],
  ].filter(([, value]) => value !== undefined && value !== null && value !== "");
  const endpoints = origin.endpoints || {};
  const models = entries(head.models).map(([name, model]) => el("tr", {}, el("th", { scope: "row" }, name), el("td", {}, model), el("td", {}, endpoints[name] || "")));
  const pins = entries(head.evaluators).map(([name, pin]) => el("tr", {}, el("th", { scope: "row" }, name),
    el("td", {}, el("code", {}, pin.digest)), el("td", {}, (pin.grants || []).join(", ") || "nothing granted")));
  const facts = (title, columns, lines) => lines.length > 0 && el("details", {}, el("summary", {}, `${title} (${whole(lines.length)})`),
    scroller(title, el("table", {}, el("caption", { class: "hidden" }, title), el("thead", {}, el("tr", {}, columns.map((column) => el("th", { scope: "col" }, column)))), el("tbody", {}, lines))));
  return el("footer", {}, el("h2", {}, "Provenance"),
    el("dl", {}, rows.map(([name, value]) => [el("dt", {}, name), el("dd", {}, el("code", {}, value))])),
    facts("Models", ["Provider", "Model", "Called at"], models),
    facts("Evaluators", ["Component", "Digest", "Granted"], pins),
    head.config && el("details", {}, el("summary", {}, "Effective config"), el("pre", { tabindex: "0" }, head.config)));
}

fill(document.getElementById("page"), {}, [masthead(), tiles(), matrix(), caseList.view(), histogram(), checks(), providers(), flaky(), labels(), errors(), provenance()]);
if (!document.getElementById("cases")) document.querySelector(".skip").remove();
if (location.hash.startsWith("#case-")) {
  const target = document.getElementById(location.hash.slice(1));
  if (target) target.scrollIntoView();
}
