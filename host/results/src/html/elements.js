"use strict";
// What all parts of the page use. Data reaches the page through text nodes and attribute values only.

const data = JSON.parse(document.getElementById("data").textContent);
const head = data.head;
const summary = head.summary;

const OUTCOMES = {
  failed: { word: "failed", mark: "✕" },
  error: { word: "error", mark: "!" },
  passed: { word: "passed", mark: "✓" },
  skipped: { word: "skipped", mark: "–" },
  not_run: { word: "not run", mark: "○" },
};
const COUNTED = ["passed", "failed", "error", "skipped", "not_run"];

// Characters that drive, reorder or hide, and halves of pairs, are shown as what they are.
const ODD = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff]|\r(?!\n)|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

function visible(text) {
  return String(text).replace(ODD, (c) => `[U+${c.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0")}]`);
}

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : value);
  }
  for (const child of children.flat(4)) {
    if (child === null || child === undefined || child === false) continue;
    node.append(child instanceof Node ? child : visible(child));
  }
  return node;
}

const el = (tag, attributes, ...children) => fill(document.createElement(tag), attributes, children);
const svg = (tag, attributes, ...children) =>
  fill(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);

const whole = (number) => Number(number).toLocaleString("en-US");
const plural = (number, word) => `${whole(number)} ${word}${number === 1 ? "" : "s"}`;

function money(micro) {
  if (micro === null || micro === undefined) return "unknown";
  const usd = micro / 1e6;
  return usd === 0 ? "$0" : `$${usd.toFixed(usd >= 1 ? 2 : usd >= 0.01 ? 4 : 6)}`;
}

function time(micros) {
  if (micros === null || micros === undefined) return "–";
  if (micros < 1000) return `${Math.round(micros)} µs`;
  const ms = micros / 1000;
  if (ms < 1000) return `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`;
  const seconds = ms / 1000;
  if (seconds < 120) return `${seconds.toFixed(seconds < 10 ? 2 : 1)} s`;
  return `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
}

function bytes(count) {
  if (count < 1024) return `${count} B`;
  return count < 1048576 ? `${(count / 1024).toFixed(0)} KiB` : `${(count / 1048576).toFixed(1)} MiB`;
}

const judged = (counts) => counts.passed + counts.failed + counts.error;
const rate = (counts) => (judged(counts) ? counts.passed / judged(counts) : null);

// Rounded towards the middle: only a perfect score reads 100 %, only a complete failure 0 %.
function percent(share) {
  if (share === null || share === undefined) return "–";
  const rounded = Math.round(share * 100);
  if (share < 1 && rounded === 100) return "99%";
  if (share > 0 && rounded === 0) return "1%";
  return `${rounded}%`;
}

const score = (value) => (value === null || value === undefined ? "–" : String(Number(value.toFixed(3))));

// Wilson's interval at 95 %, for what the summary has none of: single cells.
function wilson(counts) {
  const n = judged(counts);
  if (!n) return null;
  const [z, p] = [1.959964, counts.passed / n];
  const middle = (p + (z * z) / (2 * n)) / (1 + (z * z) / n);
  const half = (z / (1 + (z * z) / n)) * Math.sqrt((p * (1 - p)) / n + (z * z) / (4 * n * n));
  return { low: counts.passed === 0 ? 0 : middle - half, high: counts.passed === n ? 1 : middle + half };
}

// The interval of a slice: the summary's own, which may be none, where it says something of the slice.
function intervalOf(tally) {
  const estimate = tally.statistics && tally.statistics.pass_rate;
  return estimate ? estimate.interval || null : wilson(tally.counts);
}

const rounded = (share) => `${Math.round(share * 100)}%`;
const range = (interval, show = rounded) => (interval ? `${show(interval.low).replace("%", "")}–${show(interval.high)}` : "");

function badge(outcome) {
  const { word, mark } = OUTCOMES[outcome];
  return el("span", { class: `badge ${outcome}` }, el("span", { class: "mark", "aria-hidden": "true" }, mark), word);
}

function section(title, note, ...children) {
  return el("section", {}, el("h2", {}, title), note && el("p", { class: "note about" }, note), children);
}

function compare(a, b) {
  if (a === b) return 0;
  if (a === null || a === undefined) return -1;
  if (b === null || b === undefined) return 1;
  return typeof a === "number" ? a - b : String(a).localeCompare(String(b));
}
