import { useEffect, useRef, useState } from "preact/hooks";
import { t } from "../../i18n/console.ts";
import { type Failure, failureFrom } from "../../shared/failure.ts";
import { type Job, type LogLine, readJobLog } from "../api/jobs.ts";
import { Dialog } from "../ui/dialog.tsx";
import { FailureLine } from "../ui/states.tsx";
import { When } from "../ui/time.tsx";

const FOLLOW_EVERY_MS = 2000;
/** The latest; more than these nobody reads here. */
const LINES_MAX = 2000;

/** A job's log; it grows as long as the job is unfinished. */
export function JobLog({ job, close }: { job: Job; close: () => void }) {
  const [lines, setLines] = useState<readonly LogLine[]>([]);
  const [live, setLive] = useState(true);
  const [failure, setFailure] = useState<Failure | null>(null);
  const [read, setRead] = useState(false);
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const over = new AbortController();
    let timer = 0;
    let after: string | null = null;
    const follow = async (): Promise<void> => {
      try {
        const page = await readJobLog(job.jobId, after, over.signal);
        setFailure(null);
        setRead(true);
        if (page.items.length > 0) setLines((known) => [...known, ...page.items].slice(-LINES_MAX));
        if (page.next === null) {
          setLive(false);
          return;
        }
        // Whoever is behind catches up at once.
        const behind = page.next !== after && page.items.length > 0;
        after = page.next;
        timer = window.setTimeout(follow, behind ? 0 : FOLLOW_EVERY_MS);
      } catch (thrown) {
        if (over.signal.aborted) return;
        setFailure(failureFrom(thrown));
        timer = window.setTimeout(follow, FOLLOW_EVERY_MS * 2);
      }
    };
    void follow();
    return () => {
      over.abort();
      window.clearTimeout(timer);
    };
  }, [job.jobId]);
  useEffect(() => {
    // Whoever scrolled up to read is left there.
    const { current } = box;
    if (current !== null && current.scrollHeight - current.scrollTop - current.clientHeight < 120)
      current.scrollTop = current.scrollHeight;
  }, [lines]);
  return (
    <Dialog title={t("title.job.log.of", { job: job.jobId })} close={close} wide>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, so it must be reached and scrolled by keyboard */}
      <div ref={box} class="log" role="log" tabIndex={0} aria-label={t("title.job.log")} data-focus="">
        {lines.map(({ seq, at, line }) => (
          <p key={seq}>
            <When at={at} exact /> {line}
          </p>
        ))}
        {read && lines.length === 0 && <p>{t("title.job.log.empty")}</p>}
      </div>
      <FailureLine failure={failure} />
      {live && failure === null && <p class="soft small">{t("title.job.log.live")}</p>}
    </Dialog>
  );
}
