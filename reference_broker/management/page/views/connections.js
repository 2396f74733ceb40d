// Connections, and one with all that belongs to it.
import { ask, get } from "../api.js";
import { form, toast } from "../dialogs.js";
import { el, Facts, heading, link } from "../dom.js";
import { Table } from "../table.js";
import { clock, fields, number, seconds, size } from "../words.js";
import { channelColumns } from "./channels.js";
import { FramesPanel } from "./frames.js";

/** How long ago the client was heard, and how that stands to its heartbeat. */
export function heard({ silent, timeout }) {
  const agreed = timeout ? ` of ${timeout} s` : ", no heartbeat";
  if (silent === null) return { text: `unknown${agreed}` };
  const kind = !timeout || silent <= timeout ? undefined : silent <= 2 * timeout ? "warn" : "bad";
  return { text: `${seconds(silent)}${agreed}`, kind };
}

const client = ({ product, version }) => [product, version].filter((part) => typeof part === "string").join(" ");

export function allConnections(context) {
  const table = new Table({
    caption: "Connections",
    key: (one) => one.name,
    empty: "No connection is open.",
    columns: [
      { title: "Name", of: (one) => one.name, show: (one) => link(one.name, "connections", one.name) },
      { title: "Client", of: (one) => client(one.client_properties) },
      { title: "User", of: (one) => one.user },
      { title: "Vhost", of: (one) => one.vhost },
      { title: "State", of: (one) => one.state, show: (one) => ({ text: one.state, kind: one.state === "running" ? undefined : "warn" }) },
      { title: "Heard", of: (one) => one.silent ?? -1, show: heard, number: true },
      { title: "Channels", of: (one) => one.channels, number: true },
      { title: "Consumers", of: (one) => one.consumers, number: true },
      { title: "Unacked", of: (one) => one.messages_unacknowledged, number: true },
      { title: "Received", of: (one) => one.received ?? -1, show: (one) => size(one.received), number: true },
      { title: "Sent", of: (one) => one.sent ?? -1, show: (one) => size(one.sent), number: true },
    ],
    actions: [{ label: "Close…", danger: true, run: (one) => close(one.name, context.refresh) }],
  });
  return { elements: [heading("Connections"), table.element], look: async () => table.update(await get("mqproof", "connections")) };
}

function close(name, done) {
  form({
    title: `Close the connection ${name}?`,
    text: "The client is told 320 with the reason. What it has not acknowledged goes back into its queues, and its exclusive queues are deleted.",
    fields: [{ name: "reason", label: "Reason", value: "Closed via management plugin" }],
    submit: "Close it",
    danger: true,
    run: async ({ reason }) => {
      await ask("DELETE", ["connections", name], { reason });
      toast(`Closed ${name}`);
      await done();
    },
  });
}

export function oneConnection(context, name) {
  const facts = new Facts();
  const said = new Facts();
  const channels = new Table({ caption: "Channels", filter: false, key: (one) => one.name, empty: "No channel is open.", columns: channelColumns(false) });
  const queues = new Table({
    caption: "Exclusive queues",
    filter: false,
    key: (one) => one,
    empty: "None belongs to this connection alone.",
    columns: [{ title: "Exclusive queue", of: (one) => one, show: (one) => link(one, "queues", vhost, one) }],
  });
  const frames = new FramesPanel(name);
  const buttons = el("div", { class: "bar" }, el("button", { type: "button", class: "danger", click: () => close(name, context.refresh) }, "Close…"));
  let vhost = "/";
  let ended = false;

  async function look() {
    if (frames.watching) await frames.look();
    if (ended) return;
    try {
      await fill();
    } catch (error) {
      if (error.status !== 404 || !frames.watching) throw error;
      ended = true; // what it said last is still to be read
      facts.fill({ State: { text: "closed", kind: "bad" }, Heard: null });
      buttons.hidden = true;
    }
  }

  async function fill() {
    const [one, its] = await Promise.all([get("mqproof", "connections", name), get("connections", name, "channels")]);
    vhost = one.vhost;
    facts.fill({
      User: one.user,
      Vhost: one.vhost,
      State: { text: one.state, kind: one.state === "running" ? undefined : "warn" },
      Heard: heard(one),
      Since: `${new Date(one.connected_at).toLocaleDateString()} ${clock(one.connected_at)}`,
      Received: size(one.received),
      Sent: size(one.sent),
      Unacknowledged: number(one.messages_unacknowledged),
      Consumers: number(one.consumers),
      Mechanism: one.auth_mechanism,
      TLS: one.ssl ? [one.ssl_protocol, one.peer_cert_subject].filter(Boolean).join(", ") : "no",
      "Largest frame": one.frame_max ? size(one.frame_max) : "no limit",
      "Most channels": one.channel_max ? number(one.channel_max) : "no limit",
    });
    said.fill(Object.fromEntries(Object.entries(one.client_properties).map(([key, value]) => [key, typeof value === "object" && value ? fields(value) : String(value)])));
    channels.update(its);
    queues.update(one.exclusive_queues);
  }

  const watch = context.administrator ? [el("h2", {}, "Frames"), frames.element] : [];
  return {
    look,
    get interval() {
      return frames.watching ? 500 : undefined;
    },
    elements: [heading("Connection", name), buttons, facts.element, ...watch, el("h2", {}, "Channels"), channels.element, el("h2", {}, "Exclusive queues"), queues.element, el("h2", {}, "What the client says of itself"), said.element],
  };
}
