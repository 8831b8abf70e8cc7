// The looks of the editor's tools, for its shadow root: the page's own style sheets do not reach in there, its variables do.

const sheet = new CSSStyleSheet();
sheet.replaceSync(`
.tips { position: fixed; inset: 0 auto auto 0; z-index: 60; font-size: 0.875rem; }
:host(.editor-host) { position: relative; display: flex; flex-direction: column; min-height: 0; }
* { box-sizing: border-box; }
[hidden] { display: none !important; }
.files { display: flex; gap: 2px; align-items: end; padding: 0 8px; overflow-x: auto; scrollbar-width: thin; border-bottom: 1px solid var(--line); flex: none; }
.file { display: flex; align-items: center; flex: none; max-width: 14rem; border-radius: 6px 6px 0 0; border: 1px solid transparent; border-bottom: 0; color: var(--text-muted); }
.file[data-open] { background: var(--sunken); border-color: var(--line); color: var(--text); }
.file > button, .file > input { font: inherit; font-size: 0.8125rem; color: inherit; background: none; border: 0; padding: 6px 4px 6px 10px; min-width: 0; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; cursor: pointer; }
.file > input { width: 10rem; background: var(--surface); outline: 2px solid var(--accent); outline-offset: -2px; cursor: text; }
.file > button:only-child { padding-right: 10px; }
.file > .shut { flex: none; padding: 6px 8px 6px 4px; color: var(--text-muted); }
.file[data-count]::before { content: ""; width: 7px; height: 7px; margin-left: 8px; border-radius: 50%; background: var(--danger); }
.files > .new { flex: none; font: inherit; color: var(--text-muted); background: none; border: 0; padding: 4px 10px; cursor: pointer; }
.tools { position: relative; display: flex; flex-wrap: wrap; gap: 4px; padding: 6px 8px; align-items: center; flex: none; }
button { font-family: inherit; }
button:focus-visible, summary:focus-visible { outline: 2px solid var(--accent); outline-offset: 1px; }
button.quiet, .tools button { font: inherit; font-size: 0.8125rem; color: var(--text); background: var(--surface); border: 1px solid var(--line); border-radius: 6px; padding: 3px 9px; cursor: pointer; white-space: nowrap; }
button.quiet:hover, .tools button:hover, .file > button:hover, .files > .new:hover { color: var(--accent); border-color: var(--line-strong); }
button.primary { font: inherit; font-size: 0.875rem; color: var(--on-accent); background: var(--accent); border: 1px solid transparent; border-radius: 6px; padding: 5px 12px; cursor: pointer; }
button.round { font-size: 1.1rem; line-height: 1; color: var(--text-muted); background: none; border: 0; padding: 4px 8px; cursor: pointer; }
button.link { font: inherit; font-family: var(--mono); font-size: 0.8125rem; color: var(--syntax-key); background: none; border: 0; padding: 0; cursor: pointer; text-align: left; }
button.link:hover { text-decoration: underline; }
.host { flex: 1 1 auto; min-height: 8rem; overflow: hidden; position: relative; }
.host.over { outline: 2px dashed var(--accent); outline-offset: -4px; }
.host > .cm-editor { height: 100%; }
.state { display: flex; flex-wrap: wrap; gap: 4px 8px; align-items: center; min-height: 2.9rem; padding: 4px 12px; font-size: 0.8125rem; color: var(--text-muted); border-top: 1px solid var(--line); flex: none; }
.state b { font-weight: 600; }
.state .bad { color: var(--danger); }
.state .good { color: var(--good); }
/* Room for two lines, always: if the text above moved while somebody types, the list under the cursor would close. */
.state .link { flex: 1 1 8rem; font-family: var(--font); color: var(--text); min-width: 0; overflow: hidden; display: -webkit-box; -webkit-box-orient: vertical; -webkit-line-clamp: 3; line-height: 1.35; overflow-wrap: anywhere; }
.state .quiet { flex: none; max-width: 100%; margin-left: auto; overflow: hidden; text-overflow: ellipsis; }
.state b { flex: none; }
.state span { flex: 1; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; min-width: 0; }
.notes { flex: none; max-height: 40%; overflow-y: auto; }
.note { display: flex; flex-wrap: wrap; gap: 8px; align-items: center; margin: 6px 8px; padding: 8px 10px; border-radius: 8px; background: var(--accent-soft); font-size: 0.8125rem; flex: none; }
.note.bad { background: var(--danger-soft); }
.note p { margin: 0; flex: 1 1 12rem; overflow-wrap: anywhere; }
.explain { flex: 0 1 45%; min-height: 8rem; overflow: auto; border-top: 1px solid var(--line); background: var(--sunken); padding: 4px 12px 12px; font-size: 0.8125rem; }
.explain header { display: flex; align-items: center; position: sticky; top: -4px; background: var(--sunken); }
.explain h3 { flex: 1; margin: 6px 0; font: 600 0.875rem var(--mono); overflow-wrap: anywhere; }
.explain p { margin: 4px 0; line-height: 1.5; }
.explain dl { margin: 8px 0 0; }
.explain dt { font-family: var(--mono); margin-top: 6px; color: var(--text-muted); }
.explain dd { margin: 0 0 0 1rem; color: var(--text-muted); line-height: 1.45; }
.command { display: flex; gap: 8px; align-items: center; }
.command code, code { font-family: var(--mono); font-size: 0.8125rem; overflow-wrap: anywhere; }
.command code { flex: 1; padding: 3px 8px; border-radius: 6px; background: var(--surface); border: 1px solid var(--line); }
.card { max-width: 26rem; padding: 8px 12px; font-family: var(--font); font-size: 0.8125rem; line-height: 1.5; color: var(--text); }
.card p { margin: 3px 0; }
.name { font-family: var(--mono); }
.name i { margin-left: 8px; font-family: var(--font); color: var(--accent); }
.fact b { color: var(--text-muted); font-weight: 600; }
.cm-lit { background: color-mix(in srgb, var(--good) 20%, transparent); box-shadow: inset 3px 0 0 var(--good); }
.cm-slider { width: min(9rem, 24vw); margin: 0 0 0 1rem; vertical-align: middle; accent-color: var(--accent); height: 1rem; }
dialog { width: min(1500px, 94vw); height: 88vh; padding: 0; border: 1px solid var(--line); border-radius: 12px; color: var(--text); background: var(--surface); box-shadow: var(--shadow); font-family: var(--font); }
dialog::backdrop { background: rgb(0 0 0 / 0.45); }
dialog > .inside { display: flex; flex-direction: column; height: 100%; min-height: 0; }
dialog header { display: flex; gap: 12px; align-items: center; padding: 10px 14px; border-bottom: 1px solid var(--line); }
dialog h2 { flex: 1; margin: 0; font-size: 1rem; }
dialog .heads { display: grid; grid-template-columns: 1fr 1fr; gap: 8px; padding: 6px 14px; font-size: 0.8125rem; color: var(--text-muted); }
dialog .body { flex: 1; min-height: 0; overflow: auto; }
dialog .body .cm-mergeView { min-height: 100%; }
dialog footer { display: flex; flex-wrap: wrap; gap: 8px; align-items: center; padding: 10px 14px; border-top: 1px solid var(--line); }
dialog footer p { flex: 1 1 14rem; margin: 0; font-size: 0.8125rem; color: var(--text-muted); }
dialog .empty { padding: 2rem; text-align: center; color: var(--text-muted); }
dialog .pair { display: grid; grid-template-columns: 1fr 1fr; height: 100%; }
dialog .pair > div { display: flex; flex-direction: column; min-width: 0; min-height: 0; overflow: hidden; border-left: 1px solid var(--line); }
dialog .pair > div > .cm-editor { flex: 1; min-height: 0; }
dialog .pair .head { flex: none; padding: 6px 14px; border-bottom: 1px solid var(--line); font-size: 0.8125rem; color: var(--text-muted); }
dialog.small { width: min(34rem, 94vw); height: min(30rem, 88vh); }
dialog .padded { padding: 12px 16px; font-size: 0.875rem; }
dialog form { display: flex; gap: 8px; margin: 10px 0; }
dialog input[type=text] { flex: 1; min-width: 0; font: inherit; color: var(--text); background: var(--sunken); border: 1px solid var(--line); border-radius: 6px; padding: 5px 9px; }
.kept { list-style: none; margin: 0; padding: 0; }
.kept li { display: flex; flex-wrap: wrap; gap: 4px 10px; align-items: center; padding: 6px 0; border-top: 1px solid var(--line); }
.kept .link, .kept input[type=text] { flex: 1 1 8rem; overflow: hidden; text-overflow: ellipsis; }
.kept .last { flex: 2 1 8rem; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; min-width: 0; }
dialog h3 { margin: 16px 0 4px; font-size: 0.875rem; }
dialog .notes .note { margin: 6px 0; }
.kept span { color: var(--text-muted); font-size: 0.8125rem; }
dialog pre.bad { color: var(--danger); white-space: pre-wrap; padding: 0 14px; }
.cm-defaulted, .cm-defaulted * { color: var(--text-muted); font-style: italic; }
.cm-managed::after { content: attr(data-manager); margin-left: 1.5rem; padding: 0 6px; border-radius: 6px; font: 0.6875rem var(--font); color: var(--text-muted); background: var(--sunken); border: 1px solid var(--line); }
.cm-managed-line { background: color-mix(in srgb, var(--traffic) 9%, transparent); }
details.more > summary { list-style: none; font-size: 0.8125rem; border: 1px solid var(--line); border-radius: 6px; padding: 3px 9px; cursor: pointer; }
details.more > summary::-webkit-details-marker { display: none; }
details.more > div { position: absolute; z-index: 5; right: 8px; top: calc(100% - 2px); display: flex; flex-direction: column; min-width: 15rem; padding: 6px; gap: 2px; border: 1px solid var(--line); border-radius: 8px; background: var(--surface); box-shadow: var(--shadow); }
details.more > div button { border: 0; text-align: left; padding: 6px 8px; white-space: normal; }
details.more > div button:hover { background: var(--sunken); }
@media (max-width: 700px) { .tools { gap: 3px; padding: 5px 6px; } .tools button, details.more > summary { padding: 6px 7px; font-size: 0.75rem; } .explain { position: absolute; z-index: 6; inset: 0; } dialog .pair { grid-template: 1fr 1fr / 1fr; } dialog { width: 100vw; height: 100dvh; max-width: none; max-height: none; border-radius: 0; } }
`);

/** Gives a shadow root the looks. */
export const dress = (root) => root.adoptedStyleSheets.push(sheet);
