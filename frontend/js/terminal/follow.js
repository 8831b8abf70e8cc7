// `tail -f`: the end of files, and what is written to them from then on.

/** How often it looks, in seconds. */
const LOOKS = 0.2;

/** What `tail` is told that follows files: these, and its other words; `undefined` for all else. What comes through a pipe ends by itself. */
export function followed([name, ...args]) {
  if (name !== "tail") return undefined;
  const [files, rest] = [[], []];
  let follows = false;
  for (let at = 0; at < args.length; at++) {
    const arg = args[at];
    const isFollow = /^-(?![nc]\d)\w*[fF]\w*$|^--(follow|retry)/.test(arg);
    follows ||= isFollow;
    const left = isFollow ? arg.replace(/^--.*|[fF]/g, "") : arg;
    if (!left.startsWith("-")) files.push(...(left ? [left] : []));
    else if (left !== "-") rest.push(left, ...(/^-\w*[nc]$/.test(left) ? [args[++at] ?? ""] : []));
  }
  return follows && files.length ? { files, rest } : undefined;
}

/** `text(name, called)` reads a file. Until it is stopped. */
export async function follow({ files, rest }, script, text) {
  const { io, job } = script;
  const known = new Map(files.map((name) => [name, text(name, "tail").length]));
  const title = (name, before) => files.length > 1 && io.out.write(`${before}==> ${name} <==\n`);
  for (const [index, name] of files.entries()) {
    title(name, index ? "\n" : "");
    await script.shell.run(script, [{ words: ["tail", ...rest, name], leads: [] }]);
  }
  let last = files.at(-1);
  while (!job.stopped) {
    for (const name of files) {
      const now = text(name) ?? "";
      const isCut = now.length < known.get(name);
      if (isCut) io.err.write(`tail: ${name}: file truncated\n`);
      const more = isCut ? now : now.slice(known.get(name));
      known.set(name, now.length);
      if (!more) continue;
      if (name !== last) title(name, "\n");
      last = name;
      io.out.write(more);
      await io.out.room?.(job);
    }
    await job.rest(LOOKS);
  }
  return 130;
}
