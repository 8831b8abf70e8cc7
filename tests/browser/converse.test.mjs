// A conversation with a program in a container, on a screen that is played here: no page is needed for that.

import assert from "node:assert/strict";
import test from "node:test";

import { converse } from "../../frontend/js/terminal/converse.js";
import { Line } from "../../frontend/js/terminal/line.js";

/** As much of a terminal as `Line` uses. */
class Screen {
  cols = 40;
  rows = [""];
  at = [0, 0];
  write(text) {
    for (const [, move, count, sign] of text.matchAll(/\x1b\[(?:(\d*)([A-Z]))|([^\x1b])/gs)) {
      let [row, column] = this.at;
      const by = Number(move || 1);
      if (count === "A") row = Math.max(0, row - by);
      else if (count === "C") column += by;
      else if (count === "J") this.rows = [...this.rows.slice(0, row), this.rows[row].slice(0, column)];
      else if (sign === "\r") column = 0;
      else if (sign === "\n") row += 1;
      else {
        if (column === this.cols) [row, column] = [row + 1, 0];
        while (this.rows.length <= row) this.rows.push("");
        this.rows[row] = this.rows[row].padEnd(column).slice(0, column) + sign + this.rows[row].slice(column + 1);
        column += 1;
      }
      while (this.rows.length <= row) this.rows.push("");
      this.at = [row, column];
    }
  }
  get text() {
    return this.rows.map((row) => row.trimEnd()).join("\n");
  }
}

function begun() {
  const screen = new Screen();
  const line = new Line(screen, { history: ["k get pods"], complete: async () => ({ from: 0, words: ["never"] }) });
  const sent = [];
  const program = {};
  const done = converse(line, program, (keys) => sent.push(keys), (text) => text);
  const type = async (text) => {
    for (const [key] of text.matchAll(/\x1b\[.|./gs)) line.key(key);
    await new Promise((resolve) => setTimeout(resolve));
  };
  return { screen, line, sent, program, done, type };
}

test("what is typed goes to the program, and its prompts stand before it", async () => {
  const { screen, line, sent, program, done, type } = begun();
  program.out("/ # ");
  await type("ls\r");
  assert.deepEqual(sent, [{ line: "ls\n" }]);
  program.out("bin\netc\n/ # ");
  await type("\x1b[A");
  assert.equal(screen.text, "/ # ls\nbin\netc\n/ # ls");
  await type("\x15cd /tmp\r");
  program.err("/tmp # ");
  await type("\x03");
  program.out("\n/tmp # ");
  await type("\x04");
  assert.deepEqual(sent.slice(1), [{ line: "cd /tmp\n" }, "interrupt", "end"]);
  program.out("\n");
  program.over();
  await done;
  assert.equal(screen.text, "/ # ls\nbin\netc\n/ # cd /tmp\n/tmp # ^C\n\n/tmp #\n\n");
  assert.deepEqual([line.history, line.asked], [["k get pods"], null]);
});

test("lines that come while one types stand above what is typed", async () => {
  const { screen, sent, program, type } = begun();
  program.out("/ # ");
  await type("while true; do date; sleep 1; done\r");
  program.out("one\n");
  await type("ech");
  program.out("two\nthr");
  program.out("ee\n");
  await type("o\r");
  assert.deepEqual(sent.at(-1), { line: "echo\n" });
  assert.equal(screen.text, "/ # while true; do date; sleep 1; done\none\ntwo\nthree\necho\n");
});

test("a program that ends while one types leaves a line of its own behind", async () => {
  const { screen, program, done, type } = begun();
  program.out("/ # ");
  await type("unsaid");
  program.over();
  await done;
  assert.equal(screen.text, "/ # unsaid\n");
});
