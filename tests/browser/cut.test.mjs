// A program that was cut in two (scripts/outline.mjs, split.mjs, data.mjs) does what the whole does, and asks for its later
// part when it comes to what the profile did not see, not before.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { hits, instrument } from "../../scripts/module.mjs";
import { outlineModule } from "../../scripts/outline.mjs";
import { given, split } from "../../scripts/split.mjs";
import { root } from "./harness.mjs";

/** Each export takes a number; below 10 it goes where a profile looks. */
const PROGRAM = `(module
  (type $unary (func (param i32) (result i32)))
  (import "host" "note" (func $note (param i32)))
  (memory (export "memory") 1)
  (table 2 funcref)
  (elem (i32.const 0) $double $triple)
  (data (i32.const 1024) "hot!")
  (data (i32.const 1028) "\\10\\04\\00\\00")
  (data (i32.const 1040) "a constant that is read late, if ever")
  (func $double (type $unary) (i32.mul (local.get 0) (i32.const 2)))
  (func $triple (type $unary) (call $note (i32.const 3)) (i32.mul (local.get 0) (i32.const 3)))
  (func $late (param i32 i64 f64) (result i32)
    (i32.add (local.get 0) (i32.add (i32.wrap_i64 (local.get 1)) (i32.trunc_f64_s (local.get 2)))))
  (func (export "gives a value") (param $n i32) (result i32) (local $m i32)
    (local.set $m (i32.const 7))
    (i32.add (local.get $m)
      (if (result i32) (i32.lt_u (local.get $n) (i32.const 10)) (then (local.get $n))
        (else (local.set $m (i32.mul (local.get $m) (local.get $n))) (call $note (local.get $m)) (i32.sub (local.get $m) (i32.const 1))))))
  (func (export "goes to labels") (param $n i32) (result i32) (local $i i32) (local $sum i32) (local $wide i64) (local $real f64)
    (local.set $wide (i64.const 5))
    (local.set $real (f64.const 2.5))
    (block $done
      (block $odd
        (loop $again
          (local.set $i (i32.add (local.get $i) (i32.const 1)))
          (if (i32.ge_u (local.get $n) (i32.const 10))
            (then
              (local.set $sum (i32.add (local.get $sum) (call $late (local.get $i) (local.get $wide) (local.get $real))))
              (local.set $wide (i64.add (local.get $wide) (i64.const 3)))
              (local.set $real (f64.add (local.get $real) (f64.const 0.75)))
              (br_if $again (i32.lt_u (local.get $i) (i32.const 5)))
              (br_if $odd (i32.and (local.get $n) (i32.const 1)))
              (br_if $done (i32.eq (local.get $n) (i32.const 20)))
              (local.set $sum (i32.add (local.get $sum) (i32.const 1000)))))
          (br_if $again (i32.lt_u (local.get $i) (i32.const 8))))
        (br $done))
      (local.set $sum (i32.add (local.get $sum) (i32.const 100000))))
    (i32.add (i32.add (local.get $sum) (local.get $i)) (i32.trunc_f64_s (local.get $real))))
  (func (export "returns or falls") (param $n i32) (result i32) (local $m i32)
    (local.set $m (i32.const 3))
    (if (i32.ge_u (local.get $n) (i32.const 10))
      (then
        (local.set $m (i32.mul (local.get $n) (i32.const 5)))
        (call $note (local.get $m))
        (if (i32.lt_u (local.get $n) (i32.const 20)) (then (return (i32.add (local.get $m) (i32.const 9)))))
        (local.set $m (i32.add (local.get $m) (i32.const 4)))))
    (i32.add (local.get $m) (local.get $n)))
  (func (export "chooses") (param $n i32) (result i32) (local $m i32)
    (block $none
      (br_if $none (i32.lt_u (local.get $n) (i32.const 10)))
      (block $two (block $one (block $zero
        (br_table $zero $one $two $none (i32.rem_u (local.get $n) (i32.const 5))))
        (local.set $m (i32.const 11)) (br $two))
        (local.set $m (i32.const 22)) (call $note (local.get $n)) (br $none))
      (local.set $m (i32.add (local.get $m) (i32.const 33)))
      (return (i32.add (local.get $m) (local.get $n))))
    (i32.sub (local.get $m) (local.get $n)))
  (func (export "ends early") (param $n i32) (result i32)
    (block $bad
      (br_if $bad (i32.ge_u (local.get $n) (i32.const 38)))
      (br_if $bad (i32.eqz (i32.lt_u (local.get $n) (i32.const 10))))
      (return (call_indirect (type $unary) (local.get $n) (i32.const 0))))
    (call $note (local.get $n))
    (if (i32.ge_u (local.get $n) (i32.const 38)) (then (unreachable)))
    (call_indirect (type $unary) (local.get $n) (i32.const 1)))
  (func (export "reads constants") (param $n i32) (result i32)
    (if (result i32) (i32.lt_u (local.get $n) (i32.const 10)) (then (i32.load8_u (i32.add (i32.const 1024) (i32.and (local.get $n) (i32.const 3)))))
      (else (call $note (i32.const 0)) (i32.load8_u (i32.add (i32.load (i32.const 1028)) (i32.sub (local.get $n) (i32.const 10))))))))`;

