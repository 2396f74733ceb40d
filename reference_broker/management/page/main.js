// The page: log in, find the view that the address names, and keep it fresh.
import { ApiError, get, login } from "./api.js";
import { open } from "./dialogs.js";
import { at, el, heading, say } from "./dom.js";
import { clock } from "./words.js";
import { overview } from "./views/overview.js";
import { allConnections, oneConnection } from "./views/connections.js";
import { allChannels } from "./views/channels.js";
import { allExchanges, oneExchange } from "./views/exchanges.js";
import { allQueues, oneQueue } from "./views/queues.js";
import { allUsers, oneUser } from "./views/users.js";
import { allVhosts } from "./views/vhosts.js";

// name, label, key after `g`, view of all, view of one
const VIEWS = [
  ["", "Overview", "o", overview],
  ["connections", "Connections", "c", allConnections, oneConnection],
  ["channels", "Channels", "h", allChannels],
  ["exchanges", "Exchanges", "e", allExchanges, oneExchange],
  ["queues", "Queues", "q", allQueues, oneQueue],
  ["users", "Users", "u", allUsers, oneUser],
  ["vhosts", "Vhosts", "v", allVhosts],
];
const INTERVAL = 2000; // milliseconds between looks
const SHARE = 8; // looks take at most one part in so many of the time, however long they take
const LONGEST = 30000;
const THEMES = ["auto", "light", "dark"];

const main = document.getElementById("main");
const parts = Object.fromEntries(["top", "nav", "alarm", "whoami", "theme", "help", "logout", "trouble"].map((id) => [id, document.getElementById(id)]));
let user = null;
let current = null; // the open view
let turn = 0; // raised when another view is opened: what an older one still awaits is dropped
let timer;
let lostSince = null;

// the views

async function route() {
  clearTimeout(timer);
  const mine = ++turn;
  current = null;
  const [name = "", ...names] = location.hash.replace(/^#\/?/, "").split("/").map(decode);
  const found = VIEWS.find(([known]) => known === name);
  for (const anchor of parts.nav.children) anchor.toggleAttribute("aria-current", anchor.dataset.view === name);
  const make = found && (names.length ? found[4] : found[3]);
  if (!make) {
    main.replaceChildren(heading("There is no such page"), el("p", {}, el("a", { href: at() }, "Overview")));
    return;
  }
  const view = (current = make({ user, administrator: user.tags.includes("administrator"), refresh: () => look(view, mine) }, ...names));
  document.title = [names.at(-1), found[1], "mqproof"].filter(Boolean).join(" · ");
  main.setAttribute("aria-busy", "true");
  main.replaceChildren(...view.elements);
  main.scrollIntoView();
  (main.querySelector("h1") ?? main).focus({ preventScroll: true });
  await look(view, mine);
}

function decode(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** Fill the view, and do so again after a while; rarely, where it takes long. */
async function look(view, mine) {
  if (mine !== turn) return;
  clearTimeout(timer);
  const began = performance.now();
  try {
    const flow = await get("mqproof", "totals");
    await view.look(flow);
    if (mine !== turn) return;
    answers(flow.alarms);
    main.removeAttribute("aria-busy");
  } catch (error) {
    if (mine !== turn) return;
    if (!(error instanceof ApiError)) throw error;
    if (error.status === 401 && !(await stillMe())) return leave("Log in again: the broker does not accept this login any more.");
    if (error.status === 404) return missing();
    silent(error);
  }
  const wait = Math.max(view.interval ?? INTERVAL, Math.min(LONGEST, SHARE * (performance.now() - began)));
  if (mine === turn && !document.hidden) timer = setTimeout(() => look(view, mine), wait);
}

async function stillMe() {
  return get("whoami").then(() => true, (error) => error.status !== 401);
}

function missing() {
  turn++;
  current = null;
  main.replaceChildren(heading("It is gone"), el("p", {}, "What this page was about does not exist, or does not exist any more."));
  main.removeAttribute("aria-busy");
}

function silent(error) {
  lostSince ??= Date.now();
  parts.trouble.hidden = false;
  say(parts.trouble, error.status ? error.message : `The broker has not answered since ${clock(lostSince)}: what is shown is older. Trying again.`);
}

function answers(alarms) {
  lostSince = null;
  parts.trouble.hidden = true;
  parts.alarm.hidden = alarms.length === 0;
  say(parts.alarm, alarms.length ? `Alarm: ${alarms.join(", ")}` : "");
}

document.addEventListener("visibilitychange", () => {
  if (document.hidden) clearTimeout(timer); // nobody looks
  else if (user && current) look(current, turn);
});

// who is here

async function enter() {
  try {
    user = await get("whoami");
  } catch (error) {
    return leave(error.status === 401 ? error.message : "The broker does not answer.");
  }
  parts.top.hidden = false;
  const allowed = VIEWS.filter(([name]) => name !== "users" || user.tags.includes("administrator"));
  parts.nav.replaceChildren(...allowed.map(([name, label]) => el("a", { href: at(...(name ? [name] : [])), "data-view": name }, label)));
  say(parts.whoami, user.name);
  parts.whoami.title = `tags: ${user.tags.join(", ")}`;
  await route();
}

function leave(why) {
  turn++;
  clearTimeout(timer);
  user = current = null;
  login.forget();
  parts.top.hidden = true;
  parts.trouble.hidden = true;
  document.title = "Log in · mqproof";
  const name = el("input", { name: "name", autocomplete: "username", required: true, autocapitalize: "none", spellcheck: "false" });
  const password = el("input", { name: "password", type: "password", autocomplete: "current-password" });
  const send = (event) => {
    event.preventDefault();
    login.set(name.value, password.value);
    enter();
  };
  main.replaceChildren(
    el("form", { class: "login", submit: send }, el("h1", {}, "mqproof reference broker"), el("label", {}, "User", name), el("label", {}, "Password", password),
      el("p", { class: "error", role: "alert" }, why ?? ""), el("button", { class: "main", type: "submit" }, "Log in")),
  );
  name.focus();
}

// themes and keys

document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault(); // the address after the # names the view
  main.focus();
});

