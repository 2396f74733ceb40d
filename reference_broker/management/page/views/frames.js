// The last frames of one connection, decoded, as they go by.
import { ask, get } from "../api.js";
import { toast } from "../dialogs.js";
import { el, say } from "../dom.js";
import { clock, fields, number, size } from "../words.js";

const MOST = 500; // as many as the broker keeps

export class FramesPanel {
  constructor(name) {
    Object.assign(this, { path: ["mqproof", "connections", name, "frames"], watching: false, last: 0 });
    this.button = el("button", { type: "button", class: "main", click: () => this.#turn() }, "Watch");
    this.beats = el("input", { type: "checkbox", checked: true, change: () => this.#hideBeats() });
    this.note = el("span", { class: "quiet", role: "status" }, "Nothing is recorded until you watch, and nothing any more when you stop.");
    this.list = el("ol", { class: "frames", tabindex: "0", "aria-label": "Frames, the last below", hidden: true });
    const bar = el("div", { class: "bar" }, this.button, el("label", { class: "check" }, this.beats, "Heartbeats"), this.note);
    this.element = el("section", {}, bar, this.list);
  }

  async #turn() {
    try {
      await ask(this.watching ? "DELETE" : "PUT", this.path);
    } catch (error) {
      toast(error.message, true);
      return;
    }
    this.watching = !this.watching;
    this.last = 0;
    say(this.button, this.watching ? "Stop" : "Watch");
    if (!this.watching) return say(this.note, "Stopped.");
    this.list.replaceChildren();
    this.list.hidden = false;
    await this.look();
  }

  async look() {
    let told = await ask("GET", this.path, { query: { after: this.last } });
    if (told.seen < this.last) told = await get(...this.path); // recorded anew since
    const atEnd = this.list.scrollHeight - this.list.scrollTop - this.list.clientHeight < 40;
    this.list.append(...told.frames.map(line));
    while (this.list.children.length > MOST) this.list.firstElementChild.remove();
    this.last = told.seen;
    this.#hideBeats();
    if (atEnd) this.list.scrollTop = this.list.scrollHeight;
    say(this.note, `${number(told.seen)} seen, the last ${number(this.list.children.length)} shown${told.open ? "" : "; the connection is closed"}`);
  }

  #hideBeats() {
    for (const item of this.list.children) item.hidden = item.dataset.name === "heartbeat" && !this.beats.checked;
  }
}

function line(frame) {
  const arrow = frame.from === "client" ? "client →" : "← broker";
  const { name, payload, arguments: given, why } = frame;
  const detail = given ? fields(given) : why ?? payload ?? "";
  const parts = [clock(frame.at, true), el("span", { class: frame.from }, arrow), `ch ${frame.channel}`, name, detail];
  const shown = parts.map((part) => (part instanceof Node ? part : el("span", {}, part)));
  return el("li", { "data-name": name, class: "mono" }, el("details", {}, el("summary", {}, ...shown), el("pre", {}, whole(frame))));
}

function whole(frame) {
  const { arguments: given, payload, payload_encoding: encoding, why, size: octets, cut } = frame;
  const head = `${size(octets)} of payload${cut ? ", of which the beginning was kept" : ""}${encoding === "base64" ? ", in base64" : ""}`;
  return [head, why, given && JSON.stringify(given, null, 2), payload].filter(Boolean).join("\n");
}
