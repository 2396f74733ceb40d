// How the broker is: what is in it, what goes through it, and what it lives on.
import { get, getIfAllowed } from "../api.js";
import { at, el, Facts, heading, say } from "../dom.js";
import { Chart, Rates } from "../rates.js";
import { Table } from "../table.js";
import { many, number, seconds, size } from "../words.js";

const TOTALS = { messages_ready: "ready", messages_unacknowledged: "unacknowledged", messages: "messages in all" };
const OBJECTS = ["connections", "channels", "exchanges", "queues", "consumers"];
const LINKED = ["connections", "channels", "exchanges", "queues"];

export function overview() {
  const cards = new Map();
  const card = (name, label, href) => {
    const value = el("b", {}, "–");
    cards.set(name, value);
    return el(href ? "a" : "div", { class: "card", href }, value, el("span", {}, label));
  };
  const messages = el("div", { class: "cards" }, ...Object.entries(TOTALS).map(([name, label]) => card(name, label)));
  const objects = el("div", { class: "cards" }, ...OBJECTS.map((name) => card(name, name, LINKED.includes(name) ? at(name) : undefined)));
  const chart = new Chart({ in: "into queues", out: "to clients", settled: "settled" });
  const facts = new Facts();
  const listeners = new Table({
    caption: "Listeners",
    filter: false,
    key: (one) => `${one.protocol} ${one.port}`,
    columns: [
      { title: "Protocol", of: (one) => one.protocol },
      { title: "Address", of: (one) => one.ip_address },
      { title: "Port", of: (one) => one.port, show: (one) => String(one.port), number: true },
    ],
  });
  const rates = new Rates();

  async function look(flow) {
    const [told, nodes] = await Promise.all([get("overview"), getIfAllowed("nodes")]);
    const counts = { ...told.queue_totals, ...told.object_totals };
    for (const [name, cell] of cards) say(cell, number(counts[name]));
    chart.add(...["entered", "delivered", "settled"].map((name) => rates.of(name, flow[name], flow.at)));
    facts.fill({ Broker: `${told.product_name} ${told.product_version}`, Node: told.node, "As RabbitMQ": told.rabbitmq_version, ...ofNode(nodes?.[0]) });
    facts.fill({ "So far": `${many(flow.entered, "message")} into queues, ${number(flow.delivered)} to clients, ${number(flow.settled)} settled` });
    listeners.update(told.listeners);
  }

  return { look, elements: [heading("Overview"), messages, chart.element, objects, el("h2", {}, "Node"), facts.element, el("h2", {}, "Listeners"), listeners.element] };
}

function ofNode(node) {
  if (!node) return {};
  const limit = (octets) => (octets === null ? "no limit" : `limit ${size(octets)}`);
  return {
    Process: node.os_pid,
    Up: seconds(node.uptime / 1000),
    Memory: { text: `${size(node.mem_used)}, ${limit(node.mem_limit)}${node.mem_alarm ? ": alarm" : ""}`, kind: node.mem_alarm ? "bad" : undefined },
    "Disk free": { text: `${size(node.disk_free)}, ${limit(node.disk_free_limit)}${node.disk_free_alarm ? ": alarm" : ""}`, kind: node.disk_free_alarm ? "bad" : undefined },
    "Messages are kept": node.type === "disc" ? "on disk" : "in memory",
  };
}
