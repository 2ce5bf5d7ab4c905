import { useEffect, useErrorBoundary, useState } from "preact/hooks";
import { t } from "../i18n/console.ts";
import { onLanguageChange } from "../i18n/i18n.ts";
import { failureFrom } from "../shared/failure.ts";
import { Frame } from "./frame.tsx";
import { Changes } from "./live/changes.ts";
import { ChangesContext } from "./live/context.ts";
import { SignInPage } from "./pages/sign-in.tsx";
import { href, usePlace } from "./router.ts";
import { SECTIONS } from "./routes.tsx";
import { type Account, account, loadAccount } from "./state/account.ts";
import { useStore } from "./state/store.ts";
import { Confirm } from "./ui/confirm.tsx";
import { PageHeader } from "./ui/page-header.tsx";
import { Empty, ErrorState, Skeleton } from "./ui/states.tsx";
import { Toasts } from "./ui/toast.tsx";

/** All of the console. A change of language draws it anew from here. */
export function App() {
  const [, draw] = useState(0);
  useEffect(() => onLanguageChange(() => draw((n) => n + 1)), []);
  const now = useStore(account);
  return (
    <>
      {/* A button: as a link it would put its target where the console keeps its place, in the fragment. */}
      <button type="button" class="skip" onClick={() => document.getElementById("content")?.focus()}>
        {t("app.skip")}
      </button>
      {now.kind === "signed-out" ? <SignInPage again={now.again} /> : <Inside now={now} />}
      <Confirm />
      <Toasts />
    </>
  );
}

function Inside({ now }: { now: Exclude<Account, { kind: "signed-out" }> }) {
  const { path } = usePlace();
  const section = SECTIONS.find((one) => one.path === (path[0] ?? "titles"));
  useFocusOnNewPage(path.join("/"));
  return (
    <Frame account={now} current={section?.path ?? null}>
      {now.kind === "loading" && <Skeleton rows={5} />}
      {now.kind === "failed" && <ErrorState failure={now.failure} retry={loadAccount} />}
      {now.kind === "signed-in" && now.app === null && (
        <>
          <PageHeader title={t("page.noApp")} />
          <Empty icon="settings" title={t("page.noApp")} text={t("page.noApp.text")} />
        </>
      )}
      {/* Another application is another page: nothing of the one before may stay. */}
      {now.kind === "signed-in" && now.app !== null && <InApp key={now.app.appId} appId={now.app.appId} path={path} />}
    </Frame>
  );
}

/** Everything that belongs to one application, with the stream of its changes. */
function InApp({ appId, path }: { appId: number; path: readonly string[] }) {
  const [changes, setChanges] = useState<Changes | null>(null);
  useEffect(() => {
    const own = new Changes(appId);
    setChanges(own);
    return () => own.stop();
  }, [appId]);
  if (changes === null) return null;
  return (
    <ChangesContext value={changes}>
      <Sheltered key={path.join("/")} path={path} />
    </ChangesContext>
  );
}

/** A page that breaks says so, and leaves the rest of the console alone. */
function Sheltered({ path }: { path: readonly string[] }) {
  const [broken, again] = useErrorBoundary((thrown) => console.error(thrown));
  if (broken !== undefined) return <ErrorState failure={failureFrom(broken)} retry={again} />;
  return <Page path={path} />;
}

function Page({ path }: { path: readonly string[] }) {
  const [name = "titles", id] = path;
  const section = SECTIONS.find((one) => one.path === name);
  if (section !== undefined && id === undefined) return <section.page />;
  if (section?.detail !== undefined && id !== undefined && path.length === 2)
    return <section.detail key={id} id={id} />;
  return (
    <>
      <PageHeader title={t("page.notFound")} />
      <Empty icon="search" title={t("page.notFound")} text={t("page.notFound.text")}>
        <a class="button" href={href("titles")}>
          {t("page.notFound.action")}
        </a>
      </Empty>
    </>
  );
}

/** A new page begins at its top, and screen readers are taken there. Not at the first one: the browser does that. */
function useFocusOnNewPage(path: string): void {
  const [first] = useState(path);
  const [moved, setMoved] = useState(false);
  useEffect(() => {
    if (path === first && !moved) return;
    setMoved(true);
    document.getElementById("content")?.focus({ preventScroll: true });
    scrollTo(0, 0);
  }, [path]);
}
