// Which functions of a page are hooked. These run in the page, see page-hooks.mjs: each uses nothing but its arguments and the page's globals.

const TYPED_ARRAYS = ["Int8", "Uint8", "Uint8Clamped", "Int16", "Uint16", "Int32", "Uint32", "BigInt64", "BigUint64"];
/** What a setter or a getter of a DataView is used on: that much before and behind it. */
const VIEW_AROUND = 48;

function hookMedia({ method, accessor }) {
  method(globalThis.SourceBuffer?.prototype, "appendBuffer", "SourceBuffer.appendBuffer");
  method(globalThis.MediaSource?.prototype, "addSourceBuffer", "MediaSource.addSourceBuffer");
  method(URL, "createObjectURL", "URL.createObjectURL");
  accessor(globalThis.HTMLMediaElement?.prototype, "srcObject", { written: "HTMLMediaElement.srcObject" });
  accessor(globalThis.HTMLMediaElement?.prototype, "src", { written: "HTMLMediaElement.src" });
  method(globalThis.Element?.prototype, "setAttribute", "Element.setAttribute");
}

function hookNetwork({ method, accessor }) {
  method(globalThis, "fetch", "fetch");
  for (const reader of ["arrayBuffer", "blob", "bytes", "json", "text"])
    method(Response.prototype, reader, `Response.${reader}`, { later: true });
  for (const reader of ["ReadableStreamDefaultReader", "ReadableStreamBYOBReader"])
    method(globalThis[reader]?.prototype, "read", `${reader}.read`, { args: false, later: true });
  method(XMLHttpRequest.prototype, "send", "XMLHttpRequest.send");
  accessor(XMLHttpRequest.prototype, "response", { read: "XMLHttpRequest.response" });
  accessor(XMLHttpRequest.prototype, "responseText", { read: "XMLHttpRequest.responseText" });
  method(globalThis.WebSocket?.prototype, "send", "WebSocket.send");
  method(globalThis.Navigator?.prototype, "sendBeacon", "Navigator.sendBeacon");
  method(globalThis.Storage?.prototype, "setItem", "Storage.setItem");
  for (const name of ["add", "put"]) method(globalThis.IDBObjectStore?.prototype, name, `IDBObjectStore.${name}`);
}

function hookBuffers({ register, method, constructed }, see, typedArrays, around) {
  const Bytes = Uint8Array;
  const typed = Object.getPrototypeOf(Uint8Array.prototype);
  method(typed, "set", "TypedArray.set");
  for (const name of ["slice", "subarray"]) method(typed, name, `TypedArray.${name}`, { args: false, result: true });
  method(typed, "join", "TypedArray.join", { args: false, result: true });
  method(Object.getPrototypeOf(Uint8Array), "from", "TypedArray.from", { args: false, result: true });
  for (const name of typedArrays) constructed(`${name}Array`, "TypedArray constructor");
  for (const name of ["slice", "transfer", "transferToFixedLength"])
    method(ArrayBuffer.prototype, name, `ArrayBuffer.${name}`, { args: false, result: true });
  constructed("DataView", "DataView constructor");
  for (const name of Object.getOwnPropertyNames(DataView.prototype).filter((one) => /^[gs]et/.test(one))) {
    const original = DataView.prototype[name];
    const hook = `DataView.${name.slice(0, 3)}`;
    register(hook);
    DataView.prototype[name] = function (at, ...given) {
      const returned = Reflect.apply(original, this, [at, ...given]);
      const start = Math.max(0, at - around);
      const length = Math.min(this.byteLength, at + around) - start;
      see(hook, new Bytes(this.buffer, this.byteOffset + start, length));
      return returned;
    };
  }
}

function hookBlobs({ method, constructed, accessor }) {
  for (const name of ["arrayBuffer", "bytes", "text"])
    method(Blob.prototype, name, `Blob.${name}`, { args: false, later: true });
  method(Blob.prototype, "slice", "Blob.slice", { args: false, result: true });
  for (const name of ["Blob", "File"]) constructed(name, `${name} constructor`);
  accessor(globalThis.FileReader?.prototype, "result", { read: "FileReader.result" });
}

