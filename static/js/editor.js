// <code-editor language="json"><textarea></textarea></code-editor>: CodeMirror over a textarea, which keeps and posts the value.
// It lives in a shadow root: there its styles are adopted style sheets, which the content security policy allows,
// and a morph of the page does not touch it.
import { formatted, problemIn } from "./json-text.js";
import { looks, sheet } from "./editor-theme.js";

const library = import(document.querySelector("meta[name='codemirror']").content);

class CodeEditor extends HTMLElement {
  async connectedCallback() {
    if (this.view || this.starting) return;
    this.starting = true;
    this.textarea = this.querySelector("textarea");
    if (!this.textarea) return;
    const codemirror = await library;
    if (this.isConnected) this.build(codemirror);
  }

  build(codemirror) {
    const root = this.attachShadow({ mode: "open" });
    root.adoptedStyleSheets = [sheet];
    root.innerHTML = "<div class='box'></div><div class='foot'><span class='problem' role='status'></span><span class='place'></span></div><slot></slot>";
    this.problem = root.querySelector(".problem");
    this.place = root.querySelector(".place");
    this.language = this.getAttribute("language") ?? "json";
    if (this.language === "json" && !this.hasAttribute("readonly")) this.addFormat(root);
    const { EditorState, EditorView } = codemirror;
    this.view = new EditorView({
      root,
      parent: root.querySelector(".box"),
      state: EditorState.create({ doc: this.textarea.value, extensions: this.extensions(codemirror) }),
    });
    for (const label of this.textarea.labels ?? []) label.addEventListener("click", () => this.view.focus());
    this.textarea.form?.addEventListener("reset", () => setTimeout(() => this.pull()));
    document.addEventListener("htmx:afterSettle", () => this.pull());
    this.showPlace(this.view.state);
  }

  extensions(codemirror) {
    const { EditorState, EditorView, keymap } = codemirror;
    const label = this.textarea.getAttribute("aria-label") ?? this.textarea.labels?.[0]?.textContent ?? "Code";
    return [
      keymap.of([{ key: "Mod-Enter", run: () => this.submit() }]),
      ...looks(codemirror, this.language),
      EditorView.contentAttributes.of({ "aria-label": label, tabindex: "0" }), // said aloud: what scrolls can be reached by key
      EditorView.updateListener.of((update) => this.updated(update)),
      EditorState.readOnly.of(this.hasAttribute("readonly")),
      ...(this.language === "json" ? [codemirror.linter((view) => this.lint(view, codemirror), { delay: 300 })] : []),
    ];
  }

  addFormat(root) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = "Format";
    button.addEventListener("click", () => {
      const text = formatted(this.value);
      if (text !== null) this.value = text;
      this.view.focus();
    });
    root.querySelector(".foot").append(button);
  }

  submit() {
    this.textarea.form?.requestSubmit();
    return true;
  }

  get value() {
    return this.textarea?.value ?? "";
  }

  set value(text) {
    this.view?.dispatch({ changes: { from: 0, to: this.view.state.doc.length, insert: text } });
    if (!this.view) this.textarea.value = text;
  }

  /** After someone else wrote into the textarea. */
  pull() {
    if (this.view && this.textarea.value !== this.view.state.doc.toString()) this.value = this.textarea.value;
  }

  updated({ docChanged, selectionSet, state }) {
    if (docChanged) {
      this.textarea.value = state.doc.toString();
      this.textarea.dispatchEvent(new Event("input", { bubbles: true }));
    }
    if (docChanged || selectionSet) this.showPlace(state);
  }

  showPlace(state) {
    const head = state.selection.main.head;
    const line = state.doc.lineAt(head);
    this.place.textContent = `Line ${line.number}, column ${head - line.from + 1}`;
  }

  lint(view, { ensureSyntaxTree }) {
    const text = view.state.doc.toString();
    const problem = problemIn(text, () => firstError(ensureSyntaxTree(view.state, view.state.doc.length, 200)));
    this.problem.textContent = "";
    this.textarea.setCustomValidity(problem ? `Not JSON: ${problem.message}` : "");
    if (!problem) return [];
    const from = Math.min(problem.position, text.length);
    const line = view.state.doc.lineAt(from);
    this.problem.textContent = `Line ${line.number}, column ${from - line.from + 1}: ${problem.message}`;
    return [{ from, to: Math.min(from + 1, text.length), severity: "error", message: problem.message }];
  }
}

function firstError(tree) {
  let found = null;
  tree?.iterate({ enter: (node) => (found === null && node.type.isError ? ((found = node.from), false) : found === null) });
  return found;
}

// [data-editor-fill="id of the textarea"] puts data-value (its own, or that of the chosen option) into the editor.
function fill(source) {
  const textarea = document.getElementById(source.dataset.editorFill);
  const text = source.dataset.value ?? source.selectedOptions?.[0]?.dataset.value;
  if (!textarea || text === undefined) return;
  const editor = textarea.closest("code-editor");
  if (editor) editor.value = text;
  else textarea.value = text;
}

document.addEventListener("click", (event) => {
  const button = event.target.closest?.("button[data-editor-fill]");
  if (button) fill(button);
});
document.addEventListener("change", (event) => event.target.matches?.("select[data-editor-fill]") && fill(event.target));

customElements.define("code-editor", CodeEditor);
