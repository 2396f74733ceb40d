"use strict";
const $ = (id) => document.getElementById(id);
const all = (selector, root = document) => [...root.querySelectorAll(selector)];
const form = $("filters");
const dialog = $("dialog");
const rows = all(".matrix tr[data-l]");
const texts = new Map(rows.map((row) => [row, row.querySelector("th").textContent.toLowerCase()]));
const names = all(".matrix .broker").map((head) => head.textContent);
const LISTS = ["level", "verdict"];

// What is shown stands in the address after #, so that a link leads to the same view.
function state() {
  return new URLSearchParams(location.hash.slice(1));
}

function address(changes) {
  const wanted = state();
  for (const [name, value] of Object.entries(changes))
    if (value) wanted.set(name, value);
    else wanted.delete(name);
  return `#${wanted}`;
}

function fromForm() {
  const found = new FormData(form);
  const changes = { q: found.get("q"), area: found.get("area"), differs: found.get("differs") };
  for (const name of LISTS) changes[name] = found.getAll(name).join(",");
  // Typing is no navigation: the view changes in place.
  history.replaceState(null, "", address(changes));
  filter();
}

function toForm() {
  const wanted = state();
  form.elements.q.value = wanted.get("q") ?? "";
  form.elements.area.value = wanted.get("area") ?? "";
  if (form.elements.differs) form.elements.differs.checked = wanted.has("differs");
  for (const name of LISTS) {
    const chosen = (wanted.get(name) ?? "").split(",");
    for (const box of all(`input[name=${name}]`, form)) box.checked = chosen.includes(box.value);
  }
}

function filter() {
  const wanted = state();
  const words = (wanted.get("q") ?? "").toLowerCase().split(/\s+/).filter(Boolean);
  const [levels, verdicts] = LISTS.map((name) => (wanted.get(name) ?? "").split(",").filter(Boolean));
  const area = wanted.get("area");
  for (const row of rows)
    row.hidden =
      (area && row.parentElement.dataset.area !== area) ||
      (levels.length && !levels.includes(row.dataset.l)) ||
      (verdicts.length && !row.dataset.v.split(" ").some((v) => verdicts.includes(v))) ||
      (wanted.has("differs") && !("d" in row.dataset)) ||
      !words.every((word) => texts.get(row).includes(word));
  for (const body of all(".matrix tbody")) body.hidden = !body.querySelector("tr[data-l]:not([hidden])");
  const left = rows.filter((row) => !row.hidden).length;
  $("shown").textContent = `${left} of ${rows.length}`;
  $("none").hidden = left > 0;
}

// The evidence of one run: base64 of deflated JSON, unpacked once.
const unpacked = new Map();
function evidence(index) {
  if (!unpacked.has(index)) unpacked.set(index, unpack($(`evidence-${index}`).textContent));
  return unpacked.get(index);
}

async function unpack(text) {
  if (!("DecompressionStream" in window))
    throw new Error("This browser cannot unpack the evidence (it lacks DecompressionStream). See the record, or: python -m reports render RECORD --format markdown");
  const octets = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  const stream = new Blob([octets]).stream().pipeThrough(new DecompressionStream("deflate"));
  return JSON.parse(await new Response(stream).text());
}

