// All that DevTools tell of the network: bodies and headers both ways, and the frames of sockets.

const texts = (value) => Buffer.from(JSON.stringify(value ?? {}));

export class Network {
  /** By id: the browser's process gives them. A worker's script is asked for by the page, and its body comes to the worker. */
  #requests = new Map();
  #pending = [];
  /** What passed besides bodies: [{ name, body }]. */
  #others = [];
  sockets = 0;

  heard(target, method, params) {
    const hear = HEARD[method.slice("Network.".length)];
    if (hear) hear(this, target, params);
  }

  request(target, id) {
    if (!this.#requests.has(id))
      this.#requests.set(id, { from: target.type, url: "?", headers: [], sent: null, body: null });
    return this.#requests.get(id);
  }

  other(name, body) {
    this.#others.push({ name, body });
  }

  wait(promise) {
    this.#pending.push(promise);
  }

  /** [{ from: type of target, url, method, headers: [], sent: Buffer|null, body: Buffer|null }] */
  async requests() {
    await Promise.all(this.#pending);
    return [...this.#requests.values()];
  }

  /** Everything as [{ name, body }]. */
  async all() {
    const requests = await this.requests();
    const bodies = requests.flatMap(({ from, url, headers, sent, body }) => [
      { name: `request of ${from} to ${url}`, body: Buffer.concat([Buffer.from(`${url} `), sent ?? Buffer.alloc(0)]) },
      ...headers.map((one) => ({ name: `headers of ${url}`, body: texts(one) })),
      ...(body ? [{ name: `answer of ${url}`, body }] : []),
    ]);
    return [...bodies, ...this.#others];
  }

  /** The exchanges of keys, as `secretsOfExchanges` takes them. */
  async exchanges() {
    const requests = await this.requests();
    return requests.flatMap(({ url, method, headers, sent, body }) => {
      const [path] = url.match(/\/v1\/(?:play|keys)$/) ?? [];
      if (!path || method !== "POST" || !sent || !body) return [];
      const mac = headers.map((one) => one["Keyveil-Mac"] ?? one["keyveil-mac"]).find(Boolean);
      return [{ path, request: sent.toString("utf8"), mac, response: body.toString("utf8") }];
    });
  }
}

/** A body that is text to the protocol came as text: nothing that is binary does. */
const bytesOf = ({ body, base64Encoded }) => Buffer.from(body, base64Encoded ? "base64" : "utf8");

const HEARD = {
  requestWillBeSent(network, target, { requestId, request }) {
    const known = network.request(target, requestId);
    Object.assign(known, { url: request.url, method: request.method });
    known.headers.push(request.headers);
    if (!request.hasPostData) return;
    const [entry] = request.postDataEntries ?? [];
    const taken = entry?.bytes
      ? Promise.resolve(Buffer.concat(request.postDataEntries.map(({ bytes }) => Buffer.from(bytes, "base64"))))
      : target.send("Network.getRequestPostData", { requestId }).then(({ postData }) => Buffer.from(postData));
    network.wait(taken.then((sent) => Object.assign(known, { sent })).catch(() => null));
  },
  // These come by the page also for its workers' requests.
  requestWillBeSentExtraInfo: (network, _target, { headers }) => network.other("headers as sent", texts(headers)),
  responseReceivedExtraInfo: (network, _target, { headers }) => network.other("headers as received", texts(headers)),
  responseReceived(network, target, { requestId, response }) {
    network.request(target, requestId).headers.push(response.headers);
  },
  loadingFinished(network, target, { requestId }) {
    const known = network.request(target, requestId);
    const taken = target.send("Network.getResponseBody", { requestId });
    network.wait(taken.then((answer) => Object.assign(known, { body: bytesOf(answer) })).catch(() => null));
  },
  webSocketCreated(network, _target, { url }) {
    network.sockets += 1;
    network.other("address of a socket", Buffer.from(url));
  },
  webSocketFrameSent: (network, target, { response }) => frame(network, `socket of ${target.type}, sent`, response),
  webSocketFrameReceived: (network, target, { response }) => frame(network, `socket of ${target.type}`, response),
  eventSourceMessageReceived: (network, _target, { data }) => network.other("event", Buffer.from(data)),
};

/** Opcode 2 is binary, and comes in base64. */
function frame(network, name, { opcode, payloadData }) {
  network.other(name, Buffer.from(payloadData, opcode === 2 ? "base64" : "utf8"));
}
