// What stands behind a pipe in the terminal: no page is needed for that.

import assert from "node:assert/strict";
import test from "node:test";

import { FILTERS } from "../../frontend/js/terminal/filters.js";

const PODS = ["NAME READY STATUS RESTARTS AGE", "web-1   1/1   Running   0   5m", "web-2   0/1   CrashLoopBackOff   7   5m", "db-0   1/1   Running   2   1h"];

function filtered(name, args) {
  const filter = FILTERS[name](args);
  return [...PODS.flatMap((line) => filter.line(line, true)), ...filter.end(true)];
}

const CASES = [
  ["awk", ["{print $1}"], ["NAME", "web-1", "web-2", "db-0"]],
  ["awk", ["NR>1 {print $1}"], ["web-1", "web-2", "db-0"]],
  ["awk", ["/Running/{print $1, $NF}"], ["web-1 5m", "db-0 1h"]],
  ["awk", ['$3=="Running"'], [PODS[1], PODS[3]]],
  ["awk", ["$3 !~ /Running/ {print $1}"], ["NAME", "web-2"]],
  ["awk", ['NR>1 && $4 > 1 {print $1"="$4}'], ["web-2=7", "db-0=2"]],
  ["awk", ["NR>1{n[$3]++} END{for (k in n) print k, n[k]}"], ["Running 2", "CrashLoopBackOff 1"]],
  ["awk", ["/Running/{NF=2; print}"], ["web-1 1/1", "db-0 1/1"]],
  ["awk", ['{s+=$4} END{print "total", s}'], ["total 9"]],
  ["awk", ['NR>1{printf "%-8s|%3d\\n", $1, $4}'], ["web-1   |  0", "web-2   |  7", "db-0    |  2"]],
  ["awk", ['NR>1{if ($4>0) print $1; else print "-"}'], ["-", "web-2", "db-0"]],
  ["awk", ['BEGIN{print "x"} !/web/{print toupper(substr($1,1,2))}'], ["x", "NA", "DB"]],
  ["awk", ['NR==2{$2="x"; print}'], ["web-1 x Running 0 5m"]],
  ["awk", ["-F/", "NR==2{print $2}"], ["1   Running   0   5m"]],
  ["awk", ["-v", "OFS=,", "NR>1{print $1,$3}"], ["web-1,Running", "web-2,CrashLoopBackOff", "db-0,Running"]],
  ["awk", ['NR>1{gsub(/-/, "_", $1); print $1}'], ["web_1", "web_2", "db_0"]],
  ["awk", ['NR>1{sub(/[0-9]+/, "<&>"); print $1}'], ["web-<1>", "web-<2>", "db-<0>"]],
  ["awk", ['NR>1{split($1, p, "-"); print p[2], p[1]}'], ["1 web", "2 web", "0 db"]],
  ["awk", ['NR>1{print ($4>1 ? "many" : "few")}'], ["few", "many", "many"]],
  ["awk", ['NR>1{printf("%s=%d\\n", $1, $4)}'], ["web-1=0", "web-2=7", "db-0=2"]],
  ["awk", ['NR>1{print $1; fflush()}'], ["web-1", "web-2", "db-0"]],
  ["grep", ["--ignore-case", "--count", "WEB"], ["2"]],
  ["head", ["--lines=1"], PODS.slice(0, 1)],
  ["sed", ["s/-/+/1;$!d"], ["db+0   1/1   Running   2   1h"]],
  ["sed", ["-n", "$="], ["4"]],
  ["base64", ["--wrap=0"], [Buffer.from(PODS.map((line) => `${line}\n`).join("")).toString("base64")]],
  ["column", ["-t"], ["NAME   READY  STATUS            RESTARTS  AGE", "web-1  1/1    Running           0         5m",
    "web-2  0/1    CrashLoopBackOff  7         5m", "db-0   1/1    Running           2         1h"]],
  ["tac", [], [...PODS].reverse()],
  ["sed", ["s/web/app/"], PODS.map((line) => line.replace("web", "app"))],
  ["sed", ["1d"], PODS.slice(1)],
  ["sed", ["-n", "2,3p"], PODS.slice(1, 3)],
  ["sed", ["/web-1/,/db/d"], [PODS[0]]],
  ["sed", ["2q"], PODS.slice(0, 2)],
  ["sed", ["-E", "1d;s/^([a-z]+)-([0-9]+) .*/\\2-\\1/"], ["1-web", "2-web", "0-db"]],
  ["sed", ["s/ \\+/,/g;$!d"], ["db-0,1/1,Running,2,1h"]],
  ["sed", ["-n", "s/CrashLoopBackOff/&!/p"], [PODS[2].replace("Off", "Off!")]],
  ["sed", ["s#/#-#g; 1,3d"], [PODS[3].replace("/", "-")]],
];

for (const [name, args, expected] of CASES) {
  test(`${name} ${args.join(" ")}`, () => assert.deepEqual(filtered(name, args), expected));
}

test("what awk and sed do not read is refused in their words", () => {
  const refused = (name, ...args) => {
    try {
      return filtered(name, args);
    } catch ({ message }) {
      return message;
    }
  };
  assert.match(refused("awk", "{print $1"), /^awk: syntax error at: the end/);
  assert.match(refused("awk", "{print )}"), /^awk: syntax error at: \)\}/);
  for (const program of ["function f(x){return x} {print f(1)}", "{while(1) print}", "{getline; print}", '{print $1 > "/tmp/x"}', "/a/,/b/"]) {
    assert.match(refused("awk", program), /is not known to this terminal's awk$/, program);
  }
  for (const field of ["100000000", "(0-1)"]) assert.match(refused("awk", `{$${field}=1}`), /^awk: trying to access out of range field/, field);
  for (const program of [`{print ${"(".repeat(100_000)}1`, '{printf "%999999999d", 1}', '{print $1 ~ "("}']) {
    assert.match(refused("awk", program), /^awk: (Maximum call stack|Invalid string length|Invalid regular expression)/);
  }
  assert.match(refused("sed", "s/(a)/\\U\\1/"), /\\U is not known/);
  assert.match(refused("grep", "--nope", "x"), /unrecognized option '--nope'/);
  assert.match(refused("sed", "s/a"), /unterminated `s' command/);
  assert.match(refused("sed", "y/a/b/"), /unknown command: `y'/);
});
