import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { t } from "../../i18n/console.ts";
import { onLanguageChange } from "../../i18n/i18n.ts";
import type { Watch } from "../../player/watch.ts";
import { Failure, failureText } from "../../shared/failure.ts";
import { createSignature } from "../api/signatures.ts";
import type { Title } from "../api/titles.ts";
import { ProgressBar, progressWords } from "../ui/badge.tsx";
import { Icon } from "../ui/icon.tsx";

const SIGNED_SECS = 3600;

type Playing = { kind: "off" } | { kind: "loading" } | { kind: "on" } | { kind: "failed"; failure: Failure };

/** Plays the title as a viewer would see it, by a signature of its own; says why where there is nothing to play. */
export function Stage({ title }: { title: Title }) {
  const [wanted, setWanted] = useState(false);
  const published = title.state === "published";
  // A title that is taken back is taken back here too.
  useEffect(() => {
    if (!published) setWanted(false);
  }, [published]);
  return (
    <section class="stage title-stage" aria-label={t("title.stage")}>
      {published && wanted ? <Player title={title} /> : <Poster title={title} play={() => setWanted(true)} />}
    </section>
  );
}

function Poster({ title, play }: { title: Title; play: () => void }) {
  const { state, coverUrl } = title;
  return (
    <>
      {coverUrl !== null && <img class="poster" src={coverUrl} alt="" />}
      <div class={`curtain ${coverUrl !== null ? "veil" : ""}`}>
        {state === "published" ? (
          <>
            <button type="button" class="play-button" onClick={play}>
              <Icon name="play" size={34} />
              <span class="visually-hidden">{t("title.play")}</span>
            </button>
            <p>{t("title.play.text")}</p>
          </>
        ) : (
          <Why title={title} />
        )}
      </div>
    </>
  );
}

function Why({ title }: { title: Title }) {
  const { state, percent: done, leftSecs } = title;
  if (state === "failed") return <h2>{t("title.stage.failed")}</h2>;
  const why = state === "ready" ? "title.stage.ready" : "title.stage.making";
  return (
    <>
      <h2>{t(why)}</h2>
      <p>{t(`${why}.text`)}</p>
      {state !== "ready" && done !== null && (
        <div class="stage-progress">
          <ProgressBar value={done} label={t(`state.${state}`)} />
          <p class="number">{progressWords(done, leftSecs)}</p>
        </div>
      )}
    </>
  );
}

function Player({ title }: { title: Title }) {
  const box = useRef<HTMLDivElement>(null);
  const watch = useRef<Watch | null>(null);
  const [playing, setPlaying] = useState<Playing>({ kind: "loading" });
  const [round, setRound] = useState(0);
  const { fileId } = title;
  useEffect(() => {
    let over = false;
    setPlaying({ kind: "loading" });
    // The player is most of the console's weight: it is loaded when something is to be played.
    import("../../player/watch.ts").then(
      ({ Watch }) => {
        if (over || box.current === null) return;
        const getSignature = async (): Promise<string> =>
          (await createSignature({ fileId, expiresInSecs: SIGNED_SECS })).psign;
        const own = new Watch(
          box.current,
          { fileId, getSignature },
          {
            changed: () => {},
            ready: () => setPlaying((now) => begun(now, own)),
            failed: (failure) => setPlaying({ kind: "failed", failure }),
          },
        );
        watch.current = own;
      },
      () => setPlaying({ kind: "failed", failure: new Failure("network") }),
    );
    const stop = onLanguageChange(() => watch.current?.translate());
    return () => {
      over = true;
      stop();
      watch.current?.end();
      watch.current = null;
    };
  }, [fileId, round]);
  useEffect(() => watch.current?.cover(playing.kind !== "on"), [playing]);
  return (
    <>
      <div ref={box} class="player-box" />
      {playing.kind === "loading" && (
        <div class="curtain" role="status">
          <div class="spinner" aria-hidden="true" />
          <h2>{t("title.play.loading")}</h2>
        </div>
      )}
      {playing.kind === "failed" && <Refused failure={playing.failure} again={() => setRound(round + 1)} />}
    </>
  );
}

/** It was asked to play, so it does as soon as it can; a later readiness changes nothing. */
function begun(now: Playing, watch: Watch): Playing {
  if (now.kind !== "on") watch.play();
  return now.kind === "on" ? now : { kind: "on" };
}

function Refused({ failure, again }: { failure: Failure; again: () => void }): ComponentChildren {
  const { heading, action } = failureText(failure);
  return (
    <div class="curtain failed" role="alert" data-code={failure.code}>
      <h2>{heading}</h2>
      <p>{action}</p>
      <div class="curtain-actions">
        <button type="button" class="button primary" onClick={again}>
          {t("title.play.again")}
        </button>
      </div>
      <p class="code mono">{failure.code}</p>
    </div>
  );
}
