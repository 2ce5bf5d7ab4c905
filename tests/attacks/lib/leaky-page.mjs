// A page that puts a key through each hooked function: what the hooks must find.
import { createServer } from "node:http";

/** For what is not there on another page: nobody answers a worker that has no script. */
const PATIENCE_MS = 1000;
const ECHO = "onmessage = ({ data }) => postMessage(data);";

/** Per hook, in the page; `key` is a Uint8Array. What a function says to a key does not matter: many refuse it. */
const LEAKS = {
  "SourceBuffer.appendBuffer": (key) => SourceBuffer.prototype.appendBuffer.call({}, key),
  "MediaSource.addSourceBuffer": (key) => new MediaSource().addSourceBuffer(`video/mp4; key=${key.toHex()}`),
  "URL.createObjectURL": (key) => URL.createObjectURL(new Blob([key])),
  "HTMLMediaElement.srcObject": (key) => {
    document.createElement("video").srcObject = new Blob([key]);
  },
  "HTMLMediaElement.src": (key) => {
    document.createElement("video").src = `data:video/mp4;base64,${key.toBase64()}`;
  },
  "Element.setAttribute": (key) => document.createElement("video").setAttribute("src", `data:,${key.toHex()}`),
  "WebSocket.send": async (key) => {
    const socket = new WebSocket(`ws://${location.host}/`);
    await new Promise((resolve) => {
      socket.onerror = resolve;
    });
    socket.send(key);
  },
  "Navigator.sendBeacon": (key) => navigator.sendBeacon("/", key),
  "Storage.setItem": (key) => localStorage.setItem("key", key.toHex()),
  "IDBObjectStore.add": (key) => IDBObjectStore.prototype.add.call({}, key),
  "IDBObjectStore.put": (key) => IDBObjectStore.prototype.put.call({}, { key }),
  "Blob constructor": (key) => new Blob([key]),
  "File constructor": (key) => new File([key], "key"),
  "Blob.arrayBuffer": (key) => new Blob([key]).arrayBuffer(),
  "Blob.bytes": (key) => new Blob([key]).bytes(),
  "Blob.text": (key) => new Blob([key.toHex()]).text(),
  "Blob.slice": (key) => new Blob([new Uint8Array(3), key]).slice(3),
  "FileReader.result": async (key) => {
    const reader = new FileReader();
    reader.readAsArrayBuffer(new Blob([key]));
    await new Promise((resolve) => {
      reader.onload = resolve;
    });
    return reader.result;
  },
  "SubtleCrypto.importKey": (key) => crypto.subtle.importKey("raw", key, "AES-CBC", false, ["decrypt"]),
  "SubtleCrypto.unwrapKey": (key) => crypto.subtle.unwrapKey("raw", key),
  "SubtleCrypto.deriveBits": (key) => crypto.subtle.deriveBits({ name: "HKDF", info: key }),
  "SubtleCrypto.deriveKey": (key) => crypto.subtle.deriveKey({ name: "HKDF", info: key }),
  "SubtleCrypto.exportKey": async (key) => {
    const made = await crypto.subtle.importKey("raw", key, "AES-CBC", true, ["decrypt"]);
    return crypto.subtle.exportKey("raw", made);
  },
  "SubtleCrypto.wrapKey": (key) => crypto.subtle.wrapKey("raw", key),
  "SubtleCrypto.generateKey": (key) => crypto.subtle.generateKey({ name: "RSA-OAEP", publicExponent: key }),
  "SubtleCrypto.decrypt": (key) => crypto.subtle.decrypt("AES-CBC", null, key),
  "SubtleCrypto.encrypt": (key) => crypto.subtle.encrypt("AES-CBC", null, key),
  "SubtleCrypto.digest": (key) => crypto.subtle.digest("SHA-256", key),
  "SubtleCrypto.sign": (key) => crypto.subtle.sign("HMAC", null, key),
  "SubtleCrypto.verify": (key) => crypto.subtle.verify("HMAC", null, key, key),
  "Crypto.getRandomValues": (key) => crypto.getRandomValues(new Uint8Array(key)),
  escape: (key) => escape(key.toHex()),
  unescape: (key) => unescape([...key].map((byte) => `%${byte.toString(16).padStart(2, "0")}`).join("")),
  encodeURIComponent: (key) => encodeURIComponent(key.toBase64()),
  decodeURIComponent: (key) => decodeURIComponent(key.toHex()),
  "Uint8Array.toHex": (key) => key.toHex(),
  "Uint8Array.toBase64": (key) => key.toBase64(),
  "Uint8Array.fromHex": (key) => Uint8Array.fromHex(key.toHex()),
  "Uint8Array.fromBase64": (key) => Uint8Array.fromBase64(key.toBase64()),
  "Uint8Array.setFromHex": (key) => new Uint8Array(99).setFromHex(key.toHex()),
  "Uint8Array.setFromBase64": (key) => new Uint8Array(99).setFromBase64(key.toBase64()),
  "String.fromCodePoint": (key) => String.fromCodePoint(...key),
  fetch: (key) => fetch("/", { method: "POST", body: key }),
  "Response.arrayBuffer": (key) => new Response(key).arrayBuffer(),
  "Response.blob": (key) => new Response(key).blob(),
  "Response.bytes": (key) => new Response(key).bytes(),
  "Response.json": (key) => new Response(JSON.stringify({ key: [...key] })).json(),
  "Response.text": (key) => new Response(key.toHex()).text(),
  "ReadableStreamDefaultReader.read": (key) => new Response(key).body.getReader().read(),
  "ReadableStreamBYOBReader.read": (key) =>
    new Response(key).body.getReader({ mode: "byob" }).read(new Uint8Array(key.length)),
  "XMLHttpRequest.send": (key) => {
    const request = new XMLHttpRequest();
    request.open("POST", "/");
    request.send(key);
  },
  "XMLHttpRequest.response": async () => {
    const request = new XMLHttpRequest();
    request.responseType = "arraybuffer";
    request.open("GET", "/key.bin");
    await new Promise((resolve) => {
      request.onload = resolve;
      request.send();
    });
    return request.response;
  },
  "XMLHttpRequest.responseText": async () => {
    const request = new XMLHttpRequest();
    request.open("GET", "/key.hex");
    await new Promise((resolve) => {
      request.onload = resolve;
      request.send();
    });
    return request.responseText;
  },
  "TypedArray constructor": (key) => new Uint8Array([...key]),
  "TypedArray.from": (key) => Uint8Array.from([...key]),
  "TypedArray.set": (key) => new Uint8Array(100).set(key, 7),
  "TypedArray.slice": (key) => key.slice(),
  "TypedArray.subarray": (key) => key.subarray(0),
  "TypedArray.join": (key) => key.join(),
  "ArrayBuffer.slice": (key) => key.buffer.slice(),
  "ArrayBuffer.transfer": (key) => new Uint8Array(key).buffer.transfer(),
  "ArrayBuffer.transferToFixedLength": (key) => new Uint8Array(key).buffer.transferToFixedLength(),
  "DataView constructor": (key) => new DataView(key.buffer),
  "DataView.get": (key) => new DataView(key.buffer).getUint8(3),
  "DataView.set": (key) => {
    const view = new DataView(new ArrayBuffer(200));
    for (const [at, byte] of key.entries()) view.setUint8(70 + at, byte);
  },
  "TextDecoder.decode": (key) => new TextDecoder().decode(key),
  "TextEncoder.encode": (key) => new TextEncoder().encode(key.toHex()),
  "JSON.parse": (key) => JSON.parse(`{"key":[${key.join()}]}`),
  "JSON.stringify": (key) => JSON.stringify({ key }),
  atob: (key) => atob(key.toBase64()),
  btoa: (key) => btoa(String.fromCharCode(...key)),
  "String.fromCharCode": (key) => String.fromCharCode(...key),
  "Array.join": (key) => [...key].join(),
  "Array.slice": (key) => [...key].slice(),
  structuredClone: (key) => structuredClone(new Map([[1, { key }]])),
  "Window.postMessage": (key) => globalThis.postMessage({ key }, "*"),
  "Window message": (key) =>
    new Promise((resolve) => {
      addEventListener("message", resolve, { once: true });
      globalThis.postMessage({ key }, "*");
    }),
  "Worker constructor": (key) => new Worker(`/echo.js?${key.toHex()}`).terminate(),
  "Worker.postMessage": (key) => new Worker("/echo.js").postMessage(key.buffer),
  "Worker message": (key) =>
    new Promise((resolve) => {
      const worker = new Worker("/echo.js");
      worker.onmessage = resolve;
      worker.postMessage({ key });
    }),
  "MessagePort.postMessage": (key) => new MessageChannel().port1.postMessage(key),
  "MessagePort message": (key) =>
    new Promise((resolve) => {
      const { port1, port2 } = new MessageChannel();
      port2.onmessage = ({ data }) => resolve(data);
      port1.postMessage({ key });
    }),
  "BroadcastChannel.postMessage": (key) => new BroadcastChannel("leak").postMessage(key),
  "BroadcastChannel message": (key) =>
    new Promise((resolve) => {
      const [from, to] = [new BroadcastChannel("other"), new BroadcastChannel("other")];
      to.onmessage = ({ data }) => resolve(data);
      from.postMessage({ key });
    }),
};

/** An expression: a function of a key in hex. What a worker does not have it does not do. */
export const LEAK_ALL = `(async (hex) => {
  const leaks = { ${Object.entries(LEAKS).map(([name, leak]) => `${JSON.stringify(name)}: ${leak}`)} };
  for (const leak of Object.values(leaks)) {
    try {
      await Promise.race([leak(Uint8Array.fromHex(hex)), new Promise((resolve) => setTimeout(resolve, ${PATIENCE_MS}))]);
    } catch {}
  }
})`;

/** Leaks the key `hex` in `page` through all of them. */
export async function leak(page, hex) {
  const key = Buffer.from(hex, "hex");
  const answers = {
    "/": ["text/html", "<!doctype html><title>leaky</title>"],
    "/echo.js": ["text/javascript", ECHO],
    "/key.bin": ["application/octet-stream", key],
    "/key.hex": ["text/plain", hex],
  };
  const server = createServer((request, response) => {
    const [type, body] = answers[new URL(request.url, "http://localhost").pathname] ?? ["text/plain", ""];
    response.setHeader("content-type", type);
    response.end(body);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    await page.goto(`http://127.0.0.1:${server.address().port}/`);
    await page.evaluate(`${LEAK_ALL}(${JSON.stringify(hex)})`);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}
