// One job: the failure first, explained; then how it runs over time; then its execution history.

import { useLive, useOnce } from "./api.js";
import { DurationChart, ThroughputChart } from "./charts.js";
import { PauseDialog, ResumeDialog, RetryDialog, RunRefused, useRunForm } from "./dialogs.js";
import { Notice } from "./list.js";
import { Button, Fragment, h, Input, jobPath, Link, PAGE, ours, runPath, useEffect, useSearchParams, useState } from "./react.js";
import { Act, Choice, Clock, count, Flag, Icon, Loading, Outcome, Status, Trouble, Until, usePageTitle, ZoneChoice } from "./parts.js";
import { fromField, span, toField, useZone } from "./time.js";

const WHY = "You may look but not act: ask a platform administrator";
const OUTCOMES = [
  ["", "All"],
  ["failed", "Failed"],
  ["success", "Succeeded"],
  ["missed", "Missed"],
];

export function JobPage({ dagId, tab = false }) {
  const [params] = useSearchParams();
  const at = tab ? null : params.get("at");
  const base = `api/jobs/${encodeURIComponent(dagId)}`;
  const { data, error, refresh } = useLive(base, at);
  const [dialog, setDialog] = useState(null);
  const [told, setTold] = useState("");
  const openForm = useRunForm();
  usePageTitle(data ? data.job.title : "Cron Management");
  const close = () => setDialog(null);
  const done = (message) => {
    close();
    setTold(message);
    refresh();
  };
  const run = (job) => (job.status === "paused" ? setDialog("refused") : openForm(job.dag_id));
  if (!data) return h("div", { className: "cm cm-page" }, tab ? null : h(Crumbs, { title: dagId }), error ? h(Absent, { error, tab }) : h(Loading));
  const { job } = data;
  return h(
    "div",
    { className: "cm cm-page" },
    h(JobHead, { job, data, tab, at, run, setDialog }),
    h(Words, { job, at }),
    h("div", { className: "cm-told", role: "status", "aria-live": "polite" }, told ? h(Fragment, null, h(Icon, { name: "active" }), h("span", null, told)) : null),
    h(Trouble, { error }),
    at ? h("div", { className: "cm-past", role: "note" }, h(Icon, { name: "history" }), h("span", null, "As it was at ", h("strong", null, h(Clock, { at: data.at })), "."), h(Link, { to: jobPath(dagId) }, "Back to now")) : null,
    job.notice && job.notice.tone !== "failed" ? h(Notice, { job, past: at, setDialog: () => setDialog("resume") }) : null,
    data.failure ? h(Failure, { job, failure: data.failure, base, past: at }) : null,
    h(Charts, { data }),
    h(History, { job, base, version: data.version }),
    dialog === "pause" ? h(PauseDialog, { job, onClose: close, onDone: done }) : null,
    dialog === "resume" ? h(ResumeDialog, { job, onClose: close, onDone: done }) : null,
    dialog === "retry" ? h(RetryDialog, { job, run: data.failure, onClose: close, onDone: done }) : null,
    dialog === "refused" ? h(RunRefused, { job, onClose: close, onResume: () => setDialog("resume") }) : null,
  );
}

function Absent({ error, tab }) {
  if (tab && error.status === 404) return h("p", { className: "cm-empty" }, "This DAG is none of the jobs that Cron Management watches: it does not carry their tag.");
  return h(Trouble, { error });
}

function Crumbs({ title }) {
  return h("nav", { className: "cm-crumbs", "aria-label": "Where you are" }, h(Link, { to: PAGE }, "Cron Management"), h("span", { "aria-hidden": true }, " › "), h("h1", null, title));
}

function JobHead({ job, data, tab, at, run, setDialog }) {
  const paused = job.status === "paused";
  return h(
    "header",
    { className: "cm-head" },
    h("div", { className: "cm-heading" }, tab ? h("h2", null, job.title) : h(Crumbs, { title: job.title }), h("div", { className: "cm-pills" }, h(Status, { status: job.status }), job.flags.map((flag) => h(Flag, { key: flag.name, flag })))),
    at
      ? null
      : h(
          "div",
          { className: "cm-tools" },
          h(ZoneChoice),
          tab ? null : h(Link, { className: "cm-link-button", to: `/dags/${encodeURIComponent(job.dag_id)}` }, "Open in Airflow", h(Icon, { name: "out", size: 14 })),
          h(Act, { label: "Run now …", icon: "play", text: true, allowed: job.can.run, why: WHY, onClick: () => run(job) }),
          paused
            ? h(Act, { label: "Resume …", icon: "resume", text: true, allowed: job.can.pause, why: WHY, onClick: () => setDialog("resume") })
            : h(Act, { label: "Pause …", icon: "paused", text: true, allowed: job.can.pause, why: WHY, onClick: () => setDialog("pause") }),
          data.failure && data.failure.run_id && data.failure.open ? h(Act, { label: "Retry failed run", icon: "retry", text: true, primary: true, allowed: job.can.run, why: WHY, onClick: () => setDialog("retry") }) : null,
        ),
  );
}

