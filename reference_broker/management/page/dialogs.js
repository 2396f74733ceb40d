// Forms and confirmations in the browser's own dialogs, which keep focus, Escape and the way back.
import { el } from "./dom.js";

/**
 * Ask for values, and do something with them; a refusal is shown and the dialog stays.
 * fields: {name, label, type: text | password | number | textarea | json | select | check, value,
 *          options, hint, required, fixed: shown, and not to be changed}
 */
export function form({ title, text, fields = [], submit, run, danger = false }) {
  const inputs = new Map(fields.map((field) => [field, input(field)]));
  const error = el("p", { class: "error", role: "alert" });
  const dialog = el("dialog", { "aria-label": title });
  const cancel = el("button", { type: "button", click: () => dialog.close() }, "Cancel");
  const go = el("button", { type: "submit", class: danger ? "danger" : "main" }, submit);
  const send = async (event) => {
    event.preventDefault();
    go.disabled = true;
    error.textContent = "";
    try {
      await run(valuesOf(inputs));
      dialog.close();
    } catch (failure) {
      error.textContent = failure.message;
    } finally {
      go.disabled = false;
    }
  };
  const labels = [...inputs].map(([field, made]) => labelled(field, made));
  const buttons = el("div", { class: "buttons" }, cancel, go);
  dialog.append(el("form", { submit: send }, el("h2", {}, title), text ? el("p", {}, text) : null, ...labels, error, buttons));
  open(dialog);
  const first = [...inputs.values()].find((made) => !made.readOnly);
  (danger && !first ? cancel : (first ?? go)).focus();
}

/** Show a dialog, and take it away when it closes. */
export function open(dialog) {
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}

function input({ name, type = "text", value, options, required, fixed }) {
  const common = { name, required: Boolean(required) };
  if (type === "select") {
    const listed = options.map((option) => el("option", { value: option, selected: option === value }, option || "(default)"));
    return el("select", common, ...listed);
  }
  if (type === "check") return el("input", { ...common, type: "checkbox", checked: Boolean(value) });
  const text = { ...common, readonly: Boolean(fixed), spellcheck: "false", autocomplete: type === "password" ? "new-password" : "off" };
  if (type === "textarea" || type === "json") return el("textarea", text, value ?? "");
  return el("input", { ...text, type, value: value ?? "" });
}

function labelled({ label, hint, type }, made) {
  const note = hint ? el("small", {}, hint) : null;
  return type === "check" ? el("label", { class: "check" }, made, label, note) : el("label", {}, label, made, note);
}

function valuesOf(inputs) {
  return Object.fromEntries([...inputs].map(([field, made]) => [field.name, valueOf(field, made)]));
}

function valueOf({ type, label }, made) {
  if (type === "check") return made.checked;
  if (type === "number") return Number(made.value);
  return type === "json" ? table(label, made.value) : made.value;
}

function table(label, text) {
  if (!text.trim()) return {};
  let value;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new Error(`${label}: not JSON (${cause.message}); write for instance {"x": 1}`);
  }
  if (value === null || typeof value !== "object" || Array.isArray(value)) throw new Error(`${label}: write an object, for instance {"x": 1}`);
  return value;
}

/** A short notice in the corner. */
export function toast(text, failed = false) {
  const made = el("div", { class: failed ? "toast failed" : "toast" }, text);
  document.getElementById("toasts").append(made);
  setTimeout(() => made.remove(), failed ? 9000 : 4000);
}
