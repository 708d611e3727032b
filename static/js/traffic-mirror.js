// The mirror of the traffic editor: one deployment with no live share, a share of copies, and what they come to.

export class Mirror {
  /** @param {HTMLElement} root the fieldset @param {number} rate requests per minute */
  constructor(root, rate) {
    this.root = root;
    this.rate = rate;
    this.target = root.querySelector("[data-mirror-target]");
    this.slider = root.querySelector("[data-mirror-slider]");
    this.number = root.querySelector("[data-mirror-number]");
    this.estimate = root.querySelector("[data-mirror-estimate]");
    this.percent = Number(this.number.value) || 0;
    this.onchange = () => {};
    root.addEventListener("input", (event) => event.target === this.slider && this.set(Number(this.slider.value)));
    root.addEventListener("change", (event) => this.changed(event.target));
    root.addEventListener("keydown", (event) => this.key(event));
    root.closest("form")?.addEventListener("reset", () => setTimeout(() => this.set(Number(this.number.defaultValue) || 0)));
  }

  /** {name, percent}; the name is empty when nothing is copied. */
  planned() {
    return this.percent > 0 ? { name: this.target.value, percent: this.percent } : { name: "", percent: 0 };
  }

  /** Who gets live traffic cannot get copies: such a choice ends. @param {Record<string, number>} shares */
  follow(shares) {
    for (const option of this.target.options) {
      if (!option.value) continue;
      option.disabled = option.dataset.ready === undefined || shares[option.value] > 0;
      if (option.disabled && option.selected) this.target.value = "";
    }
    this.show();
  }

  changed(target) {
    if (target === this.number) this.set(Number(this.number.value) || 0);
    if (target === this.target) this.set(this.percent || 10);
  }

  key(event) {
    const steps = { PageUp: 10, PageDown: -10 };
    if (event.target !== this.slider || !(event.key in steps)) return;
    event.preventDefault();
    this.set(this.percent + steps[event.key]);
  }

  set(percent) {
    this.percent = Math.max(0, Math.min(Number(this.slider.max), Math.round(percent)));
    this.show();
    this.onchange();
  }

  show() {
    const option = this.target.selectedOptions[0];
    const off = !option?.value;
    this.slider.value = this.number.value = this.percent;
    this.slider.disabled = this.number.disabled = off;
    this.slider.style.setProperty("--fill", `${(this.percent * 100) / Number(this.slider.max)}%`);
    this.slider.setAttribute("aria-valuetext", off ? "no copies" : `${this.percent} percent of the requests are copied to ${option.value}`);
    this.estimate.textContent = off ? this.nothingChosen() : this.words(option);
  }

  nothingChosen() {
    return `Each 10 % copies about ${number(this.rate / 10)} requests per minute, at the rate of the last 15 minutes.`;
  }

  words(option) {
    const copies = (this.rate * this.percent) / 100;
    const { instances, hourly } = option.dataset;
    const used = `About ${number(copies)} copies per minute, at the rate of the last 15 minutes. ${option.value} runs on ${instances}: ${hourly} USD per hour`;
    if (!copies) return `${used}.`;
    return `${used}, ${((Number(hourly) * 1000) / (copies * 60)).toFixed(2)} USD per 1,000 copies.`;
  }
}

/** What the preview says of the copies for one deployment. */
export function copiesText(name, { planned, rate }) {
  if (planned.name !== name) return "–";
  const each = Number.isFinite(rate) ? `, ${number((rate * planned.percent) / 100)}/min` : "";
  return `${planned.percent} %${each}`;
}

function number(value) {
  return value.toFixed(1);
}
