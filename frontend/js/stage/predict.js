// "Where will it go?", "how long will it take?": asked before it happens, for those who want to be asked; then it happens, and
// the answer is told. What will happen is found out in a copy of the cluster (frontend/src/worker/panels/foresight.rs).

import { ask, button, follow, h, t } from "./base.js";

const { engine } = window.kubarium;
const pace = (pace) => engine.postMessage(JSON.stringify({ pace }));
/** Answers to "how long", with the longest time that each is right for, in milliseconds. */
const TIMES = [["soon", 30_000], ["minute", 120_000], ["minutes", 420_000], ["never", Infinity]];

export function create() {
  let on = false;
  let asking = false;
  /** Whether an answer is on the screen that nobody has put away. */
  let telling = false;
  /** Whether time passes, and did when the question came. */
  let running = true;
  let ran = true;
  /** What is to be done once it does. */
  let whenRunning;
  engine.addEventListener("message", ({ data }) => {
    if (typeof data !== "string" || !data.includes('"clock":{"running":')) return;
    running = data.includes('"clock":{"running":true');
    if (!running) return;
    whenRunning?.();
    whenRunning = undefined;
  });
  const asked = new Set();
  const score = { right: 0, all: 0 };
  const opener = h("button", { type: "button", class: "quiet predict", "aria-pressed": "false", onclick: () => toggle() });
  const card = h("section", { class: "predict-card", role: "dialog", hidden: true });
  const toggle = () => {
    on = !on;
    opener.setAttribute("aria-pressed", String(on));
    if (!on) close();
    else show(h("p", {}, t("predict_says")), button(t("close"), close));
  };
  card.addEventListener("keydown", (event) => {
    event.stopPropagation();
    if (event.key === "Escape") close();
  });
  function close() {
    const held = asking && ran;
    asking = telling = false;
    if (!held) return void (card.hidden = true);
    pace("play");
    // Until time passes the cards of what is on its way would take its place: the stage would make room twice, and what somebody
    // is about to press would move.
    whenRunning = () => requestAnimationFrame(() => requestAnimationFrame(() => (card.hidden = !asking && !telling)));
    return undefined;
  }
  function show(...parts) {
    const stage = document.querySelector(".stages > .stage");
    if (stage && card.parentNode !== stage) stage.append(card);
    card.ariaLabel = t("predict");
    card.toggleAttribute("data-asking", asking);
    card.replaceChildren(...parts);
    card.hidden = false;
    card.querySelector("button")?.focus();
  }
  /** Time stands still until there is an answer; `right` says whether it is, `told` what is so. */
  function question(text, answers, right, told, pod) {
    asking = true;
    ran = running;
    pace("pause");
    const choose = (answer) => () => {
      asking = false;
      telling = true;
      score.all++;
      const good = right(answer);
      if (good) score.right++;
      if (ran) pace("play");
      const look = pod && button(t("predict_why"), () => {
        document.querySelector(`.stages > .stage [data-place="pod/${CSS.escape(pod)}"]`)?.click();
        close();
      });
      show(h("p", { role: "status" }, h("b", {}, t(good ? "predict_right" : "predict_wrong")), " ", told),
        h("p", { class: "muted" }, t("predict_score", score)), h("p", { class: "picture-row" }, ...(look ? [look] : []), button(t("close"), close)));
    };
    show(h("p", {}, h("b", {}, text)), h("p", { class: "picture-row" }, ...answers.map(([name, answer]) => button(name, choose(answer)))), button(t("predict_skip"), close, { class: "link" }));
  }
  follow(document.documentElement, 250, async () => {
    const tools = document.querySelector(".desk .telling .words-tools");
    if (tools && opener.parentNode !== tools) tools.append(opener);
    if (opener.textContent !== t("predict")) opener.textContent = opener.title = t("predict");
    if (!on || asking || telling) return;
    const silent = (await ask({ ask: "silent" }))?.[0];
    const off = silent && `node/${silent.node}`;
    if (off && !asked.has(off)) {
      asked.add(off);
      const told = await ask({ ask: "when" });
      const took = told?.took ?? Infinity;
      const right = TIMES.findIndex(([, most]) => took <= most);
      const [minutes, seconds] = [Math.floor(Math.round(took / 1000) / 60), Math.round(took / 1000) % 60];
      const words = took === Infinity ? t("predict_never") : t(minutes ? "predict_took" : "predict_took_seconds", { minutes, seconds });
      if (on && !asking) question(t(`predict_when_${silent.why}`, silent), TIMES.map(([name], index) => [t(`time_${name}`), index]), (answer) => answer === right, words);
      return;
    }
    if (!off) for (const place of [...asked].filter((one) => one.startsWith("node/"))) asked.delete(place);
    const pod = await ask({ ask: "where" });
    if (!pod || !on || asking || asked.has(pod.uid)) return;
    asked.add(pod.uid);
    const nodes = pod.nodes.slice(0, 8).map((node) => [node, node]);
    question(t("predict_where", { pod: pod.name }), [...nodes, [t("predict_nowhere"), null]], (answer) => answer === pod.chosen,
      pod.chosen ? t("predict_placed", { node: pod.chosen }) : pod.why, pod.uid);
  });
}
