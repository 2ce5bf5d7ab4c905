import { useEffect, useState } from "preact/hooks";
import { t } from "../../i18n/console.ts";
import { failureFrom } from "../../shared/failure.ts";
import { duration } from "../../shared/format.ts";
import { cancelJob, type Job, listJobs, setJobPriority } from "../api/jobs.ts";
import type { Title } from "../api/titles.ts";
import { causeLine } from "../titles/cause.ts";
import { ProgressBar, progressWords, StateBadge } from "../ui/badge.tsx";
import { confirmed } from "../ui/confirm.tsx";
import { type Column, DataTable } from "../ui/data-table.tsx";
import { Menu, type MenuItem } from "../ui/menu.tsx";
import { usePages } from "../ui/pages.ts";
import { ErrorState, LoadMore, Skeleton } from "../ui/states.tsx";
import { Ago } from "../ui/time.tsx";
import { toast, toastFailure } from "../ui/toast.tsx";
import { JobLog } from "./job-log.tsx";

/** What was and is done with the title, with each attempt's log. */
export function Jobs({ title }: { title: Title }) {
  const { fileId, job, state } = title;
  const pages = usePages((after, signal) => listJobs({ fileId }, after, signal), fileId);
  const [logOf, setLogOf] = useState<Job | null>(null);
  // The stream tells of a job's progress; that there is another one, or another attempt, is read.
  const stamp = `${state} ${job?.jobId} ${job?.state} ${job?.attempt}`;
  const [first] = useState(stamp);
  useEffect(() => {
    if (stamp !== first || pages.items.length > 0) pages.reload();
  }, [stamp]);
  const put = (changed: Job): void =>
    pages.update((jobs) => jobs.map((one) => (one.jobId === changed.jobId ? changed : one)));
  const rows = pages.items.map((one) =>
    one.jobId === job?.jobId ? { ...one, percent: job.percent, leftSecs: title.leftSecs } : one,
  );
  return (
    <section class="card flush" aria-labelledby="jobs-heading">
      <header class="card-header">
        <h2 id="jobs-heading">{t("title.jobs")}</h2>
      </header>
      {rows.length > 0 ? (
        <>
          <DataTable caption={t("title.jobs")} columns={columns(setLogOf, put)} rows={rows} id={({ jobId }) => jobId} />
          {pages.hasMore && <LoadMore pages={pages} />}
        </>
      ) : pages.failure !== null ? (
        <ErrorState failure={pages.failure} retry={pages.reload} />
      ) : pages.loading !== null ? (
        <Skeleton rows={1} />
      ) : (
        <p class="nothing soft">{t("title.jobs.none")}</p>
      )}
      {logOf !== null && <JobLog job={logOf} close={() => setLogOf(null)} />}
    </section>
  );
}

function columns(showLog: (job: Job) => void, put: (job: Job) => void): readonly Column<Job>[] {
  return [
    {
      key: "job",
      label: t("title.job"),
      kind: "name",
      render: ({ kind, jobId, priority }) => (
        <div class="stacked">
          <b>{t(`title.job.${kind}`)}</b>
          <span class="mono soft small">{jobId}</span>
          {priority !== 0 && <span class="soft small">{t("title.job.priority", { priority })}</span>}
        </div>
      ),
    },
    { key: "state", label: t("title.job.state"), render: (job) => <JobState job={job} /> },
    { key: "attempt", label: t("title.job.attempt"), kind: "number", render: ({ attempt }) => attempt || null },
    { key: "worker", label: t("title.job.worker"), render: ({ worker }) => worker },
    {
      key: "created",
      label: t("title.job.created"),
      kind: "number",
      render: ({ createdAt }) => <Ago at={createdAt} />,
    },
    {
      key: "took",
      label: t("title.job.took"),
      kind: "number",
      render: ({ startedAt, finishedAt }) =>
        startedAt === null || finishedAt === null ? null : duration(finishedAt - startedAt),
    },
    {
      key: "actions",
      label: t("ui.actions"),
      kind: "actions",
      render: (job) => (
        <>
          <button
            type="button"
            class="button small"
            aria-label={t("title.job.log.of", { job: job.jobId })}
            onClick={() => showLog(job)}
          >
            {t("title.job.log")}
          </button>
          {isOpen(job) && <Menu label={t("ui.actions.for", { name: job.jobId })} items={menuItems(job, put)} />}
        </>
      ),
    },
  ];
}

function JobState({ job }: { job: Job }) {
  const { state, stage, percent, leftSecs, failure } = job;
  const words = progressWords(percent, leftSecs);
  return (
    <div class="title-progress">
      <div class="title-state">
        <StateBadge state={state === "running" && stage !== null ? stage : state} />
        {state === "running" && <span class="soft small number">{words}</span>}
      </div>
      {state === "running" && (
        <ProgressBar value={percent} label={t("ui.percent", { name: job.jobId, percent: words })} />
      )}
      {failure !== null && <p class="problem small">{causeLine(failure)}</p>}
    </div>
  );
}

export function isOpen({ state }: Job): boolean {
  return state === "queued" || state === "running";
}

const PRIORITIES = { high: 100, normal: 0, low: -100 } as const;

function menuItems(job: Job, put: (job: Job) => void): readonly MenuItem[] {
  const prioritize = async (priority: number): Promise<void> => {
    try {
      put(await setJobPriority(job.jobId, priority));
      toast(t("title.job.priority.done"));
    } catch (thrown) {
      toastFailure(failureFrom(thrown));
    }
  };
  const cancel = (): Promise<boolean> =>
    confirmed({
      title: t("title.job.cancel.heading"),
      text: <p>{t("title.job.cancel.text")}</p>,
      action: t("title.job.cancel.action"),
      danger: true,
      act: async () => {
        put(await cancelJob(job.jobId));
        toast(t("title.job.cancel.done"));
      },
    });
  const levels = (["high", "normal", "low"] as const).filter((level) => PRIORITIES[level] !== job.priority);
  return [
    ...(job.state === "queued" ? levels : []).map((level) => ({
      key: level,
      label: t(`title.job.priority.${level}`),
      act: () => void prioritize(PRIORITIES[level]),
    })),
    { key: "cancel", label: t("title.job.cancel"), danger: true, act: () => void cancel() },
  ];
}
