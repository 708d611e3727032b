// Chat with a server that speaks OpenAI's protocol: each message goes out with those before it, the answer grows as it comes.
import { element } from "./icons.js";
import { mount } from "./mount.js";

mount("[data-test-chat]", (panel) => {
  const form = panel.closest("form");
  const list = panel.querySelector("[data-test-chat-list]");
  const input = panel.querySelector("textarea");
  let reader = null;

  const offer = () => offered(panel, /\/chat\/completions\/?(\?.*)?$/.test(form.elements.path.value));
  form.addEventListener("input", offer);
  offer();

  const say = () => {
    const text = input.value.trim();
    if (!text || reader) return;
    input.value = "";
    const body = object(form.elements.body.value);
    const messages = [...(Array.isArray(body.messages) && spoken(list) ? body.messages : []), { role: "user", content: text }];
    write(form.elements.body, { ...body, messages, stream: true });
    bubble(list, "user", text);
    reader = new Reader(bubble(list, "assistant", ""));
    form.requestSubmit();
  };
  panel.querySelector("[data-test-chat-say]").addEventListener("click", say);
  input.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    event.stopPropagation();
    say();
  });
  panel.querySelector("[data-test-chat-clear]").addEventListener("click", () => {
    list.replaceChildren();
    const body = object(form.elements.body.value);
    write(form.elements.body, { ...body, messages: [] });
  });
  form.addEventListener("test:piece", ({ detail }) => reader?.add(detail));
  form.addEventListener("test:over", ({ detail }) => {
    if (!reader) return;
    const answer = reader.end(detail);
    reader = null;
    if (!answer) return;
    const body = object(form.elements.body.value);
    write(form.elements.body, { ...body, messages: [...(body.messages ?? []), { role: "assistant", content: answer }] });
  });
});

function offered(panel, on) {
  const tab = document.querySelector(`[data-tab="${CSS.escape(panel.id)}"]`);
  if (tab) tab.hidden = !on;
  if (!on && tab?.getAttribute("aria-selected") === "true") document.querySelector("[data-tab='request-json']")?.click();
}

function spoken(list) {
  return list.childElementCount > 0;
}

function object(text) {
  try {
    const value = JSON.parse(text);
    return value !== null && typeof value === "object" && !Array.isArray(value) ? value : {};
  } catch {
    return {};
  }
}

function write(textarea, value) {
  const editor = textarea.closest("code-editor");
  const text = JSON.stringify(value, null, 2);
  if (editor) editor.value = text;
  else textarea.value = text;
}

function bubble(list, role, text) {
  const content = element("div", "chat-text", text);
  list.append(element("li", `chat-${role}`, element("span", "subtle small", role === "user" ? "You" : "Model"), content));
  list.scrollTop = list.scrollHeight;
  return content;
}

/** What a streamed or a whole answer says, from its bytes. */
class Reader {
  #decoder = new TextDecoder();
  #rest = "";
  #all = "";
  #said = "";

  constructor(place) {
    this.place = place;
  }

  add(bytes) {
    const text = this.#decoder.decode(bytes, { stream: true });
    this.#all += text;
    const lines = (this.#rest + text).split("\n");
    this.#rest = lines.pop();
    for (const line of lines) this.#line(line);
  }

  #line(line) {
    const [, data] = /^data:\s?(.*)$/.exec(line.trimEnd()) ?? [];
    if (!data || data === "[DONE]") return;
    this.#show(object(data).choices?.[0]?.delta?.content);
  }

  #show(piece) {
    if (typeof piece !== "string") return;
    this.#said += piece;
    this.place.textContent = this.#said;
    this.place.closest("ol").scrollTop = this.place.closest("ol").scrollHeight;
  }

  /** All that was said; `problem` where nothing came. */
  end(problem) {
    this.#line(this.#rest);
    if (!this.#said) this.#show(object(this.#all).choices?.[0]?.message?.content);
    if (!this.#said) this.place.textContent = problem || "No words in the answer: see the response below.";
    return this.#said;
  }
}
