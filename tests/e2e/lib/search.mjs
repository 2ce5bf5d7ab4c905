// Looks for keys in bytes, in every form in which they are likely to leak.

const BEGIN_BITS = 22;
const BEGIN_MASK = (1 << BEGIN_BITS) - 1;

const reversed = (bytes) => Buffer.from(bytes).reverse();

/** The bytes of each word of that many bytes the other way round, as a machine of the other byte order has them. */
function swapped(bytes, wordBytes) {
  const words = [];
  for (let at = 0; at < bytes.length; at += wordBytes) words.push(reversed(bytes.subarray(at, at + wordBytes)));
  return Buffer.concat(words);
}

/** Base64 of a key inside a longer base64 text: it may begin at any of three places within a group of four characters. */
function base64Forms(bytes) {
  return [0, 1, 2].flatMap((offset) => {
    const text = Buffer.concat([Buffer.alloc(offset), bytes])
      .toString("base64")
      .replace(/=+$/, "");
    // Characters that also carry bits of neighbouring bytes are left out on both sides.
    const inner = text.slice(Math.ceil((offset * 4) / 3), ((bytes.length + offset) * 8) / 6);
    return [inner, inner.replaceAll("+", "-").replaceAll("/", "_")];
  });
}

/** Arrays of bytes and of 32-bit words as JSON has them, and a typed array, of which JSON makes an object. */
function numberForms(bytes) {
  const numbers = [...bytes];
  const words = [];
  for (let at = 0; at + 4 <= bytes.length; at += 4) words.push(bytes.readUInt32BE(at));
  const lists = [numbers, words, words.map((word) => word | 0)];
  const object = JSON.stringify(Object.fromEntries(numbers.entries())).slice(1, -1);
  return [...lists.flatMap((list) => [list.join(","), list.join(", ")]), object];
}

/** [{ form, needle }] for one secret given in hex. */
export function formsOf(hex) {
  const bytes = Buffer.from(hex, "hex");
  const orders = [["", bytes]];
  for (const wordBytes of [4, 8])
    if (bytes.length % wordBytes === 0) orders.push([` ${wordBytes * 8}-bit swapped`, swapped(bytes, wordBytes)]);
  const both = orders.flatMap(([name, value]) => [
    [name, value],
    [`${name} reversed`, reversed(value)],
  ]);
  return both.flatMap(([name, value]) => {
    const texts = [
      ["hex", value.toString("hex")],
      ["HEX", value.toString("hex").toUpperCase()],
      ...[...new Set(base64Forms(value))].map((text) => ["base64", text]),
      ...[...new Set(numberForms(value))].map((text) => ["numbers", text]),
    ].map(([form, text]) => ({ form: `${form}${name}`, needle: Buffer.from(text) }));
    return [{ form: `raw${name}`, needle: value }, ...texts];
  });
}

/** Every place where one of `secrets` ([{ name, hex }]) stands in one of `bodies` ([{ name, body }]). */
export function findSecrets(secrets, bodies) {
  const needles = new Needles(secrets);
  return bodies.flatMap(({ name: where, body }) =>
    needles.find(body).map(({ name, form }) => ({ secret: name, form, where })),
  );
}

/** Thousands of needles, found in one pass: every form of `secrets` ([{ name, hex }]). */
export class Needles {
  /** By their first four bytes. */
  #needles = new Map();
  /** By the first bits of those: whether a place is worth a closer look. */
  #begins = new Uint8Array(BEGIN_MASK + 1);

  constructor(secrets) {
    for (const { name, hex } of secrets) for (const form of formsOf(hex)) this.#add({ name, ...form });
  }

  #add(needle) {
    const begin = needle.needle.readUInt32LE(0);
    this.#begins[begin & BEGIN_MASK] = 1;
    const others = this.#needles.get(begin);
    if (others === undefined) this.#needles.set(begin, [needle]);
    else others.push(needle);
  }

  /** Those that stand in `body`, each once. */
  find(body) {
    const found = new Set();
    for (let at = 0; at + 4 <= body.length; at++) {
      if (this.#begins[(body[at] | (body[at + 1] << 8) | (body[at + 2] << 16)) & BEGIN_MASK] === 0) continue;
      for (const candidate of this.#needles.get(body.readUInt32LE(at)) ?? []) {
        const { needle } = candidate;
        const end = at + needle.length;
        if (end <= body.length && body.compare(needle, 0, needle.length, at, end) === 0) found.add(candidate);
      }
    }
    return [...found];
  }
}

/** The output of `reveal` as a flat list of secrets. */
export function secretsOf(keys) {
  return [
    { name: "title secret", hex: keys.titleSecret },
    ...keys.periodKeys.map((k) => ({ name: `period key ${k.trackClass} ${k.period}`, hex: k.key })),
    ...keys.segmentKeys.map((k) => ({ name: `segment key ${k.rendition}/${k.segment}`, hex: k.key })),
  ];
}