function dress(theme) {
  if (theme === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  say(parts.theme, `Theme: ${theme}`);
}

let theme = localStorage.getItem("mqproof-theme") ?? "auto";
dress(theme);
parts.theme.addEventListener("click", () => {
  theme = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length];
  localStorage.setItem("mqproof-theme", theme);
  dress(theme);
});
parts.logout.addEventListener("click", () => leave());
parts.help.addEventListener("click", help);

function help() {
  const keys = [["/", "filter the list"], ...VIEWS.map(([, label, key]) => [`g ${key}`, label]), ["Esc", "close a dialog"], ["?", "this help"]];
  const shown = keys.map(([key, what]) => el("div", {}, el("dt", {}, el("kbd", {}, key)), el("dd", {}, what)));
  const dialog = el("dialog", { "aria-label": "Keyboard" });
  const close = el("button", { type: "submit" }, "Close");
  const done = (event) => {
    event.preventDefault();
    dialog.close();
  };
  dialog.append(el("form", { submit: done }, el("h2", {}, "Keyboard"), el("dl", {}, ...shown), el("div", { class: "buttons" }, close)));
  open(dialog);
}

let went = 0; // when `g` was pressed
document.addEventListener("keydown", (event) => {
  const typing = event.target.closest?.("input, textarea, select, dialog");
  if (!user || typing || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "?") help();
  else if (event.key === "g") went = Date.now();
  else if (event.key === "/") main.querySelector("input[type=search]")?.focus();
  else if (Date.now() - went < 1500) go(event.key);
  else return;
  event.preventDefault();
});

function go(key) {
  went = 0;
  const found = VIEWS.find(([, , known]) => known === key);
  if (found) location.hash = at(...(found[0] ? [found[0]] : []));
}

window.addEventListener("hashchange", () => user && route());
if (login.get()) enter();
else leave();
