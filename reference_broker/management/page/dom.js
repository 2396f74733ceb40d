// Elements, made without any HTML from text: what comes from the wire is always textContent.

/** An element: `properties` are attributes, or functions that listen to the event of that name. */
export function el(name, properties = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (typeof value === "function") made.addEventListener(key, value);
    else if (value === true) made.setAttribute(key, "");
    else if (value !== false && value !== undefined && value !== null) made.setAttribute(key, value);
  }
  made.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return made;
}

/** The same for a picture. */
export function svg(name, attributes = {}) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

/** Another text, if it is another: selections and screen readers are left in peace. */
export function say(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** The address of a view of this page. */
export function at(...parts) {
  return "#/" + parts.map(encodeURIComponent).join("/");
}

/** A link of the kind that tables and facts show. */
export function link(text, ...parts) {
  return { text, href: at(...parts) };
}

/** Names and values; the same list is filled anew again and again. */
export class Facts {
  constructor() {
    this.element = el("dl");
    this.shown = new Map();
  }

  /** `facts` maps names to what a cell may show; undefined and null are left out. */
  fill(facts) {
    for (const [name, value] of Object.entries(facts)) {
      const there = value !== undefined && value !== null;
      if (!this.shown.has(name)) {
        const value = el("dd");
        const pair = el("div", {}, el("dt", {}, name), value);
        this.element.append(pair);
        this.shown.set(name, { pair, value });
      }
      const { pair, value: cell } = this.shown.get(name);
      pair.hidden = !there;
      if (there) show(cell, value);
    }
  }
}

/** Put a value into a cell, touching only what differs: text, or {text, href, kind}. */
export function show(cell, value) {
  const { text, href, kind } = typeof value === "object" ? value : { text: String(value) };
  if (!href) {
    if (cell.firstElementChild) cell.replaceChildren();
    say(cell, text);
  } else {
    let anchor = cell.firstElementChild;
    if (!anchor) cell.replaceChildren((anchor = el("a")));
    if (anchor.getAttribute("href") !== href) anchor.setAttribute("href", href);
    say(anchor, text);
  }
  for (const known of ["good", "warn", "bad"]) cell.classList.toggle(known, kind === known);
}

/** A heading of a view, with what belongs under it. */
export function heading(kind, name, note = "") {
  const shown = name === undefined ? [kind] : [`${kind} `, el("bdi", {}, name)];
  return el("h1", { tabindex: "-1" }, ...shown, note ? el("small", {}, note) : null);
}
