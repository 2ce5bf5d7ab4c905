// Each cipher decrypts the same random ciphertext, in turns, from a buffer of the page into one that is kept, or, where it can't
// be told where to write, into one of its own. The key schedule is part of it.
import AESDecryptor from "hls-aes-decryptor";

const key = crypto.getRandomValues(new Uint8Array(16));
const iv = crypto.getRandomValues(new Uint8Array(16));
/** Bytes that each decrypts in a round, so that the clock has something to measure. */
const ROUND_LEN = 8 << 20;
const WARM_UP_ROUNDS = 3;

const imported = await crypto.subtle.importKey("raw", key, "AES-CBC", false, ["encrypt", "decrypt"]);
const contenders = {
  "bitsliced-aes": await inWasm("ciphers_bg.wasm", "bitsliced"),
  "bitsliced-aes, as the player has it": await inWasm("ciphers_opt.wasm", "bitsliced"),
  "aes crate": await inWasm("ciphers_fast_bg.wasm", "aesCrate"),
  "hls.js' JavaScript": (ciphertext) => {
    const software = new AESDecryptor();
    software.expandKey(key.buffer);
    return new Uint8Array(software.decrypt(ciphertext.buffer, 0, iv.buffer));
  },
  WebCrypto: async (ciphertext) =>
    new Uint8Array(await crypto.subtle.decrypt({ name: "AES-CBC", iv }, imported, ciphertext)),
};

async function inWasm(file, cipher) {
  // The bindings hold one module: by another URL they are loaded once more.
  const module = await import(`/ciphers.js?${file}-${cipher}`);
  const wasm = await module.default({ module_or_path: `/${file}` });
  const ciphers = new module.Ciphers();
  let kept = new Uint8Array(0);
  return (ciphertext) => {
    const { length } = ciphertext;
    const start = ciphers.reserve(length);
    new Uint8Array(wasm.memory.buffer, start, length).set(ciphertext);
    ciphers[cipher](key, iv);
    if (kept.length !== length) kept = new Uint8Array(length);
    kept.set(new Uint8Array(wasm.memory.buffer, start, length));
    return kept;
  };
}

window.measure = async (size, rounds) => {
  const clear = new Uint8Array(size - 16);
  for (let at = 0; at < clear.length; at += 65536) crypto.getRandomValues(clear.subarray(at, at + 65536));
  const ciphertext = new Uint8Array(await crypto.subtle.encrypt({ name: "AES-CBC", iv }, imported, clear));
  const speeds = {};
  for (const [name, decrypt] of Object.entries(contenders)) {
    const found = await decrypt(ciphertext);
    if (!clear.every((byte, at) => byte === found[at])) throw new Error(`${name} decrypts wrong`);
    speeds[name] = [];
  }
  const repetitions = Math.max(1, Math.round(ROUND_LEN / size));
  for (let round = -WARM_UP_ROUNDS; round < rounds; round++) {
    for (const [name, decrypt] of Object.entries(contenders)) {
      const started = performance.now();
      for (let repetition = 0; repetition < repetitions; repetition++) {
        const pending = decrypt(ciphertext);
        // Waiting costs those that need no waiting nothing.
        if (pending instanceof Promise) await pending;
      }
      const secs = (performance.now() - started) / 1000;
      if (round >= 0) speeds[name].push((size * repetitions) / (1 << 20) / secs);
    }
  }
  return speeds;
};
window.ready = true;
