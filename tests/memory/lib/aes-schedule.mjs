// AES-128's key schedule as standard implementations hold it, which a scan of memory looks for (FIPS 197).

const S_BOX = makeSBox();

/** The ten round keys after the first, which is the key (section 5.2). */
export function roundKeys(key) {
  const words = [];
  for (let at = 0; at < 16; at += 4) words.push(Buffer.from(key.subarray(at, at + 4)));
  for (let at = 4, constant = 1; at < 44; at += 1) {
    let word = Buffer.from(words[at - 1]);
    if (at % 4 === 0) {
      word = Buffer.from([word[1], word[2], word[3], word[0]].map((each) => S_BOX[each]));
      word[0] ^= constant;
      constant = (constant << 1) ^ (constant & 0x80 ? 0x11b : 0);
    }
    words.push(Buffer.from(word.map((each, index) => each ^ words[at - 4][index])));
  }
  return Array.from({ length: 10 }, (_, round) => Buffer.concat(words.slice(4 * round + 4, 4 * round + 8)));
}

/** As the inverse cipher of FIPS 197, section 5.3.5, has them. */
export function inverseMixed(roundKey) {
  const by = (factor, value) => {
    let product = 0;
    for (let bit = 0, power = value; bit < 4; bit += 1) {
      if (factor & (1 << bit)) product ^= power;
      power = ((power << 1) ^ (power & 0x80 ? 0x11b : 0)) & 0xff;
    }
    return product;
  };
  const factors = [14, 11, 13, 9];
  return Buffer.from(
    roundKey.map((_, at) => {
      const column = roundKey.subarray(at - (at % 4), at - (at % 4) + 4);
      return column.reduce((sum, value, row) => sum ^ by(factors[(row - (at % 4) + 4) % 4], value), 0);
    }),
  );
}

/** Section 5.1.1: the inverse in the field by powers of 3 and of its inverse, then the affine transformation. */
function makeSBox() {
  const box = Buffer.alloc(256);
  const rotated = (byte, by) => ((byte << by) | (byte >> (8 - by))) & 0xff;
  for (let p = 1, q = 1, first = true; first || p !== 1; first = false) {
    p = (p ^ (p << 1) ^ (p & 0x80 ? 0x11b : 0)) & 0xff;
    q ^= q << 1;
    q ^= q << 2;
    q ^= q << 4;
    q &= 0xff;
    if (q & 0x80) q ^= 0x09;
    box[p] = q ^ rotated(q, 1) ^ rotated(q, 2) ^ rotated(q, 3) ^ rotated(q, 4) ^ 0x63;
  }
  box[0] = 0x63;
  return box;
}