function Words({ job, at }) {
  const now = at ? Date.parse(at) : undefined;
  const next = job.next;
  return h(
    "p",
    { className: "cm-lead" },
    job.purpose ? `${job.purpose}. ` : "",
    job.schedule_words,
    next?.at && next.kind !== "paused" ? h(Fragment, null, " · next ", next.kind === "sweep" ? "sweep " : "run ", h(Until, { at: next.at, now }), " (", h(Clock, { at: next.at }), ")") : null,
    job.waiting ? h(Fragment, null, ` · ${count(job.waiting.count)} waiting`, job.waiting.oldest_at ? h(Fragment, null, ", oldest since ", h(Clock, { at: job.waiting.oldest_at })) : null) : null,
    " · ",
    h(Link, { to: `/dags/${encodeURIComponent(job.dag_id)}/details` }, "What this job does"),
  );
}

function Failure({ job, failure, base, past }) {
  const line = (name, ...children) => h(Fragment, { key: name }, h("dt", null, name), h("dd", null, ...children));
  return h(
    "section",
    { className: `cm-failure${failure.open ? "" : " cm-failure-over"}`, "aria-labelledby": "cm-failure" },
    h("h2", { id: "cm-failure" }, failure.at ? h(Fragment, null, "The run of ", h(Clock, { at: failure.at }), ` ${failure.headline}`) : failure.headline),
    h(
      "dl",
      { className: "cm-facts" },
      failure.error_class ? line("Class", h("strong", null, failure.error_class), failure.meaning ? `: ${failure.meaning}` : null) : null,
      failure.sentence ? line("It said", failure.sentence) : null,
      failure.done ? line("Done before", failure.done) : null,
      failure.happens_now ? line("What happens now", failure.happens_now) : null,
      line(
        "If it happens again",
        failure.advice,
        failure.seen.length > 1
          ? h(Fragment, null, ` Seen ${failure.seen_count} times in 7 days: `, failure.seen.map((one, index) => h(Fragment, { key: one.run_id }, index ? ", " : "", h(Link, { to: runPath(job.dag_id, one.run_id) }, h(Clock, { at: one.at })))), ".")
          : null,
        " Persisting: ",
        h("a", { href: `mailto:${failure.support}` }, failure.support),
      ),
    ),
    failure.run_id ? h(LastLines, { path: `${base}/log?run_id=${encodeURIComponent(failure.run_id)}`, past }) : null,
    failure.run_id
      ? h(
          "p",
          { className: "cm-links" },
          h(Link, { to: failure.log_path }, "Full log in Airflow", h(Icon, { name: "out", size: 13 })),
          h(Link, { to: runPath(job.dag_id, failure.run_id) }, "Its tasks"),
          h(Link, { to: `${runPath(job.dag_id, failure.run_id)}/details` }, "Its details"),
          h(Link, { to: `/dags/${encodeURIComponent(job.dag_id)}` }, "Grid and Gantt"),
        )
      : null,
  );
}

function LastLines({ path }) {
  const { data, error } = useOnce(path);
  if (error) return h("p", { className: "cm-small" }, `The last log lines cannot be shown: ${error.message}`);
  if (!data) return h(Loading);
  if (!data.lines.length) return h("p", { className: "cm-small" }, "It left no log lines.");
  return h(
    "pre",
    { className: "cm-log", tabIndex: 0, role: "region", "aria-label": "The last lines of the log" },
    data.lines.map((line, index) => h("span", { key: index, className: `cm-log-${line.level}` }, `${line.at} ${line.level.toUpperCase().padEnd(7)} ${line.text}\n`)),
  );
}

function Charts({ data }) {
  const field = data.recent.some((run) => run.changed !== null) ? "changed" : "seconds";
  return h(
    "div",
    { className: "cm-charts" },
    h("section", { className: "cm-panel" }, h("h2", null, "Processing time ", h("span", { className: "cm-small" }, `${data.days.length === 1 ? "1 day" : `${data.days.length} days`}, p50 and p95 (dashed)`)), h(DurationChart, { days: data.days })),
    h("section", { className: "cm-panel" }, h("h2", null, field === "changed" ? "Done per run " : "Duration per run ", h("span", { className: "cm-small" }, "failed in red")), h(ThroughputChart, { runs: data.recent, field })),
  );
}

