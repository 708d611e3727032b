// Follows a log: [data-log] asks data-log-url?offset=N. Scrolling up pauses, and counts what came meanwhile.
import { element } from "./icons.js";
import { mount } from "./mount.js";

const EVERY_MS = 2000;
const KEPT = 5000; // lines in the page; Download has them all
const LEVEL = /\b(ERROR|CRITICAL|FATAL|Traceback|\w+(?:Error|Exception):)|\b(WARN(?:ING)?)\b/;

class Log {
  constructor(root) {
    this.root = root;
    this.body = root.querySelector("[data-log-body]");
    this.empty = root.querySelector("[data-log-empty]");
    this.more = root.querySelector("[data-log-new]");
    this.following = root.querySelector("[data-log-follow]");
    this.filter = root.querySelector("[data-log-filter]");
    this.offset = "";
    this.unseen = 0;
    this.done = false;
    this.body.addEventListener("scroll", () => this.atEnd() && this.seen(), { passive: true });
    this.filter.addEventListener("input", () => this.refilter());
    this.more.addEventListener("click", () => this.toEnd());
    this.following.addEventListener("change", () => this.following.checked && (this.toEnd(), this.read()));
    const wrap = root.querySelector("[data-log-wrap]");
    wrap.addEventListener("change", () => this.body.classList.toggle("log-wrap", wrap.checked));
    this.body.classList.toggle("log-wrap", wrap.checked);
    this.read();
    this.timer = setInterval(() => this.tick(), EVERY_MS);
  }

  tick() {
    if (!this.root.isConnected) return clearInterval(this.timer);
    if (this.following.checked && !this.done && document.visibilityState === "visible") void this.read();
  }

  async read() {
    if (this.reading) return;
    this.reading = true;
    try {
      const url = new URL(this.root.dataset.logUrl, location.href);
      url.searchParams.set("offset", this.offset);
      const response = await fetch(url, { headers: { Accept: "application/json" } });
      if (!response.ok) throw new Error(String(response.status));
      const { lines, offset, done } = await response.json();
      this.offset = offset;
      this.done = Boolean(done);
      this.append(lines);
      this.root.classList.remove("stale");
    } catch {
      this.root.classList.add("stale"); // and the next turn tries again
    } finally {
      this.reading = false;
    }
  }

  append(lines) {
    if (!lines.length) return;
    this.empty?.remove();
    const stay = this.atEnd() && this.following.checked;
    const made = document.createDocumentFragment();
    for (const line of lines) made.append(this.line(line));
    this.body.append(made);
    while (this.body.childElementCount > KEPT) this.body.firstElementChild.remove();
    if (stay) this.toEnd();
    else this.missed(lines.length);
  }

  line(text) {
    const made = element("span", "log-line", text);
    const [, error, warning] = LEVEL.exec(text) ?? [];
    if (error) made.dataset.level = "error";
    else if (warning) made.dataset.level = "warning";
    made.hidden = !this.matches(text);
    return made;
  }

  matches(text) {
    return text.toLowerCase().includes(this.filter.value.trim().toLowerCase());
  }

  refilter() {
    for (const line of this.body.querySelectorAll(".log-line")) line.hidden = !this.matches(line.textContent);
    if (this.following.checked) this.toEnd();
  }

  atEnd() {
    return this.body.scrollHeight - this.body.scrollTop - this.body.clientHeight < 24;
  }

  toEnd() {
    this.body.scrollTop = this.body.scrollHeight;
    this.seen();
  }

  seen() {
    this.unseen = 0;
    this.more.hidden = true;
  }

  missed(count) {
    this.unseen += count;
    this.more.textContent = `${this.unseen} new line${this.unseen === 1 ? "" : "s"} ↓`;
    this.more.hidden = false;
  }
}

mount("[data-log]", (root) => {
  const log = new Log(root);
  document.body.addEventListener("live:operation", () => log.root.isConnected && log.following.checked && void log.read());
});
