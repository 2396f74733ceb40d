"use strict";
const $ = (id) => document.getElementById(id);
const cases = [...document.querySelectorAll(".case")];
const texts = new Map(cases.map((c) => [c, c.textContent.toLowerCase()]));
const boxes = [...document.querySelectorAll("input[name=verdict]")];

function show() {
  const words = $("text").value.toLowerCase().split(/\s+/).filter(Boolean);
  const wanted = new Set(boxes.filter((b) => b.checked).map((b) => b.value));
  for (const c of cases)
    c.hidden = !wanted.has(c.dataset.verdict) || !words.every((w) => texts.get(c).includes(w));
  for (const area of document.querySelectorAll(".area"))
    area.hidden = !area.querySelector(".case:not([hidden])");
  const left = cases.filter((c) => !c.hidden).length;
  $("shown").textContent = left === cases.length ? "" : `${left} of ${cases.length}`;
  $("none").hidden = left > 0;
}

function openTarget() {
  const target = $(decodeURIComponent(location.hash.slice(1)));
  if (target?.matches(".case")) target.open = true;
}

if (cases.length) $("filters").hidden = false;
$("filters").addEventListener("input", show);
$("filters").addEventListener("submit", (event) => event.preventDefault());
addEventListener("hashchange", openTarget);

// On paper nothing can be unfolded: print the evidence of all that is not a plain pass.
let unfolded = [];
addEventListener("beforeprint", () => {
  unfolded = cases.filter((c) => !c.open && c.dataset.verdict !== "pass");
  unfolded.forEach((c) => (c.open = true));
});
addEventListener("afterprint", () => unfolded.forEach((c) => (c.open = false)));

openTarget();
