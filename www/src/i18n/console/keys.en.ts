export const keysEn = {
  "keys.heading": "Keys",
  "keys.lead": "Signing keys for your server’s signatures, API keys for its requests.",
};