function useHistory(base, version, outcome, day, zone) {
  const [before, setBefore] = useState(null);
  useEffect(() => setBefore(null), [outcome, day, zone]);
  const query = new URLSearchParams();
  if (outcome) query.set("outcome", outcome);
  if (day) {
    const start = fromField(`${day}T00:00`, zone);
    query.set("since", start);
    query.set("until", new Date(Date.parse(start) + 86_400_000).toISOString());
  }
  const csv = ours(`${base}/runs.csv?${query}`);
  if (before) query.set("before", before);
  // the newest page follows the job; an older one is read once
  if (!before && version) query.set("v", version);
  const { data, error } = useOnce(`${base}/runs?${query}`);
  const [kept, setKept] = useState(null);
  useEffect(() => {
    if (data) setKept({ base, data });
  }, [data]);
  return { page: data ?? (kept?.base === base ? kept.data : null), error, csv, before, setBefore };
}

function History({ job, base, version }) {
  const zone = useZone();
  const [outcome, setOutcome] = useState("");
  const [day, setDay] = useState("");
  const { page, error, csv, before, setBefore } = useHistory(base, version, outcome, day, zone);
  const counts = page?.counts ?? {};
  return h(
    "section",
    { "aria-labelledby": "cm-history" },
    h(
      "div",
      { className: "cm-history-head" },
      h("h2", { id: "cm-history" }, "Execution history"),
      h(Choice, {
        label: "Filter by outcome",
        value: outcome,
        onChange: setOutcome,
        options: OUTCOMES.map(([name, words]) => [name, name && counts[name] !== undefined ? `${words} ${count(counts[name])}` : words]),
      }),
      h("div", { className: "cm-tools" }, h(Input, { className: "cm-date", size: "sm", type: "date", value: day, max: toField(Date.now(), zone).slice(0, 10), "aria-label": `Day (${zone === "utc" ? "UTC" : "local time"})`, onChange: (event) => setDay(event.target.value) }), h("a", { className: "cm-link-button", href: csv, download: `${job.dag_id}.csv` }, h(Icon, { name: "down", size: 14 }), "CSV")),
    ),
    h(Trouble, { error }),
    page ? h(Runs, { job, page }) : error ? null : h(Loading),
    page
      ? h(
          "div",
          { className: "cm-more" },
          before ? h(Button, { className: "cm-button", size: "sm", variant: "outline", onClick: () => setBefore(null) }, "Newest") : null,
          page.before ? h(Button, { className: "cm-button", size: "sm", variant: "outline", onClick: () => setBefore(page.before) }, "Older") : null,
        )
      : null,
  );
}

function Runs({ job, page }) {
  if (!page.runs.length) return h("p", { className: "cm-empty" }, "No execution matches.");
  const counted = ["examined", "changed", "quarantined", "failed"];
  return h(
    "table",
    { className: "cm-table cm-runs" },
    h("caption", { className: "cm-hidden" }, `Executions of ${job.title}`),
    h("thead", null, h("tr", null, ["Started", "Ended", "Took", "Started by", "Outcome", "Examined", "Changed", "Quarantined", "Failed", "Tries"].map((words) => h("th", { key: words, scope: "col" }, words)), h("th", { scope: "col" }, h("span", { className: "cm-hidden" }, "Log")))),
    h(
      "tbody",
      null,
      page.runs.map((run) =>
        h(
          "tr",
          { key: `${run.run_id}/${run.clear_number}/${run.at}` },
          h("td", { "data-label": "Started" }, h(Clock, { at: run.started_at ?? run.at })),
          h("td", { "data-label": "Ended" }, run.ended_at ? h(Clock, { at: run.ended_at }) : h("span", { className: "cm-muted" }, "–")),
          h("td", { "data-label": "Took" }, run.seconds === null ? "–" : span(run.seconds)),
          h("td", { "data-label": "Started by" }, run.started_by),
          h("td", { "data-label": "Outcome" }, h("div", { className: "cm-outcome" }, h(Outcome, { outcome: run.outcome, errorClass: run.error_class }), run.remark ? h("span", { className: "cm-small" }, run.remark) : null)),
          counted.map((name) => h("td", { key: name, className: "cm-number", "data-label": name[0].toUpperCase() + name.slice(1) }, count(run.counts?.[name]))),
          h("td", { className: "cm-number", "data-label": "Tries" }, run.tries ?? "–"),
          h("td", null, run.run_id === null ? null : h(Link, { to: runPath(job.dag_id, run.run_id) }, "Log", h("span", { className: "cm-hidden" }, ` of the run of ${run.started_at ?? run.at}`))),
        ),
      ),
    ),
  );
}
