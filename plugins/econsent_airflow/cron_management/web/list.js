// The list of jobs: one row each, read in one glance from left to right.

import { useLive } from "./api.js";
import { AtDialog, PauseDialog, ResumeDialog, RunRefused, useRunForm } from "./dialogs.js";
import { Button, Fragment, h, Input, jobPath, Link, runPath, useMemo, useSearchParams, useState } from "./react.js";
import { Act, Ago, Choice, Clock, count, Flag, Icon, Loading, STATUSES, Status, Tabs, Trouble, Until, usePageTitle, WORDS, ZoneChoice } from "./parts.js";
import { Strip } from "./strip.js";
import { span, useSecond } from "./time.js";

const SORTS = {
  job: (job) => job.title.toLowerCase(),
  status: (job) => STATUSES.indexOf(job.status),
  last: (job) => -Date.parse(job.last_run?.started_at ?? 0),
  next: (job) => Date.parse(job.next?.at ?? "9999-01-01"),
  waiting: (job) => -(job.waiting?.count ?? 0),
};
const SORT_WORDS = { job: "job", status: "status", last: "last run", next: "next run", waiting: "waiting" };
const ATTENTION = ["failed", "running", "active", "idle", "paused"];

/** The jobs to show, in order; those that need a person come first unless another order is asked for. */
export function arrange(jobs, { status, words, sort, down }) {
  const sought = words.trim().toLowerCase();
  const found = jobs.filter(
    (job) => (status === "all" || job.status === status) && (!sought || `${job.title} ${job.dag_id} ${job.purpose}`.toLowerCase().includes(sought)),
  );
  const key = SORTS[sort] ?? ((job) => ATTENTION.indexOf(job.status) * 10 + (job.flags.length ? 0 : 1));
  const sorted = [...found].sort((one, other) => {
    const [first, second] = [key(one), key(other)];
    return first < second ? -1 : first > second ? 1 : one.title.localeCompare(other.title);
  });
  return down ? sorted.reverse() : sorted;
}

function useChoices() {
  const [params, setParams] = useSearchParams();
  // all that changes together in one call: of two calls in a row, the router forgets the first
  const set = (changes) =>
    setParams(
      (old) => {
        const next = new URLSearchParams(old);
        for (const [name, value] of Object.entries(changes)) {
          if (value) next.set(name, value);
          else next.delete(name);
        }
        return next;
      },
      { replace: !("at" in changes) },
    );
  return [
    {
      at: params.get("at"),
      status: params.get("status") ?? "all",
      words: params.get("q") ?? "",
      sort: params.get("sort") ?? "",
      down: params.get("down") === "1",
    },
    set,
  ];
}

export function ListPage() {
  usePageTitle("Cron Management");
  const [choices, choose] = useChoices();
  const [dialog, setDialog] = useState(null);
  const [told, setTold] = useState("");
  const { data, error, beats, refresh } = useLive("api/jobs", choices.at);
  const shown = useMemo(() => (data ? arrange(data.jobs, choices) : []), [data, choices.status, choices.words, choices.sort, choices.down]);
  const openForm = useRunForm();
  const done = (message) => {
    setDialog(null);
    setTold(message);
    refresh();
  };
  const close = () => setDialog(null);
  const run = (job) => (job.status === "paused" ? setDialog({ kind: "refused", job }) : openForm(job.dag_id));
  return h(
    "div",
    { className: "cm cm-page" },
    h(Head, { data, at: choices.at, choose, setDialog }),
    h(Tabs, { current: "jobs" }),
    h("div", { className: "cm-told", role: "status", "aria-live": "polite" }, told ? h(Fragment, null, h(Icon, { name: "active" }), h("span", null, told)) : null),
    h(Trouble, { error }),
    choices.at && data ? h(Past, { at: data.at, choose }) : null,
    data ? h(Platform, { platform: data.platform, beats, past: data.at }) : null,
    data ? h(Filters, { data, choices, choose }) : null,
    data ? h(Table, { data, jobs: shown, choices, choose, run, setDialog }) : error ? null : h(Loading),
    dialog?.kind === "pause" ? h(PauseDialog, { job: dialog.job, onClose: close, onDone: done }) : null,
    dialog?.kind === "resume" ? h(ResumeDialog, { job: dialog.job, onClose: close, onDone: done }) : null,
    dialog?.kind === "refused" ? h(RunRefused, { job: dialog.job, onClose: close, onResume: () => setDialog({ kind: "resume", job: dialog.job }) }) : null,
    dialog?.kind === "at" ? h(AtDialog, { onClose: close, onChoose: (at) => (close(), choose({ at })) }) : null,
  );
}

