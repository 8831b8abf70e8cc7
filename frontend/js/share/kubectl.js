// Connect kubectl: the kubeconfig of a live session, to download, to copy, or in one command line.

import { download } from "../workbench/download.js";
import { copyable, heard, sheet } from "./base.js";
import { element, say } from "./words.js";

const FILE = "kubarium.yaml";
/** How long going live may take, in milliseconds. */
const PATIENCE_MS = 20_000;

/** The session that is behind the glass as `[id, token]`; in a workshop its module says which. */
function session() {
  const live = location.hash.startsWith("#s=") ? location.hash.slice(3) : window.kubarium.session;
  return live?.split(".").slice(0, 2);
}

/** The token of those who only look, where this tab began the session. */
function viewerOf(id) {
  try {
    const links = JSON.parse(sessionStorage.getItem("kubarium.invitations") ?? "null");
    const [its, token] = links?.viewer.split("#s=")[1].split(".") ?? [];
    return its === id ? token : undefined;
  } catch {
    return undefined;
  }
}

const address = (id) => new URL(`api/v1/sessions/${id}/kubeconfig`, location.href.split("#")[0]);

/** The file's text. Behind a proxy only the browser knows under which address the server is reached. */
async function kubeconfig(id, token) {
  const answer = await fetch(address(id), { headers: { Authorization: `Bearer ${token}` } });
  if (!answer.ok) throw new Error((await answer.json().catch(() => ({}))).detail ?? `HTTP ${answer.status}`);
  return (await answer.text()).replace(/(server: )https?:\/\/[^/\s]+/, `$1${location.origin}`);
}

function command(id, token) {
  const secure = location.protocol === "https:" ? ` -H "Origin: ${location.origin}"` : "";
  return `curl -fsS -H "Authorization: Bearer ${token}"${secure} ${address(id)} -o ${FILE} && kubectl --kubeconfig ${FILE} get pods`;
}

/** Whether there is a server that can keep a cluster. */
const serves = () => fetch(new URL("api/v1/openapi.json", location.href.split("#")[0]), { method: "GET" })
  .then((answer) => answer.ok, () => false);

function offline(body, draw) {
  const trouble = element("p", { class: "share-trouble", role: "alert" });
  const begin = element("button", { type: "button", class: "primary", text: "go_live", onclick: async () => {
    begin.disabled = true;
    trouble.textContent = "";
    const late = new Promise((resolve) => setTimeout(resolve, PATIENCE_MS));
    if (!await serves()) trouble.textContent = say("no_server");
    // The page's program makes the session, as its own button does.
    else if (await Promise.race([heard("live", "scenario", ({ connected }) => connected), late])) return draw();
    else trouble.textContent = say("not_live");
    begin.disabled = false;
  } });
  body.replaceChildren(element("p", { text: "kubectl_says" }), element("p", { text: "kubectl_offline" }), element("p", {}, begin), trouble);
  begin.focus();
}

function connected(body, [id, token]) {
  const line = copyable("command_line", { lines: 4 });
  const file = copyable("kubeconfig", { lines: 8, extra: [element("button", {
    type: "button", class: "quiet", text: "download", onclick: () => download(FILE, file.text(), "application/yaml"),
  })] });
  const trouble = element("p", { class: "share-trouble", role: "alert" });
  const role = element("p", { class: "muted", role: "status" });
  const put = async (token) => {
    trouble.textContent = "";
    line.put(command(id, token));
    try {
      const text = await kubeconfig(id, token);
      file.put(text);
      role.textContent = say(/name: viewer\b/.test(text) ? "kubectl_viewer" : "kubectl_acts");
    } catch (error) {
      trouble.textContent = say("no_kubeconfig", { reason: error.message });
    }
  };
  const viewer = viewerOf(id);
  const choice = (key, of, checked) => element("label", {},
    element("input", { type: "radio", name: "role", checked, onchange: () => put(of) }), element("span", { text: key }));
  body.replaceChildren(
    element("p", { text: "kubectl_says" }),
    viewer && viewer !== token ? element("div", { class: "share-choice", role: "radiogroup", label: "for_whom" }, element("span", { class: "muted", text: "for_whom" }),
      choice("for_acting", token, true), choice("for_looking", viewer, false)) : "",
    role, trouble,
    element("h3", { text: "command_line" }), line.row,
    element("h3", { text: "kubeconfig" }), file.row,
    element("p", { class: "muted" }, element("span", { text: "kubectl_secret" })),
  );
  put(token);
}

/** The sheet. */
export function kubectl() {
  const body = element("div", { class: "share-stack" });
  sheet("kubectl_title", body);
  const draw = () => {
    const live = session();
    if (live) connected(body, live);
    else offline(body, draw);
  };
  draw();
}
