// The linked sliders of the traffic editor (templates/components/traffic_editor.html).
import { mount } from "./mount.js";
import { allTo, canary, even, moveShare } from "./traffic-arithmetic.js";
import { copiesText, Mirror } from "./traffic-mirror.js";

class TrafficEditor {
  constructor(root) {
    this.root = root;
    this.rows = [...root.querySelectorAll("[data-traffic-row]")].map((row) => ({
      row,
      name: row.dataset.trafficRow,
      slider: row.querySelector("[data-traffic-slider]"),
      number: row.querySelector("[data-traffic-number]"),
      lock: row.querySelector("[data-traffic-lock]"),
      change: row.querySelector("[data-traffic-change]"),
      segment: root.querySelector(`[data-segment="${CSS.escape(row.dataset.trafficRow)}"]`),
      now: Number(row.dataset.now),
    }));
    this.able = this.rows.map(({ slider }) => !slider.disabled);
    const canary = root.querySelector("[data-traffic-canary]");
    if (canary) canary.selectedIndex = canary.options.length - 1; // the newest
    this.offline = root.querySelector("[data-traffic-offline]");
    const typed = this.rows.map(({ number }) => Number(number.value) || 0);
    this.shares = this.rows.map(({ number }) => Number(number.defaultValue) || 0);
    if (this.sum() === 0 && this.offline && !this.offline.checked) this.offline.checked = true;
    this.before = this.sum() === 100 ? this.shares : this.start();
    const mirror = root.querySelector("[data-mirror]");
    this.mirror = mirror && new Mirror(mirror, Number(root.dataset.trafficRate));
    if (this.mirror) this.mirror.onchange = () => this.preview();
    root.addEventListener("input", (event) => this.input(event));
    root.addEventListener("change", (event) => this.changed(event));
    root.addEventListener("click", (event) => this.preset(event));
    root.addEventListener("keydown", (event) => this.key(event));
    root.closest("form")?.addEventListener("reset", () => setTimeout(() => this.set(this.rows.map(({ now }) => now))));
    this.show();
    this.catchUp(typed);
  }

  /** With what was typed before this script was there. */
  catchUp(typed) {
    if (typed.reduce((a, b) => a + b, 0) === 100) return this.set(typed);
    const before = this.shares;
    typed.forEach((wanted, index) => wanted !== before[index] && this.move(index, wanted));
  }

  /** What an endpoint that is offline would begin with. */
  start() {
    const first = this.able.indexOf(true);
    return first < 0 ? this.rows.map(() => 0) : allTo(this.rows.length, first);
  }

  sum() {
    return this.shares.reduce((a, b) => a + b, 0);
  }

  locked() {
    return this.rows.map(({ lock }, index) => lock.checked || !this.able[index]);
  }

  set(shares) {
    this.shares = shares;
    if (this.offline) this.offline.checked = this.sum() === 0;
    this.show();
    this.root.dispatchEvent(new CustomEvent("traffic:changed", { bubbles: true, detail: this.planned() }));
  }

  planned() {
    return Object.fromEntries(this.rows.map(({ name }, index) => [name, this.shares[index]]));
  }

  move(index, wanted) {
    if (this.rows[index].lock.checked) return this.show();
    if (this.sum() === 0) return this.set(allTo(this.rows.length, index));
    this.set(moveShare(this.shares, this.locked(), index, wanted));
  }

  index(target) {
    return this.rows.findIndex(({ slider, number }) => slider === target || number === target);
  }

  input(event) {
    const index = this.index(event.target);
    if (index < 0 || !event.target.matches("[data-traffic-slider]")) return;
    this.move(index, Number(event.target.value));
  }

  // A number box moves the others when it is left, not at every digit.
  changed(event) {
    if (event.target === this.offline) return this.switchOffline();
    if (event.target.matches("[data-traffic-lock]")) return this.show();
    const index = this.index(event.target);
    if (index >= 0 && event.target.matches("[data-traffic-number]")) this.move(index, Number(event.target.value) || 0);
  }

  switchOffline() {
    if (this.offline.checked) {
      if (this.sum() === 100) this.before = this.shares;
      this.set(this.rows.map(() => 0));
    } else {
      this.set(this.before);
    }
  }