function Head({ data, at, choose, setDialog }) {
  const allowed = Boolean(data?.can_act) && !at;
  const why = at ? "The past cannot be changed" : "You may look but not act: ask a platform administrator";
  const tool = (name, words, icon, onClick, enabled = true) =>
    h(Button, { key: name, className: "cm-button", size: "sm", variant: "outline", title: enabled ? undefined : why, "aria-disabled": enabled ? undefined : true, onClick: enabled ? onClick : undefined }, h(Icon, { name: icon, size: 15 }), words);
  return h(
    "header",
    { className: "cm-head" },
    h("h1", null, "Cron Management"),
    h(
      "div",
      { className: "cm-tools" },
      h(ZoneChoice),
      at ? tool("now", "Back to now", "history", () => choose({ at: null })) : tool("at", "As it was at …", "history", () => setDialog({ kind: "at" })),
      data?.paused_together ? tool("resume", "Resume all …", "play", () => setDialog({ kind: "resume" }), allowed) : null,
      tool("pause", "Pause all …", "paused", () => setDialog({ kind: "pause" }), allowed),
    ),
  );
}

function Past({ at, choose }) {
  return h(
    "div",
    { className: "cm-past", role: "note" },
    h(Icon, { name: "history" }),
    h("span", null, "As it was at ", h("strong", null, h(Clock, { at })), ", rebuilt from the audit trail."),
    h("button", { type: "button", className: "cm-link", onClick: () => choose({ at: null }) }, "Back to now"),
  );
}

function Platform({ platform, beats, past }) {
  const parts = platform.components.map((component) => {
    const beat = beats?.[component.name] ?? component.beat_at;
    return h(
      "li",
      { key: component.name },
      h("span", { className: `cm-dot cm-dot-${component.alive ? "alive" : "dead"}`, "aria-hidden": true }),
      h("span", null, component.title),
      h("span", { className: "cm-muted" }, component.alive ? null : "stopped, last seen ", beat ? h(Ago, { at: beat, now: past ? Date.parse(past) : undefined }) : component.alive ? "alive" : "never"),
    );
  });
  const seal = platform.seal;
  return h(
    "section",
    { className: "cm-platform", "aria-label": "Whether this page can be believed" },
    h("ul", null, parts),
    seal
      ? h("span", { className: "cm-muted" }, "Audit sealed to entry ", count(seal.entry), ", ", h(Ago, { at: seal.at, now: past ? Date.parse(past) : undefined }))
      : h("span", { className: "cm-muted" }, platform.seal_words),
  );
}

function Filters({ data, choices, choose }) {
  const counts = Object.fromEntries(STATUSES.map((status) => [status, data.jobs.filter((job) => job.status === status).length]));
  return h(
    "div",
    { className: "cm-filters" },
    h(Choice, {
      label: "Filter by status",
      value: choices.status,
      onChange: (status) => choose({ status: status === "all" ? null : status }),
      options: [["all", `All ${data.jobs.length}`], ...STATUSES.map((status) => [status, `${WORDS[status]} ${counts[status]}`])],
    }),
    h(Input, {
      className: "cm-search",
      size: "sm",
      type: "search",
      placeholder: "Search jobs",
      "aria-label": "Search jobs",
      value: choices.words,
      onChange: (event) => choose({ q: event.target.value }),
    }),
    h(SortChoice, { choices, choose }),
  );
}

