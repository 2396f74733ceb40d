// The ready messages of a queue, looked at where they are: none is taken out, none is flagged.
import { ask } from "../api.js";
import { el, say } from "../dom.js";
import { exchangeName, fields, number, size } from "../words.js";

const PAGE = 10;

export class MessagesPanel {
  constructor(vhost, name) {
    this.path = ["mqproof", "queues", vhost, name, "messages"];
    this.start = 0;
    const button = (label, run) => el("button", { type: "button", click: run }, label);
    this.earlier = button("← Earlier", () => this.show(Math.max(0, this.start - PAGE)));
    this.later = button("Later →", () => this.show(this.start + PAGE));
    this.earlier.disabled = this.later.disabled = true;
    this.note = el("span", { class: "quiet", role: "status" }, "Looking changes nothing: messages stay in the queue, in their places and unflagged.");
    this.list = el("ol", { class: "messages", hidden: true });
    this.element = el("section", {}, el("div", { class: "bar" }, button("Look", () => this.show(this.start)), this.earlier, this.later, this.note), this.list);
  }

  async show(start) {
    let found;
    try {
      found = await ask("GET", this.path, { query: { start, count: PAGE + 1 } });
    } catch (error) {
      return say(this.note, error.message);
    }
    this.start = start;
    const shown = found.slice(0, PAGE);
    this.earlier.disabled = start === 0;
    this.later.disabled = found.length <= PAGE;
    this.list.hidden = shown.length === 0;
    this.list.replaceChildren(...shown.map(item));
    say(this.note, shown.length ? `Messages ${number(start + 1)} to ${number(start + shown.length)} in line.` : "No message is in line here.");
  }
}

function item(one) {
  const facts = [
    `${number(one.place + 1)}.`,
    `exchange ${exchangeName(one.exchange)}`,
    `key ${one.routing_key || "(empty)"}`,
    size(one.payload_bytes),
    one.redelivered && "redelivered",
    one.cut && "only the beginning is shown",
    one.payload_encoding === "base64" && "shown in base64",
  ];
  return el("li", {}, el("div", { class: "quiet" }, facts.filter(Boolean).join("  ·  ")), el("div", { class: "mono" }, fields(one.properties)), el("pre", {}, one.payload || "(empty)"));
}
