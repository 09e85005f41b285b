// Small things that several pages show.

import { Button, Dialog, Fragment, h, Link, PAGE, Portal, Spinner, useEffect, useRef } from "./react.js";
import { ago, clock, setZone, until, useSecond, useZone, whole } from "./time.js";

const ICONS = {
  failed: "M6 6l12 12M18 6L6 18",
  active: "M5 12.5l4.5 4.5L19 7.5",
  running: "M12 3a9 9 0 1 0 9 9",
  idle: "M12 7v5l3 2M12 3a9 9 0 1 1 0 18a9 9 0 0 1 0-18",
  paused: "M9 5v14M15 5v14",
  warning: "M12 9v4.5M12 17v.2M12 3.5L22 20.5H2z",
  play: "M7 4.5v15l12-7.5z",
  resume: "M7 4.5v15l12-7.5z",
  retry: "M4 12a8 8 0 1 0 2.5-5.8M4 4v4.5h4.5",
  out: "M8 16L17 7M9 7h8v8",
  down: "M12 4v12M6.5 11L12 16.5L17.5 11M5 20h14",
  history: "M3.5 12a8.5 8.5 0 1 0 2.6-6.1M4 4v4h4M12 8v4l3 2",
  close: "M6 6l12 12M18 6L6 18",
  seal: "M12 3l7 3v6c0 4.5-3 7.5-7 9c-4-1.5-7-4.5-7-9V6zM9 12l2.2 2.2L15.2 10",
};

/** A line drawing. It never speaks for itself: a word stands beside it. */
export function Icon({ name, size = 16, solid = false }) {
  return h(
    "svg",
    {
      className: `cm-icon${name === "running" ? " cm-turning" : ""}`,
      viewBox: "0 0 24 24",
      width: size,
      height: size,
      "aria-hidden": true,
      fill: solid ? "currentColor" : "none",
      stroke: "currentColor",
      strokeWidth: 2.2,
      strokeLinecap: "round",
      strokeLinejoin: "round",
    },
    h("path", { d: ICONS[name] }),
  );
}

export const STATUSES = ["running", "failed", "active", "idle", "paused"];
export const WORDS = {
  running: "Running",
  failed: "Failed",
  active: "Active",
  idle: "Idle",
  paused: "Paused",
  success: "Succeeded",
  queued: "Queued",
  missed: "Missed",
  skipped: "Skipped",
};
const OUTCOME_LOOK = { success: "active", failed: "failed", running: "running", queued: "running", missed: "warning", skipped: "idle" };
const LOOK_ICON = { active: "active", failed: "failed", running: "running", idle: "idle", paused: "paused", warning: "warning" };

function Pill({ look, icon, children }) {
  return h("span", { className: `cm-pill cm-${look}` }, h(Icon, { name: icon, size: 13 }), h("span", null, children));
}

export function Status({ status }) {
  return h(Pill, { look: status, icon: status }, WORDS[status]);
}

export function Flag({ flag }) {
  return h("span", { className: "cm-pill cm-warning", title: flag.cause }, h(Icon, { name: "warning", size: 13 }), h("span", null, flag.name));
}

export function Outcome({ outcome, errorClass }) {
  const look = OUTCOME_LOOK[outcome] ?? "idle";
  return h(Pill, { look, icon: LOOK_ICON[look] }, outcome === "failed" && errorClass ? errorClass : (WORDS[outcome] ?? outcome));
}

/** A moment, short, with the whole of it as a hint. */
export function Clock({ at }) {
  const zone = useZone();
  const now = useSecond();
  return h("time", { dateTime: at ?? undefined, title: whole(at, zone) }, clock(at, zone, now));
}

export function Ago({ at, now: fixed }) {
  const second = useSecond();
  return h("time", { dateTime: at }, ago(at, fixed ?? second));
}

export function Until({ at, now: fixed }) {
  const second = useSecond();
  return h("time", { dateTime: at }, until(at, fixed ?? second));
}

