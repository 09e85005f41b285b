// Two small charts, drawn as SVG: Airflow hands its plugins no charting library, and these need none. Each tells its content in words too.

import { Fragment, h } from "./react.js";
import { clock, span, useSecond, useZone } from "./time.js";
import { count, WORDS } from "./parts.js";

const WIDTH = 560;
const HEIGHT = 130;
const LEFT = 58;
const RIGHT = 8;
const TOP = 12;
const BOTTOM = 24;

function frame(label, upper, children, ends) {
  const floor = HEIGHT - BOTTOM;
  return h(
    "svg",
    { className: "cm-chart", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": label },
    h("line", { x1: LEFT, x2: WIDTH - RIGHT, y1: TOP, y2: TOP, className: "cm-grid" }),
    h("line", { x1: LEFT, x2: WIDTH - RIGHT, y1: floor, y2: floor, className: "cm-grid" }),
    h("text", { x: LEFT - 8, y: TOP + 4, textAnchor: "end" }, upper),
    h("text", { x: LEFT - 8, y: floor + 4, textAnchor: "end" }, "0"),
    ends ? h("text", { x: LEFT, y: HEIGHT - 6 }, ends[0]) : null,
    ends ? h("text", { x: WIDTH - RIGHT, y: HEIGHT - 6, textAnchor: "end" }, ends[1]) : null,
    children,
  );
}

/** The least of 1, 2, 5 times a power of ten that is not below `value`. */
export function roundUp(value) {
  if (value <= 0) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].map((step) => step * power).find((step) => step >= value * 0.999);
}

const STEPS = [1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 18000, 36000, 86400];

/** The least time that people count in (30 s, 2 min, 1 h) and that is not below `seconds`. */
export function roundUpTime(seconds) {
  return seconds < 1 ? roundUp(seconds) : (STEPS.find((step) => step >= seconds * 0.999) ?? Math.ceil(seconds / 86400) * 86400);
}

export function DurationChart({ days }) {
  const known = days.filter((day) => day.p50 !== null);
  if (!known.length) return h("p", { className: "cm-empty" }, "No run has ended in this time.");
  const top = roundUpTime(Math.max(...known.map((day) => day.p95)));
  const x = (index) => (known.length === 1 ? (LEFT + WIDTH - RIGHT) / 2 : LEFT + (index * (WIDTH - LEFT - RIGHT)) / (known.length - 1));
  const y = (seconds) => HEIGHT - BOTTOM - (seconds / top) * (HEIGHT - BOTTOM - TOP);
  const path = (name) => known.map((day, index) => `${index ? "L" : "M"}${x(index).toFixed(1)} ${y(day[name]).toFixed(1)}`).join("");
  const last = known[known.length - 1];
  const words = `Processing time a day, ${known.length} days. Latest: half of the runs within ${span(last.p50)}, 95 % within ${span(last.p95)}.`;
  const dots = known.length > 40 ? [] : known;
  return frame(
    words,
    span(top),
    h(
      Fragment,
      null,
      h("path", { d: `${path("p50")}L${x(known.length - 1)} ${HEIGHT - BOTTOM}L${x(0)} ${HEIGHT - BOTTOM}Z`, className: "cm-area" }),
      h("path", { d: path("p95"), className: "cm-line cm-line-high" }),
      h("path", { d: path("p50"), className: "cm-line" }),
      dots.map((day, index) => h("circle", { key: day.day, cx: x(index), cy: y(day.p50), r: 2.6, className: "cm-point" }, h("title", null, `${day.day}: p50 ${span(day.p50)}, p95 ${span(day.p95)}, ${count(day.runs)} runs`))),
    ),
    [known[0].day, known.length > 1 ? last.day : ""],
  );
}

export function ThroughputChart({ runs, field }) {
  const zone = useZone();
  const now = useSecond();
  if (!runs.length) return h("p", { className: "cm-empty" }, "No run has ended in this time.");
  const value = (run) => (field === "seconds" ? (run.seconds ?? 0) : (run.changed ?? 0));
  const top = (field === "seconds" ? roundUpTime : roundUp)(Math.max(...runs.map(value)));
  const room = Math.min(26, (WIDTH - LEFT - RIGHT) / runs.length);
  const words = (run) => `${clock(run.at, zone, now)}: ${field === "seconds" ? span(run.seconds) : `${count(run.changed)} done`}, ${WORDS[run.outcome] ?? run.outcome}`;
  return frame(
    `The last ${runs.length} runs, ${runs.filter((run) => run.outcome === "failed").length} of them failed.`,
    field === "seconds" ? span(top) : count(top),
    runs.map((run, index) => {
      const height = Math.max(2, (value(run) / top) * (HEIGHT - BOTTOM - TOP));
      return h("rect", {
        key: run.run_id,
        x: LEFT + index * room + room * 0.15,
        width: room * 0.7,
        y: HEIGHT - BOTTOM - height,
        height,
        rx: 1,
        className: `cm-column cm-column-${run.outcome}`,
      }, h("title", null, words(run)));
    }),
    [clock(runs[0].at, zone, now), runs.length > 1 ? clock(runs[runs.length - 1].at, zone, now) : ""],
  );
}
