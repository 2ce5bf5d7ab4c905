// node sign.mjs FILE_ID VIEWER
import { SignJWT } from "jose";

const { KEYVEIL_APP_ID, KEYVEIL_KID, KEYVEIL_SIGNING_KEY } = process.env;
const [fileId, uid] = process.argv.slice(2);
const now = Math.floor(Date.now() / 1000);
const claims = {
  appId: Number(KEYVEIL_APP_ID),
  fileId,
  currentTimeStamp: now,
  expireTimeStamp: now + 2 * 3600,
  urlAccessInfo: { exper: 60 },
  ghostWatermarkInfo: { text: uid },
  keyveil: { uid },
};
const signature = new SignJWT(claims).setProtectedHeader({ alg: "HS256", typ: "JWT", kid: KEYVEIL_KID });
console.log(await signature.sign(new TextEncoder().encode(KEYVEIL_SIGNING_KEY)));
