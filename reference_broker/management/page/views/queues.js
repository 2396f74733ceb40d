// Queues, and one with its messages, its consumers and its bindings.
import { ask, get } from "../api.js";
import { form, toast } from "../dialogs.js";
import { at, el, Facts, heading, link } from "../dom.js";
import { Chart, Rates } from "../rates.js";
import { Table } from "../table.js";
import { features, fields, many, number, rate } from "../words.js";
import { MessagesPanel } from "./messages.js";
import { bind, bindingTable, publish } from "./things.js";

const owner = (one) => one.owner_pid_details?.name ?? "";
const left = (one) => one.entered - one.messages_ready;

export function allQueues(context) {
  const rates = new Rates();
  const flows = new Map();
  const key = (one) => JSON.stringify([one.vhost, one.name]);
  const flow = (which) => (one) => flows.get(key(one))?.[which] ?? -1;
  const shown = (which) => (one) => rate(flows.get(key(one))?.[which]);
  const table = new Table({
    caption: "Queues",
    key,
    empty: "There is no queue.",
    columns: [
      { title: "Name", of: (one) => one.name, show: (one) => link(one.name, "queues", one.vhost, one.name) },
      { title: "Vhost", of: (one) => one.vhost },
      { title: "Type", of: (one) => one.type },
      { title: "Features", of: features },
      { title: "Held by", of: owner, show: (one) => (owner(one) ? link(owner(one), "connections", owner(one)) : "") },
      { title: "Ready", of: (one) => one.messages_ready, number: true },
      { title: "Unacked", of: (one) => one.messages_unacknowledged, number: true },
      { title: "In", of: flow("in"), show: shown("in"), number: true },
      { title: "Out", of: flow("out"), show: shown("out"), number: true },
      { title: "Consumers", of: (one) => one.consumers, number: true },
    ],
    actions: [
      { label: "Purge…", danger: true, run: (one) => purge(one, context.refresh) },
      { label: "Delete…", danger: true, run: (one) => remove(one, context.refresh) },
    ],
  });
  table.bar.append(el("span", { class: "grow" }), el("button", { type: "button", class: "main", click: () => add(context) }, "Add a queue…"));

  async function look() {
    const queues = await get("mqproof", "queues");
    const now = performance.now() / 1000;
    for (const one of queues) flows.set(key(one), { in: rates.of(`in ${key(one)}`, one.entered, now), out: rates.of(`out ${key(one)}`, left(one), now) });
    table.update(queues);
  }

  return { look, elements: [heading("Queues"), table.element] };
}

async function add(context) {
  const vhosts = (await get("vhosts")).map((one) => one.name);
  form({
    title: "Add a queue",
    submit: "Add",
    fields: [
      { name: "name", label: "Name", required: true },
      { name: "vhost", label: "Vhost", type: "select", options: vhosts },
      { name: "type", label: "Type", type: "select", options: ["classic", "quorum"] },
      { name: "durable", label: "Durable", type: "check", value: true },
      { name: "auto_delete", label: "Auto-delete", type: "check" },
      { name: "arguments", label: "Arguments", type: "json", hint: 'JSON, for instance {"x-max-length": 100, "x-message-ttl": 60000}' },
    ],
    run: async ({ name, vhost, type, ...body }) => {
      const kind = type === "classic" ? {} : { "x-queue-type": type };
      await ask("PUT", ["queues", vhost, name], { body: { ...body, arguments: { ...kind, ...body.arguments } } });
      toast(`Added the queue ${name}`);
      await context.refresh();
    },
  });
}

function purge(one, done) {
  form({
    title: `Purge the queue ${one.name}?`,
    text: `${many(one.messages_ready, "ready message")} will be lost; ${number(one.messages_unacknowledged)} unacknowledged stay with their consumers.`,
    submit: "Purge it",
    danger: true,
    run: async () => {
      await ask("DELETE", ["queues", one.vhost, one.name, "contents"]);
      toast(`Purged ${one.name}`);
      await done();
    },
  });
}

function remove(one, done) {
  form({
    title: `Delete the queue ${one.name}?`,
    text: `${many(one.messages, "message")} will be lost, and ${many(one.consumers, "consumer")} cancelled.`,
    submit: "Delete it",
    danger: true,
    run: async () => {
      await ask("DELETE", ["queues", one.vhost, one.name]);
      toast(`Deleted the queue ${one.name}`);
      await done();
    },
  });
}

