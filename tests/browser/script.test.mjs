// What the terminal makes of variables, `$(…)`, loops, conditions, functions, pipes and files: no page is needed for that.

import assert from "node:assert/strict";
import test from "node:test";

import { inOneLine, open } from "../../frontend/js/terminal/open.js";
import { programs } from "../../frontend/js/terminal/programs.js";
import { recalled } from "../../frontend/js/terminal/recall.js";

const PODS = ["web-1 Running 0", "web-2 CrashLoopBackOff 7", "db-0 Running 2"];
/** Programs of a kubectl that has three pods. */
const KUBECTL = {
  get: ({ args }) => (args.includes("name") ? PODS.map((line) => `pod/${line.split(" ")[0]}\n`).join("") : PODS.map((line) => `${line}\n`).join("")),
  delete: ({ args }) => `${args.slice(2).map((name) => `pod "${name}" deleted`).join("\n")}\n`,
  apply: ({ stdin }) => `applied <${stdin.replaceAll("\n", "/")}>\n`,
  check: ({ stdin }) => `error: "STDIN" has ${stdin.length} letters\n`,
  run: ({ args }) => `kind: Pod\nname: ${args[1]}\n`,
};

/** A shell and its files; `stop` ends it after so many lines. */
function shell({ files = new Map([["editor.yaml", "kind: Pod\n"]]), stop = 1000, typed = [] } = {}) {
  const said = { out: "", err: "" };
  let lines = 0;
  const put = (kind, text) => {
    said[kind] += text.replaceAll("\r\n", "\n").replace(/\x1b\[[\d;]*m/g, "");
    lines += (text.match(/\n/g) ?? []).length;
    if (lines >= stop) made.interrupt();
  };
  const made = programs({
    history: [], documented: async () => {}, typed: async () => typed.shift(),
    write: (text) => put("out", text), complain: (text) => put("err", text), clear: (text) => put("out", text),
    kubectl: (args, { stdin, out, err }) => {
      const act = KUBECTL[args[0]];
      if (args[0] === "check") err(act({ args, stdin }));
      else if (act) out(act({ args, stdin }));
      else err(`error: unknown command "${args[0]}"\n`);
      return { done: Promise.resolve(act ? 0 : 1), stop: () => {} };
    },
    store: {
      names: () => [...files.keys()], text: (name) => files.get(name),
      ready: async () => ({ write: (name, text) => void files.set(name, text), remove: (name) => files.delete(name), open: () => {}, show: () => {} }),
    },
  });
  return { said, files, play: (text, documents) => made.play(text, documents) };
}

async function played(text, options) {
  const { said, files, play } = shell(options);
  const code = await play(text);
  return { said: said.out, complaints: said.err, code, files };
}

const CASES = [
  ["X=1; echo $X ${X}2 '$X' \"$X\"", "1 12 $X 1\n"],
  // As in any shell, what nobody set is empty; a `$` before anything else is a letter.
  ["echo $NOBODY \"[$NOBODY]\" {.items[0].x} '{print $1}' $1 a$ 100$% \\$X", "[] {.items[0].x} {print $1} a$ 100$% $X\n"],
  ["echo $HOME $USER", "/root root\n"],
  ["for i in 1 2 3; do echo n$i; done", "n1\nn2\nn3\n"],
  ["for i in {1..3} {2..1}; do echo $i; done; echo web-{1..2}", "1\n2\n3\n2\n1\nweb-1 web-2\n"],
  ["for a in x y\ndo\n  for b in 1 2\n  do echo $a$b\n  done\ndone", "x1\nx2\ny1\ny2\n"],
  ["echo a |\n  cat", "a\n"],
  ["P=$(echo one two); for p in $P; do echo [$p]; done; for p in \"$P\"; do echo [$p]; done", "[one]\n[two]\n[one two]\n"],
  ["echo pre$(echo a b)post \"$(echo 'c  d')\"", "prea bpost c  d\n"],
  ["echo `echo old`", "old\n"],
  ["i=0; while [ $i -lt 3 ]; do i=$((i + 1)); echo $i; done; echo $((2 * (i + 1) % 5))", "1\n2\n3\n3\n"],
  ["i=0; until [ $i -ge 2 ]; do i=$((i+1)); done; echo $i", "2\n"],
  ["if [ -z \"\" ] && [ a != b ]; then echo yes; else echo no; fi", "yes\n"],
  ["if false; then echo 1; elif true; then echo 2; else echo 3; fi", "2\n"],
  ["false || echo or; true && echo and; false && echo never; echo $?", "or\nand\n1\n"],
  ["nothing; echo $?", "127\n"],
  ["if ! false; then echo turned; fi; ! echo a | grep -q b && echo none", "turned\nnone\n"],
  ["for i in 1 2 3; do if [ $i = 2 ]; then continue; fi; if [ $i = 3 ]; then break; fi; echo $i; done", "1\n"],
  ["export X=a; Y='b  c'; echo $X \"$Y\" $Y # words", "a b  c b c\n"],
  ["[ -f editor.yaml ] && echo there; [ -f other.yaml ] || echo missing", "there\nmissing\n"],
  ["X=; echo \"<$X>\" $X end", "<> end\n"],
  ["do='--dry-run=client -o yaml'; k run x $do | head -1", "kind: Pod\n"],
  ["echo a#b; echo 'it''s' $'tab\\tend' a\\ b", "a#b\nits tab\tend a b\n"],
  ["echo -n a; echo -e 'b\\nc'; printf '%s-%d\\n' x 1 y 2", "ab\nc\nx-1\ny-2\n"],
  ["for i in 1 2; do echo -n \"$i \"; done; echo -n end", "1 2 end\n"],
  // Functions.
  ["hi() { echo \"hi $1 of $#\"; return 3; }; hi a b; echo $?", "hi a of 2\n3\n"],
  ["function pods { local n=$1; k get pods | head -\"$n\"; }; n=9; pods 1; echo $n", "web-1 Running 0\n9\n"],
  ["all() { for x in \"$@\"; do echo [$x]; done; }; all 'a b' c; all", "[a b]\n[c]\n"],
  ["f()\n{\n  echo \"$2\"\n  shift\n  echo $1 $@\n}\nf 1 2 3", "2\n2 2 3\n"],
  ["count() { [ $1 -gt 0 ] || return; echo $1; count $(($1 - 1)); }; count 3", "3\n2\n1\n"],
  ["alias kgp='kubectl get pods'; kgp -o name | tail -1", "pod/db-0\n"],
  // case
  ["for s in Running Pending CrashLoopBackOff x; do case $s in Running) echo ok;; *Back* | P*) echo wait ;; *) echo \"$s?\"; esac; done", "ok\nwait\nwait\nx?\n"],
  ["case web-1 in\n  web-[0-9])\n    echo one\n    echo two\n    ;;\nesac", "one\ntwo\n"],
  ["case '*' in '*') echo star;; esac; case a in '*') echo wrong;; esac; echo $?", "star\n0\n"],
  ["if [[ web-1 == web-* && -n x ]]; then echo fits; fi; [[ abc =~ ^a.c$ ]] && echo matches; [[ -z $NONE ]] && echo empty", "fits\nmatches\nempty\n"],
  // Pipes into loops.
  ["kubectl get pods -o name | while read p; do echo \"<$p>\"; done", "<pod/web-1>\n<pod/web-2>\n<pod/db-0>\n"],
  ["k get pods | while read name status rest; do echo $status $name; done | sort | head -1", "CrashLoopBackOff web-2\n"],
  ["k get pods | grep web | while read -r name _; do [ $name = web-2 ] && k delete pod $name; done", "pod \"web-2\" deleted\n"],
  ["k get pods -o name | for i in 1 2; do read p; echo $i ${p#pod/}; done", "1 web-1\n2 web-2\n"],
  ["k get pods | { read first; echo \"$first\"; sort -r; }", "web-1 Running 0\nweb-2 CrashLoopBackOff 7\ndb-0 Running 2\n"],
  ["while true; do k get pods; done | head -4 | tail -1; for i in 1 2; do k get pods | head -1; done", "web-1 Running 0\nweb-1 Running 0\nweb-1 Running 0\n"],
  ["n=0; k get pods | while read l; do n=$((n+1)); done; echo $n; (n=9); echo $n", "3\n3\n"],
  ["while IFS=: read a b; do echo $b-$a; done <<< 'x:y'; echo \"[$IFS]\"", "y-x\n[]\n"],
  ["read a b <<< 'one two three'; echo \"$b\"; echo | read x || echo none", "two three\n"],
  ["k get pods -o name | xargs -n 1 echo; k get pods -o name | xargs -I{} echo '<{}>' | wc -l; k get pods -o name | xargs echo", "pod/web-1\npod/web-2\npod/db-0\n3\npod/web-1 pod/web-2 pod/db-0\n"],
  // What stands in braces.
  ["p=pod/web-1; echo ${p#*/} ${p%-*} ${p##*-} ${#p} ${p/web/db} ${p//[0-9]/N} ${x:-none} ${x:=set} $x ${p:+is}", "web-1 pod/web 1 9 pod/db-1 pod/web-N none set set is\n"],
  // Lists.
  ["a=(x 'y z'); echo ${a[0]} \"${a[@]}\" ${#a[@]} \"${a[1]}\" ${a[-1]}; for x in \"${a[@]}\"; do echo [$x]; done", "x x y z 2 y z y z\n[x]\n[y z]\n"],
  ["a=($(k get pods -o name)); a+=(more); a[5]=far; echo ${#a[@]} ${!a[@]} ${a[0]#pod/} \"${a[*]:1:2}\"; unset 'a[0]'; echo ${a[@]#pod/}",
    "5 0 1 2 3 5 web-1 pod/web-2 pod/db-0\nweb-2 db-0 more far\n"],
  ["a=()\na+=(\n  one # first\n  two\n)\necho ${#a[@]}; IFS=, ; echo \"${a[*]}\"; unset IFS; IFS=, read -ra p <<< 'x,y z'; echo ${#p[@]} \"${p[1]}\"", "2\none,two\n2 y z\n"],
  ["declare -A m=([a]=1 ['b c']=2); m[d]=3; for k in \"${!m[@]}\"; do echo \"$k=${m[$k]}\"; done; f() { local -a l=(p q); echo ${#l[@]}; }; f; echo \"<${l[0]}>\"", "a=1\nb c=2\nd=3\n2\n<>\n"],
  ["mapfile -t p < <(k get pods -o name); echo ${#p[@]} ${p[2]}; echo $(< editor.yaml); cat <(echo a) <(echo b)", "3 pod/db-0\nkind: Pod\na\nb\n"],
  ["for f in {a,b}.yaml web-{1..2}{x,y} {01..03} {e..c} {1..9..4} {} {a}; do echo -n \"$f \"; done", "a.yaml b.yaml web-1x web-1y web-2x web-2y 01 02 03 e d c 1 5 9 {} {a} \n"],
  // Sums.
  ["for ((i = 0; i < 3; i++)); do echo -n $i; done; ((i > 2)) && echo \" $((i ** 2)) $((i > 2 ? 7 : 8)) $((i += 4)) $i\"; a=(4 5); echo $((a[1] * 2)) $(( $(k get pods | wc -l) + 1 ))", "012 9 7 7 7\n10 4\n"],
  ["x=Hello; echo ${x:1:3} ${x: -2} ${x^^} ${x,,} ${x/#H/J} ${x/%o/a} ${#x}; n=x; echo ${!n}; set -- a b c; echo ${@:2} $#", "ell lo HELLO hello Jello Hella 5\nHello\nb c 3\n"],
  ["[[ web-12 =~ ^([a-z]+)-([0-9]+)$ ]] && echo ${BASH_REMATCH[1]} ${BASH_REMATCH[2]}; [[ ( a == b || c == c ) && b > a ]] && echo both", "web 12\nboth\n"],
  ["f() { set -e; false; echo never; }; (f); echo $?; set -o pipefail; k nope 2>&1 | cat >/dev/null; echo $?; set +o pipefail; set -u; echo $NONE; echo never", "1\n1\n"],
  ["sh -c 'echo $1 $0' x y; k get pods -o name | xargs -I{} sh -c 'echo \"<{}>\"' | head -1; time true 2>/dev/null; bash <<< 'echo in'", "y bash\n<pod/web-1>\nin\n"],
  ["for a in 1 2; do for b in 1 2; do [ $b = 2 ] && continue 2; echo $a$b; done; done; { echo a; echo b >&2; } 2>&1 | sort -r; echo x |& cat", "11\n21\nb\na\nx\n"],
  ["printf '%s\\n' a b | tr -d '\\n' | wc -c; printf 'a\\nb' | head -c 2; seq 5 | head -n -3; seq 3 | sed '$d' | tail -n +2; printf 'x  y\\n' | tr -s ' '", "2\na\n1\n2\n2\nx y\n"],
  ["printf '{\"a\":1}\\n{\"a\":\\n2}\\n' | jq -c .a; printf '1 2' | jq -s add; seq 0 0.5 1; seq -w 8 4 16; seq 3 -1 2", "1\n2\n3\n0.0\n0.5\n1.0\n08\n12\n16\n3\n2\n"],
  ["yes | head -2; yes no | while read x; do echo $x; break; done; for i in $(seq 20000); do :; done; echo $i; while true; do echo z; done | head -1", "y\ny\nno\n20000\nz\n"],
  // Behind.
  ["{ sleep 0.05; echo later; } & echo now; wait; echo $?", "[1] 1001\nnow\nlater\n0\n"],
  ["f() { sleep 0.0$1; return $1; }; f 3 & f 2 & p=$!; wait $p; echo $?; jobs | wc -l; wait %1; echo $?", "[1] 1001\n[2] 1002\n2\n1\n3\n"],
  ["sleep 100 & kill $!; wait; timeout 0.05 sleep 100; echo $?; sleep 100 &\nkill %%", "[1] 1001\n124\n[2] 1002\n[2]  Terminated              sleep 100\n"],
  // Complaints.
  ["k nope 2>/dev/null; k nope 2>&1 | sed 's/^/> /'; E=$(k nope 2>&1); echo \"$E\"", "> error: unknown command \"nope\"\nerror: unknown command \"nope\"\n"],
  ["k get pods >/dev/null && echo done; { k nope; } 2>/dev/null || echo failed", "done\nfailed\n"],
  ["echo -n admin | base64; echo admin | base64; echo YWRtaW4= | base64 -d; echo -n abc | wc -c", "YWRtaW4=\nYWRtaW4K\nadmin3\n"],
];

for (const [text, wanted] of CASES) {
  test(text, async () => assert.equal((await played(text)).said, wanted));
}

const isTab = (name) => `${name}: a tab of the YAML panel\n`;
/** What is said, and what a file holds then. */
const WRITTEN = [
  ["k run web > web.yaml; k apply -f web.yaml", `${isTab("web.yaml")}applied <kind: Pod/name: web/>\n`, "web.yaml", "kind: Pod\nname: web\n"],
  ["echo a > ./x; echo b >> x; cat x; ls", `${isTab("x")}a\nb\neditor.yaml\nx\n`, "x", "a\nb\n"],
  ["k get pods | grep web > web.txt", isTab("web.txt"), "web.txt", "web-1 Running 0\nweb-2 CrashLoopBackOff 7\n"],
  ["for i in 1 2; do echo $i; done > n; k nope > n2 2> err; wc -l n", `${isTab("n")}2\n`, "err", "error: unknown command \"nope\"\n"],
  ["k nope &> all", isTab("all"), "all", "error: unknown command \"nope\"\n"],
  ["k run web | tee web.yaml | k apply -f -", `${isTab("web.yaml")}applied <kind: Pod/name: web/>\n`, "web.yaml", "kind: Pod\nname: web\n"],
  ["sed -i s/Pod/Job/ editor.yaml; grep kind editor.yaml; cat < editor.yaml | k apply -f -", `${isTab("editor.yaml")}kind: Job\napplied <kind: Job/>\n`, "editor.yaml", "kind: Job\n"],
  ["cp editor.yaml a.yaml; mv a.yaml b.yaml; rm editor.yaml; ls", `${isTab("a.yaml")}b.yaml\n`, "b.yaml", "kind: Pod\n"],
  ["while read l; do echo \"> $l\"; done < editor.yaml; cat *.yaml | wc -l", "> kind: Pod\n1\n", "editor.yaml", "kind: Pod\n"],
  ["echo 'echo \"got $1\"; exit 4' > s.sh; bash s.sh me; echo $?", `${isTab("s.sh")}got me\n4\n`, "s.sh", "echo \"got $1\"; exit 4\n"],
  ["echo b > b.yml; echo c > c.txt; k apply -f .; k apply -f b.yml,editor.yaml; echo x | k apply -f b.yml; cat b.yml | k apply -f - -f c.txt",
    `${isTab("b.yml")}applied <b//---/kind: Pod/>\napplied <b//---/kind: Pod/>\napplied <b/>\napplied <b//---/c/>\n`, "b.yml", "b\n"],
  // What goes into a file is what was printed, to the letter.
  ["echo c2VjcmV0 | base64 -d > x; wc -c x", `${isTab("x")}6\n`, "x", "secret"],
  ["printf 'a\\r\\n\\e[1mb' | tee y | cat > x; wc -c y", `${isTab("y")}8\n`, "x", "a\r\n\x1b[1mb"],
  ["{ echo a; sleep 0.02; echo b; } > x &\nsleep 0.01; cat x; wait; cat x", `[1] 1001\na\na\nb\n`, "x", "a\nb\n"],
  ["printf 'no end' > x; echo \"$(cat x)\"", `${isTab("x")}no end\n`, "x", "no end"],
];

for (const [text, wanted, name, holds] of WRITTEN) {
  test(text, async () => {
    const { said, files } = await played(text);
    assert.equal(said, wanted);
    assert.equal(files.get(name), holds);
  });
}

test("a text that a line brings has values in it, unless its end stood in quotes", async () => {
  const { said, play } = shell();
  await play("X=1; for i in a b; do cat \ue0000 | grep n; done; cat \ue0001", [{ text: "n: $X $i \\$X $(echo s)\nm\n" }, { text: "$X\n", literal: true }]);
  assert.equal(said.out, "n: 1 a $X s\nn: 1 b $X s\n$X\n");
});

test("kubectl complains of a file by its name", async () => {
  assert.equal((await played("k check -f editor.yaml; cat editor.yaml | k check -f -; k check -f editor.yaml 2>&1 | wc -l")).complaints,
    'error: "editor.yaml" has 10 letters\nerror: "STDIN" has 10 letters\n');
});

test("what is read from nowhere else is what the person types", async () => {
  assert.equal((await played("read -p 'name? ' n; echo \"<$n>\"; read m || echo end", { typed: ["me too"] })).said, "<me too>\nend\n");
});

test("a loop without end goes on until Ctrl-C", async () => {
  const { said, code } = await played("while true; do echo again; done; echo never", { stop: 5 });
  assert.deepEqual([said, code], ["again\n".repeat(5), 130]);
  assert.match((await played("watch -n 0.01 'echo a; echo b'", { stop: 8 })).said, /^(Every 0\.0s: echo a; echo b\n\na\nb\n){2}$/);
});

test("what a script sets goes on in the next line", async () => {
  const { said, play } = shell();
  await play("f() { echo \"f $1\"; }; X=1");
  await play("f $X");
  assert.equal(said.out, "f 1\n");
});

test("what is no script is refused", async () => {
  for (const [text, wanted] of [
    ["done", /unexpected token `done'/], ["for 1 in a; do echo; done", /for NAME in WORDS/], ["if true; then fi", /unexpected token `fi'/],
    ["}", /unexpected token `}'/], ["for i in 1; do echo $i; done sort", /unexpected token `sort'/], ["a ;; b", /unexpected token `;;'/],
    ["k get pods -o jsonpath={.items[?(@.a)]}", /unexpected token `\('/],
    ["[ 1 -gt x ]", /integer expression expected/], ["echo $((1 +))", /arithmetic syntax error/], ["echo $((9007199254740991 + 1))", /arithmetic/],
    ["X=ab; while true; do X=$X$X; done", /X: the value is too long/], ["echo ${x:?wanted}", /^x: wanted/], ["cat < none", /^none: No such file/],
    ["$(".repeat(60) + "echo" + ")".repeat(60), /too much inside/], ["f() { f; f; }; f", /f: too much inside/], ["echo $(for i in 1)", /unexpected end of file/],
    ["echo >", /unexpected token `newline'/], ["xargs -n x echo", /usage: xargs/], ["echo a > ''", /No such file/],
  ]) {
    const { complaints, code } = await played(text);
    assert.match(complaints, wanted, text);
    assert.equal(code, 2, text);
  }
});

test("what is not whole asks for more", () => {
  for (const [text, wanted] of [
    ["for i in 1 2", "for"], ["for i in 1 2; do echo", "for"], ["while true; do", "while"], ["if true; then echo", "then"], ["if true", "if"],
    ["echo $(echo", "cmdsubst"], ["echo ${x", "braceparam"], ["for i in 1; do echo; done", undefined], ["kubectl get pods", undefined], ["done", undefined],
    ["f() {", "cursh"], ["f()", "function"], ["case x in", "case"], ["case x in a) echo", "case"], ["case x in a) echo;; esac", undefined],
    ["k get pods | while read x", "while"], ["a | ", "pipe"], ["(echo", "subsh"], ["[[ a", "cond"],
  ]) assert.equal(open(text), wanted, text);
});

test("a command of several lines is one in the history", () => {
  const lines = [["for i in 1 2", "do echo $i", "for"], ["f() {", "echo a", "cursh"], ["echo 'a", "b'", "quote"], ["k get pods |", "head -1", "pipe"], ["k get \\", "pods", ""]];
  assert.deepEqual(lines.map(([text, more, of]) => inOneLine(text, more, of)),
    ["for i in 1 2; do echo $i", "f() { echo a", "echo 'a b'", "k get pods | head -1", "k get pods"]);
});

test("diff says what tells two files apart", async () => {
  const files = new Map([["a", "one\ntwo\nthree\nfour\n"], ["b", "one\n2\nthree\nfour\nfive"], ["c", "ONE\ntwo\n three\nfour\n"]]);
  const told = async (line) => {
    const { said, play } = shell({ files });
    const code = await play(line);
    return [said.out + said.err, code];
  };
  assert.deepEqual(await told("diff a b"), ["2c2\n< two\n---\n> 2\n4a5\n> five\n\\ No newline at end of file\n", 1]);
  assert.deepEqual(await told("diff -u a b"), ["--- a\n+++ b\n@@ -1,4 +1,5 @@\n one\n-two\n+2\n three\n four\n+five\n\\ No newline at end of file\n", 1]);
  assert.deepEqual(await told("diff -U0 b a | grep @@"), ["@@ -2 +2 @@\n@@ -5 +4,0 @@\n", 0]);
  assert.deepEqual(await told("diff -iw a c && echo same"), ["same\n", 0]);
  assert.deepEqual(await told("diff -q a b"), ["Files a and b differ\n", 1]);
  assert.deepEqual(await told("diff -s a a"), ["Files a and a are identical\n", 0]);
  assert.deepEqual(await told("kubectl get po | diff - <(kubectl get po | sed 's/db-0/db-1/')"), ["3c3\n< db-0 Running 2\n---\n> db-1 Running 2\n", 1]);
  const [missing, code] = await told("diff a nowhere");
  assert.equal(code, 2);
  assert.match(missing, /^diff: nowhere: No such file or directory/);
  assert.deepEqual(await told("diff a"), ["diff: missing operand after 'a'\n", 2]);
});

test("tail -f tells what is written to a file, until it is stopped", async () => {
  const files = new Map([["log", "1\n2\n3\n"]]);
  const { said, play } = shell({ files, stop: 5 });
  const ended = play("tail -fn 2 log | sed 's/^/> /'");
  while (!said.out.includes("> 3")) await new Promise(setImmediate);
  files.set("log", "1\n2\n3\n4\n");
  while (!said.out.includes("> 4")) await new Promise(setImmediate);
  files.set("log", "new\n");
  assert.equal(await ended, 0);
  assert.deepEqual(said, { out: "> 2\n> 3\n> 4\n> new\n", err: "tail: log: file truncated\n" });
  // What comes through a pipe ends by itself.
  const piped = shell();
  assert.equal(await piped.play("kubectl get po | tail -f -n 1"), 0);
  assert.equal(piped.said.out, "db-0 Running 2\n");
  const none = shell();
  assert.equal(await none.play("tail -f nowhere.log"), 1);
  assert.match(none.said.err, /^tail: nowhere\.log: No such file or directory/);
});

test("what is trapped is done at the end, also at one that somebody else brings about", async () => {
  const told = async (line, stop) => {
    const { said, play } = shell({ files: new Map([["x.sh", "trap 'echo end $?' EXIT\necho begun\nexit 3\n"]]), stop });
    const code = await play(line);
    return [said.out + said.err, code];
  };
  assert.deepEqual(await told("bash x.sh"), ["begun\nend 3\n", 3]);
  assert.deepEqual(await told("(trap 'echo out' 0; echo in); echo on"), ["in\nout\non\n", 0]);
  assert.deepEqual(await told("(trap 'echo tidied' INT; while true; do echo x; sleep 0.01; done)", 3), ["x\nx\nx\ntidied\n", 130]);
  assert.deepEqual(await told("trap 'echo stopped' INT; while true; do echo x; sleep 0.01; done", 2), ["x\nx\nstopped\n", 130]);
  assert.deepEqual(await told("trap 'echo a' INT; trap; trap - INT; trap"), ["trap -- 'echo a' INT\n", 0]);
  assert.match((await told("trap 'echo a' ERR"))[0], /^trap: ERR: not in this terminal/);
  assert.match((await told("bg"))[0], /^bg: nothing can be halted here/);
});

test("who looks for what is not here is told what there is instead", async () => {
  for (const [line, words] of [["helm ls", /^helm: .*helm template/], ["yq .a", /^yq: .*jq/], ["man kubectl", /^man: .*--help/], ["ssh node-0", /^ssh: .*kubectl debug node/], ["ping 10.0.0.1", /^ping: .*kubectl run/]]) {
    const { said, play } = shell();
    assert.equal(await play(line), 127, line);
    assert.match(said.err, words);
  }
});

test("what a line takes from those before it stands in it, and signs of the shell's own stay", () => {
  const history = ["kubectl get pods -o wide", "k run 'a b' --image=nginx | grep x", "echo don't panic", "k apply -f web.yaml && echo \"it's done\""];
  for (const [line, whole] of [
    ["!!", history[3]], ["!! | head; !1", `${history[3]} | head; ${history[0]}`], ["cat !-4:3 !$", "cat -o \"it's done\""], ["!-3^ !-3$", "run x"], ["!-3:2", "'a b'"],
    ["!kubectl -A", `${history[0]} -A`], ["!?nginx? -c", `${history[1]} -c`], ["echo !*", `echo ${history[3].slice(2)}`], ["^web^api", history[3].replace("web", "api")],
    ["!echo:$", "panic"],
  ]) assert.equal(recalled(line, history), whole, line);
  for (const line of ["echo hi!", "! grep x", "[ a != b ]", "echo $! ${!x} [!a]*", "awk '!x[$1]++'", "k get po -l '!a' # !!", "echo \\!! \"done!\"", "#!/bin/sh", "!(a)"]) {
    assert.equal(recalled(line, history), line);
  }
  for (const [line, why] of [["!nothing", "!nothing: event not found"], ["!9", "!9: event not found"], ["!!:9", "!!:9: bad word specifier"], ["^no^yes", "^no^yes: substitution failed"],
    ["!!:s/a/b/", ":s: unrecognized history modifier"]]) {
    assert.throws(() => recalled(line, history), { message: why });
  }
  assert.throws(() => recalled("!!", []), { message: "!!: event not found" });
  assert.throws(() => recalled("!!".repeat(1000), ["x".repeat(9000)]), /too much/);
});
