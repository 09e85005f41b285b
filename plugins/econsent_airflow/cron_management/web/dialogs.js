// What an administrator does to a job. Each dialog says what will happen before it happens, and sends its action once only.

import { act } from "./api.js";
import { h, Input, Textarea, useNavigate, useState } from "./react.js";
import { Ask, Choice, Clock, Field } from "./parts.js";
import { fromField, serverNow, toField, useZone } from "./time.js";

const LONGEST_REASON = 500;
const FORM_MILLISECONDS = 20_000;

function useAction(path, onDone) {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState(null);
  const send = async (body) => {
    if (busy) return;
    setBusy(true);
    setError(null);
    try {
      const done = await act(path, body);
      onDone(done.message);
    } catch (refused) {
      setError(refused);
    } finally {
      setBusy(false);
    }
  };
  return { busy, error, send, setError };
}

function tomorrowAtNine(zone) {
  const day = new Date(serverNow() + 86_400_000);
  if (zone === "utc") day.setUTCHours(9, 0, 0, 0);
  else day.setHours(9, 0, 0, 0);
  return day.getTime();
}

export function PauseDialog({ job, onClose, onDone }) {
  const zone = useZone();
  const [reason, setReason] = useState("");
  const [when, setWhen] = useState("person");
  const [field, setField] = useState(() => toField(tomorrowAtNine(zone), zone));
  const { busy, error, send, setError } = useAction(job ? `api/jobs/${encodeURIComponent(job.dag_id)}/pause` : "api/pause-all", onDone);
  const submit = () => {
    if (!reason.trim()) {
      setError({ message: "Say why: whoever finds the job paused wants to know." });
      return;
    }
    const until = {
      person: null,
      hour: new Date(serverNow() + 3_600_000).toISOString(),
      tomorrow: new Date(tomorrowAtNine(zone)).toISOString(),
      then: fromField(field, zone),
    }[when];
    send({ reason: reason.trim(), until });
  };
  return h(
    Ask,
    { title: job ? `Pause ${job.title}` : "Pause all jobs", open: true, onClose, onSubmit: submit, submit: job ? "Pause" : "Pause all", busy, error },
    h(
      "p",
      null,
      job
        ? "A run that is under way goes on to its end; no further one starts. What arrives meanwhile waits, and nothing is lost."
        : "Runs that are under way go on to their end. Jobs that are paused already stay as they are, and resuming all leaves them paused.",
    ),
    h(
      Field,
      { label: "Reason" },
      h(Textarea, {
        value: reason,
        onChange: (event) => setReason(event.target.value),
        maxLength: LONGEST_REASON,
        rows: 3,
        required: true,
        placeholder: "What are you waiting for?",
      }),
    ),
    h(
      "div",
      { className: "cm-field" },
      h("span", { className: "cm-label" }, "Resume"),
      h(Choice, {
        label: "Resume",
        value: when,
        onChange: setWhen,
        options: [
          ["person", "By hand"],
          ["hour", "In an hour"],
          ["tomorrow", "Tomorrow 09:00"],
          ["then", "At …"],
        ],
      }),
    ),
    when === "then"
      ? h(
          Field,
          { label: `Resume at (${zone === "utc" ? "UTC" : "local time"})` },
          h(Input, { type: "datetime-local", value: field, min: toField(serverNow(), zone), onChange: (event) => setField(event.target.value) }),
        )
      : null,
  );
}

export function ResumeDialog({ job, onClose, onDone }) {
  const { busy, error, send } = useAction(job ? `api/jobs/${encodeURIComponent(job.dag_id)}/resume` : "api/resume-all", onDone);
  return h(
    Ask,
    { title: job ? `Resume ${job.title}` : "Resume all", open: true, onClose, onSubmit: () => send({}), submit: "Resume", busy, error },
    job
      ? h("p", null, job.resume_words)
      : h("p", null, "Only the jobs that “Pause all” paused are resumed; a job that was paused by itself stays paused. The latest missed run of each starts at once."),
  );
}

export function RetryDialog({ job, run, onClose, onDone }) {
  const { busy, error, send } = useAction(`api/jobs/${encodeURIComponent(job.dag_id)}/retry`, onDone);
  return h(
    Ask,
    {
      title: "Retry the failed run",
      open: true,
      onClose,
      onSubmit: () => send({ run_id: run.run_id }),
      submit: "Retry",
      busy,
      error,
    },
    h("p", null, "The failed steps of the run of ", h(Clock, { at: run.at }), " are done again. What succeeded stays as it is. Its first failure stays in the history."),
  );
}

export function RunRefused({ job, onClose, onResume }) {
  return h(
    Ask,
    { title: `${job.title} is paused`, open: true, onClose, onSubmit: onResume, submit: "Resume instead …" },
    h("p", null, "A run that is asked for now would wait for ever, because a paused job starts none. Resume it first; its latest missed run then starts at once."),
  );
}

/** Open Airflow's own form for a run, with its bounds: go to the DAG's page and press its button. */
export function useRunForm() {
  const navigate = useNavigate();
  return (dagId) => {
    navigate(`/dags/${encodeURIComponent(dagId)}`);
    pressTrigger(performance.now() + FORM_MILLISECONDS);
  };
}

function pressTrigger(deadline) {
  const button = document.querySelector('[data-testid="trigger-dag-button"]');
  if (button) button.click();
  else if (performance.now() < deadline) requestAnimationFrame(() => pressTrigger(deadline));
}

export function AtDialog({ onClose, onChoose }) {
  const zone = useZone();
  const [field, setField] = useState(() => toField(serverNow() - 3_600_000, zone));
  const [error, setError] = useState(null);
  const submit = () => {
    const at = fromField(field, zone);
    if (at === null || Date.parse(at) > serverNow()) setError({ message: "Choose a moment in the past." });
    else onChoose(at);
  };
  return h(
    Ask,
    { title: "As it was at …", open: true, onClose, onSubmit: submit, submit: "Show", error },
    h("p", null, "Rebuilds the list as it stood at a moment in the past, from the audit trail and by the same rule."),
    h(
      Field,
      { label: `Moment (${zone === "utc" ? "UTC" : "local time"})` },
      h(Input, { type: "datetime-local", value: field, max: toField(serverNow(), zone), onChange: (event) => setField(event.target.value), required: true }),
    ),
  );
}