export function oneQueue(context, vhost, name) {
  let queue = { vhost, name, messages_ready: 0, messages_unacknowledged: 0, messages: 0, consumers: 0 };
  const facts = new Facts();
  const rates = new Rates();
  const chart = new Chart({ in: "in", out: "out" }, { low: true });
  const messages = new MessagesPanel(vhost, name);
  const holders = holderTable();
  const bindings = bindingTable("Bindings", "from", context.refresh);
  const button = (label, run, kind = "") => el("button", { type: "button", class: kind, click: run }, label);
  const buttons = el("div", { class: "bar" },
    button("Publish…", () => publish(vhost, { exchange: "amq.default", routingKey: name }, context.refresh)),
    button("Bind…", () => bind(vhost, { destination: name, kind: "queue" }, context.refresh)),
    button("Purge…", () => purge(queue, context.refresh), "danger"),
    button("Delete…", () => remove(queue, async () => (location.hash = at("queues"))), "danger"),
  );

  async function look() {
    const [one, bound] = await Promise.all([get("mqproof", "queues", vhost, name), get("queues", vhost, name, "bindings")]);
    queue = one;
    const now = performance.now() / 1000;
    chart.add(rates.of("in", one.entered, now), rates.of("out", left(one), now));
    facts.fill({
      Ready: number(one.messages_ready),
      Unacknowledged: number(one.messages_unacknowledged),
      Entered: `${number(one.entered)} since the broker started`,
      "Held by": owner(one) ? link(owner(one), "connections", owner(one)) : null,
      Vhost: one.vhost,
      Type: one.type,
      Features: features(one),
      Policy: one.policy,
      "Operator policy": one.operator_policy,
      "Of policies": fields(one.effective_policy_definition) || null,
      "Exclusive consumer": one.exclusive_consumer_tag,
      "Single active consumer": one.single_active_consumer_tag,
    });
    holders.update(joined(one));
    bindings.update(bound);
  }

  return {
    look,
    elements: [heading("Queue", name), buttons, facts.element, chart.element, el("h2", {}, "Messages"), messages.element, el("h2", {}, "Consumers, and who holds unacknowledged messages"), holders.element, el("h2", {}, "Bindings"), bindings.element],
  };
}

/** Each consumer with what it holds, and what others hold: basic.get, and consumers that are gone. */
function joined({ consumer_details: consumers, holders }) {
  const key = (connection, channel, tag) => JSON.stringify([connection, channel, tag]);
  const rows = new Map();
  for (const { consumer_tag: tag, channel_details: its, ...rest } of consumers) {
    const held = { tag, connection: its.connection_name, channel: its.number, user: its.user, unacked: 0 };
    rows.set(key(held.connection, held.channel, tag), { ...held, prefetch: rest.prefetch_count, how: how(rest) });
  }
  for (const one of holders) {
    const where = key(one.connection, one.channel, one.consumer_tag);
    const kind = one.consumer_tag ? "cancelled" : "basic.get";
    const row = rows.get(where) ?? { tag: one.consumer_tag, connection: one.connection, channel: one.channel, user: one.user, prefetch: null, how: kind };
    rows.set(where, { ...row, unacked: one.unacknowledged });
  }
  return [...rows].map(([id, row]) => ({ id, ...row }));
}

function how({ ack_required: acks, exclusive, activity_status: status, arguments: given }) {
  const flags = [acks ? "acks" : "no-ack", exclusive && "exclusive", status === "waiting" && "waiting its turn", fields(given)];
  return flags.filter(Boolean).join(", ");
}

function holderTable() {
  return new Table({
    caption: "Consumers and holders",
    filter: false,
    key: (one) => one.id,
    empty: "Nobody consumes from it, and nobody holds messages of it.",
    columns: [
      { title: "Connection", of: (one) => one.connection, show: (one) => link(one.connection, "connections", one.connection) },
      { title: "Channel", of: (one) => one.channel, number: true },
      { title: "Consumer tag", of: (one) => one.tag },
      { title: "User", of: (one) => one.user },
      { title: "How", of: (one) => one.how },
      { title: "Unacked", of: (one) => one.unacked, number: true },
      { title: "Prefetch", of: (one) => one.prefetch ?? 0, show: (one) => (one.prefetch === null ? "–" : one.prefetch ? number(one.prefetch) : "no limit"), number: true },
    ],
  });
}
