// The files of the terminal: the tabs of the editor, what is being written, and what a command printed as a file.

import { plain } from "./commands.js";
import { Wrong } from "./filters.js";
import { inWords } from "./help.js";
import { Job } from "./jobs.js";

/** What programs do with the files of `store`; the first that one writes is told with `note(text)`. */
export function tabs(store, note) {
  let told = false;
  /** Files that are being written: what is read of them is as it will be. */
  const open = new Map();
  /** What commands printed, as files. */
  const printed = [];
  const text = (name, called) => {
    const wanted = plain(name);
    const found = open.get(wanted)?.text() ?? printed[name.match(/^\/dev\/fd\/(\d+)$/)?.[1] - 63] ?? store.text(wanted);
    if (typeof found === "string" || called === undefined) return found;
    const isOwn = /^(source|\.|bash|sh)$/.test(called);
    throw Object.assign(new Wrong(`${called && `${called}: `}${name}: No such file or directory${called && !isOwn ? ` (${inWords().lists})` : ""}`), { code: isOwn ? 127 : called ? 1 : 2 });
  };
  const desk = async (job) => {
    const ready = await job.until((done) => void store.ready().then(done));
    if (!ready) throw Object.assign(new Wrong(""), { code: 130 });
    return ready;
  };
  const named = (name) => {
    const wanted = plain(name);
    if (!wanted || wanted.length > 255 || /[\x00-\x1f]/.test(wanted)) {
      throw new Wrong(`${name}: ${wanted.length > 255 ? "File name too long" : "No such file or directory"}`);
    }
    return wanted;
  };
  const keep = async (name, said, script) => {
    const wanted = named(name);
    const refused = (await desk(new Job())).write(wanted, said);
    if (refused) throw Object.assign(new Wrong(refused), { code: 1 });
    if (told || !script.io.err.screen || script.io.behind) return;
    told = true;
    note(`${wanted}: ${inWords().is_tab}`);
  };
  /** A file to write to, which is kept when `end` is called, or a command has ended in front. */
  const fileOf = (name, adds, script) => {
    const wanted = named(name);
    const parts = [adds ? text(wanted) ?? "" : ""];
    let [length, isKept] = [parts[0].length, false];
    const file = {
      text() {
        if (parts.length > 1) parts.splice(0, parts.length, parts.join(""));
        return parts[0];
      },
      write(part) {
        parts.push(part);
        isKept = false;
        if ((length += part.length) > (store.most?.() ?? Infinity)) script.job.stop();
        else if (!open.has(wanted)) open.set(wanted, file);
      },
      async keep() {
        if (isKept) return;
        isKept = true;
        await keep(wanted, file.text(), script);
      },
      async end() {
        try {
          await file.keep();
        } finally {
          if (open.get(wanted) === file) open.delete(wanted);
        }
      },
    };
    return file;
  };
  return {
    text, keep, desk, file: fileOf, names: () => store.names(),
    /** A file of what a command printed, as long as the line is played that asks for it. */
    printed: (said) => `/dev/fd/${printed.push(said) + 62}`,
    /** A line has been played: what is written from behind is kept up to here. */
    async settle(script) {
      for (const file of [...open.values()]) await file.keep().catch((error) => script.complain(error));
      printed.length = 0;
    },
  };
}
