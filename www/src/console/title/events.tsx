import { useEffect, useState } from "preact/hooks";
import { t } from "../../i18n/console.ts";
import { type Event, listEvents } from "../api/events.ts";
import { TITLE_STATES, type Title } from "../api/titles.ts";
import { usePages } from "../ui/pages.ts";
import { ErrorState, LoadMore, Skeleton } from "../ui/states.tsx";
import { Ago } from "../ui/time.tsx";

/** What happened with the title, newest first. */
export function Events({ title }: { title: Title }) {
  const { fileId, state, version } = title;
  const pages = usePages((after, signal) => listEvents({ fileId }, after, signal), fileId);
  const stamp = `${state} ${version}`;
  const [first] = useState(stamp);
  useEffect(() => {
    if (stamp !== first || pages.items.length > 0) pages.reload();
  }, [stamp]);
  return (
    <section class="card" aria-labelledby="title-events-heading">
      <header class="card-header">
        <h2 id="title-events-heading">{t("title.events")}</h2>
      </header>
      {pages.items.length > 0 ? (
        <>
          <ol class="timeline">
            {pages.items.map((event) => (
              <li key={event.eventId}>
                <span>{words(event)}</span>
                <span class="soft small">
                  <Ago at={event.at} />
                </span>
              </li>
            ))}
          </ol>
          {pages.hasMore && <LoadMore pages={pages} />}
        </>
      ) : pages.failure !== null ? (
        <ErrorState failure={pages.failure} retry={pages.reload} />
      ) : pages.loading !== null ? (
        <Skeleton rows={3} height={36} />
      ) : (
        <p class="soft">{t("title.events.none")}</p>
      )}
    </section>
  );
}

function words({ type, data }: Event): string {
  const state = TITLE_STATES.find((one) => one === data.state);
  return t(`title.event.${type}`, { state: state === undefined ? "" : t(`state.${state}`) });
}
