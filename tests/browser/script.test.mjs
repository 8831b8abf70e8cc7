// What the terminal makes of variables, `$(…)`, loops and conditions: no page is needed for that.

import assert from "node:assert/strict";
import test from "node:test";

import { parse } from "shell-quote";
import { Wrong } from "../../frontend/js/terminal/filters.js";
import { open } from "../../frontend/js/terminal/open.js";
import { Script, controls } from "../../frontend/js/terminal/script.js";

/** A shell whose only program is `echo`; `stop` ends it after so many of those. */
function played(text, { stop = 1000 } = {}) {
  let [said, complaints, count] = ["", "", 0];
  const rest = async () => {};
  const interrupted = () => count >= stop;
  const CONTROL = controls({ exists: (name) => name === "editor.yaml", rest, interrupted });
  const split = (line) => parse(line, (name) => `$${name}`).map((token) => token.pattern ?? token.op ?? token);
  const script = new Script({
    rest, split, interrupted,
    clear: (text) => (said += text),
    complain: (text) => (complaints += text),
    capture: async (work) => {
      const before = said;
      said = "";
      await work();
      const own = said;
      said = before;
      return own;
    },
    run: async (line) => {
      const [name, ...args] = split(line).flatMap((token) => script.apart(token));
      if (name === undefined) return script.code;
      try {
        if (Object.hasOwn(CONTROL, name)) return await CONTROL[name](args);
      } catch (error) {
        if (!(error instanceof Wrong)) throw error;
        complaints += `${error.message}\n`;
        return 2;
      }
      if (name !== "echo") {
        complaints += `${name}: not found\n`;
        return 127;
      }
      count += 1;
      said += `${args.join(" ")}\n`;
      return 0;
    },
  });
  return script.play(text).then((code) => ({ said, complaints, code }));
}

const CASES = [
  ["X=1; echo $X ${X}2 '$X' \"$X\"", "1 12 $X 1\n"],
  // What nobody set is a letter: jsonpath and awk keep theirs.
  ["echo {.items[0].x} '{print $1}' $1 \"$NF\"", "{.items[0].x} {print $1} $1 $NF\n"],
  ["for i in 1 2 3; do echo n$i; done", "n1\nn2\nn3\n"],
  ["for i in {1..3} {2..1}; do echo $i; done", "1\n2\n3\n2\n1\n"],
  ["for a in x y\ndo\n  for b in 1 2\n  do echo $a$b\n  done\ndone", "x1\nx2\ny1\ny2\n"],
  // Pipes are not for this shell: what goes on in the next line is one command.
  ["echo a |\n  echo b", "a | echo b\n"],
  ["P=$(echo one two); for p in $P; do echo [$p]; done; for p in \"$P\"; do echo [$p]; done", "[one]\n[two]\n[one two]\n"],
  ["echo pre$(echo a b)post \"$(echo 'c  d')\"", "prea bpost c  d\n"],
  ["echo `echo old`", "old\n"],
  ["i=0; while [ $i -lt 3 ]; do i=$((i + 1)); echo $i; done; echo $((2 * (i + 1) % 5))", "1\n2\n3\n3\n"],
  ["i=0; until [ $i -ge 2 ]; do i=$((i+1)); done; echo $i", "2\n"],
  ["if [ -z \"\" ] && [ a != b ]; then echo yes; else echo no; fi", "yes\n"],
  ["if false; then echo 1; elif true; then echo 2; else echo 3; fi", "2\n"],
  ["false || echo or; true && echo and; false && echo never; echo $?", "or\nand\n1\n"],
  ["nothing; echo $?", "127\n"],
  ["if ! false; then echo turned; fi", "turned\n"],
  ["for i in 1 2 3; do if [ $i = 2 ]; then continue; fi; if [ $i = 3 ]; then break; fi; echo $i; done", "1\n"],
  ["export X=a; Y='b  c'; echo $X \"$Y\" $Y # words", "a b  c b c\n"],
  ["[ -f editor.yaml ] && echo there; [ -f other.yaml ] || echo missing", "there\nmissing\n"],
  ["X=; echo \"<$X>\" $X end", "<> end\n"],
];

for (const [text, wanted] of CASES) {
  test(text, async () => assert.equal((await played(text)).said, wanted));
}

test("a loop without end goes on until Ctrl-C", async () => {
  const { said, code } = await played("while true; do echo again; done; echo never", { stop: 5 });
  assert.deepEqual([said, code], ["again\n".repeat(5), 130]);
  assert.match((await played("watch -n 1 'echo a; echo b'", { stop: 4 })).said, /^(Every 1\.0s: echo a; echo b\n\na\nb\n){2}$/);
});

test("what is no script is refused", async () => {
  for (const [text, wanted] of [
    ["done", /unexpected token `done'/], ["for x; do echo; done", /for NAME in WORDS/], ["if true; then fi", /unexpected token `fi'/],
    ["{ echo a; }", /unexpected token `{'/], ["for i in 1; do echo $i; done | sort", /unexpected token `\|'/],
    ["[ 1 -gt x ]", /integer expression expected/], ["echo $((1 +))", /arithmetic syntax error/], ["echo $((9007199254740991 + 1))", /arithmetic/],
    ["X=ab; while true; do X=$X$X; done", /X: the value is too long/],
    ["$(".repeat(60) + "echo" + ")".repeat(60), /too much inside/],
  ]) {
    const { complaints, code } = await played(text);
    assert.match(complaints, wanted, text);
    assert.equal(code, 2, text);
  }
});

test("what is not whole asks for more", () => {
  for (const [text, wanted] of [
    ["for i in 1 2", "for"], ["for i in 1 2; do echo", "for"], ["while true; do", "while"], ["if true; then echo", "then"], ["if true", "if"],
    ["echo $(echo", "cmdsubst"], ["for i in 1; do echo; done", undefined], ["kubectl get pods", undefined], ["done", undefined],
  ]) assert.equal(open(text), wanted, text);
});
