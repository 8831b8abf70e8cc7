// A rehearsal: learners who are none, and do what a room does, over the same lines as everybody else. The clusters that
// they get are never played; what they tell of them is made up, and their names say so.

import { ask, connect, t } from "./base.js";

const LEARNERS = 30;
const EVERY_MS = 1500;
/** So many come at the same time. */
const AT_ONCE = 6;

const pick = (letters) => letters[Math.floor(Math.random() * letters.length)];

async function learner(code, index) {
  const body = JSON.stringify({ name: t("learner", { number: index + 1 }) });
  const { number, token } = await (await ask(`/${code}/participants`, { method: "POST", body })).json();
  const diligence = 0.01 + 0.05 * Math.random();
  let goals = [];
  let session = "";
  let question = null;
  let time = 30_000;
  let hand = false;
  const met = new Set();
  const line = connect(code, token, (kind, content) => {
    if (kind === "seat" || kind === "opened") {
      goals = content.objectives;
      session = content.session.id;
      met.clear();
    }
    if (kind === "seat") question = content.question;
    if (kind === "asked") question = content;
    if (kind === "lowered") hand = false;
    if (kind === "visit" && content === "asked") line.say({ consent: { yes: true } });
  }, () => {});
  const timer = setInterval(() => {
    time += EVERY_MS;
    const next = goals.find((id) => !met.has(id));
    if (next && Math.random() < diligence) met.add(next);
    if (!hand && Math.random() < 0.004) line.say({ hand: { up: (hand = true) } });
    if (question && Math.random() < 0.3) {
      line.say({ answer: { choice: Math.floor(Math.random() * question.choices.length) } });
      question = null;
    }
    const node = () => [Math.random() < 0.04 ? "o" : "r", Array.from({ length: 1 + Math.floor(Math.random() * 3) }, () => pick("rrrrrrrrsuf")).join("")];
    line.say({ status: { session, time, met: [...met], nodes: [node(), node(), node()], waiting: Math.random() < 0.1 ? "p" : "" } });
  }, EVERY_MS * (0.7 + 0.6 * Math.random()));
  return {
    number,
    end() {
      clearInterval(timer);
      line.end();
    },
  };
}

/** Fills a room with so many places left; `say` is the instructor's line, which takes everybody off the list at the end. */
export async function rehearse(code, places, say) {
  const wanted = Math.min(LEARNERS, Math.max(1, places));
  const learners = [];
  const end = async () => {
    for (const one of learners.splice(0)) {
      one.end();
      say({ remove: { number: one.number } });
      // The room takes only so much at once from one page.
      await new Promise((resolve) => setTimeout(resolve, 110));
    }
  };
  let next = 0;
  const some = async () => {
    while (next < wanted) learners.push(await learner(code, next++));
  };
  try {
    await Promise.all(Array.from({ length: AT_ONCE }, some));
  } catch (error) {
    await end();
    throw error;
  }
  return { end };
}
