// The tools' line to the worker (frontend/src/worker/tools.rs): kubectl programs, rehearsals of a text, the scenario.
// Text inside a list of one is theirs; the page's own program listens to plain text only.

const FIRST = 1 << 24;
const waiting = new Map();
const { kubarium } = window;
const { engine } = kubarium;
/** Numbers are the page's, not this module's: two bundles have it. */
const next = () => (kubarium.asked = (kubarium.asked ?? FIRST) + 1);

engine.addEventListener("message", ({ data }) => {
  if (!Array.isArray(data)) return;
  const reply = JSON.parse(data[0]);
  const [kind, of] = Object.entries(reply.terminal ?? reply)[0];
  waiting.get(of.id)?.(kind, of);
});

/** Runs kubectl without the leading word; resolves to what it printed and its exit code. */
export function kubectl(args, stdin = "") {
  const id = next();
  return new Promise((resolve) => {
    const result = { stdout: "", stderr: "", code: 0 };
    waiting.set(id, (kind, of) => {
      if (kind === "output") {
        result.stdout += of.stdout;
        result.stderr += of.stderr;
      } else if (kind === "asks") engine.postMessage(JSON.stringify({ terminal: { answer: { id, text: "" } } }));
      else {
        waiting.delete(id);
        resolve({ ...result, code: of.code });
      }
    });
    engine.postMessage(JSON.stringify({ terminal: { run: { id, args, stdin } } }));
  });
}

/** The parsed answer of `kubectl … -o json`, or `undefined`. */
export async function objects(args, stdin) {
  const { stdout, code } = await kubectl([...args, "-o", "json"], stdin);
  return code === 0 || stdout ? parsed(stdout) : undefined;
}

/** JSON, or `undefined`. */
export function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

let newest = 0;
/**
 * What applying `text` would come to; `seen` hears at once what is known of it (and how many of these the text alone tells: the
 * first), and once more, with `true`, when the one document that has changed was rehearsed. A newer call silences older ones.
 */
export function check(text, seen, rehearsed) {
  waiting.delete(newest);
  const id = (newest = next());
  waiting.set(id, (kind, of) => {
    const mended = (diagnostics) => diagnostics.map((one, index) => ({ ...one, fixes: of.fixes[index] }));
    if (kind === "seen") return seen(mended(of.diagnostics), of.settled, of.textual);
    waiting.delete(id);
    rehearsed({ ...of.outcome, diagnostics: mended(of.outcome.diagnostics) });
  });
  engine.postMessage([JSON.stringify({ id, check: text })]);
}

/** The cluster with everything that was done to it, as a scenario in JSON. */
export function scenario() {
  const id = next();
  return new Promise((resolve) => {
    waiting.set(id, (_, of) => {
      waiting.delete(id);
      resolve(of.text);
    });
    engine.postMessage([JSON.stringify({ id, scenario: true })]);
  });
}

/** What the worker says to a question (frontend/src/worker/panels.rs). */
export function ask(question) {
  const id = next();
  return new Promise((resolve) => {
    waiting.set(id, (_, of) => {
      waiting.delete(id);
      resolve(parsed(of.text));
    });
    engine.postMessage([JSON.stringify({ id, ...question })]);
  });
}
