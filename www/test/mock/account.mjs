import { Refused } from "./http.mjs";

const COOKIE = "keyveil_session=mock-session";
const WRONG_MAX = 5;

const me = ({ user, apps }) => ({ user, apps: apps.map(({ appId, name }) => ({ appId, name })) });

/** Who the cookie says it is. */
export function personOf(data, request) {
  if (!data.signedIn || !(request.headers.cookie ?? "").includes(COOKIE)) throw new Refused(401, "sign_in_required");
  return data.user;
}

export const accountRoutes = [
  ["POST", "/v1/sign-in", signIn, { anonymous: true }],
  ["POST", "/v1/sign-out", signOut],
  ["GET", "/v1/me", ({ data }) => me(data)],
  ["POST", "/v1/me/password", changePassword],
];

function signIn({ data, body, response }) {
  if (data.wrongSignIns >= WRONG_MAX) throw new Refused(429, "rate_limited");
  if (body.name !== data.user.name || body.password !== data.password) {
    data.wrongSignIns += 1;
    throw new Refused(401, "sign_in_failed");
  }
  data.wrongSignIns = 0;
  data.signedIn = true;
  response.setHeader("Set-Cookie", `${COOKIE}; HttpOnly; SameSite=Strict; Path=/`);
  return me(data);
}

function signOut({ data }) {
  data.signedIn = false;
}

function changePassword({ data, body }) {
  if (body.current !== data.password) throw new Refused(401, "sign_in_failed");
  data.password = body.next;
}
