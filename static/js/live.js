// <body data-live="url">: one EventSource for the page. Each event becomes `live:<name>` on the body, which elements use as
// hx-trigger="live:endpoint from:body". Without a connection for 10 s a chip says so, and `live:*` is sent every 5 s instead.

const NAMES = ["endpoint", "operation", "sample"];
const PATIENCE = 10_000;
const POLL = 5000;
const FRESH = 1000; // how old a page may be when it begins to listen, and still need no second look

let source;
let heard = false;
let lostSince = null;
let poll = null;

function connect(url) {
  source = new EventSource(url);
  source.addEventListener("open", connected);
  source.addEventListener("error", lost);
  for (const name of NAMES) source.addEventListener(name, () => send(name));
}

function connected() {
  const missed = lostSince !== null || (!heard && age() > FRESH);
  if (missed) NAMES.forEach(send); // what happened meanwhile is not sent again
  heard = true;
  lostSince = null;
  clearInterval(poll);
  poll = null;
  chip(false);
}

function age() {
  return performance.now() - (performance.getEntriesByType("navigation")[0]?.responseStart ?? 0);
}

function lost() {
  lostSince ??= Date.now();
  if (source.readyState === EventSource.CLOSED) setTimeout(reopen, POLL);
}

function reopen() {
  if (document.visibilityState === "visible") start();
}

function watch() {
  if (lostSince === null || poll || Date.now() - lostSince < PATIENCE) return;
  chip(true);
  poll = setInterval(() => document.visibilityState === "visible" && NAMES.forEach(send), POLL);
}

function send(name) {
  document.body.dispatchEvent(new CustomEvent(`live:${name}`, { bubbles: true }));
}

function chip(shown) {
  for (const element of document.querySelectorAll("[data-live-chip]")) element.hidden = !shown;
}

function start() {
  const url = document.body.dataset.live;
  source?.close();
  if (url) connect(url);
}

// A browser holds six connections to one host: hidden tabs give theirs back.
document.addEventListener("visibilitychange", () => {
  if (document.visibilityState === "hidden") return source?.close();
  if (source?.readyState === EventSource.CLOSED) {
    lostSince ??= Date.now();
    start();
  }
});
addEventListener("pagehide", () => source?.close());
addEventListener("pageshow", (event) => event.persisted && start());
setInterval(watch, 1000);
start();
