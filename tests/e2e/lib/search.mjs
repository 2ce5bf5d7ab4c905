// Looks for keys in bytes, in every form in which they are likely to leak.

const reversed = (bytes) => Buffer.from(bytes).reverse();

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

/** [{ form, needle }] for one secret given in hex. */
export function formsOf(hex) {
  const bytes = Buffer.from(hex, "hex");
  const forms = [
    ["raw", bytes],
    ["raw reversed", reversed(bytes)],
  ];
  for (const [name, value] of [
    ["", bytes],
    [" reversed", reversed(bytes)],
  ]) {
    forms.push([`hex${name}`, Buffer.from(value.toString("hex"))]);
    forms.push([`HEX${name}`, Buffer.from(value.toString("hex").toUpperCase())]);
    for (const text of base64Forms(value)) forms.push([`base64${name}`, Buffer.from(text)]);
  }
  return forms.map(([form, needle]) => ({ form, needle }));
}

/** Every place where one of `secrets` ([{ name, hex }]) stands in one of `bodies` ([{ name, body }]). */
export function findSecrets(secrets, bodies) {
  const needles = secrets.flatMap(({ name, hex }) => formsOf(hex).map((form) => ({ name, ...form })));
  return bodies.flatMap(({ name: where, body }) =>
    needles.filter(({ needle }) => body.includes(needle)).map(({ name, form }) => ({ secret: name, form, where })),
  );
}

/** The output of `reveal` as a flat list of secrets. */
export function secretsOf(keys) {
  return [
    { name: "title secret", hex: keys.titleSecret },
    ...keys.periodKeys.map((k) => ({ name: `period key ${k.trackClass} ${k.period}`, hex: k.key })),
    ...keys.segmentKeys.map((k) => ({ name: `segment key ${k.rendition}/${k.segment}`, hex: k.key })),
  ];
}
