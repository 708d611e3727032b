// Colours for short snippets: <code data-language>. One pass of one regular expression per language; what it does not know stays plain.
import { mount } from "./mount.js";

const STRING = String.raw`"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'`;
const NUMBER = String.raw`\b\d+(?:\.\d+)?(?:e[+-]?\d+)?\b`;
const words = (list) => String.raw`\b(?:${list.replaceAll(" ", "|")})\b`;

const GRAMMARS = {
  json: { name: String.raw`"(?:\\.|[^"\\\n])*"(?=\s*:)`, string: STRING, number: `-?${NUMBER}`, keyword: words("true false null") },
  yaml: { comment: String.raw`(?<=^|\s)#.*$`, name: String.raw`^[ \t-]*[\w.$/-]+(?=:(?:\s|$))`, string: STRING, number: NUMBER, keyword: words("true false null") },
  python: { comment: "#.*$", string: `"""[^]*?"""|${STRING}`, keyword: words("import from as def return if else for in with try except raise class None True False and or not lambda async await"), name: String.raw`\b\w+(?=\()`, number: NUMBER },
  javascript: { comment: String.raw`\/\/.*$`, string: "`[^`]*`|" + STRING, keyword: words("const let var function return if else for of in await async import from export new null true false class throw"), name: String.raw`\b\w+(?=\()`, number: NUMBER },
  shell: { comment: String.raw`(?<=^|\s)#.*$`, string: STRING, name: String.raw`\$\{?\w+\}?`, keyword: String.raw`(?<=^|\s)--?[\w-]+`, number: String.raw`(?!)` },
  csharp: { comment: String.raw`\/\/.*$`, string: `\\$?${STRING}`, keyword: words("using var new await async return string int public class static void null true false"), name: String.raw`\b\w+(?=\()`, number: NUMBER },
};

const compiled = new Map();

function grammar(language) {
  const rules = GRAMMARS[language] ?? { bash: GRAMMARS.shell, js: GRAMMARS.javascript, curl: GRAMMARS.shell }[language];
  if (!rules) return null;
  if (!compiled.has(language)) compiled.set(language, new RegExp(Object.entries(rules).map(([kind, rule]) => `(?<${kind}>${rule})`).join("|"), "gm"));
  return compiled.get(language);
}

/** The text as nodes with classes tok-…; plain text where the language is unknown. */
export function highlighted(text, language) {
  const rule = grammar(language);
  const made = document.createDocumentFragment();
  let end = 0;
  for (const match of rule ? text.matchAll(rule) : []) {
    const kind = Object.keys(match.groups).find((group) => match.groups[group] !== undefined);
    const token = document.createElement("span");
    token.className = `tok-${kind}`;
    token.textContent = match[0];
    made.append(text.slice(end, match.index), token);
    end = match.index + match[0].length;
  }
  made.append(text.slice(end));
  return made;
}

mount("code[data-language]", (code) => {
  if (code.textContent.length < 50_000) code.replaceChildren(highlighted(code.textContent, code.dataset.language));
});
