// Channels.
import { get } from "../api.js";
import { heading, link } from "../dom.js";
import { Table } from "../table.js";
import { number } from "../words.js";

const mode = (one) => (one.transactional ? "transactions" : one.confirm ? "confirms" : "plain");

/** What tables of channels show; with the connection, unless that is what the page is about. */
export function channelColumns(connection) {
  const name = connection
    ? { title: "Channel", of: (one) => one.name, show: (one) => link(one.name, "connections", one.connection_details.name) }
    : { title: "Channel", of: (one) => one.number, show: (one) => String(one.number) };
  const whose = [
    { title: "User", of: (one) => one.user },
    { title: "Vhost", of: (one) => one.vhost },
  ];
  return [
    name,
    ...(connection ? whose : []),
    { title: "Mode", of: mode },
    { title: "Consumers", of: (one) => one.consumer_count, number: true },
    { title: "Unacked", of: (one) => one.messages_unacknowledged, number: true },
    { title: "Prefetch", of: (one) => one.prefetch_count, show: prefetch, number: true },
    { title: "Uncommitted", of: (one) => one.messages_uncommitted + one.acks_uncommitted, number: true },
  ];
}

function prefetch({ prefetch_count: each, global_prefetch_count: shared }) {
  return [each ? `${number(each)} each` : "", shared ? `${number(shared)} shared` : ""].filter(Boolean).join(", ") || "no limit";
}

export function allChannels() {
  const table = new Table({ caption: "Channels", key: (one) => one.name, empty: "No channel is open.", columns: channelColumns(true) });
  return { elements: [heading("Channels"), table.element], look: async () => table.update(await get("channels")) };
}
