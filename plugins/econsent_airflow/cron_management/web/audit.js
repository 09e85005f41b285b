// Who did what, and what ran: the sealed trail, newest first.

import { useOnce } from "./api.js";
import { Button, h, Input, Link, jobPath, ours, useEffect, useState } from "./react.js";
import { Ago, Choice, Clock, count, Icon, Loading, Tabs, Trouble, usePageTitle, ZoneChoice } from "./parts.js";

const KINDS = [
  ["", "All"],
  ["executions", "Executions"],
  ["actions", "Actions"],
  ["refused", "Refused"],
  ["platform", "Platform"],
];
const TYPING_MILLISECONDS = 300;

function useSettled(value) {
  const [settled, setSettled] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(value), TYPING_MILLISECONDS);
    return () => clearTimeout(timer);
  }, [value]);
  return settled;
}

export function AuditPage() {
  usePageTitle("Audit");
  const [kind, setKind] = useState("");
  const [who, setWho] = useState("");
  const [what, setWhat] = useState("");
  const [before, setBefore] = useState(null);
  const [settledWho, settledWhat] = [useSettled(who), useSettled(what)];
  useEffect(() => setBefore(null), [kind, settledWho, settledWhat]);
  const query = new URLSearchParams(Object.entries({ kind, who: settledWho.trim(), what: settledWhat.trim() }).filter(([, value]) => value));
  const csv = ours(`api/audit.csv?${query}`);
  if (before) query.set("before", before);
  const { data, error, refresh } = useOnce(`api/audit?${query}`);
  return h(
    "div",
    { className: "cm cm-page" },
    h("header", { className: "cm-head" }, h("h1", null, "Cron Management"), h("div", { className: "cm-tools" }, h(ZoneChoice), h(Button, { className: "cm-button", size: "sm", variant: "outline", onClick: refresh }, h(Icon, { name: "retry", size: 14 }), "Look again"))),
    h(Tabs, { current: "audit" }),
    data ? h(Seal, { data }) : null,
    h(
      "div",
      { className: "cm-filters" },
      h(Choice, { label: "Filter by kind", value: kind, onChange: setKind, options: KINDS }),
      h("div", { className: "cm-tools" }, h(Input, { className: "cm-narrow", size: "sm", placeholder: "Who", "aria-label": "Who", value: who, onChange: (event) => setWho(event.target.value) }), h(Input, { className: "cm-narrow", size: "sm", placeholder: "Job or entry number", "aria-label": "Job or entry number", value: what, onChange: (event) => setWhat(event.target.value) }), h("a", { className: "cm-link-button", href: csv, download: "audit.csv" }, h(Icon, { name: "down", size: 14 }), "CSV")),
    ),
    h(Trouble, { error }),
    data ? h(Entries, { data }) : error ? null : h(Loading),
    data
      ? h(
          "div",
          { className: "cm-more" },
          before ? h(Button, { className: "cm-button", size: "sm", variant: "outline", onClick: () => setBefore(null) }, "Newest") : null,
          data.before ? h(Button, { className: "cm-button", size: "sm", variant: "outline", onClick: () => setBefore(data.before) }, "Older") : null,
        )
      : null,
  );
}

function Seal({ data }) {
  const { seal } = data;
  if (!seal) return h("section", { className: "cm-platform", "aria-label": "The seal" }, h("span", { className: "cm-muted" }, data.seal_words));
  return h(
    "section",
    { className: "cm-platform", "aria-label": "The seal" },
    h("span", null, h("span", { className: "cm-dot cm-dot-alive", "aria-hidden": true }), "Sealed to entry ", count(seal.entry), h("span", { className: "cm-muted" }, ", ", h(Ago, { at: seal.at }))),
    h("span", { className: "cm-muted" }, "Proof: ", h("code", null, "./econsent verify audit")),
  );
}

function Entries({ data }) {
  if (!data.entries.length) return h("p", { className: "cm-empty" }, "No entry matches.");
  return h(
    "table",
    { className: "cm-table cm-audit" },
    h("caption", { className: "cm-hidden" }, "Audit entries"),
    h("thead", null, h("tr", null, ["Entry", "When", "Who", "Action", "Job", "Result", "Details"].map((words) => h("th", { key: words, scope: "col" }, words)))),
    h(
      "tbody",
      null,
      data.entries.map((entry) =>
        h(
          "tr",
          { key: entry.entry },
          h("td", { "data-label": "Entry", className: "cm-entry" }, count(entry.entry), entry.sealed ? h("span", { className: "cm-sealed", title: "Sealed" }, h(Icon, { name: "seal", size: 13 }), h("span", { className: "cm-hidden" }, "sealed")) : null),
          h("td", { "data-label": "When" }, h(Clock, { at: entry.at })),
          h("td", { "data-label": "Who" }, entry.who),
          h("td", { "data-label": "Action" }, h("code", null, entry.action)),
          h("td", { "data-label": "Job" }, entry.dag_id ? h(Link, { className: "cm-plain", to: jobPath(entry.dag_id) }, entry.title) : "–"),
          h("td", { "data-label": "Result" }, entry.result ? h("span", { className: `cm-pill cm-${entry.tone}` }, h(Icon, { name: entry.tone === "failed" ? "failed" : entry.tone === "warning" ? "warning" : "active", size: 13 }), h("span", null, entry.result)) : "–"),
          h("td", { "data-label": "Details", className: "cm-details" }, entry.details || "–"),
        ),
      ),
    ),
  );
}