/** Keys by their bytes; of what a non-extractable key holds nothing is seen, but on its way in. */
function hookCrypto({ method }) {
  const subtle = globalThis.SubtleCrypto?.prototype;
  for (const name of ["importKey", "unwrapKey", "deriveBits", "deriveKey", "exportKey", "wrapKey", "generateKey"])
    method(subtle, name, `SubtleCrypto.${name}`, { later: true });
  for (const name of ["decrypt", "encrypt", "digest", "sign", "verify"])
    method(subtle, name, `SubtleCrypto.${name}`, { later: true });
  method(Crypto.prototype, "getRandomValues", "Crypto.getRandomValues", { result: true });
}

function hookTexts({ method }) {
  const both = { result: true };
  method(TextDecoder.prototype, "decode", "TextDecoder.decode", both);
  method(TextEncoder.prototype, "encode", "TextEncoder.encode", both);
  method(JSON, "parse", "JSON.parse", both);
  method(JSON, "stringify", "JSON.stringify", both);
  method(globalThis, "atob", "atob", both);
  method(globalThis, "btoa", "btoa", both);
  for (const name of ["escape", "unescape", "encodeURIComponent", "decodeURIComponent"])
    method(globalThis, name, name, both);
  for (const name of ["toHex", "toBase64"])
    method(Uint8Array.prototype, name, `Uint8Array.${name}`, { args: false, result: true });
  for (const name of ["fromHex", "fromBase64"]) method(Uint8Array, name, `Uint8Array.${name}`, both);
  for (const name of ["setFromHex", "setFromBase64"]) method(Uint8Array.prototype, name, `Uint8Array.${name}`);
  method(String, "fromCodePoint", "String.fromCodePoint", { args: false, result: true });
  method(String, "fromCharCode", "String.fromCharCode", { args: false, result: true });
  method(Array.prototype, "join", "Array.join", { args: false, result: true });
  // Of objects there are too many, and what they hold passes elsewhere.
  const isNumbers = (list) => typeof list[0] === "number";
  method(Array.prototype, "slice", "Array.slice", { args: false, result: isNumbers });
}

function hookMessages({ register, method, constructed, accessor }, workers) {
  method(globalThis, "structuredClone", "structuredClone");
  method(globalThis, "postMessage", "Window.postMessage");
  for (const name of ["Worker", "MessagePort", "BroadcastChannel"])
    method(globalThis[name]?.prototype, "postMessage", `${name}.postMessage`);
  const receiver = (event) => `${Object.prototype.toString.call(event.target).slice(8, -1)} message`;
  for (const name of ["Window", "Worker", "MessagePort", "BroadcastChannel"]) register(`${name} message`);
  accessor(MessageEvent.prototype, "data", { read: receiver });
  // Messages that nobody reads are read here.
  const read = ({ data }) => data;
  addEventListener("message", read);
  constructed("Worker", "Worker constructor", (worker, [url]) => {
    workers.push({ worker, url: String(url) });
    worker.addEventListener("message", read);
  });
}

/** `install` gives `hookAll` what the others need. */
function hookAll(wrappers, see, workers, typedArrays, around) {
  hookMedia(wrappers);
  hookNetwork(wrappers);
  hookBlobs(wrappers);
  hookCrypto(wrappers);
  // Before the constructors are replaced: what a proxy is asked for, its target has.
  hookTexts(wrappers);
  hookBuffers(wrappers, see, typedArrays, around);
  hookMessages(wrappers, workers);
}

export const HOOK_PARTS = [
  hookMedia,
  hookNetwork,
  hookBlobs,
  hookCrypto,
  hookBuffers,
  hookTexts,
  hookMessages,
  hookAll,
];
export const HOOK_SETTINGS = [TYPED_ARRAYS, VIEW_AROUND];
