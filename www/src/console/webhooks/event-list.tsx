import { useState } from "preact/hooks";
import { t } from "../../i18n/console.ts";
import { surroundings } from "../api/call.ts";
import { EVENT_TYPES, type Event, type EventType, listEvents, resendEvent } from "../api/events.ts";
import { Json } from "../ui/code.tsx";
import { CopyText } from "../ui/copy.tsx";
import { type Column, DataTable } from "../ui/data-table.tsx";
import { FormDialog } from "../ui/dialog.tsx";
import { Filters, SelectFilter } from "../ui/filters.tsx";
import { usePages } from "../ui/pages.ts";
import { clearQuery, useQueryText } from "../ui/query.ts";
import { Empty, ErrorState, FailureLine, LoadMore, Skeleton } from "../ui/states.tsx";
import { useTask } from "../ui/task.ts";
import { Ago, When } from "../ui/time.tsx";
import { TitleLink } from "../ui/title-name.tsx";
import { TitlePicker } from "../ui/title-picker.tsx";
import { toast } from "../ui/toast.tsx";

export function EventList() {
  const [fileId, setFileId] = useQueryText("fileId");
  const [typeText, setType] = useQueryText("type");
  const type: EventType | "" = EVENT_TYPES.find((one) => one === typeText) ?? "";
  const [looked, setLooked] = useState<Event | null>(null);
  const pages = usePages<Event>(
    (after, signal) => listEvents({ fileId, type: type || null }, after, signal),
    JSON.stringify([surroundings.appId, fileId, type]),
  );
  const filtered = fileId !== "" || type !== "";
  const clear = (): void => clearQuery("fileId", "type");
  const shown = pages.items.length > 0;
  return (
    <>
      <Filters clear={filtered ? clear : null}>
        <TitlePicker label={t("sessions.filter.title")} labelHidden value={fileId} change={setFileId} />
        <SelectFilter<EventType | "">
          label={t("events.filter.type")}
          value={type}
          choices={[
            { value: "", label: t("events.filter.all") },
            ...EVENT_TYPES.map((value) => ({ value, label: t(`events.type.${value}`) })),
          ]}
          change={setType}
        />
      </Filters>
      {pages.loading === "first" && !shown && <Skeleton rows={6} height={54} />}
      {pages.failure && !shown && <ErrorState failure={pages.failure} retry={pages.reload} />}
      {!shown && pages.loading === null && !pages.failure && (
        <Empty
          icon="events"
          title={t(filtered ? "events.none.filtered" : "events.none")}
          text={filtered ? null : t("events.none.text")}
        >
          {filtered && (
            <button type="button" class="button" onClick={clear}>
              {t("ui.filter.clear")}
            </button>
          )}
        </Empty>
      )}
      {shown && (
        <DataTable
          caption={t("events.heading")}
          columns={columns(setLooked)}
          rows={pages.items}
          id={({ eventId }) => eventId}
          busy={pages.loading === "first"}
        />
      )}
      <LoadMore pages={pages} />
      {looked && <EventDialog event={looked} close={() => setLooked(null)} />}
    </>
  );
}

/** An event as webhooks get it, and a way to send it again. */
function EventDialog({ event, close }: { event: Event; close: () => void }) {
  const task = useTask(() => resendEvent(event.eventId));
  const send = async (): Promise<void> => {
    if (!(await task.run())) return;
    toast(t("events.resent"));
    close();
  };
  return (
    <FormDialog
      title={t(`events.type.${event.type}`)}
      close={close}
      wide
      submit={t("events.resend")}
      pending={task.pending}
      problem={<FailureLine failure={task.failure} />}
      onSubmit={send}
    >
      <p class="soft">
        <CopyText text={event.eventId} label={t("events.id")} /> · <When at={event.at} exact />
      </p>
      <Json value={event} label={t("events.body")} />
      <p class="soft small">{t("events.resend.text")}</p>
    </FormDialog>
  );
}

function columns(look: (event: Event) => void): Column<Event>[] {
  return [
    {
      key: "type",
      label: t("events.type"),
      kind: "name",
      render: ({ type }) => (
        <div class="two-lines">
          <b>{t(`events.type.${type}`)}</b>
          <span class="mono soft small">{type}</span>
        </div>
      ),
    },
    {
      key: "title",
      label: t("sessions.title"),
      render: ({ fileId }) => fileId !== null && <TitleLink fileId={fileId} />,
    },
    { key: "at", label: t("events.at"), render: ({ at }) => <Ago at={at} /> },
    {
      key: "actions",
      label: t("ui.actions"),
      kind: "actions",
      render: (event) => (
        <button
          type="button"
          class="button small"
          aria-label={t("events.details.for", { type: t(`events.type.${event.type}`), id: event.eventId })}
          onClick={() => look(event)}
        >
          {t("events.details")}
        </button>
      ),
    },
  ];
}
