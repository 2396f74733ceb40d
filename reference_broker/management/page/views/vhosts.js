// Vhosts.
import { ask, get } from "../api.js";
import { form, toast } from "../dialogs.js";
import { el, heading } from "../dom.js";
import { Table } from "../table.js";
import { many } from "../words.js";

export function allVhosts(context) {
  const actions = [{ label: "Delete…", danger: true, run: (one) => remove(one) }];
  const table = new Table({
    caption: "Vhosts",
    key: (one) => one.name,
    columns: [
      { title: "Name", of: (one) => one.name },
      { title: "Description", of: (one) => one.description },
      { title: "Ready", of: (one) => one.messages_ready, number: true },
      { title: "Unacked", of: (one) => one.messages_unacknowledged, number: true },
    ],
    actions: context.administrator ? actions : [],
  });
  if (context.administrator) table.bar.append(el("span", { class: "grow" }), el("button", { type: "button", class: "main", click: add }, "Add a vhost…"));

  function add() {
    form({
      title: "Add a vhost",
      text: "You may do all in it; others need permissions.",
      submit: "Add",
      fields: [{ name: "name", label: "Name", required: true }, { name: "description", label: "Description" }],
      run: async ({ name, description }) => {
        await ask("PUT", ["vhosts", name], { body: { description } });
        toast(`Added the vhost ${name}`);
        await context.refresh();
      },
    });
  }

  function remove(one) {
    form({
      title: `Delete the vhost ${one.name}?`,
      text: `All that is in it goes, with ${many(one.messages, "message")}, and its connections are closed.`,
      submit: "Delete it",
      danger: true,
      run: async () => {
        await ask("DELETE", ["vhosts", one.name]);
        toast(`Deleted the vhost ${one.name}`);
        await context.refresh();
      },
    });
  }

  return { elements: [heading("Vhosts"), table.element], look: async () => table.update(await get("vhosts")) };
}
