// Users, and one with what it may do where.
import { ask, get } from "../api.js";
import { form, toast } from "../dialogs.js";
import { at, el, Facts, heading, link } from "../dom.js";
import { Table } from "../table.js";

const TAGS = "administrator, monitoring, policymaker, management; none for clients that only speak AMQP";
const RIGHTS = ["configure", "write", "read"];

export function allUsers(context) {
  const table = new Table({
    caption: "Users",
    key: (one) => one.name,
    columns: [
      { title: "Name", of: (one) => one.name, show: (one) => link(one.name, "users", one.name) },
      { title: "Tags", of: (one) => one.tags.join(", ") },
      { title: "Vhosts", of: (one) => one.vhosts.join(", ") },
      { title: "Password", of: (one) => (one.password_hash ? "set" : "none") },
    ],
    actions: [{ label: "Delete…", danger: true, run: (one) => remove(one.name, context.refresh) }],
  });
  table.bar.append(el("span", { class: "grow" }), el("button", { type: "button", class: "main", click: () => add(context) }, "Add a user…"));

  async function look() {
    const [users, permissions] = await Promise.all([get("users"), get("permissions")]);
    const vhosts = (name) => permissions.filter((one) => one.user === name).map((one) => one.vhost);
    table.update(users.map((one) => ({ ...one, vhosts: vhosts(one.name) })));
  }

  return { look, elements: [heading("Users"), table.element] };
}

function add(context) {
  form({
    title: "Add a user",
    submit: "Add",
    fields: [
      { name: "name", label: "Name", required: true },
      { name: "password", label: "Password", type: "password", required: true },
      { name: "tags", label: "Tags", hint: TAGS },
    ],
    run: async ({ name, password, tags }) => {
      if ((await get("users")).some((one) => one.name === name)) throw new Error(`There is a user ${name} already.`);
      await ask("PUT", ["users", name], { body: { password, tags: tags.replaceAll(" ", "") } });
      toast(`Added the user ${name}, who may do nothing yet: give permissions`);
      location.hash = at("users", name);
      await context.refresh();
    },
  });
}

function remove(name, done) {
  form({
    title: `Delete the user ${name}?`,
    text: "All connections of this user are closed.",
    submit: "Delete",
    danger: true,
    run: async () => {
      await ask("DELETE", ["users", name]);
      toast(`Deleted the user ${name}`);
      await done();
    },
  });
}

export function oneUser(context, name) {
  const facts = new Facts();
  let user = { tags: [] };
  const permissions = new Table({
    caption: "Permissions",
    filter: false,
    key: (one) => one.vhost,
    empty: "None: this user cannot open any vhost.",
    columns: [{ title: "Vhost", of: (one) => one.vhost }, ...RIGHTS.map((right) => ({ title: right, of: (one) => one[right] }))],
    actions: [
      { label: "Change…", run: (one) => permit(one) },
      { label: "Clear…", danger: true, run: (one) => clear(["permissions", one.vhost, name], `in ${one.vhost}`) },
    ],
  });
  const topics = new Table({
    caption: "Topic permissions",
    filter: false,
    key: (one) => JSON.stringify([one.vhost, one.exchange]),
    empty: "None: any routing key may be used.",
    columns: ["vhost", "exchange", "write", "read"].map((field) => ({ title: field, of: (one) => one[field] })),
    actions: [{ label: "Clear…", danger: true, run: (one) => clear(["topic-permissions", one.vhost, name, one.exchange], `on topics of ${one.exchange}`) }],
  });

  function clear(path, where) {
    form({
      title: `Clear what ${name} may do ${where}?`,
      submit: "Clear",
      danger: true,
      run: async () => {
        await ask("DELETE", path);
        toast("Cleared");
        await context.refresh();
      },
    });
  }

  async function permit(now) {
    const vhosts = now ? [now.vhost] : (await get("vhosts")).map((one) => one.name);
    form({
      title: now ? `What ${name} may do in ${now.vhost}` : `Let ${name} into a vhost`,
      text: "Patterns that the names of queues and exchanges have to match; '.*' is all, '^$' is none.",
      submit: "Set",
      fields: [
        { name: "vhost", label: "Vhost", type: "select", options: vhosts },
        ...RIGHTS.map((right) => ({ name: right, label: right, value: now ? now[right] : ".*" })),
      ],
      run: async ({ vhost, ...body }) => {
        await ask("PUT", ["permissions", vhost, name], { body });
        toast("Set");
        await context.refresh();
      },
    });
  }

  async function permitTopics() {
    const vhosts = (await get("vhosts")).map((one) => one.name);
    form({
      title: `Routing keys that ${name} may use`,
      submit: "Set",
      fields: [
        { name: "vhost", label: "Vhost", type: "select", options: vhosts },
        { name: "exchange", label: "Topic exchange", value: "amq.topic", required: true },
        { name: "write", label: "write", value: ".*" },
        { name: "read", label: "read", value: ".*" },
      ],
      run: async ({ vhost, ...body }) => {
        await ask("PUT", ["topic-permissions", vhost, name], { body });
        toast("Set");
        await context.refresh();
      },
    });
  }

  function change() {
    form({
      title: `Change ${name}`,
      submit: "Change",
      fields: [
        { name: "name", label: "Name", value: name, fixed: true },
        { name: "password", label: "New password", type: "password", hint: "empty to keep the one that is set" },
        { name: "tags", label: "Tags", value: user.tags.join(","), hint: TAGS },
      ],
      run: async ({ password, tags }) => {
        const secret = password ? { password } : { password_hash: user.password_hash };
        await ask("PUT", ["users", name], { body: { ...secret, tags: tags.replaceAll(" ", "") } });
        toast(`Changed ${name}`);
        await context.refresh();
      },
    });
  }

  async function look() {
    const paths = [[], ["permissions"], ["topic-permissions"]];
    const [one, may, keys] = await Promise.all(paths.map((path) => get("users", name, ...path)));
    user = one;
    facts.fill({ Tags: one.tags.join(", ") || "none", Password: one.password_hash ? "set" : "none" });
    permissions.update(may);
    topics.update(keys);
  }

  const button = (label, run, kind = "") => el("button", { type: "button", class: kind, click: run }, label);
  const buttons = el("div", { class: "bar" },
    button("Permit…", () => permit(), "main"),
    button("Permit topics…", permitTopics),
    button("Change the user…", change),
    button("Delete…", () => remove(name, async () => (location.hash = at("users"))), "danger"),
  );
  return { look, elements: [heading("User", name), buttons, facts.element, el("h2", {}, "Permissions"), permissions.element, el("h2", {}, "Topic permissions"), topics.element] };
}
