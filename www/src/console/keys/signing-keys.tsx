import { useState } from "preact/hooks";
import { t } from "../../i18n/console.ts";
import { surroundings } from "../api/call.ts";
import {
  createSigningKey,
  listSigningKeys,
  type NewSigningKey,
  retireSigningKey,
  type SigningKey,
} from "../api/keys.ts";
import { revokeSignedBy } from "../api/sessions.ts";
import { StateBadge } from "../ui/badge.tsx";
import { confirmed } from "../ui/confirm.tsx";
import { SecretDialog } from "../ui/copy.tsx";
import { type Column, DataTable } from "../ui/data-table.tsx";
import { Icon } from "../ui/icon.tsx";
import { usePages } from "../ui/pages.ts";
import { Empty, ErrorState, LoadMore, Skeleton } from "../ui/states.tsx";
import { useTask } from "../ui/task.ts";
import { When } from "../ui/time.tsx";
import { toast } from "../ui/toast.tsx";

/** As many as may be in use at once, as the server counts them. */
const SIGNING_KEYS_MAX = 4;

export function SigningKeys() {
  const pages = usePages<SigningKey>(listSigningKeys, String(surroundings.appId));
  const [made, setMade] = useState<NewSigningKey | null>(null);
  const creation = useTask(async () => {
    const created = await createSigningKey();
    setMade(created);
    pages.update((items) => [{ kid: created.kid, createdAt: created.createdAt, retiredAt: null }, ...items]);
  });
  const retire = async ({ kid }: SigningKey): Promise<void> => {
    const last = pages.items.filter(({ retiredAt }) => retiredAt === null).length === 1;
    const done = await confirmed({
      title: t("keys.signing.retire.title", { kid }),
      text: (
        <>
          <p>{t("keys.signing.retire.text")}</p>
          <p>{t("keys.signing.retire.before")}</p>
          {last && <p class="callout warn">{t("keys.signing.retire.last")}</p>}
        </>
      ),
      action: t("keys.signing.retire"),
      danger: true,
      act: () => retireSigningKey(kid),
    });
    if (!done) return;
    toast(t("keys.signing.retired", { kid }));
    pages.reload();
  };
  const inUse = pages.items.filter(({ retiredAt }) => retiredAt === null).length;
  const shown = pages.items.length > 0;
  return (
    <section aria-labelledby="signing-keys">
      <div class="list-head">
        <div>
          <h2 id="signing-keys">{t("keys.signing")}</h2>
          <p class="soft">{t("keys.signing.lead", { max: SIGNING_KEYS_MAX })}</p>
        </div>
        <button
          type="button"
          class="button"
          disabled={inUse >= SIGNING_KEYS_MAX}
          aria-disabled={creation.pending}
          onClick={creation.run}
        >
          <Icon name="plus" size={16} />
          {t("keys.signing.new")}
        </button>
      </div>
      {creation.failure && <ErrorState failure={creation.failure} />}
      {pages.loading === "first" && !shown && <Skeleton rows={2} height={52} />}
      {pages.failure && !shown && <ErrorState failure={pages.failure} retry={pages.reload} />}
      {!shown && pages.loading === null && !pages.failure && (
        <Empty icon="keys" title={t("keys.signing.none")} text={t("keys.signing.none.text")} />
      )}
      {shown && (
        <DataTable
          caption={t("keys.signing")}
          columns={columns({ retire, revoke })}
          rows={pages.items}
          id={({ kid }) => kid}
          busy={pages.loading === "first"}
        />
      )}
      <LoadMore pages={pages} />
      {made && (
        <SecretDialog
          title={t("keys.signing.made")}
          hint={t("keys.signing.made.hint")}
          secrets={[
            { label: t("keys.kid"), text: made.kid },
            { label: t("keys.signing.one"), text: made.text },
          ]}
          close={() => setMade(null)}
        />
      )}
    </section>
  );
}

/** Ends what was opened with the key so far; the key itself stays in use. */
function revoke({ kid }: SigningKey): Promise<boolean> {
  return confirmed({
    title: t("keys.signing.revoke.title", { kid }),
    text: (
      <>
        <p>{t("keys.signing.revoke.text")}</p>
        <p>{t("keys.signing.revoke.again")}</p>
      </>
    ),
    action: t("keys.signing.revoke"),
    danger: true,
    async act() {
      const { count } = await revokeSignedBy(kid);
      toast(t("keys.signing.revoke.done", { count }));
    },
  });
}

interface Acts {
  retire(key: SigningKey): void;
  revoke(key: SigningKey): void;
}

function columns({ retire, revoke }: Acts): Column<SigningKey>[] {
  return [
    { key: "kid", label: t("keys.kid"), kind: "name", render: ({ kid }) => <b class="mono">{kid}</b> },
    {
      key: "state",
      label: t("keys.state"),
      render: ({ retiredAt }) => <StateBadge state={retiredAt === null ? "inUse" : "retired"} />,
    },
    { key: "created", label: t("keys.created"), render: ({ createdAt }) => <When at={createdAt} /> },
    {
      key: "retired",
      label: t("keys.retiredAt"),
      render: ({ retiredAt }) => retiredAt !== null && <When at={retiredAt} />,
    },
    {
      key: "actions",
      label: t("ui.actions"),
      kind: "actions",
      render: (key) =>
        key.retiredAt === null && (
          <>
            <button
              type="button"
              class="button small"
              aria-label={t("keys.signing.revoke.for", { kid: key.kid })}
              onClick={() => revoke(key)}
            >
              {t("keys.signing.revoke")}
            </button>
            <button
              type="button"
              class="button small"
              aria-label={t("keys.signing.retire.for", { kid: key.kid })}
              onClick={() => retire(key)}
            >
              {t("keys.retire")}
            </button>
          </>
        ),
    },
  ];
}
