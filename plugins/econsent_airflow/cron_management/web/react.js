// Airflow's own React, router and components. Nothing is bundled, so what a page looks like is what Airflow looks like.

export const { createElement: h, Fragment, createContext, useCallback, useContext, useEffect, useId, useMemo, useRef, useState, useSyncExternalStore } =
  globalThis.React;
export const { Link, useLocation, useNavigate, useSearchParams } = globalThis.ReactRouterDOM;
export const { Button, Dialog, Input, Portal, Spinner, Textarea } = globalThis.ChakraUI;

/** The address of one of the plugin's own files or routes, below whatever path Airflow is served from. */
export function ours(path) {
  return new URL(`cron-management/${path}`, document.baseURI).href;
}

/** The path of a page of ours inside Airflow, for its router. */
export const PAGE = "/plugin/cron-management";

export function jobPath(dagId, query = "") {
  return `${PAGE}/jobs/${encodeURIComponent(dagId)}${query}`;
}

/** The path of Airflow's own page about a run. */
export function runPath(dagId, runId) {
  return `/dags/${encodeURIComponent(dagId)}/runs/${encodeURIComponent(runId)}`;
}