/** Several buttons of which one is pressed. */
export function Choice({ label, options, value, onChange }) {
  return h(
    "div",
    { className: "cm-choice", role: "group", "aria-label": label },
    options.map(([name, words]) =>
      h("button", { key: name, type: "button", "aria-pressed": value === name, onClick: () => onChange(name) }, words),
    ),
  );
}

export function ZoneChoice() {
  const zone = useZone();
  return h(Choice, {
    label: "Times in",
    value: zone,
    onChange: setZone,
    options: [
      ["utc", "UTC"],
      ["local", "Local"],
    ],
  });
}

export function Tabs({ current }) {
  const tab = (name, to, words) =>
    h(Link, { key: name, to, className: "cm-tab", "aria-current": current === name ? "page" : undefined }, words);
  return h("nav", { className: "cm-tabs", "aria-label": "Cron Management" }, tab("jobs", PAGE, "Jobs"), tab("audit", `${PAGE}/audit`, "Audit"));
}

/** What is shown in place of a page that cannot be shown, or above one that may be out of date. */
export function Trouble({ error }) {
  if (!error) return null;
  return h("div", { className: "cm-trouble", role: "alert" }, h(Icon, { name: "warning" }), h("span", null, error.message));
}

export function Loading() {
  return h("div", { className: "cm-loading", role: "status" }, h(Spinner, { size: "sm" }), h("span", null, "Loading …"));
}

/** An action that a person may see but not do is shown switched off, and says why. */
export function Act({ label, icon, allowed, why, onClick, text = false, primary = false }) {
  const hint = allowed ? label : why;
  return h(
    Button,
    {
      className: text ? "cm-button" : "cm-button cm-square",
      size: "sm",
      variant: primary ? "solid" : "outline",
      colorPalette: primary ? "brand" : undefined,
      "aria-label": text ? undefined : label,
      "aria-disabled": allowed ? undefined : true,
      title: hint,
      onClick: allowed ? onClick : undefined,
    },
    h(Icon, { name: icon, size: 15, solid: icon === "resume" }),
    text ? h("span", null, label) : null,
  );
}

/** Airflow's own dialog: it keeps the keyboard inside, closes by Escape, and gives the focus back. */
export function Ask({ title, open, onClose, onSubmit, submit, busy, error, children }) {
  const first = useRef(null);
  return h(
    Dialog.Root,
    { open, onOpenChange: (change) => change.open || onClose(), placement: "center", size: "md", initialFocusEl: () => first.current?.querySelector("textarea, input, select, button[type=submit]") },
    h(
      Portal,
      null,
      h(Dialog.Backdrop, null),
      h(
        Dialog.Positioner,
        null,
        h(
          Dialog.Content,
          { className: "cm cm-dialog", ref: first },
          h(
            "form",
            {
              onSubmit: (event) => {
                event.preventDefault();
                onSubmit();
              },
            },
            h(Dialog.Header, null, h(Dialog.Title, null, title)),
            h(Dialog.Body, { className: "cm-dialog-body" }, children, error ? h(Trouble, { error }) : null),
            h(
              Dialog.Footer,
              null,
              h(Button, { type: "button", variant: "outline", size: "sm", onClick: onClose }, submit ? "Cancel" : "Close"),
              submit ? h(Button, { type: "submit", size: "sm", colorPalette: "brand", variant: "solid", loading: busy }, submit) : null,
            ),
          ),
        ),
      ),
    ),
  );
}

export function Field({ label, hint, children }) {
  return h("label", { className: "cm-field" }, h("span", { className: "cm-label" }, label), children, hint ? h("span", { className: "cm-small" }, hint) : null);
}

export function usePageTitle(title) {
  useEffect(() => {
    const before = document.title;
    document.title = `${title} – eConsent`;
    return () => {
      document.title = before;
    };
  }, [title]);
}

export const count = (number) => (number === null || number === undefined ? "–" : number.toLocaleString("en-GB"));

export function Sentences({ parts }) {
  return parts.filter(Boolean).map((part, index) => h(Fragment, { key: index }, index ? " · " : "", part));
}
