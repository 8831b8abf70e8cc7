// Should the engine stop, what was done until then is handed out: it can be opened again, and played where somebody looks for
// the fault. Nobody can be asked for it then, so what was done since the last time is written down here.

import { parsed } from "./line.js";

/** A word as a shell reads it. */
const quoted = (word) => (/^[\w./:=,@%+-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`);

/** Programs of the terminal's that change nothing, or that somebody talks with. */
const LOOKS = /^(api-resources|api-versions|attach|auth|cluster-info|config|cp|debug|describe|diff|events|exec|explain|get|help|logs|options|port-forward|proxy|top|version|wait)$/;

/** What a request does, as a scenario has it; `undefined` where it does nothing that lasts. */
function actionOf({ command, terminal }) {
  const { apply, kubectl, fault, repair, delete: gone } = command?.command ?? {};
  if (gone) return { kubectl: `delete ${gone.object.kind} ${gone.object.name}${gone.object.namespace ? ` -n ${gone.object.namespace}` : ""}` };
  const { args = [], stdin } = terminal?.run ?? {};
  if (stdin && /^(apply|create)$/.test(args[0])) return { apply: stdin };
  if (command) return { apply, kubectl, fault, repair };
  return LOOKS.test(args[0]) || args.length === 0 ? undefined : { kubectl: args.map(quoted).join(" ") };
}

export class Deeds {
  #scenario;
  #since = [];

  /** Something is done, at a moment in milliseconds. */
  add(request, now) {
    const action = actionOf(request);
    if (action) this.#since.push({ at: `${Math.round(now)}ms`, ...action });
  }

  /** Another cluster is open. */
  forget() {
    this.#scenario = undefined;
    this.#since = [];
  }

  /** `asked` resolves to the scenario with all that was done until now. */
  async known(asked) {
    const since = this.#since;
    const { length } = since;
    const scenario = await asked;
    // Meanwhile it may be about another.
    if (since !== this.#since) return scenario;
    this.#scenario = scenario;
    since.splice(0, length);
    return scenario;
  }

  /** All of it; `undefined` when nothing was done, or nobody knows in what. */
  get whole() {
    const scenario = parsed(this.#scenario);
    if (scenario) scenario.spec.steps = [...(scenario.spec.steps ?? []), ...this.#since];
    return scenario && JSON.stringify(scenario);
  }
}
