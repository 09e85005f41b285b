// Cron Management inside Airflow: the page in the navigation, and the tab on a job's DAG.

import { AuditPage } from "./audit.js";
import { JobPage } from "./job.js";
import { ListPage } from "./list.js";
import { Fragment, h, PAGE, useLocation } from "./react.js";
import { Style } from "./style.js";

function Page({ dagId }) {
  const { pathname } = useLocation();
  if (dagId) return h(JobPage, { dagId, tab: true });
  const [kind, name] = pathname.slice(PAGE.length + 1).split("/");
  if (kind === "jobs" && name) return h(JobPage, { key: name, dagId: decodeURIComponent(name) });
  if (kind === "audit") return h(AuditPage);
  return h(ListPage);
}

globalThis["Cron Management"] = function CronManagement(props) {
  return h(Fragment, null, h(Style), h(Page, props));
};
