import { t } from "../../i18n/console.ts";
import { bitRate, bytes, count } from "../../shared/format.ts";
import type { Rendition, TitleDetail, Version } from "../api/titles.ts";
import { type Column, DataTable } from "../ui/data-table.tsx";
import { When } from "../ui/time.tsx";

/** The qualities, sound tracks and subtitles that players choose from. */
export function Renditions({ title }: { title: TitleDetail }) {
  return (
    <section class="card flush" aria-labelledby="renditions-heading">
      <header class="card-header">
        <h2 id="renditions-heading">{t("title.renditions")}</h2>
      </header>
      {title.renditions.length === 0 ? (
        <p class="nothing soft">{t("title.renditions.none")}</p>
      ) : (
        <DataTable
          caption={t("title.renditions")}
          columns={renditionColumns()}
          rows={title.renditions}
          id={({ rendition }) => String(rendition)}
        />
      )}
    </section>
  );
}

function renditionColumns(): readonly Column<Rendition>[] {
  return [
    { key: "name", label: t("title.rendition.name"), kind: "name", render: ({ name }) => <b>{name}</b> },
    { key: "kind", label: t("title.rendition.kind"), render: ({ kind }) => t(`title.rendition.kind.${kind}`) },
    {
      key: "resolution",
      label: t("title.rendition.resolution"),
      kind: "number",
      render: ({ width, height }) => (width === null || height === null ? null : `${width} × ${height}`),
    },
    {
      key: "bandwidth",
      label: t("title.rendition.bandwidth"),
      kind: "number",
      render: ({ bandwidth }) => (bandwidth === null ? null : bitRate(bandwidth)),
    },
    {
      key: "codecs",
      label: t("title.rendition.codecs"),
      render: ({ codecs }) => (codecs === null ? null : <span class="mono">{codecs}</span>),
    },
    {
      key: "class",
      label: t("title.rendition.class"),
      render: ({ trackClass }) => <span class="chip">{trackClass}</span>,
    },
    {
      key: "segments",
      label: t("title.rendition.segments"),
      kind: "number",
      render: ({ segmentCount }) => count(segmentCount),
    },
  ];
}

/** The title's encryptions, each with a secret of its own. */
export function Versions({ title }: { title: TitleDetail }) {
  return (
    <section class="card flush" aria-labelledby="versions-heading">
      <header class="card-header">
        <h2 id="versions-heading">{t("title.versions")}</h2>
      </header>
      {title.versions.length === 0 ? (
        <p class="nothing soft">{t("title.versions.none")}</p>
      ) : (
        <DataTable
          caption={t("title.versions")}
          columns={versionColumns()}
          rows={title.versions}
          id={({ version }) => String(version)}
        />
      )}
    </section>
  );
}

function versionColumns(): readonly Column<Version>[] {
  return [
    {
      key: "version",
      label: t("title.version"),
      kind: "name",
      render: ({ version, current }) => (
        <>
          <b>{version}</b> {current && <span class="chip good">{t("title.version.current")}</span>}
        </>
      ),
    },
    {
      key: "container",
      label: t("title.version.container"),
      render: ({ container }) => (container === null ? null : t(`container.${container}`)),
    },
    {
      key: "cipher",
      label: t("title.cipher"),
      render: ({ cipher }) => (cipher === null ? t("ui.none") : <span class="mono">{cipher}</span>),
    },
    { key: "period", label: t("title.version.period"), render: periodText },
    {
      key: "stored",
      label: t("title.version.stored"),
      kind: "number",
      render: ({ storedBytes }) => (storedBytes === null ? null : bytes(storedBytes)),
    },
    {
      key: "committed",
      label: t("title.version.committed"),
      kind: "number",
      render: ({ committedAt }) => <When at={committedAt} />,
    },
  ];
}

function periodText({ segmentMs, periodSegments }: Version): string | null {
  if (segmentMs === null || periodSegments === null) return null;
  const secs = Math.round((segmentMs * periodSegments) / 1000);
  return t("title.version.period.value", { secs, segments: periodSegments });
}
