// Moments and spans in words. Everything comes from the server as ISO 8601 in UTC, and the clock that counts is the server's.

import { useSyncExternalStore } from "./react.js";

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const ZONE_KEY = "cron-management.zone";
const UNITS = [
  ["d", 86400],
  ["h", 3600],
  ["min", 60],
  ["s", 1],
];

let aheadMilliseconds = 0;

/** Note how far the server's clock is ahead of this machine's, so that a wrong clock here shows no wrong countdown. */
export function learnServerTime(iso) {
  const ahead = Date.parse(iso) - Date.now();
  if (Number.isFinite(ahead)) aheadMilliseconds = ahead;
}

export function serverNow() {
  return Date.now() + aheadMilliseconds;
}

/** Two units at most: `1 min 12 s`, `3 d 4 h`, `0.6 s`. */
export function span(seconds) {
  if (seconds === null || seconds === undefined) return "–";
  if (seconds < 0.95) return seconds < 0.05 ? "0 s" : `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  const first = UNITS.findIndex(([, size]) => whole >= size);
  const [unit, size] = UNITS[first];
  const count = Math.floor(whole / size);
  if (first === UNITS.length - 1) return `${count} ${unit}`;
  const [nextUnit, nextSize] = UNITS[first + 1];
  const rest = Math.floor((whole - count * size) / nextSize);
  return rest ? `${count} ${unit} ${rest} ${nextUnit}` : `${count} ${unit}`;
}

export function ago(iso, now) {
  const seconds = (now - Date.parse(iso)) / 1000;
  return seconds < 1 ? "now" : `${span(seconds)} ago`;
}

export function until(iso, now) {
  const seconds = (Date.parse(iso) - now) / 1000;
  return seconds < 1 ? "any moment" : `in ${span(seconds)}`;
}

function parts(moment, zone) {
  const date = new Date(moment);
  return zone === "utc"
    ? [date.getUTCFullYear(), date.getUTCMonth(), date.getUTCDate(), date.getUTCHours(), date.getUTCMinutes(), date.getUTCSeconds()]
    : [date.getFullYear(), date.getMonth(), date.getDate(), date.getHours(), date.getMinutes(), date.getSeconds()];
}

const two = (number) => String(number).padStart(2, "0");

/** `12:05:00` today, `22 Nov 03:15` on another day, with the year when it is another one. */
export function clock(iso, zone, now) {
  if (!iso) return "–";
  const [year, month, day, hour, minute, second] = parts(iso, zone);
  const [thisYear, thisMonth, today] = parts(now, zone);
  if (year === thisYear && month === thisMonth && day === today) return `${two(hour)}:${two(minute)}:${two(second)}`;
  return `${day} ${MONTHS[month]}${year === thisYear ? "" : ` ${year}`} ${two(hour)}:${two(minute)}`;
}

/** The whole moment, for a hint: `2026-11-23 12:05:00 UTC`. */
export function whole(iso, zone) {
  if (!iso) return "";
  const [year, month, day, hour, minute, second] = parts(iso, zone);
  return `${year}-${two(month + 1)}-${two(day)} ${two(hour)}:${two(minute)}:${two(second)} ${zone === "utc" ? "UTC" : "local time"}`;
}

/** What `<input type="datetime-local">` holds, in the zone, and the way back to ISO 8601 in UTC. */
export function toField(moment, zone) {
  const [year, month, day, hour, minute] = parts(moment, zone);
  return `${year}-${two(month + 1)}-${two(day)}T${two(hour)}:${two(minute)}`;
}

export function fromField(text, zone) {
  const moment = Date.parse(zone === "utc" ? `${text}Z` : text);
  return Number.isFinite(moment) ? new Date(moment).toISOString() : null;
}

const listeners = new Set();
let zone = localStorage.getItem(ZONE_KEY) === "local" ? "local" : "utc";

export function setZone(next) {
  zone = next;
  localStorage.setItem(ZONE_KEY, next);
  listeners.forEach((listener) => listener());
}

export function useZone() {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => zone,
  );
}

let second = Math.floor(serverNow() / 1000) * 1000;
let timer = null;
const tickers = new Set();

function tick() {
  second = Math.floor(serverNow() / 1000) * 1000;
  tickers.forEach((ticker) => ticker());
  timer = setTimeout(tick, 1000 - (serverNow() % 1000));
}

/** The server's time in milliseconds, once a second. One timer for all that is shown. */
export function useSecond() {
  return useSyncExternalStore(
    (ticker) => {
      tickers.add(ticker);
      if (timer === null) tick();
      return () => {
        tickers.delete(ticker);
        if (tickers.size === 0) {
          clearTimeout(timer);
          timer = null;
        }
      };
    },
    () => second,
  );
}
