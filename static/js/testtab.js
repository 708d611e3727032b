// The Test tab: sends the form, shows the answer as it comes; Cancel ends the request, all the way to the replica.
import { element, icon } from "./icons.js";
import { mount } from "./mount.js";
import { showProblems } from "./test-problems.js";
import { keepWhole } from "./test-response.js";
import { bytesOf, linesOf, liveAnswer } from "./test-stream.js";

const CODE_MS = 400;
const HISTORY_MS = 700; // until the studio has noted that a request was cancelled

mount("form[data-test]", (form) => {
  const cancel = form.querySelector("[data-test-cancel]");
  let running = null;

  form.addEventListener("submit", (event) => {
    if (event.submitter?.hasAttribute("formaction")) return;
    event.preventDefault();
    if (running) return;
    running = new AbortController();
    void sent(form, running.signal, (busy) => show(form, cancel, busy)).finally(() => (running = null));
  });
  cancel.addEventListener("click", () => running?.abort());
  follow(form);
  // Enter in the name of a request that is to be saved is no wish to send it.
  form.elements.save_as?.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    form.querySelector("[data-test-save]").click();
  });
});

// The code beside the form says what the form says, once somebody looks at it.
function follow(form) {
  const code = document.querySelector("details[data-test-code]");
  let timer;
  const refresh = () => code?.open && window.htmx.trigger(code.querySelector("[hx-post]"), "test-code");
  const later = () => {
    describe(form);
    clearTimeout(timer);
    timer = setTimeout(refresh, CODE_MS);
  };
  form.addEventListener("input", later);
  form.addEventListener("change", later);
  code?.addEventListener("toggle", refresh);
}

function show(form, cancel, busy) {
  cancel.hidden = !busy;
  for (const button of form.querySelectorAll(".button-primary")) button.disabled = busy;
  document.querySelector("[data-loading-bar]")?.classList.toggle("active", busy);
}

function describe(form) {
  form.querySelector("[data-test-line]").textContent = `${form.elements.method.value} ${form.elements.path.value}`;
}

async function sent(form, signal, show) {
  const area = document.getElementById("response-area");
  const answer = liveAnswer(area);
  show(true);
  showProblems(form, {});
  try {
    if (form.elements.other?.value) await together(form, area, signal);
    else await streamed(form, area, answer, signal);
    noted();
  } catch (error) {
    if (signal.aborted) answer.stop("Cancelled");
    else failed(area, "The studio does not answer", `Endpoints go on serving. ${error.message ?? ""}`);
    setTimeout(noted, HISTORY_MS);
  } finally {
    show(false);
    tell(form, "test:over", signal.aborted ? "Cancelled." : "");
  }
}

function noted() {
  document.body.dispatchEvent(new CustomEvent("test-sent"));
}

async function streamed(form, area, answer, signal) {
  const response = await fetch(form.dataset.testStream, { method: "POST", body: new FormData(form), signal });
  if (!response.ok) return refused(form, area, response);
  const whole = [];
  for await (const line of linesOf(response)) {
    if (line.head) answer.open(line.head);
    if (line.bytes) pieceOf(line, whole, answer, form);
    if (line.end === undefined) continue;
    put(area, line.end);
    keepWhole(area.querySelector("[data-response]"), whole);
    return;
  }
  throw new Error("It broke off in the middle.");
}

function pieceOf({ bytes }, whole, answer, form) {
  const piece = bytesOf(bytes);
  whole.push(piece);
  answer.add(piece);
  tell(form, "test:piece", piece);
}

function tell(form, name, detail) {
  form.dispatchEvent(new CustomEvent(name, { detail }));
}

// Both deployments answer before anything is shown.
async function together(form, area, signal) {
  const response = await fetch(form.action, { method: "POST", body: new FormData(form), headers: { "HX-Request": "true" }, signal });
  const text = await response.text();
  if (response.ok || response.status === 422) put(area, text);
  else failed(area, `The server answered ${response.status}`, text);
}

async function refused(form, area, response) {
  if (response.status === 401) return location.reload();
  const { problems } = await response.json().catch(() => ({ problems: { all: `The server answered ${response.status}.` } }));
  showProblems(form, problems);
  failed(area, "No answer", problems.all);
}

function put(area, html) {
  window.htmx.swap(area, html, { swapStyle: "innerHTML" });
}

function failed(area, title, detail) {
  const box = element("div", "blank tone-bad", icon("circle-alert", "xl"), element("h2", "", title), element("p", "", detail));
  box.role = "alert";
  area.replaceChildren(box);
}
