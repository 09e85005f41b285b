// The panel on Airflow's home page: what needs a person, in one line a job.

import { useLive } from "./api.js";
import { h, Fragment, jobPath, Link, PAGE } from "./react.js";
import { arrange } from "./list.js";
import { Flag, Icon, Status, Trouble } from "./parts.js";
import { Style } from "./style.js";

function Panel() {
  const { data, error } = useLive("api/jobs");
  const troubled = data ? data.jobs.filter((job) => job.status === "failed" || job.flags.length > 0) : [];
  const words = !data ? "" : troubled.length ? `${troubled.length} of ${data.jobs.length} need a look` : `All ${data.jobs.length} are well`;
  return h(
    "section",
    { className: "cm cm-home", "aria-labelledby": "cm-home" },
    h("div", { className: "cm-home-head" }, h("h2", { id: "cm-home" }, "Scheduled jobs"), h("span", { className: "cm-muted" }, words), h(Link, { to: PAGE }, "Cron Management", h(Icon, { name: "out", size: 13 }))),
    h(Trouble, { error }),
    data
      ? h(
          "ul",
          { className: "cm-home-jobs" },
          arrange(data.jobs, { status: "all", words: "", sort: "", down: false }).map((job) =>
            h("li", { key: job.dag_id }, h(Link, { to: jobPath(job.dag_id) }, job.title), h("span", { className: "cm-pills" }, h(Status, { status: job.status }), job.flags.map((flag) => h(Flag, { key: flag.name, flag })))),
          ),
        )
      : null,
  );
}

globalThis["Scheduled jobs"] = function ScheduledJobs() {
  return h(Fragment, null, h(Style), h(Panel));
};
