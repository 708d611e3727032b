// The one entry point. What every page needs is imported; the rest is loaded where an element asks for it.
import { mount } from "./mount.js";
import "./clock.js";
import "./copy.js";
import "./dialogs.js";
import "./guard.js";
import "./keyboard.js";
import "./live.js";
import "./menus.js";
import "./palette.js";
import "./requests.js";
import "./theme-switch.js";
import "./toasts.js";

const onDemand = {
  "[data-traffic]": () => import("./traffic.js"),
  "[data-chart]": () => import("./charts.js"),
  "form[data-autosubmit]": () => import("./autosubmit.js"),
  "[data-range-form]": () => import("./ranges.js"),
  "code-editor": () => import("./editor.js"),
  "[data-upload]": () => Promise.all([import("./upload.js"), import("./staged-upload.js")]),
  "[data-log]": () => import("./logs.js"),
  "form[data-test]": () => Promise.all([import("./testtab.js"), import("./test-file.js")]),
  "[data-test-chat]": () => import("./test-chat.js"),
  "[data-test-fields]": () => import("./test-fields.js"),
  "[data-response]": () => import("./test-response.js"),
  "[data-tabs]": () => import("./tabsets.js"),
  "[data-when]": () => import("./when.js"),
  "[data-key-field]": () => import("./keys.js"),
  "[data-passkey]": () => import("./passkeys.js"),
  "[data-spark]": () => import("./sparkline.js"),
  "code[data-language]": () => import("./highlight.js"),
};

for (const [selector, load] of Object.entries(onDemand)) {
  mount(selector, () => void load());
}

// On a phone tabs are wider than the screen: the one that is shown is brought into sight.
mount("nav.tabs", (tabs) => {
  const current = tabs.querySelector("[aria-current='page']")?.getBoundingClientRect();
  const all = tabs.getBoundingClientRect();
  if (current) tabs.scrollLeft += current.left - all.left - (all.width - current.width) / 2;
});
