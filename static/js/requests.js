// What every htmx request does to the page: the loading bar, errors as toasts, focus after a boosted visit.
import { toast } from "./toasts.js";

let running = 0;

function bar(active) {
  const line = document.querySelector("[data-loading-bar]");
  line?.classList.toggle("active", active);
  line?.classList.toggle("done", !active);
}

// Refreshes that nobody asked for stay quiet: no bar, no toast. htmx names no event for `load` and `every`.
function quiet(detail) {
  const event = detail.requestConfig?.triggeringEvent ?? detail.triggeringEvent;
  return !event || event.type.startsWith("live:");
}

// A page that a form is about to replace refreshes nothing: what it shows may be gone by then.
const LONGEST_LEAVE_MS = 10_000;
const refreshing = new Set();
let leaving = false;

document.addEventListener("submit", (event) => {
  const { target: form, submitter } = event;
  if (event.defaultPrevented || (submitter?.formMethod || form.method) !== "post") return;
  leaving = true;
  for (const element of refreshing) window.htmx.trigger(element, "htmx:abort");
  setTimeout(stay, LONGEST_LEAVE_MS); // what was answered may have been a download
});
addEventListener("pageshow", stay);

function stay() {
  leaving = false;
}

document.addEventListener("htmx:beforeRequest", (event) => {
  if (quiet(event.detail)) {
    if (leaving) event.preventDefault();
    else refreshing.add(event.detail.elt);
    return;
  }
  running += 1;
  bar(true);
});
document.addEventListener("htmx:afterRequest", (event) => {
  if (quiet(event.detail)) return refreshing.delete(event.detail.elt);
  running = Math.max(0, running - 1);
  if (!running) bar(false);
});

document.addEventListener("htmx:responseError", (event) => {
  const { xhr, requestConfig, elt } = event.detail;
  if (quiet(event.detail) || xhr.getResponseHeader("HX-Trigger")?.includes('"toast"')) return;
  const problem = parse(xhr);
  const id = xhr.getResponseHeader("X-Request-Id");
  toast({
    tone: "bad",
    text: problem.title ?? `The server answered ${xhr.status}`,
    detail: [problem.detail, id && `Request id ${id}`].filter(Boolean).join(" · "),
    ...(xhr.status === 409 ? { url: location.href, action: "Reload" } : { retry: () => again(requestConfig, elt) }),
  });
});

document.addEventListener("htmx:sendError", (event) => {
  if (quiet(event.detail)) return;
  const { requestConfig, elt } = event.detail;
  toast({ tone: "bad", text: "The studio does not answer", detail: "Endpoints go on serving.", retry: () => again(requestConfig, elt) });
});

function parse(xhr) {
  try {
    return JSON.parse(xhr.responseText) ?? {};
  } catch {
    return {};
  }
}

function again({ verb, path, unfilteredParameters }, elt) {
  const source = elt.isConnected ? elt : document.body;
  window.htmx.ajax(verb, path, { source, event: new Event("retry"), values: unfilteredParameters ?? {} });
}

document.addEventListener("htmx:afterSettle", (event) => {
  if (event.detail.boosted) document.querySelector("h1")?.focus();
});
