// The editor's files, as tabs: each with a text and an undo history of its own.

import { element, say } from "./words.js";

/** What a new file is called: `editor.yaml`, `editor-2.yaml` … */
function free(names, wanted = "editor.yaml") {
  const [stem, end] = wanted.match(/^(.*?)(\.\w+)?$/).slice(1);
  for (let number = 1; ; number++) {
    const name = number === 1 ? wanted : `${stem}-${number}${end ?? ""}`;
    if (!names.includes(name)) return name;
  }
}

/** What leaves a field within so many milliseconds of a press was pressed elsewhere. */
const PRESSED_MS = 300;

/** Whether a file is as it came with a cluster or an example: nobody's work. */
const isUntouched = ({ brought, state }) => brought !== undefined && state.doc.toString() === brought;

/**
 * Tabs in `bar`. `begin(text)` makes an editor's state, `written(state, text)` another text in it that can be taken back, `show(state)` puts one
 * into the editor and `current()` reads it back; `changed()` hears of every change of the list; `undoable(text, undo)` shows a note with a button.
 */
export class Files {
  constructor(bar, { begin, written, show, current, changed, undoable }) {
    Object.assign(this, { bar, begin, written, show, current, changed, undoable });
    this.list = [];
    this.open = undefined;
    // Names and what closes them stand side by side, which a list of tabs may not have.
    bar.setAttribute("role", "toolbar");
    bar.addEventListener("keydown", (event) => this.key(event));
    // What is opened while the panel is hidden has no place yet to be revealed at.
    new ResizeObserver(() => this.reveal()).observe(bar);
  }

  /** The person's own files, and which of them is open, or was before an edit. */
  own() {
    this.keep();
    const list = this.list.filter((file) => file !== this.edit);
    const open = this.open === this.edit ? this.former : this.open;
    return { list, open: list.includes(open) ? open : list[0] };
  }

  /** The files with their texts, the open one first: it is what the terminal means by `-f -`. */
  texts() {
    const { list, open } = this.own();
    const all = [open, ...list.filter((file) => file !== open)].filter(Boolean);
    return all.map(({ name, state }) => [name, state.doc.toString()]);
  }

  /** All of it, to be kept. */
  saved() {
    const { list, open } = this.own();
    const kept = (file) => ({ name: file.name, text: file.state.doc.toString(), ...(isUntouched(file) && { brought: true }) });
    return { files: list.map(kept), open: list.indexOf(open) };
  }

  /** Puts what was kept in place of what is there; an edit that goes on stays. */
  restore({ files, open }) {
    this.list = files.map(({ name, text, brought }) => ({ name, state: this.begin(text), brought: brought && text }));
    const shown = this.list[open] ?? this.list[0];
    if (this.edit) this.list.push(this.edit);
    if (this.edit && this.open === this.edit) {
      this.former = shown;
      this.draw();
      return this.changed();
    }
    this.open = undefined;
    this.pick(shown);
  }

  /**
   * Puts what another cluster was made with (`[{name, text}]`) beside the person's own files, the last one open; what was brought
   * before and nobody has changed goes. The answer takes that back, and leaves alone what was changed meanwhile.
   */
  bring(list) {
    this.keep();
    const { open } = this;
    const gone = this.list.filter(isUntouched);
    this.list = this.list.filter((file) => !gone.includes(file));
    const here = new Set(this.list.map(({ state }) => state.doc.toString()));
    const came = list.filter(({ text }) => !here.has(text)).map(({ name, text }) => {
      const file = { name: free(this.list.map((one) => one.name), name), state: this.begin(text), brought: text };
      this.list.push(file);
      return file;
    });
    if (gone.includes(open)) this.open = undefined;
    if (open && open === this.edit) this.former = came.at(-1) ?? this.former;
    else if (came.length || !this.open) this.pick(came.at(-1) ?? this.list[0]);
    this.draw();
    this.changed();
    return () => {
      this.keep();
      this.list = [...gone, ...this.list.filter((file) => !came.includes(file) || !isUntouched(file))];
      if (this.list.includes(this.open)) this.draw();
      else {
        this.open = undefined;
        this.pick(this.list.includes(open) ? open : this.list[0] ?? this.add());
      }
      this.changed();
    };
  }

  /** Another example in place of one that nobody has changed is none of the person's either. */
  replaced(text) {
    if (isUntouched(this.open)) this.open.brought = text;
  }

  /** Opens the text that `kubectl edit` waits for, in a file of its own: it is nobody's to keep. */
  beginEdit(text) {
    if (this.edit) this.endEdit();
    this.former = this.open;
    this.edit = { name: free(this.list.map(({ name }) => name), "kubectl-edit.yaml"), state: this.begin(text) };
    this.list.push(this.edit);
    this.pick(this.edit, true);
  }

  /** Closes it, and answers what it has become; what was shown before it is shown again. */
  endEdit() {
    this.keep();
    const { edit, former } = this;
    if (!edit) return "";
    this.edit = undefined;
    this.list.splice(this.list.indexOf(edit), 1);
    if (this.open === edit) {
      this.open = undefined;
      if (this.list.length) this.pick(this.list.includes(former) ? former : this.list[0]);
      else this.add();
    } else {
      this.draw();
      this.changed();
    }
    return edit.state.doc.toString();
  }

  /** Shows a file of the person's own. */
  showOwn() {
    const { open } = this.own();
    if (!open) this.add();
    else if (open !== this.open) this.pick(open);
  }

