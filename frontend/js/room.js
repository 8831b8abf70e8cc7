// Rooms: one ES module, loaded by `index.html` when the address names a room and by the page when somebody wants to teach.
// It speaks with the server about the room and tells the worker which cluster to show; the page around it shows that.

import css from "../../public/styles/rooms.css";
import { ask, button, connect, forget, h, recall, remember, t } from "./room/base.js";
import { createDesk } from "./room/desk.js";
import { createSeat } from "./room/seat.js";

const sheet = new CSSStyleSheet();
sheet.replaceSync(css);
document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];

const WORKSHOPS = [["first-cluster", "w_first_cluster"], ["when-nodes-die", "w_when_nodes_die"]];

/** What is on the page of the room, and how to take it off. */
let shown = null;
function put(view) {
  shown?.end();
  shown = view;
}

/** Comes into the room of a link: `CODE`, or `CODE.TOKEN`. */
export function join(link) {
  const [typed, token] = link.split(".");
  const code = typed.toUpperCase().replace(/[^A-Z]/g, "");
  if (token) remember(code, token);
  const known = token ?? recall(code);
  if (known) enter(code, known);
  else askName(code);
}

function enter(code, token) {
  // What the browser keeps need not stand in the address.
  const kept = remember(code, token);
  history.replaceState(null, "", `${location.pathname}#room=${code}${kept ? "" : `.${token}`}`);
  let view = null;
  const line = connect(
    code,
    token,
    (kind, content) => {
      if (kind === "seat" || kind === "desk") {
        if (view) return view.resume(content);
        const room = { code, token, line, leave };
        view = kind === "seat" ? createSeat(room, content) : createDesk(room, content);
        put(view);
      } else view?.hear(kind, content);
    },
    (connected, why, final, closed) => {
      if (view) view.state(connected, why, final);
      else if (final) {
        line.end();
        forget(code);
        askName(code, closed === 4410 ? t("join_ended") : closed === 4404 ? t("join_unknown") : why);
      }
    },
  );
  function leave() {
    line.end();
    forget(code);
    history.replaceState(null, "", location.pathname);
    location.reload();
  }
}

/** A sheet in the middle of the page. */
function sheetOf(title, onsubmit, ...children) {
  const trouble = h("p", { class: "room-trouble", role: "alert" });
  const form = h("form", { class: "room-form" }, h("h2", {}, title), ...children, trouble);
  const dialog = h("dialog", { class: "room-sheet", "aria-label": title }, form);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const send = form.querySelector("button[type=submit]");
    send.disabled = true;
    trouble.textContent = "";
    try {
      await onsubmit(new FormData(form));
      dialog.close();
    } catch (error) {
      trouble.textContent = error.message;
    } finally {
      send.disabled = false;
    }
  });
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
  return { dialog, form, trouble };
}

const field = (label, control) => h("label", { class: "room-field" }, h("span", {}, label), control);
const REFUSALS = { 404: "join_unknown", 409: "join_full", 410: "join_ended" };

function askName(code, why = "") {
  const codeField = h("input", {
    name: "code", value: code, required: true, autocomplete: "off", spellcheck: "false", class: "room-code-input",
    autocapitalize: "characters", maxlength: 12,
  });
  const nameField = h("input", { name: "name", required: true, maxlength: 32, autocomplete: "nickname" });
  const { trouble } = sheetOf(
    t("join_title"),
    async (values) => {
      const code = values.get("code").toUpperCase().replace(/[^A-Z]/g, "");
      try {
        const body = JSON.stringify({ name: values.get("name") });
        const answer = await ask(`/${code || "-"}/participants`, { method: "POST", body });
        enter(code, (await answer.json()).token);
      } catch (error) {
        throw REFUSALS[error.status] ? new Error(t(REFUSALS[error.status])) : error;
      }
    },
    h("p", { class: "muted" }, t("join_says")),
    field(t("join_code"), codeField),
    field(t("join_name"), nameField),
    h("p", { class: "room-buttons" }, h("button", { type: "submit", class: "primary" }, t("join_button"))),
  );
  trouble.textContent = why;
  (code ? nameField : codeField).focus();
}

/** Asks how a room is to be, and opens it. */
export function teach() {
  const begin = h("select", { name: "begin" }, WORKSHOPS.map(([file, text]) => h("option", { value: file }, t(text))),
    h("option", { value: "" }, t("teach_opening")));
  const { dialog } = sheetOf(
    t("teach_title"),
    async (values) => {
      const file = values.get("begin");
      const body = file ? await (await fetch(`examples/workshops/${file}.yaml`)).text() : "";
      const query = new URLSearchParams({ title: values.get("title"), seats: values.get("seats") });
      const opened = await (await ask(`?${query}`, { method: "POST", body })).json();
      enter(opened.code, opened.token);
    },
    h("p", { class: "muted" }, t("teach_says")),
    field(t("teach_begin"), begin),
    field(t("teach_name"), h("input", { name: "title", maxlength: 32 })),
    field(t("teach_seats"), h("input", { name: "seats", type: "number", min: 1, max: 1000, value: 30, required: true })),
    h("p", { class: "room-buttons" },
      h("button", { type: "submit", class: "primary" }, t("teach_open")),
      button(t("cancel"), () => dialog.close())),
  );
}
