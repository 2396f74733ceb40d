// What the pages of queues and exchanges share: bindings, and publishing.
import { ask } from "../api.js";
import { form, toast } from "../dialogs.js";
import { link } from "../dom.js";
import { Table } from "../table.js";
import { exchangeName, fields } from "../words.js";

function end(binding, which) {
  if (which === "from") return ["exchanges", binding.vhost, binding.source || "amq.default"];
  return [binding.destination_type === "queue" ? "queues" : "exchanges", binding.vhost, binding.destination];
}

/** Bindings with their other end: that from which, or that to which, they lead. */
export function bindingTable(caption, which, done) {
  const name = (one) => (which === "from" ? exchangeName(one.source) : one.destination);
  return new Table({
    caption,
    filter: false,
    key: (one) => JSON.stringify([one.source, one.destination_type, one.destination, one.properties_key]),
    columns: [
      { title: which === "from" ? "From exchange" : "To", of: name, show: (one) => link(name(one), ...end(one, which)) },
      ...(which === "to" ? [{ title: "Kind", of: (one) => one.destination_type }] : []),
      { title: "Routing key", of: (one) => one.routing_key },
      { title: "Arguments", of: (one) => fields(one.arguments) },
    ],
    actions: [{ label: "Unbind…", danger: true, when: (one) => one.source !== "", run: (one) => unbind(one, done) }],
  });
}

function address(vhost, source, kind, destination) {
  return ["bindings", vhost, "e", source, kind === "queue" ? "q" : "e", destination];
}

function unbind(one, done) {
  form({
    title: `Unbind ${one.destination} from ${one.source}?`,
    text: `Messages with the routing key '${one.routing_key}' will not come this way any more.`,
    submit: "Unbind",
    danger: true,
    run: async () => {
      await ask("DELETE", [...address(one.vhost, one.source, one.destination_type, one.destination), one.properties_key]);
      toast("Unbound");
      await done();
    },
  });
}

/** Ask for the rest of a binding of which one end is known, and make it. */
export function bind(vhost, known, done) {
  const free = known.source
    ? [{ name: "kind", label: "To", type: "select", options: ["queue", "exchange"] }, { name: "destination", label: "Name", required: true }]
    : [{ name: "source", label: "From exchange", required: true }];
  form({
    title: known.source ? `Bind from ${known.source}` : `Bind the queue ${known.destination}`,
    submit: "Bind",
    fields: [...free, { name: "routing_key", label: "Routing key" }, { name: "arguments", label: "Arguments", type: "json", hint: "JSON; for exchanges of type headers" }],
    run: async (values) => {
      const { source, kind, destination, routing_key, arguments: table } = { ...values, ...known };
      await ask("POST", address(vhost, source, kind, destination), { body: { routing_key, arguments: table } });
      toast("Bound");
      await done();
    },
  });
}

/** Ask for a message and publish it. */
export function publish(vhost, { exchange, routingKey = "" }, done = async () => {}) {
  const target = exchange === "amq.default" ? "the default exchange" : exchange;
  form({
    title: `Publish to ${target}`,
    text: exchange === "amq.default" ? "The routing key is the name of a queue." : undefined,
    submit: "Publish",
    fields: [
      { name: "payload", label: "Body", type: "textarea" },
      { name: "encoding", label: "Encoding", type: "select", options: ["text", "base64"] },
      { name: "key", label: "Routing key", value: routingKey },
      { name: "persistent", label: "Persistent", type: "check" },
      { name: "properties", label: "Properties", type: "json", hint: 'JSON, for instance {"content_type": "text/plain", "headers": {"n": 1}}' },
    ],
    run: async ({ payload, encoding, key, persistent, properties }) => {
      const body = {
        payload,
        payload_encoding: encoding === "text" ? "string" : encoding,
        routing_key: key,
        properties: persistent ? { delivery_mode: 2, ...properties } : properties,
      };
      const { routed } = await ask("POST", ["exchanges", vhost, exchange, "publish"], { body });
      toast(routed ? "Published" : "Published, but no queue took it", !routed);
      await done();
    },
  });
}
