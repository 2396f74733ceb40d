// Rates from counts, and their picture.
import { el, say, svg } from "./dom.js";
import { rate } from "./words.js";

/** How fast counts rise, each between its last two looks. */
export class Rates {
  constructor() {
    this.last = new Map();
  }

  /** Per second, or null at the first look; `at` is in seconds. */
  of(key, count, at) {
    const before = this.last.get(key);
    if (!before || at > before.at) this.last.set(key, { count, at });
    if (!before || at <= before.at) return before ? before.rate ?? null : null;
    const now = Math.max(0, (count - before.count) / (at - before.at));
    this.last.get(key).rate = now;
    return now;
  }
}

const SAMPLES = 150;
const [WIDTH, HEIGHT] = [600, 100];

/** Lines of the last samples; `lines` maps a class to a label. */
export class Chart {
  constructor(lines, { low = false } = {}) {
    this.lines = Object.entries(lines).map(([name, label]) => this.#line(name, label));
    this.most = el("span", { class: "quiet" });
    const legends = [...this.lines.map((line) => line.legend), el("li", {}, this.most)];
    this.picture = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", role: "img" });
    this.picture.append(svg("line", { x1: 0, y1: HEIGHT - 1, x2: WIDTH, y2: HEIGHT - 1 }), ...this.lines.map((line) => line.drawn));
    this.element = el("div", { class: low ? "chart low" : "chart" }, el("ul", {}, ...legends), this.picture);
  }

  #line(name, label) {
    const value = el("b");
    return { samples: [], value, label, drawn: svg("polyline", { class: `l-${name}` }), legend: el("li", { class: `l-${name}` }, `${label} `, value) };
  }

  /** One sample for each line, per second; null while there is none. */
  add(...values) {
    this.lines.forEach((line, index) => {
      if (values[index] !== null) line.samples = [...line.samples, values[index]].slice(-SAMPLES);
      say(line.value, rate(values[index]));
    });
    const most = Math.max(1, ...this.lines.flatMap((line) => line.samples));
    for (const { drawn, samples } of this.lines) drawn.setAttribute("points", points(samples, most));
    say(this.most, `the last five minutes; the top is ${rate(most)}`);
    this.picture.setAttribute("aria-label", this.lines.map((line, index) => `${line.label} ${rate(values[index])}`).join(", "));
  }
}

function points(samples, most) {
  const start = WIDTH * (1 - (samples.length - 1) / (SAMPLES - 1));
  return samples
    .map((value, index) => `${(start + (index * WIDTH) / (SAMPLES - 1)).toFixed(1)},${(HEIGHT - 2 - (value / most) * (HEIGHT - 6)).toFixed(1)}`)
    .join(" ");
}
