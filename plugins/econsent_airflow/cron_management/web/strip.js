// The last twenty runs: height by duration, colour by outcome; a missed one is a dashed gap. Each is a link.

import { h, Link, runPath } from "./react.js";
import { WORDS } from "./parts.js";
import { clock, span, useSecond, useZone } from "./time.js";

const HEIGHT = 30;
const LEAST = 7;

export function Strip({ job }) {
  const zone = useZone();
  const now = useSecond();
  const longest = Math.max(...job.strip.map((run) => run.seconds ?? 0), 0.001);
  const bars = job.strip.map((run) => {
    const height = run.run_id === null ? HEIGHT : Math.round(LEAST + (HEIGHT - LEAST) * Math.sqrt((run.seconds ?? 0) / longest));
    const words = `${WORDS[run.outcome] ?? run.outcome}, ${clock(run.at, zone, now)}${run.seconds === null ? "" : `, ${span(run.seconds)}`}`;
    const bar = h("span", { className: `cm-bar cm-bar-${run.outcome}`, style: { height }, "aria-hidden": true });
    return run.run_id === null
      ? h("li", { key: run.at }, h("span", { className: "cm-slot", title: words, role: "img", "aria-label": words }, bar))
      : h("li", { key: run.run_id }, h(Link, { to: runPath(job.dag_id, run.run_id), className: "cm-slot", title: words, "aria-label": words }, bar));
  });
  return h("ol", { className: "cm-strip", "aria-label": `Last runs of ${job.title}` }, bars);
}