function make(tag, text = "", attributes = {}) {
  const made = document.createElement(tag);
  made.textContent = text;
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

function block(title, content, wide) {
  const made = make("div", "", wide ? { class: "wide" } : {});
  made.append(make("h3", title), content);
  return made;
}

function transcript(lines) {
  const made = make("pre", "", { class: "long", tabindex: "0" });
  for (const line of lines) {
    const way = /^\s*[\d.]+ \S+ ([<>]) /.exec(line)?.[1];
    made.append(make("span", `${line}\n`, way ? { class: way === ">" ? "sent" : "came" } : {}));
  }
  return made;
}

function facts(found) {
  const told = Object.entries(found.parameters ?? {}).map(([name, value]) => `${name} = ${value}`);
  if (found.seed !== undefined) told.push(`seed ${found.seed}`);
  const took = found.duration < 1 ? `${(found.duration * 1000).toFixed(0)} ms` : `${found.duration.toFixed(1)} s`;
  return [`began ${found.started}`, `took ${took}`, ...told].join(" · ");
}

function drawn(found) {
  const made = make("section", "", { class: "case" });
  made.append(make("h3", `${signs.get(found.verdict)} ${found.verdict}: ${found.test}`, { class: `v-${found.verdict}` }));
  const body = make("div", "", { class: "body" });
  for (const [name, wide] of [["expected"], ["actual"], ["observation", true], ["reason", true], ["closing", true]])
    if (found[name]) body.append(block(name, make("pre", found[name]), wide));
  if (found.link)
    body.append(block("link", /^https?:\/\//.test(found.link) ? make("a", found.link, { href: found.link, rel: "noreferrer" }) : make("p", found.link), true));
  if (found.transcript) body.append(block("on the wire: seconds, client, > sent, < received", transcript(found.transcript), true));
  if (found.log) body.append(block("the broker's log of that moment", make("pre", found.log, { class: "long", tabindex: "0" }), true));
  body.append(block("repeat with", make("pre", found.repeat), true), make("p", facts(found), { class: "wide quiet" }));
  made.append(body);
  return made;
}

const signs = new Map(all("#legend dt").map((term) => term.textContent.trim().split(/\s+/).reverse()));

const links = new Map(all(".matrix td a").map((link) => [decodeURIComponent(link.getAttribute("href").slice(6)), link]));

async function show(place) {
  const [, key, index] = /^(.*)~(\d+)$/.exec(place) ?? [];
  const link = links.get(place);
  if (!link) return;
  const row = link.closest("tr");
  $("dialog-title").textContent = key;
  $("dialog-what").textContent = `${row.dataset.l}: ${row.querySelector("th").textContent.replace(key, "").trim()}`;
  $("dialog-brokers").replaceChildren(
    ...names.map((name, at) => [name, links.get(`${key}~${at}`), at]).filter(([, cell]) => cell).map(([name, cell, at]) => {
      const verdict = cell.parentElement.className.slice(2);
      const current = at === Number(index) ? { "aria-current": "true" } : {};
      return make("a", `${signs.get(verdict)} ${name}`, { href: `#show=${encodeURIComponent(key)}~${at}`, class: `v-${verdict}`, ...current });
    }),
  );
  const list = $("dialog-cases");
  list.replaceChildren(make("p", "Unpacking…", { class: "case" }));
  if (!dialog.open) dialog.showModal();
  dialog.scrollTop = 0;
  try {
    const cases = await evidence(Number(index));
    const shown = cases.filter((found) => (found.requirements ?? [found.test]).includes(key));
    list.replaceChildren(...shown.map(drawn));
  } catch (error) {
    list.replaceChildren(make("p", error.message, { class: "case" }));
  }
}

let lastCell = null;
function follow() {
  toForm();
  filter();
  const place = state().get("show");
  if (place) {
    lastCell = links.get(place) ?? lastCell;
    show(place);
  } else if (dialog.open) dialog.close();
}

// A link of the page sets what it names, and leaves the other filters as they are.
document.addEventListener("click", (event) => {
  const link = event.target.closest('a[href^="#show="], a[href^="#area="]');
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  const wanted = Object.fromEntries(new URLSearchParams(link.getAttribute("href").slice(1)));
  if (wanted.area === state().get("area")) wanted.area = "";
  location.hash = address(wanted);
});
dialog.addEventListener("close", () => {
  if (state().has("show")) {
    history.pushState(null, "", address({ show: "" }));
    lastCell?.focus();
  }
});
dialog.addEventListener("click", (event) => {
  if (event.target === dialog) dialog.close();
});
$("close").addEventListener("click", () => dialog.close());

const STEPS = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
$("matrix").addEventListener("keydown", (event) => {
  const step = STEPS[event.key];
  const link = event.target.closest("td a");
  if (!step || !link) return;
  event.preventDefault();
  const visible = rows.filter((row) => !row.hidden);
  let row = visible.indexOf(link.closest("tr"));
  let column = link.parentElement.cellIndex;
  for (;;) {
    row += step[0];
    column += step[1];
    const cell = visible[row]?.cells[column];
    if (!cell || column < 2) return;
    const next = cell.querySelector("a");
    if (next) return next.focus();
  }
});
addEventListener("keydown", (event) => {
  if (event.key === "/" && !dialog.open && !/INPUT|SELECT/.test(document.activeElement.tagName)) {
    event.preventDefault();
    $("text").focus();
  }
});

form.hidden = rows.length === 0;
form.addEventListener("input", fromForm);
form.addEventListener("submit", (event) => event.preventDefault());
form.addEventListener("reset", () => setTimeout(fromForm));
addEventListener("hashchange", follow);
addEventListener("popstate", follow);
const under = () => document.documentElement.style.setProperty("--under", getComputedStyle(form).position === "sticky" ? `${form.offsetHeight - 1}px` : "0px");
addEventListener("resize", under);
// On paper nothing can be unfolded.
addEventListener("beforeprint", () => all(".attention").forEach((list) => (list.open = true)));
follow();
under();