  keep() {
    if (this.open) this.open.state = this.current();
  }

  add(text = "", wanted, focus = true) {
    const file = { name: free(this.list.map(({ name }) => name), wanted), state: this.begin(text) };
    this.list.push(file);
    this.pick(file, focus);
    return file;
  }

  named = (name) => this.list.find((file) => file.name === name && file !== this.edit);

  /** Puts a text into the file of that name for a program, and shows it without taking the focus. */
  write(name, text) {
    this.keep();
    let file = this.named(name);
    if (file) file.state = this.written(file.state, text);
    else this.list.push(file = { name, state: this.begin(text) });
    if (this.edit && this.open === this.edit) {
      this.former = file;
      this.draw();
      return this.changed();
    }
    // What the editor shows of it is the text of before.
    this.open = undefined;
    this.pick(file);
  }

  remove(name) {
    const file = this.named(name);
    if (file) this.close(file);
  }

  /** Shows the file of that name, a new one if there is none. */
  reopen(name) {
    const file = this.named(name);
    if (file) this.pick(file, true);
    else this.add("", name);
  }

  pick(file, focus) {
    this.keep();
    this.open = file;
    this.draw();
    this.reveal();
    this.show(file.state, focus);
    this.changed();
  }

  /** Of many tabs the open one may be one that does not fit beside the others. */
  reveal() {
    this.bar.querySelector("[data-open]")?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }

  close(file) {
    this.keep();
    const at = this.list.indexOf(file);
    this.list.splice(at, 1);
    if (this.open === file) this.open = undefined;
    if (!this.list.length) this.add();
    else if (!this.open) this.pick(this.list[Math.min(at, this.list.length - 1)]);
    this.draw();
    this.changed();
    if (!file.state.doc.toString().trim()) return;
    this.undoable(say("closed", { name: file.name }), () => {
      this.list.splice(Math.min(at, this.list.length), 0, file);
      this.pick(file, true);
    });
  }

  rename(file) {
    const tab = this.bar.children[this.list.indexOf(file)];
    const input = element("input", { label: "rename", value: file.name, maxlength: "60", spellcheck: "false" });
    let over = false;
    const end = (keep) => {
      if (over) return;
      over = true;
      const wanted = input.value.trim().replace(/[\s/\\]+/g, "-");
      if (keep && wanted && wanted !== file.name) {
        file.name = free(this.list.filter((one) => one !== file).map(({ name }) => name), wanted);
      }
      this.changed();
    };
    let settled = false;
    const settle = (stays) => {
      if (settled) return;
      settled = true;
      removeEventListener("pointerdown", press, { capture: true });
      const pick = this.pickOf(file);
      if (input.isConnected) input.replaceWith(pick);
      if (stays) pick.focus();
    };
    let pressed = -Infinity;
    const press = () => (pressed = performance.now());
    addEventListener("pointerdown", press, { capture: true });
    input.addEventListener("blur", () => {
      end(true);
      // What the pointer is about to press must not move away under it.
      if (performance.now() - pressed < PRESSED_MS) addEventListener("pointerup", () => setTimeout(settle), { once: true, capture: true });
      else setTimeout(settle);
    });
    input.addEventListener("keydown", (event) => {
      event.stopPropagation();
      if (event.key !== "Enter" && event.key !== "Escape") return;
      end(event.key === "Enter");
      settle(true);
    });
    tab.querySelector(".pick").replaceWith(input);
    input.focus();
    input.setSelectionRange(0, file.name.replace(/\.\w+$/, "").length);
  }

  /** Marks how many faults the open file has. */
  count(faults) {
    const tab = this.bar.children[this.list.indexOf(this.open)];
    const was = tab?.hasAttribute("data-count");
    if (faults) tab?.setAttribute("data-count", faults);
    else tab?.removeAttribute("data-count");
    // The mark makes it wider.
    if (faults && !was) this.reveal();
  }

  /** The name of a file, to be pressed. */
  pickOf(file) {
    const isOpen = file === this.open;
    return element("button", {
      class: "pick", "aria-current": isOpen && "true", tabindex: isOpen ? "0" : "-1", title: file === this.edit ? undefined : "rename_says",
      onclick: () => file !== this.open && this.pick(file, true), ondblclick: () => file !== this.edit && this.rename(file),
    }, file.name);
  }

  draw() {
    this.bar.replaceChildren(...this.list.map((file) => {
      const isOpen = file === this.open;
      return element("div", { class: "file", "data-open": isOpen }, this.pickOf(file),
        file !== this.edit && element("button", { class: "shut", label: "close_file", title: "close_file", tabindex: isOpen ? "0" : "-1", onclick: () => this.close(file) }, "×"));
    }), element("button", { class: "new", label: "new_file", title: "new_file", onclick: () => this.add() }, "+"));
  }

  key(event) {
    const at = this.list.indexOf(this.open);
    if (!event.target.classList.contains("pick")) return;
    if (["F2", "Delete"].includes(event.key) && this.open === this.edit) return;
    if (event.key === "F2") this.rename(this.open);
    else if (event.key === "Delete") this.close(this.open);
    else if (event.key === "ArrowRight") this.pick(this.list[(at + 1) % this.list.length]);
    else if (event.key === "ArrowLeft") this.pick(this.list[(at + this.list.length - 1) % this.list.length]);
    else return;
    event.preventDefault();
    event.stopPropagation();
    this.bar.querySelector("[aria-current]")?.focus();
  }
}