/** The order, where there is no head of a table to press: on a narrow page. */
function SortChoice({ choices, choose }) {
  const options = Object.entries(SORT_WORDS).flatMap(([name, words]) => [
    [name, `Sorted by ${words}`],
    [`${name} down`, `Sorted by ${words}, reversed`],
  ]);
  const onChange = (event) => {
    const [sort, down] = event.target.value.split(" ");
    choose({ sort: sort || null, down: down ? "1" : null });
  };
  return h(
    "select",
    { className: "cm-sort-choice", "aria-label": "Sort", value: `${choices.sort}${choices.down ? " down" : ""}`, onChange },
    h("option", { value: "" }, "Those that need a person first"),
    options.map(([value, words]) => h("option", { key: value, value }, words)),
  );
}

function Table({ data, jobs, choices, choose, run, setDialog }) {
  const head = (name, words) => {
    if (!(name in SORTS)) return h("th", { key: name, scope: "col" }, words);
    const mine = choices.sort === name;
    const next = () => choose({ sort: mine && choices.down ? null : name, down: mine && !choices.down ? "1" : null });
    return h(
      "th",
      { key: name, scope: "col", "aria-sort": mine ? (choices.down ? "descending" : "ascending") : undefined },
      h("button", { type: "button", className: "cm-sort", onClick: next }, words, h("span", { className: "cm-arrow", "aria-hidden": true }, mine ? (choices.down ? "▾" : "▴") : "")),
    );
  };
  if (!data.jobs.length)
    return h("p", { className: "cm-empty" }, "No job is here yet: a DAG becomes a job by the tag ", h("code", null, data.tag), ", and Airflow lists a new file within seconds.");
  if (!jobs.length) return h("p", { className: "cm-empty" }, "No job matches. Show all, or search for another word.");
  return h(
    "table",
    { className: "cm-table cm-jobs" },
    h("caption", { className: "cm-hidden" }, "The scheduled jobs"),
    h(
      "thead",
      null,
      h("tr", null, head("job", "Job"), head("status", "Status"), head("last", "Last run"), head("next", "Next run"), head("waiting", "Waiting"), head("figure", "Figure"), head("strip", "Last 20 runs"), h("th", { scope: "col" }, h("span", { className: "cm-hidden" }, "Actions"))),
    ),
    jobs.map((job) => h(Row, { key: job.dag_id, job, past: data.at, run, setDialog })),
  );
}

function Row({ job, past, run, setDialog }) {
  const cell = (label, ...children) => h("td", { "data-label": label }, h("div", null, ...children));
  return h(
    "tbody",
    { className: job.notice ? `cm-noted cm-noted-${job.notice.tone}` : undefined, "data-job": job.dag_id },
    h(
      "tr",
      null,
      h("th", { scope: "row" }, h(Link, { className: "cm-title", to: jobPath(job.dag_id, past ? `?at=${encodeURIComponent(past)}` : "") }, job.title), h("p", { className: "cm-small" }, job.purpose)),
      cell("Status", h("div", { className: "cm-pills" }, h(Status, { status: job.status }), job.flags.map((flag) => h(Flag, { key: flag.name, flag })))),
      cell("Last run", h(LastRun, { job, past })),
      cell("Next run", h(NextRun, { job, past })),
      cell("Waiting", h(Waiting, { job })),
      cell("Figure", h(Figure, { job })),
      cell("Last 20 runs", h(Strip, { job })),
      h("td", { className: "cm-actions" }, past ? null : h(Actions, { job, run, setDialog })),
    ),
    job.notice ? h("tr", { className: "cm-notice-row" }, h("td", { colSpan: 8 }, h(Notice, { job, past, setDialog }))) : null,
  );
}

function LastRun({ job, past }) {
  const second = useSecond();
  const now = past ? Date.parse(past) : second;
  if (job.running?.started_at)
    return h(Fragment, null, h("div", null, "now, ", span(Math.max(0, (now - Date.parse(job.running.started_at)) / 1000))), h("p", { className: "cm-small" }, "since ", h(Clock, { at: job.running.started_at })));
  if (job.running) return h(Fragment, null, h("div", null, "queued"), h("p", { className: "cm-small" }, "since ", h(Clock, { at: job.running.queued_at })));
  if (!job.last_run) return h("span", { className: "cm-muted" }, "never");
  const words = [job.last_run.seconds === null ? null : span(job.last_run.seconds), job.last_run.words].filter(Boolean).join(" · ");
  return h(
    Fragment,
    null,
    h("div", null, h(Link, { className: "cm-plain", to: runPath(job.dag_id, job.last_run.run_id) }, h(Ago, { at: job.last_run.ended_at ?? job.last_run.started_at, now: past ? now : undefined }))),
    h("p", { className: "cm-small" }, h(Clock, { at: job.last_run.started_at }), words ? ` · ${words}` : ""),
  );
}

