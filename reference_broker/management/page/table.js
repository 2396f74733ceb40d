// A table whose rows stay while their cells change, so that focus and selections stay as well.
import { el, say, show } from "./dom.js";
import { number } from "./words.js";

const MOST_ROWS = 200;

/**
 * columns: {title, of(row) -> text or number to sort and filter by, show(row) -> what the cell shows,
 *           number: right-aligned}; actions: {label, run(row), danger, when(row)}; key(row): its identity.
 */
export class Table {
  constructor({ caption, columns, key, actions = [], empty = "None.", filter = true, sort = 0 }) {
    Object.assign(this, { columns, key, actions, empty });
    this.sorted = { column: sort, down: false };
    this.rows = new Map();
    this.data = [];
    this.search = el("input", { type: "search", placeholder: "Filter", "aria-label": `Filter ${caption}`, input: () => this.draw() });
    this.count = el("span", { class: "quiet", role: "status" });
    this.body = el("tbody");
    this.none = el("p", { class: "none" }, empty);
    this.heads = columns.map((column, index) => this.#head(column, index));
    const acts = actions.length ? [el("td", {})] : [];
    this.table = el("table", {}, el("caption", {}, caption), el("thead", {}, el("tr", {}, ...this.heads, ...acts)), this.body);
    this.bar = el("div", { class: "bar" }, filter ? [this.search, this.count] : []);
    this.element = el("section", {}, filter ? this.bar : null, el("div", { class: "scroll" }, this.table, this.none));
  }

  #head(column, index) {
    const turn = () => {
      const same = this.sorted.column === index;
      this.sorted = { column: index, down: same ? !this.sorted.down : Boolean(column.number) };
      this.draw();
    };
    return el("th", { scope: "col", class: column.number ? "n" : "" }, el("button", { type: "button", click: turn }, column.title));
  }

  update(data) {
    this.data = data;
    this.draw();
  }

  draw() {
    const found = this.#found();
    const shown = found.slice(0, MOST_ROWS);
    const focused = document.activeElement;
    const wanted = shown.map((row) => this.#row(row));
    for (const [key, { line }] of this.rows) {
      if (!wanted.includes(line)) {
        line.remove();
        this.rows.delete(key);
      }
    }
    wanted.forEach((line, index) => {
      if (this.body.children[index] !== line) this.body.insertBefore(line, this.body.children[index] ?? null);
    });
    if (focused !== document.activeElement && this.body.contains(focused)) focused.focus();
    this.#tell(found.length, shown.length);
  }

  #found() {
    const words = this.search.value.toLowerCase();
    const { column, down } = this.sorted;
    const of = (row) => this.columns[column].of(row);
    return this.data
      .filter((row) => !words || this.columns.some((one) => String(one.of(row)).toLowerCase().includes(words)))
      .sort((a, b) => compare(of(a), of(b)) * (down ? -1 : 1));
  }

  #row(row) {
    const key = this.key(row);
    if (!this.rows.has(key)) this.rows.set(key, this.#line(key));
    const held = this.rows.get(key);
    held.row = row;
    this.columns.forEach((column, index) => {
      const value = column.of(row);
      show(held.cells[index], column.show ? column.show(row) : column.number ? number(value) : String(value));
      held.cells[index].classList.toggle("zero", value === 0);
    });
    this.actions.forEach((action, index) => (held.buttons[index].hidden = Boolean(action.when && !action.when(row))));
    return held.line;
  }

  #line(key) {
    const cells = this.columns.map((column, index) => el("td", { class: column.number ? "n" : index ? "" : "name" }));
    const buttons = this.actions.map((action) =>
      el("button", { type: "button", class: action.danger ? "small danger" : "small", click: () => action.run(this.rows.get(key).row) }, action.label),
    );
    const acts = buttons.length ? [el("td", { class: "acts" }, ...buttons)] : [];
    return { line: el("tr", {}, ...cells, ...acts), cells, buttons };
  }

  #tell(found, shown) {
    this.heads.forEach((head, index) => {
      const { column, down } = this.sorted;
      if (index === column) head.setAttribute("aria-sort", down ? "descending" : "ascending");
      else head.removeAttribute("aria-sort");
    });
    this.none.hidden = found > 0;
    this.table.hidden = found === 0;
    say(this.none, this.data.length ? "Nothing matches the filter." : this.empty);
    const part = shown < found ? `, the first ${number(shown)} shown` : "";
    say(this.count, found === this.data.length && !part ? number(found) : `${number(found)} of ${number(this.data.length)}${part}`);
  }
}

function compare(a, b) {
  if (typeof a === "number" && typeof b === "number") return a - b;
  return String(a).localeCompare(String(b), "en", { numeric: true });
}
