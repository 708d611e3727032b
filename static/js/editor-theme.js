// How the editor looks and what it can do. Colours are the tokens, which reach into the shadow root.

export const sheet = new CSSStyleSheet();
sheet.replaceSync(`
  ::slotted(textarea) { display: none !important; }
  .foot { display: flex; align-items: center; gap: 12px; min-height: 32px; padding: 2px 4px 2px 12px; border-top: 1px solid var(--line); background: var(--surface); font: var(--size-2)/1.4 var(--font); color: var(--text-subtle); }
  .problem { flex: 1; min-width: 0; color: var(--bad); font-weight: 500; overflow-wrap: anywhere; }
  .place { white-space: nowrap; }
  button { min-height: var(--control-s); padding: 0 8px; border: 0; border-radius: var(--radius); background: none; color: var(--text-muted); font: inherit; font-weight: 500; cursor: pointer; }
  button:hover { background: var(--hover); color: var(--text); }
  button:focus-visible { outline: 2px solid var(--focus); }
`);

const theme = {
  "&": { color: "var(--text)", backgroundColor: "transparent", fontSize: "var(--size-3)", maxHeight: "30rem", minHeight: "10rem" },
  "&.cm-focused": { outline: "none" },
  ".cm-scroller": { fontFamily: "var(--mono)", lineHeight: "1.6", minHeight: "10rem" },
  ".cm-content": { padding: "8px 0", caretColor: "var(--text)" },
  ".cm-cursor": { borderLeftColor: "var(--text)" },
  ".cm-gutters": { backgroundColor: "transparent", color: "var(--text-subtle)", border: "none" },
  ".cm-activeLine, .cm-activeLineGutter": { backgroundColor: "color-mix(in srgb, var(--hover) 60%, transparent)" },
  "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground": { backgroundColor: "var(--selected)" },
  ".cm-panels": { backgroundColor: "var(--surface)", color: "var(--text)", borderColor: "var(--line) !important" },
  ".cm-panel.cm-search": { padding: "8px 12px", fontFamily: "var(--font)" },
  ".cm-panel.cm-search :is(input, button, label)": { fontSize: "var(--size-2)" },
  ".cm-textfield, .cm-button": { background: "var(--raised)", color: "var(--text)", border: "1px solid var(--control-line)", borderRadius: "4px", backgroundImage: "none" },
  ".cm-tooltip": { backgroundColor: "var(--raised)", color: "var(--text)", border: "1px solid var(--line-strong)", borderRadius: "6px" },
  ".cm-matchingBracket, &.cm-focused .cm-matchingBracket": { backgroundColor: "var(--selected)" },
  ".cm-searchMatch": { backgroundColor: "var(--warn-soft)", outline: "1px solid var(--warn-solid)" },
  ".cm-foldPlaceholder": { backgroundColor: "var(--hover)", color: "var(--text-muted)", border: "none" },
};

/** The extensions for a language: json, python, yaml, or plain text. */
export function looks(codemirror, language) {
  const cm = codemirror;
  const languages = { json: cm.json, python: cm.python, yaml: cm.yaml };
  return [
    cm.lineNumbers(), cm.foldGutter(), cm.history(), cm.drawSelection(), cm.indentOnInput(), cm.bracketMatching(), cm.closeBrackets(),
    cm.highlightActiveLine(), cm.highlightActiveLineGutter(), cm.highlightSelectionMatches(), cm.search({ top: true }),
    cm.indentUnit.of(language === "python" ? "    " : "  "),
    // Tab leaves a JSON editor; where it indents, Escape and then Tab leaves.
    cm.keymap.of([...cm.closeBracketsKeymap, ...cm.defaultKeymap, ...cm.searchKeymap, ...cm.historyKeymap, ...cm.foldKeymap, ...(language === "python" || language === "yaml" ? [cm.indentWithTab] : [])]),
    cm.syntaxHighlighting(colours(cm)),
    cm.EditorView.theme(theme),
    cm.EditorView.lineWrapping,
    typeOverSelection(cm),
    ...(languages[language] ? [languages[language]()] : []),
  ];
}

// Left to itself, Chromium writes style attributes while it replaces a selection; the content security policy reports each.
function typeOverSelection({ EditorView }) {
  return EditorView.domEventHandlers({
    beforeinput(event, view) {
      const { from, to, empty } = view.state.selection.main;
      if (event.inputType !== "insertText" || !event.data || empty || event.isComposing || view.state.readOnly) return false;
      event.preventDefault();
      const insert = () => view.state.update(view.state.replaceSelection(event.data), { userEvent: "input.type", scrollIntoView: true });
      const taken = view.state.facet(EditorView.inputHandler).some((handle) => handle(view, from, to, event.data, insert));
      if (!taken) view.dispatch(insert());
      return true;
    },
  });
}

function colours({ HighlightStyle, tags }) {
  return HighlightStyle.define([
    { tag: [tags.propertyName, tags.definition(tags.propertyName), tags.function(tags.variableName), tags.definition(tags.variableName)], color: "var(--code-name)" },
    { tag: tags.string, color: "var(--code-string)" },
    { tag: [tags.number, tags.bool, tags.null], color: "var(--code-number)" },
    { tag: [tags.keyword, tags.operatorKeyword], color: "var(--code-keyword)" },
    { tag: tags.comment, color: "var(--code-comment)", fontStyle: "italic" },
  ]);
}