export function NextRun({ job, past }) {
  const now = past ? Date.parse(past) : undefined;
  const next = job.next;
  if (!next || !next.at) return h("span", { className: "cm-muted" }, next?.kind === "arrival" ? "when work arrives" : (next?.words ?? "not scheduled"));
  if (next.kind === "paused") return h(Fragment, null, h("div", null, "paused"), h("p", { className: "cm-small" }, "would be ", h(Clock, { at: next.at })));
  if (next.kind === "sweep") return h(Fragment, null, h("div", null, "when work arrives"), h("p", { className: "cm-small" }, "sweep ", h(Until, { at: next.at, now }), ", ", h(Clock, { at: next.at })));
  return h(Fragment, null, h("div", null, h(Until, { at: next.at, now })), h("p", { className: "cm-small" }, h(Clock, { at: next.at })));
}

function Waiting({ job }) {
  if (!job.waiting) return h("span", { className: "cm-muted" }, "–");
  return h(
    Fragment,
    null,
    h("div", null, count(job.waiting.count)),
    job.waiting.oldest_at ? h("p", { className: "cm-small" }, "oldest ", h(Age, { at: job.waiting.oldest_at })) : null,
  );
}

function Age({ at }) {
  const now = useSecond();
  return span(Math.max(0, (now - Date.parse(at)) / 1000));
}

function Figure({ job }) {
  if (!job.figure) return h("span", { className: "cm-muted" }, job.figure_words ?? "–");
  const value = job.figure.since ? h(Age, { at: job.figure.since }) : job.figure.value === null ? "none" : count(job.figure.value);
  return h(Fragment, null, h("div", null, value), h("p", { className: "cm-small" }, job.figure.label));
}

function Actions({ job, run, setDialog }) {
  const why = "You may look but not act: ask a platform administrator";
  return h(
    "div",
    { className: "cm-acts" },
    h(Act, { label: `Run ${job.title} now`, icon: "play", allowed: job.can.run, why, onClick: () => run(job) }),
    job.status === "paused"
      ? h(Act, { label: `Resume ${job.title}`, icon: "resume", allowed: job.can.pause, why, onClick: () => setDialog({ kind: "resume", job }) })
      : h(Act, { label: `Pause ${job.title}`, icon: "paused", allowed: job.can.pause, why, onClick: () => setDialog({ kind: "pause", job }) }),
  );
}

export function Notice({ job, past, setDialog }) {
  const notice = job.notice;
  return h(
    "div",
    { className: `cm-notice cm-notice-${notice.tone}` },
    h("span", null, h(PausedWords, { job, notice }), notice.links.map((link) => h(Fragment, { key: link.words }, " ", h(Link, { to: link.to }, link.words)))),
    notice.tone === "paused" && !past && setDialog && job.can.pause
      ? h("button", { type: "button", className: "cm-link", onClick: () => setDialog({ kind: "resume", job }) }, "Resume")
      : null,
  );
}

/** Who paused it, when, until when and why; every other notice is a headline and a sentence. */
function PausedWords({ job, notice }) {
  if (notice.tone !== "paused") return h(Fragment, null, h("strong", null, notice.headline), " ", notice.text);
  const pause = job.paused;
  return h(
    Fragment,
    null,
    "Paused",
    pause.by ? h(Fragment, null, " by ", h("strong", null, pause.by)) : null,
    pause.at ? h(Fragment, null, " since ", h(Clock, { at: pause.at })) : null,
    pause.until ? h(Fragment, null, ", until ", h(Clock, { at: pause.until })) : null,
    pause.reason ? `: “${pause.reason}”. ` : ", without a reason given. ",
    notice.text,
  );
}
