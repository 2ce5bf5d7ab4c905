export const signaturesEn = {
  "signatures.heading": "Signatures",
  "signatures.lead": "Make a player signature, or find out why one is refused.",
};
