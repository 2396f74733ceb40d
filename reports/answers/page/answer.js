// A link into the evidence opens what it leads to.
"use strict";
function reveal() {
  const place = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (place instanceof HTMLDetailsElement) {
    place.open = true;
    place.scrollIntoView();
  }
}
addEventListener("hashchange", reveal);
reveal();
