// Numbers, sizes, times and tables as people read them.

const INTEGER = new Intl.NumberFormat("en");
const RATE = new Intl.NumberFormat("en", { maximumSignificantDigits: 3 });
const UNITS = ["B", "kB", "MB", "GB", "TB"];

export const number = (value) => (value === null || value === undefined ? "–" : INTEGER.format(value));

export const rate = (value) => (value === null || value === undefined ? "–" : `${RATE.format(value)}/s`);

export function size(octets) {
  if (octets === null || octets === undefined) return "–";
  let power = 0;
  for (; octets >= 1000 && power < UNITS.length - 1; power++) octets /= 1000;
  return `${power ? RATE.format(octets) : octets} ${UNITS[power]}`;
}

export function seconds(value) {
  if (value < 10) return `${value.toFixed(1)} s`;
  if (value < 120) return `${Math.round(value)} s`;
  if (value < 7200) return `${Math.round(value / 60)} min`;
  return value < 172800 ? `${Math.round(value / 3600)} h` : `${Math.round(value / 86400)} d`;
}

/** The clock of the reader, from milliseconds since 1970. */
export function clock(milliseconds, precise = false) {
  const time = new Date(milliseconds);
  const two = (value) => String(value).padStart(2, "0");
  const shown = `${two(time.getHours())}:${two(time.getMinutes())}:${two(time.getSeconds())}`;
  return precise ? `${shown}.${String(time.getMilliseconds()).padStart(3, "0")}` : shown;
}

const plainWord = (value) => typeof value === "string" && /^[^\s"]+$/u.test(value);

/** A table of fields in one line. */
export function fields(table) {
  return Object.entries(table)
    .map(([name, value]) => `${name}=${plainWord(value) ? value : JSON.stringify(value)}`)
    .join("  ");
}

export const many = (count, one, more = `${one}s`) => `${number(count)} ${count === 1 ? one : more}`;

/** What a queue or an exchange is, in one line. */
export function features(thing) {
  const flags = ["durable", "auto_delete", "internal", "exclusive"].filter((flag) => thing[flag]);
  return [...flags.map((flag) => flag.replace("_", "-")), fields(thing.arguments)].filter(Boolean).join("  ");
}

export const exchangeName = (name) => name || "(default)";
