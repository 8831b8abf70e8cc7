// What a frame of `?embed=1` shows before somebody asks for the cluster: a still picture of it, and the way in.

import { lettersOf, startButton, STYLE, wordsFor } from "./still.js";

const sheet = new CSSStyleSheet();
sheet.replaceSync(`
:root { color-scheme: light dark; color: light-dark(#14242c, #e4eef2); background: light-dark(#eef5f8, #0c1319); }
:root[data-theme="light"] { color-scheme: light; }
:root[data-theme="dark"] { color-scheme: dark; }
html, body { height: 100%; margin: 0; overflow: hidden; }
${STYLE}`);
document.adoptedStyleSheets = [sheet];

const asked = new URLSearchParams(location.search);
const root = document.documentElement;
root.lang = asked.get("lang") ?? navigator.language;
if (asked.get("theme")) root.dataset.theme = asked.get("theme");
document.body.append(startButton({
  label: wordsFor(root.lang), picture: lettersOf(asked.get("still"), location.hash.length > 1), poster: null,
  // Whoever frames it gets no part in a cluster that others share.
  start: () => location.replace(`../${location.search}&start${location.hash.startsWith("#s=") ? "" : location.hash}`),
}));
