// A stand-in for a collector of traces: takes OTLP by HTTP, and keeps the spans.
import { createServer } from "node:http";

/** The fields that are read here, of opentelemetry/proto: number in its message. */
const RESOURCE_SPANS = 1;
const SCOPE_SPANS = 2;
const SPANS = 2;
const SPAN = { traceId: 1, spanId: 2, parentSpanId: 4, name: 5 };

export class Collector {
  #server;
  /** Those that have come: { traceId, spanId, parentSpanId } in hex, and name. */
  spans = [];

  static async open() {
    const collector = new Collector();
    collector.#server = createServer(async (request, response) => {
      const chunks = [];
      for await (const chunk of request) chunks.push(chunk);
      collector.spans.push(...spansOf(Buffer.concat(chunks)));
      response.end();
    });
    await new Promise((resolve) => collector.#server.listen(0, "127.0.0.1", resolve));
    collector.url = `http://127.0.0.1:${collector.#server.address().port}`;
    return collector;
  }

  async close() {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

/** Protobuf's own form is a few lines to read; a library would bring a compiler of its schemas. */
function spansOf(request) {
  const within = (messages, number) => messages.flatMap((message) => fields(message).get(number) ?? []);
  return within(within(within([request], RESOURCE_SPANS), SCOPE_SPANS), SPANS).map((span) => {
    const found = fields(span);
    const hex = (number) => found.get(number)?.[0].toString("hex") ?? "";
    const { traceId, spanId, parentSpanId, name } = SPAN;
    const ids = { traceId: hex(traceId), spanId: hex(spanId), parentSpanId: hex(parentSpanId) };
    return { ...ids, name: found.get(name)?.[0].toString() };
  });
}

/** Number → the fields of that number that have a length; all others are passed over. */
function fields(message) {
  const found = new Map();
  let at = 0;
  const varint = () => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = message[at++];
      value += (byte & 127) * scale;
      if (!(byte & 128)) return value;
    }
  };
  while (at < message.length) {
    const key = varint();
    const kind = key & 7;
    if (kind === 0) varint();
    else if (kind === 1) at += 8;
    else if (kind === 5) at += 4;
    else if (kind !== 2) throw new Error(`protobuf has no kind ${kind}`);
    else {
      const length = varint();
      found.set(key >> 3, [...(found.get(key >> 3) ?? []), message.subarray(at, at + length)]);
      at += length;
    }
  }
  return found;
}
