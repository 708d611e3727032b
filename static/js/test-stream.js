// An answer as it comes: the lines that the studio passes on, and what is shown meanwhile.
import { element, icon } from "./icons.js";
import { size } from "./dropped-files.js";

const SHOWN = 200_000; // characters of the end

/** Each line of a response as a value. */
export async function* linesOf(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) break;
    const lines = (rest + value).split("\n");
    rest = lines.pop();
    for (const line of lines) yield JSON.parse(line);
  }
  if (rest.trim()) yield JSON.parse(rest);
}

export function bytesOf(base64) {
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}

/** A card that grows: {open(head), add(bytes), stop(words)}. */
export function liveAnswer(area) {
  const badge = element("span", "badge tone-info", icon("loader-circle"), "Waiting");
  const facts = element("span", "small muted", "");
  const text = element("pre", "test-stream");
  text.tabIndex = 0;
  text.role = "group";
  text.ariaLabel = "The answer so far";
  const card = element("section", "card response", element("div", "card-head", badge, facts), element("div", "card-body", text));
  card.ariaLabel = "Response";
  const decoder = new TextDecoder();
  let total = 0;
  let textual = true;

  return {
    open({ status, type }) {
      badge.replaceChildren(icon("loader-circle"), `${status} receiving`);
      textual = /^(text\/|application\/(.*\+)?(json|x-ndjson|xml|javascript))/.test(type);
      area.replaceChildren(card);
    },
    add(bytes) {
      total += bytes.length;
      facts.textContent = size(total);
      if (!textual) return;
      const atEnd = text.scrollTop + text.clientHeight > text.scrollHeight - 40;
      text.append(decoder.decode(bytes, { stream: true }));
      if (text.textContent.length > 2 * SHOWN) text.textContent = text.textContent.slice(-SHOWN);
      if (atEnd) text.scrollTop = text.scrollHeight;
    },
    stop(words) {
      badge.className = "badge tone-warn";
      badge.replaceChildren(icon("ban"), words);
      area.replaceChildren(card);
    },
  };
}
