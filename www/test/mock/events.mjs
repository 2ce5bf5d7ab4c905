import { page } from "./http.mjs";

export const eventRoutes = [["GET", "/v1/events", list]];

function list({ data, app, query }) {
  const fits = ({ appId, fileId, type }) =>
    appId === app &&
    (!query.get("fileId") || fileId === query.get("fileId")) &&
    (!query.get("type") || type === query.get("type"));
  return page(
    "events",
    data.events.filter(fits).sort((a, b) => b.at - a.at),
    query,
  );
}
