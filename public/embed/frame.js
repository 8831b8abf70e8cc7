// What a frame of `?embed=1` shows before somebody asks for the cluster: a still picture of it, and the way in.

(async () => {
  const sheet = new CSSStyleSheet();
  const asked = new URLSearchParams(location.search);
  const root = document.documentElement;
  root.lang = asked.get("lang") ?? navigator.language;
  if (asked.get("theme")) root.dataset.theme = asked.get("theme");
  const wear = (more) => sheet.replaceSync(`
:root { color-scheme: light dark; color: light-dark(#14242c, #e4eef2); background: light-dark(#eef5f8, #0c1319); }
:root[data-theme="light"] { color-scheme: light; }
:root[data-theme="dark"] { color-scheme: dark; }
html, body { height: 100%; margin: 0; overflow: hidden; }
p { margin: 1.5rem; font: 1rem/1.5 system-ui, sans-serif; }
${more}`);
  document.adoptedStyleSheets = [sheet];

  let still;
  try {
    // A script from elsewhere, as all are to such a frame, has no address that others could be relative to.
    still = await import(new URL("still.js", document.baseURI));
  } catch {
    // Nothing of the cluster would arrive either.
    wear("");
    document.body.append(Object.assign(document.createElement("p"), {
      textContent: root.lang.startsWith("ja")
        ? `クラスタを表示できません。このフレームにはオリジンがないので、${location.host} が「Access-Control-Allow-Origin: *」を返すか、フレームに sandbox="allow-scripts allow-same-origin" と書く必要があります。`
        : `The cluster cannot be shown: this frame has no origin of its own. Either ${location.host} has to send “Access-Control-Allow-Origin: *”, or the frame has to be written with sandbox="allow-scripts allow-same-origin".`,
    }));
    return;
  }
  wear(still.STYLE);
  document.body.append(still.startButton({
    label: still.wordsFor(root.lang), picture: still.lettersOf(asked.get("still"), location.hash.length > 1), poster: null,
    // Whoever frames it gets no part in a cluster that others share.
    start: () => location.replace(`../${location.search}&start${location.hash.startsWith("#s=") ? "" : location.hash}`),
  }));
})();
