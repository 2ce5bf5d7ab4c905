import { useState } from "preact/hooks";
import { t } from "../../i18n/console.ts";
import { surroundings } from "../api/call.ts";
import { type ApiKey, listApiKeys, type NewApiKey, revokeApiKey } from "../api/keys.ts";
import { StateBadge } from "../ui/badge.tsx";
import { confirmed } from "../ui/confirm.tsx";
import { SecretDialog } from "../ui/copy.tsx";
import { type Column, DataTable } from "../ui/data-table.tsx";
import { Icon } from "../ui/icon.tsx";
import { usePages } from "../ui/pages.ts";
import { Empty, ErrorState, LoadMore, Skeleton } from "../ui/states.tsx";
import { Ago, When } from "../ui/time.tsx";
import { toast } from "../ui/toast.tsx";
import { ApiKeyDialog } from "./api-key-dialog.tsx";

export function ApiKeys() {
  const pages = usePages<ApiKey>(listApiKeys, String(surroundings.appId));
  const [making, setMaking] = useState(false);
  const [made, setMade] = useState<NewApiKey | null>(null);
  const revoke = async ({ apiKeyId, name }: ApiKey): Promise<void> => {
    const done = await confirmed({
      title: t("keys.api.revoke.title", { name }),
      text: <p>{t("keys.api.revoke.text")}</p>,
      action: t("keys.api.revoke"),
      danger: true,
      act: () => revokeApiKey(apiKeyId),
    });
    if (!done) return;
    toast(t("keys.api.revoked", { name }));
    pages.reload();
  };
  const shown = pages.items.length > 0;
  return (
    <section aria-labelledby="api-keys">
      <div class="list-head">
        <div>
          <h2 id="api-keys">{t("keys.api")}</h2>
          <p class="soft">{t("keys.api.lead")}</p>
        </div>
        <button type="button" class="button" onClick={() => setMaking(true)}>
          <Icon name="plus" size={16} />
          {t("keys.api.new")}
        </button>
      </div>
      {pages.loading === "first" && !shown && <Skeleton rows={3} height={56} />}
      {pages.failure && !shown && <ErrorState failure={pages.failure} retry={pages.reload} />}
      {!shown && pages.loading === null && !pages.failure && (
        <Empty icon="keys" title={t("keys.api.none")} text={t("keys.api.none.text")} />
      )}
      {shown && (
        <DataTable
          caption={t("keys.api")}
          columns={columns(revoke)}
          rows={pages.items}
          id={({ apiKeyId }) => apiKeyId}
          busy={pages.loading === "first"}
        />
      )}
      <LoadMore pages={pages} />
      {making && (
        <ApiKeyDialog
          close={() => setMaking(false)}
          done={(key) => {
            setMaking(false);
            setMade(key);
            const { text: _, ...row } = key;
            pages.update((items) => [{ ...row, lastUsedAt: null, retiredAt: null }, ...items]);
          }}
        />
      )}
      {made && (
        <SecretDialog
          title={t("keys.api.made", { name: made.name })}
          hint={t("keys.api.made.hint")}
          secrets={[{ label: t("keys.api.one"), text: made.text }]}
          close={() => setMade(null)}
        />
      )}
    </section>
  );
}

function columns(revoke: (key: ApiKey) => void): Column<ApiKey>[] {
  return [
    {
      key: "name",
      label: t("keys.api.name"),
      kind: "name",
      render: ({ apiKeyId, name }) => (
        <div class="two-lines">
          <b>{name}</b>
          <span class="mono soft small">kv_{apiKeyId}_…</span>
        </div>
      ),
    },
    {
      key: "scopes",
      label: t("keys.scopes"),
      render: ({ scopes }) => (
        <span class="label-list">
          {scopes.map((scope) => (
            <span key={scope} class="chip mono">
              {scope}
            </span>
          ))}
        </span>
      ),
    },
    {
      key: "state",
      label: t("keys.state"),
      render: ({ retiredAt }) => <StateBadge state={retiredAt === null ? "inUse" : "revoked"} />,
    },
    { key: "created", label: t("keys.created"), render: ({ createdAt }) => <When at={createdAt} /> },
    {
      key: "used",
      label: t("keys.used"),
      render: ({ lastUsedAt }) =>
        lastUsedAt === null ? <span class="soft">{t("keys.used.never")}</span> : <Ago at={lastUsedAt} />,
    },
    {
      key: "actions",
      label: t("ui.actions"),
      kind: "actions",
      render: (key) =>
        key.retiredAt === null && (
          <button
            type="button"
            class="button small"
            aria-label={t("keys.api.revoke.for", { name: key.name })}
            onClick={() => revoke(key)}
          >
            {t("keys.revoke")}
          </button>
        ),
    },
  ];
}
