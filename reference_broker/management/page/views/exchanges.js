// Exchanges, and one with its bindings.
import { ask, get } from "../api.js";
import { form, toast } from "../dialogs.js";
import { at, el, Facts, heading, link } from "../dom.js";
import { Table } from "../table.js";
import { exchangeName, features, many } from "../words.js";
import { bind, bindingTable, publish } from "./things.js";

const TYPES = ["direct", "fanout", "topic", "headers"];

export function allExchanges(context) {
  const table = new Table({
    caption: "Exchanges",
    key: (one) => JSON.stringify([one.vhost, one.name]),
    columns: [
      { title: "Name", of: (one) => one.name, show: (one) => link(exchangeName(one.name), "exchanges", one.vhost, one.name || "amq.default") },
      { title: "Vhost", of: (one) => one.vhost },
      { title: "Type", of: (one) => one.type },
      { title: "Features", of: features },
      { title: "Policy", of: (one) => one.policy ?? "" },
    ],
  });
  table.bar.append(el("span", { class: "grow" }), el("button", { type: "button", class: "main", click: () => add(context) }, "Add an exchange…"));
  return { elements: [heading("Exchanges"), table.element], look: async () => table.update(await get("exchanges")) };
}

async function add(context) {
  const vhosts = (await get("vhosts")).map((one) => one.name);
  form({
    title: "Add an exchange",
    submit: "Add",
    fields: [
      { name: "name", label: "Name", required: true },
      { name: "vhost", label: "Vhost", type: "select", options: vhosts },
      { name: "type", label: "Type", type: "select", options: TYPES },
      { name: "durable", label: "Durable", type: "check", value: true },
      { name: "auto_delete", label: "Auto-delete", type: "check" },
      { name: "internal", label: "Internal", type: "check" },
      { name: "arguments", label: "Arguments", type: "json", hint: 'JSON, for instance {"alternate-exchange": "other"}' },
    ],
    run: async ({ name, vhost, ...body }) => {
      await ask("PUT", ["exchanges", vhost, name], { body });
      toast(`Added the exchange ${name}`);
      await context.refresh();
    },
  });
}

export function oneExchange(context, vhost, name) {
  const shown = name === "amq.default" ? exchangeName("") : name;
  const facts = new Facts();
  const from = bindingTable("Bindings from here", "to", context.refresh);
  const into = bindingTable("Bindings to here", "from", context.refresh);
  const predeclared = name.startsWith("amq.");
  const button = (label, run, kind = "") => el("button", { type: "button", class: kind, click: run }, label);
  const buttons = el("div", { class: "bar" },
    button("Publish…", () => publish(vhost, { exchange: name })),
    name === "amq.default" ? null : button("Bind…", () => bind(vhost, { source: name }, context.refresh)),
    predeclared ? null : button("Delete…", () => remove(), "danger"),
  );
  let bindings = 0;

  function remove() {
    form({
      title: `Delete the exchange ${shown}?`,
      text: `${many(bindings, "binding")} from it will go as well. What is published to it afterwards fails.`,
      submit: "Delete it",
      danger: true,
      run: async () => {
        await ask("DELETE", ["exchanges", vhost, name]);
        toast(`Deleted the exchange ${name}`);
        location.hash = at("exchanges");
      },
    });
  }

  async function look() {
    const paths = [[], ["bindings", "source"], ["bindings", "destination"]];
    const [one, leading, coming] = await Promise.all(paths.map((path) => get("exchanges", vhost, name, ...path)));
    bindings = leading.length;
    facts.fill({ Vhost: one.vhost, Type: one.type, Features: features(one), Policy: one.policy });
    from.update(leading);
    into.update(coming);
  }

  return { look, elements: [heading("Exchange", shown), buttons, facts.element, el("h2", {}, "Bindings from here"), from.element, el("h2", {}, "Bindings to here"), into.element] };
}
