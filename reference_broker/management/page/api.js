// The management API. The login lives in this tab's session storage, and goes with each request.

const STORED = "mqproof-login";

export class ApiError extends Error {
  constructor(status, text) {
    super(text);
    this.status = status;
  }
}

export const login = {
  set(name, password) {
    const octets = new TextEncoder().encode(`${name}:${password}`);
    sessionStorage.setItem(STORED, btoa(String.fromCharCode(...octets)));
  },
  get: () => sessionStorage.getItem(STORED),
  forget: () => sessionStorage.removeItem(STORED),
};

/**
 * Ask for the address whose parts these are; the body of the answer, or null.
 * Throws ApiError with what a refusal says; its status is 0 when the broker does not answer.
 */
export async function ask(method, path, { body, query, reason } = {}) {
  const address = "/api/" + path.map(encodeURIComponent).join("/") + (query ? `?${new URLSearchParams(query)}` : "");
  const headers = { Authorization: `Basic ${login.get() ?? ""}` };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  if (reason) headers["X-Reason"] = reason.replace(/[^\x20-\x7e]/g, "?");
  // Without the browser's own credentials it does not ask for any, either.
  const options = { method, headers, credentials: "omit", cache: "no-store", body: body && JSON.stringify(body) };
  let answer, text;
  try {
    answer = await fetch(address, options);
    text = await answer.text();
  } catch {
    throw new ApiError(0, "The broker does not answer.");
  }
  if (!answer.ok) throw new ApiError(answer.status, told(answer.status, text));
  return text ? JSON.parse(text) : null;
}

export const get = (...path) => ask("GET", path);

/** As `get`, or null where this user may not look. */
export async function getIfAllowed(...path) {
  try {
    return await get(...path);
  } catch (error) {
    if (error.status !== 401) throw error;
    return null;
  }
}

function told(status, text) {
  try {
    const { reason, error } = JSON.parse(text);
    const why = reason ?? error;
    return typeof why === "string" ? why.trim() : JSON.stringify(why);
  } catch {
    return `The broker answered ${status}.`;
  }
}
