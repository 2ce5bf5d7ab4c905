import { t } from "../../i18n/console.ts";
import { bytes, count, percent } from "../../shared/format.ts";
import type { HeldJob, Worker } from "../api/workers.ts";
import { StateBadge } from "../ui/badge.tsx";
import type { Column } from "../ui/data-table.tsx";
import { Ago } from "../ui/time.tsx";
import { TitleLink } from "../ui/title-name.tsx";

export function columns(setDrain: (worker: Worker) => void): Column<Worker>[] {
  return [
    {
      key: "name",
      label: t("workers.name"),
      kind: "name",
      render: ({ workerId, name }) => (
        <div class="two-lines">
          <b>{name}</b>
          <span class="mono soft small">{workerId}</span>
        </div>
      ),
    },
    {
      key: "state",
      label: t("workers.state"),
      render: ({ state, lastSeenAt }) => (
        <div class="two-lines">
          <StateBadge state={state} />
          {state === "offline" && (
            <span class="soft small">
              <Ago at={lastSeenAt} />
            </span>
          )}
        </div>
      ),
    },
    { key: "jobs", label: t("workers.jobs"), render: (worker) => <Jobs worker={worker} /> },
    { key: "capacities", label: t("workers.capacities"), render: (worker) => <Capacities worker={worker} /> },
    { key: "version", label: t("workers.version"), render: ({ version }) => <span class="mono">{version}</span> },
    {
      key: "actions",
      label: t("ui.actions"),
      kind: "actions",
      render: (worker) => (
        <button
          type="button"
          class="button small"
          aria-label={t(worker.drain ? "workers.undrain.for" : "workers.drain.for", { name: worker.name })}
          onClick={() => setDrain(worker)}
        >
          {t(worker.drain ? "workers.undrain" : "workers.drain")}
        </button>
      ),
    },
  ];
}

function Jobs({ worker: { jobs, jobsRunning, jobsMax } }: { worker: Worker }) {
  const others = jobsRunning - jobs.length;
  return (
    <div class="two-lines worker-jobs">
      <span class="soft small">{t("workers.jobs.of", { running: count(jobsRunning), max: count(jobsMax) })}</span>
      {jobs.map((job) => (
        <OneJob key={job.jobId} job={job} />
      ))}
      {others > 0 && <span class="soft small">{t("workers.jobs.others", { count: count(others) })}</span>}
    </div>
  );
}

function OneJob({ job }: { job: HeldJob }) {
  return (
    <div class="two-lines">
      <TitleLink fileId={job.fileId} />
      <span class="soft small">
        {t(`title.job.${job.kind}`)}
        {job.percent !== null && ` · ${percent(job.percent)}`}
      </span>
    </div>
  );
}

function Capacities({ worker }: { worker: Worker }) {
  const { cpus, memoryBytes, kinds, encoders } = worker;
  const parts = [t("workers.cpus", { count: count(cpus) }), memoryBytes === null ? null : bytes(memoryBytes)];
  return (
    <div class="two-lines">
      <span>{parts.filter((part) => part !== null).join(" · ")}</span>
      {kinds.includes("package") ? (
        <span class="label-list">
          {encoders.map((encoder) => (
            <span key={encoder} class="chip mono">
              {encoder}
            </span>
          ))}
        </span>
      ) : (
        <span class="soft small">{t("workers.noFfmpeg")}</span>
      )}
    </div>
  );
}
