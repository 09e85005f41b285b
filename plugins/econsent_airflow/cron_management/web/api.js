// Talking to the plugin's routes: live reading that costs next to nothing while nothing happens, and actions.

import { learnServerTime } from "./time.js";
import { ours, useCallback, useEffect, useRef, useState } from "./react.js";

const POLL_MILLISECONDS = 1000;
const HELD_SECONDS = 8;
const TROUBLE_MILLISECONDS = 4000;

/** An answer that is no success; `message` is a sentence for people. */
export class Refused extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

async function sentence(answer) {
  const body = await answer.json().catch(() => null);
  const detail = body && body.detail;
  if (typeof detail === "string") return detail;
  if (Array.isArray(detail) && detail.length) return detail.map((one) => one.msg).join("; ");
  return `Airflow answered ${answer.status}: try again, or read the api-server's log.`;
}

async function ask(path, etag, signal) {
  const headers = etag ? { "If-None-Match": etag, Prefer: `wait=${HELD_SECONDS}` } : {};
  const answer = await fetch(ours(path), { headers, signal, cache: "no-store" });
  const now = answer.headers.get("X-Now");
  if (now) learnServerTime(now);
  if (answer.status === 304) return { data: null, answer };
  if (!answer.ok) throw new Refused(answer.status, await sentence(answer));
  return { data: await answer.json(), answer };
}

function beats(answer) {
  const header = answer.headers.get("X-Heartbeats");
  return header ? JSON.parse(header) : null;
}

/** Read `path` once, and again when it changes or `refresh` is called. */
export function useOnce(path) {
  return useReading(path, null);
}

/**
 * Read `path` for as long as somebody looks; or as it was `at` a moment, once: that does not change any more. The server keeps a question back
 * until the answer changes, for some seconds at most; a second passes between two questions at least. A tab that nobody sees asks nothing,
 * so it takes none of the browser's few connections.
 */
export function useLive(path, at = null) {
  return useReading(at ? `${path}?at=${encodeURIComponent(at)}` : path, at ? null : POLL_MILLISECONDS);
}

function useReading(path, everyMilliseconds) {
  const [state, setState] = useState({ path: null, data: null, error: null, beats: null });
  const again = useRef(() => {});
  useEffect(() => {
    if (path === null) return undefined;
    let control = null;
    let etag = null;
    let timer = null;
    let over = false;
    const read = async () => {
      clearTimeout(timer);
      control?.abort();
      const mine = new AbortController();
      control = mine;
      const began = performance.now();
      let wait = everyMilliseconds;
      try {
        const { data, answer } = await ask(path, etag, mine.signal);
        if (mine.signal.aborted) return;
        etag = answer.headers.get("ETag");
        const seen = beats(answer);
        setState((old) => {
          const fresh = data ?? (old.path === path ? old.data : null);
          const sameBeats = JSON.stringify(seen) === JSON.stringify(old.beats);
          if (!data && sameBeats && !old.error && old.path === path) return old;
          return { path, data: fresh, error: null, beats: sameBeats ? old.beats : seen };
        });
      } catch (error) {
        if (mine.signal.aborted) return;
        wait = everyMilliseconds === null ? null : TROUBLE_MILLISECONDS;
        const message = error instanceof Refused ? error.message : "Airflow's web server cannot be reached; trying again.";
        setState((old) => ({ path, data: old.path === path ? old.data : null, error: { message, status: error.status ?? 0 }, beats: null }));
      }
      if (wait !== null) timer = setTimeout(look, Math.max(0, began + wait - performance.now()));
    };
    const look = () => {
      if (!over && !document.hidden) read();
    };
    const turn = () => (document.hidden ? control.abort() : look());
    again.current = () => {
      etag = null;
      if (!over) read();
    };
    read();
    if (everyMilliseconds !== null) document.addEventListener("visibilitychange", turn);
    return () => {
      over = true;
      control.abort();
      clearTimeout(timer);
      document.removeEventListener("visibilitychange", turn);
    };
  }, [path, everyMilliseconds]);
  const refresh = useCallback(() => again.current(), []);
  const mine = state.path === path;
  return { data: mine ? state.data : null, error: mine ? state.error : null, beats: mine ? state.beats : null, refresh };
}

/** Do something. Each action may be sent twice: what is done already is not done again. Throws Refused. */
export async function act(path, body) {
  let answer;
  try {
    answer = await fetch(ours(path), {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
      cache: "no-store",
    });
  } catch {
    throw new Refused(0, "Airflow's web server cannot be reached, so it is not known whether this was done: look at the list.");
  }
  if (!answer.ok) throw new Refused(answer.status, await sentence(answer));
  return answer.json();
}