  preset(event) {
    const button = event.target.closest("[data-traffic-preset]");
    if (!button) return;
    button.closest("[popover]")?.hidePopover();
    this.rows.forEach(({ lock }) => (lock.checked = false));
    const chosen = button.dataset.deployment ?? this.root.querySelector("[data-traffic-canary]")?.value;
    const index = this.rows.findIndex(({ name }) => name === chosen);
    const now = this.rows.map((one) => one.now);
    const presets = {
      all: () => allTo(this.rows.length, index),
      even: () => even(this.able),
      now: () => now,
      canary: () => canary(now, this.able, index, Number(button.dataset.share)),
    };
    this.set(presets[button.dataset.trafficPreset]());
  }

  // Arrows move by 1, Page keys by 10 (a browser's own page step differs from one to the next).
  key(event) {
    const steps = { PageUp: 10, PageDown: -10 };
    const index = this.index(event.target);
    if (index < 0 || !(event.key in steps)) return;
    event.preventDefault();
    this.move(index, this.shares[index] + steps[event.key]);
  }

  show() {
    const words = this.rows.map(({ name }, index) => `${name} ${this.shares[index]} percent`);
    const locked = this.locked();
    const free = locked.filter((held) => !held).length;
    this.rows.forEach((one, index) => this.showRow(one, this.shares[index], words, index, { held: locked[index], free }));
    this.root.querySelector("[data-traffic-bar]")?.setAttribute("aria-label", `Planned traffic: ${words.join(", ")}`);
    const sum = this.root.querySelector("[data-traffic-sum]");
    if (sum) {
      sum.textContent = `${this.sum()} %`;
      sum.classList.toggle("wrong", ![0, 100].includes(this.sum()));
    }
    this.mirror?.follow(this.planned());
    this.preview();
  }

  showRow({ slider, number, change, segment, now, lock }, share, words, index, { held, free }) {
    slider.value = share;
    slider.style.setProperty("--fill", `${share}%`);
    number.value = share;
    const others = words.filter((_, position) => position !== index);
    slider.setAttribute("aria-valuetext", [words[index], ...others].join(", "));
    slider.disabled = number.disabled = !this.able[index];
    number.readOnly = lock.checked;
    if (this.able[index] && (lock.checked || (free === 1 && !held && this.sum() > 0 && this.rows.length > 1))) slider.setAttribute("aria-disabled", "true");
    else slider.removeAttribute("aria-disabled");
    if (segment) {
      segment.style.inlineSize = `${share}%`;
      segment.hidden = share === 0;
    }
    change.replaceChildren(...(share === now ? [`${now} %`] : [`${now} → `, bold(`${share} %`)]));
  }

  preview() {
    const table = (this.root.closest("form") ?? document).querySelector("[data-traffic-preview]") ?? document.querySelector("[data-traffic-preview]");
    if (!table) return;
    const rate = Number(this.root.dataset.trafficRate);
    this.rows.forEach(({ name, now }, index) => {
      const row = table.querySelector(`[data-preview-row="${CSS.escape(name)}"]`);
      if (row) previewRow(row, this.shares[index], now, rate);
      if (row && this.mirror) row.querySelector("[data-preview-copies]")?.replaceChildren(copiesText(name, { planned: this.mirror.planned(), rate }));
    });
  }
}

function previewRow(row, share, now, rate) {
  const after = row.querySelector("[data-preview-after]");
  after.replaceChildren(share === now ? `${share} %` : bold(`${share} %`));
  const cell = row.querySelector("[data-preview-rate]");
  if (!cell || !Number.isFinite(rate)) return;
  const expected = (rate * share) / 100;
  const capacity = Number(row.dataset.capacity);
  const over = capacity > 0 && expected > capacity;
  cell.textContent = expected.toLocaleString("en", { maximumFractionDigits: 1 }) + (over ? ` of ${capacity}` : "");
  cell.title = over ? `More than the measured maximum of ${capacity} requests a minute` : "";
  row.classList.toggle("over-capacity", over);
}

function bold(text) {
  const made = document.createElement("b");
  made.textContent = text;
  return made;
}

mount("[data-traffic]", (root) => new TrafficEditor(root));
