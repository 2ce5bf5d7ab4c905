// Each implementation of a cipher decrypts the same random ciphertext, in turns, from a buffer of the page into one that is kept, or, where it can't
// be told where to write, into one of its own. The key schedule is part of it.
import AESDecryptor from "hls-aes-decryptor";

const key = crypto.getRandomValues(new Uint8Array(16));
const iv = crypto.getRandomValues(new Uint8Array(16));
const chachaKey = crypto.getRandomValues(new Uint8Array(32));
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

/** The bindings hold one module: by another URL they are loaded once more. */
function bindingsOf(file, cipher) {
  const name = file.startsWith("ciphers_fast") ? "ciphers_fast" : "ciphers";
  return import(`/${name}.js?${file}-${cipher}`);
}

async function inWasm(file, cipher) {
  const module = await bindingsOf(file, cipher);
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

/** Noise in such chunks; which module makes it does not matter. */
let sealedNoise;
/** ChaCha20-Poly1305 in chunks of 64 KiB. */
const chacha = {
  "simd-chacha": await inChunks("ciphers_bg.wasm", "simdChacha"),
  "simd-chacha, as the player has it": await inChunks("ciphers_opt.wasm", "simdChacha"),
  "chacha20poly1305 crate": await inChunks("ciphers_fast_bg.wasm", "chachaCrate"),
};

async function inChunks(file, cipher) {
  const module = await bindingsOf(file, cipher);
  const wasm = await module.default({ module_or_path: `/${file}` });
  const ciphers = new module.Ciphers();
  sealedNoise ??= (clear) => {
    const length = ciphers.sealNoise(chachaKey, clear);
    return new Uint8Array(wasm.memory.buffer, ciphers.reserve(length), length).slice();
  };
  let kept = new Uint8Array(0);
  return (sealed) => {
    const { length } = sealed;
    const start = ciphers.reserve(length);
    new Uint8Array(wasm.memory.buffer, start, length).set(sealed);
    const clear = ciphers[cipher](chachaKey);
    if (kept.length !== clear) kept = new Uint8Array(clear);
    kept.set(new Uint8Array(wasm.memory.buffer, start, clear));
    return kept;
  };
}

const noise = (length) => {
  const clear = new Uint8Array(length);
  for (let at = 0; at < clear.length; at += 65536) crypto.getRandomValues(clear.subarray(at, at + 65536));
  return clear;
};

window.measure = async (size, rounds) => {
  const clear = noise(size - 16);
  const ciphertext = new Uint8Array(await crypto.subtle.encrypt({ name: "AES-CBC", iv }, imported, clear));
  return compare(contenders, clear, ciphertext, rounds);
};

window.measureChunks = async (size, rounds) => {
  const clear = noise(size);
  return compare(chacha, clear, sealedNoise(clear), rounds);
};

/** Of each: MiB/s of every round, and of the fastest call of all, which a loaded machine slows least. */
async function compare(contenders, clear, ciphertext, rounds) {
  const size = clear.length;
  const measured = {};
  for (const [name, decrypt] of Object.entries(contenders)) {
    const found = await decrypt(ciphertext);
    const isRight = found.length >= size && clear.every((byte, at) => byte === found[at]);
    if (!isRight) throw new Error(`${name} decrypts wrong`);
    measured[name] = { rounds: [], fastest: 0 };
  }
  const repetitions = Math.max(1, Math.round(ROUND_LEN / size));
  const speed = (bytes, ms) => bytes / (1 << 20) / (ms / 1000);
  for (let round = -WARM_UP_ROUNDS; round < rounds; round++) {
    for (const [name, decrypt] of Object.entries(contenders)) {
      let [total, least] = [0, Number.POSITIVE_INFINITY];
      for (let repetition = 0; repetition < repetitions; repetition++) {
        const started = performance.now();
        const pending = decrypt(ciphertext);
        // Waiting costs those that need no waiting nothing.
        if (pending instanceof Promise) await pending;
        const ms = performance.now() - started;
        total += ms;
        least = Math.min(least, ms);
      }
      const of = measured[name];
      of.fastest = Math.max(of.fastest, speed(size, least));
      if (round >= 0) of.rounds.push(speed(size * repetitions, total));
    }
  }
  return measured;
}
window.ready = true;