const MAP = `    Addr      Off     Size Out     In      Symbol
       -        0        0 DATA
     400        0       40 .rodata
     400        0        4         program.o:(.rodata.hot)
     404        4        4         program.o:(.rodata.name)
     410       10       25         program.o:(.rodata.cold)
`;

function assemble() {
  const directory = mkdtempSync(join(tmpdir(), "kubarium-"));
  const file = (name) => join(directory, name);
  writeFileSync(file("program.wat"), PROGRAM);
  execFileSync(join(root, "node_modules/.bin/wasm-as"), [file("program.wat"), "-o", file("program.wasm"), "--enable-multivalue"]);
  const bytes = readFileSync(file("program.wasm"));
  rmSync(directory, { recursive: true });
  return new Uint8Array(bytes);
}

/** The program with what it tells its host, ready to be asked. */
function start(bytes, later) {
  const notes = [];
  const host = { note: (number) => void notes.push(number) };
  const link = () => {
    new WebAssembly.Instance(new WebAssembly.Module(later()), { host, first: given(exports) });
    exports.$loaded.value = 1;
  };
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes), { host, kubarium: { later: link } });
  const names = Object.keys(exports).filter((name) => name.includes(" ") || name === "chooses");
  const ask = (name, number) => {
    notes.length = 0;
    try {
      return `${exports[name](number)} ${notes}`;
    } catch (error) {
      return `${error.message} ${notes}`;
    }
  };
  return { exports, names, ask };
}

const numbers = Array.from({ length: 40 }, (_, number) => number);

test("a program that was cut in two does what the whole does", () => {
  const program = assemble();
  const watched = instrument(program);
  const profiled = start(watched.bytes);
  assert.equal(profiled.names.length, 6);
  for (const name of profiled.names) for (const number of numbers.slice(0, 10)) profiled.ask(name, number);
  const [outlined, isLater] = outlineModule(program, hits(profiled.exports, watched.marks));
  const [first, later, holes] = split(outlined, isLater, MAP);
  const holds = (bytes, text) => Buffer.from(bytes).includes(text);
  assert.deepEqual([holds(first, "read late"), holds(later, "read late")], [false, true]);
  assert.deepEqual([holds(first, "hot!"), holds(later, "hot!")], [true, false]);

  const whole = start(program);
  for (const name of whole.names) {
    for (const early of numbers.slice(10)) {
      let loads = 0;
      const parts = start(first, () => (loads++, later));
      for (const { from, to } of holes) new Uint8Array(parts.exports.memory.buffer, from, to - from).fill(0xa5);
      for (const number of numbers.slice(0, 10)) assert.equal(parts.ask(name, number), whole.ask(name, number), `${name} ${number}`);
      assert.equal(loads, 0, `${name} below 10 needs the later part`);
      for (const number of [early, ...numbers]) assert.equal(parts.ask(name, number), whole.ask(name, number), `${name} ${number}`);
      assert.equal(loads, 1, `${name} ${early} does without the later part`);
    }
  }
});
