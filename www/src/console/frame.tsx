import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { type ConsoleKey, t } from "../i18n/console.ts";
import { language, setLanguage } from "../i18n/i18n.ts";
import { THEME_ICONS } from "../shell/shell.ts";
import { setTheme, THEMES, theme } from "../shell/theme.ts";
import { AccountMenu } from "./account-menu.tsx";
import { href, usePlace } from "./router.ts";
import { SECTIONS, type Section } from "./routes.tsx";
import { type Account, chooseApp } from "./state/account.ts";
import { useStore } from "./state/store.ts";
import { Brand } from "./ui/brand.tsx";
import { Icon } from "./ui/icon.tsx";
import { unfinished } from "./uploads/queue.ts";
import { uploads } from "./uploads/uploader.ts";

interface FrameProps {
  readonly account: Account;
  readonly current: string | null;
  readonly children: ComponentChildren;
}

/** What stands around every page: the bar, and the navigation, which is a menu where the window is narrow. */
export function Frame({ account, current, children }: FrameProps) {
  const [open, setOpen] = useState(false);
  const { path } = usePlace();
  const opener = useRef<HTMLButtonElement>(null);
  useEffect(() => setOpen(false), [path.join("/")]);
  useEffect(() => {
    if (!open) return;
    const onKey = (event: KeyboardEvent): void => {
      if (event.key !== "Escape") return;
      setOpen(false);
      opener.current?.focus();
    };
    document.addEventListener("keydown", onKey);
    return () => document.removeEventListener("keydown", onKey);
  }, [open]);
  return (
    <>
      <header class="bar console-bar">
        <button
          ref={opener}
          type="button"
          class="button quiet icon-only nav-opener"
          aria-label={t(open ? "nav.menu.close" : "nav.menu")}
          aria-expanded={open}
          aria-controls="navigation"
          onClick={() => setOpen(!open)}
        >
          <Icon name={open ? "close" : "menu"} size={20} />
        </button>
        <Brand />
        <Preferences />
        {account.kind === "signed-in" && <AccountMenu user={account.user} />}
      </header>
      <div class={`console-body ${open ? "nav-open" : ""}`}>
        <nav id="navigation" class="side" aria-label={t("nav.label")}>
          <AppSwitcher account={account} />
          <Group name="nav.group.media" group="media" current={current} />
          <Group name="nav.group.delivery" group="delivery" current={current} />
          <Group name="nav.group.app" group="app" current={current} />
          <a class="side-link side-foot" href="/docs/">
            <Icon name="docs" />
            {t("nav.docs")}
          </a>
        </nav>
        <main id="content" class="console" tabIndex={-1}>
          {children}
        </main>
      </div>
    </>
  );
}

function AppSwitcher({ account }: { account: Account }) {
  if (account.kind !== "signed-in" || account.app === null) return <div class="app-switcher" />;
  const { app, apps } = account;
  return (
    <div class="app-switcher">
      {apps.length > 1 ? (
        <select
          class="input select-input"
          aria-label={t("nav.app")}
          value={String(app.appId)}
          onChange={(event) => chooseApp(Number(event.currentTarget.value))}
        >
          {apps.map(({ appId, name }) => (
            <option key={appId} value={String(appId)} selected={appId === app.appId}>
              {name}
            </option>
          ))}
        </select>
      ) : (
        <b>{app.name}</b>
      )}
      <span class="soft small">{t("nav.app.id", { appId: app.appId })}</span>
    </div>
  );
}

function Group(props: { name: ConsoleKey; group: Section["group"]; current: string | null }) {
  const id = `nav-${props.group}`;
  return (
    <div class="side-group">
      <h2 id={id}>{t(props.name)}</h2>
      <ul aria-labelledby={id}>
        {SECTIONS.filter(({ group }) => group === props.group).map(({ path, name, icon }) => (
          <li key={path}>
            <a class="side-link" href={href(path)} aria-current={path === props.current ? "page" : undefined}>
              <Icon name={icon} />
              {t(name)}
              {path === "titles" && <Uploading />}
            </a>
          </li>
        ))}
      </ul>
    </div>
  );
}

/** That uploads go on, whatever page is shown. */
function Uploading() {
  const { length } = unfinished(useStore(uploads));
  if (length === 0) return null;
  return (
    <span class="chip good side-count">
      <span class="visually-hidden">{t("nav.uploads", { count: length })}</span>
      <span aria-hidden="true">↑ {length}</span>
    </span>
  );
}

/** Language and theme. */
export function Preferences() {
  const [, draw] = useState(0);
  const other = language() === "en" ? "zh" : "en";
  const label = `${t("app.theme")}: ${t(`app.theme.${theme()}`)}`;
  const nextTheme = (): void => {
    setTheme(THEMES[(THEMES.indexOf(theme()) + 1) % THEMES.length] ?? "system");
    draw((n) => n + 1);
  };
  return (
    <>
      <button type="button" class="button quiet" lang={other} onClick={() => setLanguage(other)}>
        {other === "zh" ? "中文" : "English"}
      </button>
      <button type="button" class="button quiet icon-only" aria-label={label} title={label} onClick={nextTheme}>
        <svg viewBox="0 0 24 24" width="18" height="18" aria-hidden="true">
          <path d={THEME_ICONS[theme()]} fill="currentColor" />
        </svg>
      </button>
    </>
  );
}
