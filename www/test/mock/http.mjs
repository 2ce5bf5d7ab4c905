/** An answer with the error envelope. */
export class Refused extends Error {
  constructor(status, code, detail) {
    super(code);
    this.status = status;
    this.code = code;
    this.detail = detail;
  }
}

/** One page of `items` as every list answers it. */
export function page(name, items, query) {
  const from = Number(query.get("after") ?? 0);
  const limit = Math.min(200, Number(query.get("limit") ?? 50));
  const next = from + limit < items.length ? String(from + limit) : null;
  return { [name]: items.slice(from, from + limit), next };
}

/** The one that fits, or 404. */
export function found(item, code = "not_found") {
  if (item === undefined) throw new Refused(404, code);
  return item;
}

export const nowSecs = () => Math.floor(Date.now() / 1000);
