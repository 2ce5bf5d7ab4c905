import { type Failure, failureFrom } from "../../shared/failure.ts";
import { choices } from "../../shared/memory.ts";
import * as api from "../api/account.ts";
import { surroundings } from "../api/call.ts";
import { store } from "./store.ts";

/** Who uses the console, and for which application. */
export type Account =
  | { readonly kind: "loading" }
  /** `again`: there was a sign-in, and it is over. */
  | { readonly kind: "signed-out"; readonly again: boolean }
  | { readonly kind: "failed"; readonly failure: Failure }
  | {
      readonly kind: "signed-in";
      readonly user: api.User;
      readonly apps: readonly api.AppName[];
      readonly app: api.AppName | null;
    };

export const account = store<Account>({ kind: "loading" });

surroundings.signInRequired = () => {
  const wasIn = account.get().kind === "signed-in";
  enter({ kind: "signed-out", again: wasIn });
};

/** Asks the server who is signed in. */
export async function loadAccount(): Promise<void> {
  enter({ kind: "loading" });
  try {
    signedIn(await api.me());
  } catch (thrown) {
    const failure = failureFrom(thrown);
    if (failure.code !== "sign_in_required") enter({ kind: "failed", failure });
  }
}

export async function signIn(name: string, password: string): Promise<void> {
  signedIn(await api.signIn(name, password));
}

/** The page forgets the account even when the server can't be told. */
export async function signOut(): Promise<void> {
  await api.signOut().catch(() => null);
  enter({ kind: "signed-out", again: false });
}

/** Works with another application from now on. */
export function chooseApp(appId: number): void {
  const now = account.get();
  if (now.kind !== "signed-in") return;
  const app = now.apps.find((one) => one.appId === appId) ?? now.app;
  choices.write("app", app === null ? null : String(app.appId));
  enter({ ...now, app });
}

/** An application was made or has another name. */
export function appChanged(app: api.AppName): void {
  const now = account.get();
  if (now.kind !== "signed-in") return;
  const named = { appId: app.appId, name: app.name };
  const known = now.apps.some((one) => one.appId === app.appId);
  const apps = known ? now.apps.map((one) => (one.appId === app.appId ? named : one)) : [...now.apps, named];
  enter({ ...now, apps, app: now.app === null || now.app.appId === app.appId ? named : now.app });
}

function signedIn({ user, apps }: api.Me): void {
  const chosen = choices.read("app");
  const app = apps.find(({ appId }) => String(appId) === chosen) ?? apps[0] ?? null;
  enter({ kind: "signed-in", user, apps, app });
}

function enter(next: Account): void {
  surroundings.appId = next.kind === "signed-in" ? (next.app?.appId ?? null) : null;
  account.set(next);
}
