// What runs and can be stopped, and the texts that go from one program to another while both run.

/** So much may wait for its reader before the writer waits for that, in characters. */
const MOST_WAITING = 1 << 16;
/** So long is worked at one go: keys and frames come in between. */
const TURN_MS = 12;

/** Something that runs: whoever stops it stops all that it began. */
export class Job {
  constructor(parent) {
    Object.assign(this, { stopped: parent?.stopped ?? false, ends: new Set() });
    this.leave = parent?.atEnd(() => this.stop());
  }
  stop() {
    this.stopped = true;
    for (const end of this.ends) end();
  }
  /** Calls `end` once this is stopped; answers what takes that back. */
  atEnd(end) {
    this.ends.add(end);
    return () => this.ends.delete(end);
  }
  /** Resolves to what `begin(done)` says with `done`, or to nothing once this is stopped; what `begin` answers tidies up. */
  until(begin) {
    if (this.stopped) return Promise.resolve();
    return new Promise((resolve) => {
      const done = (result) => {
        forget();
        tidy?.();
        resolve(result);
      };
      const forget = this.atEnd(() => done());
      const tidy = begin(done);
    });
  }
  rest(seconds) {
    return this.until((done) => {
      const timer = setTimeout(done, Math.min(seconds * 1000, 2 ** 31 - 1));
      return () => clearTimeout(timer);
    });
  }
}

let since = performance.now();
/** Lets the page breathe, when it is time. */
export async function breathe() {
  if (performance.now() - since < TURN_MS) return;
  await new Promise((resolve) => setTimeout(resolve));
  since = performance.now();
}

/** A text that is written at one end and read at the other; what is given to begin with is all there is. */
export class Pipe {
  constructor(text) {
    Object.assign(this, { text: text ?? "", at: 0, ended: text !== undefined, closed: false, watchers: new Set() });
    /** Is called when somebody writes whom nobody reads any more. */
    this.refuse = undefined;
  }

  changes() {
    for (const look of [...this.watchers]) look(true);
  }
  /** Resolves at the next change; to nothing when `job` is stopped. */
  change(job) {
    return job.until((done) => {
      this.watchers.add(done);
      return () => this.watchers.delete(done);
    });
  }
  write(part) {
    if (this.closed) return this.refuse?.();
    this.text += part;
    this.changes();
  }
  end() {
    this.ended = true;
    this.changes();
  }
  /** The reader has gone. */
  close() {
    Object.assign(this, { closed: true, text: "", at: 0 });
    this.changes();
  }
  /** Resolves once there is room again. */
  async room(job) {
    while (!this.closed && this.text.length - this.at > MOST_WAITING && await this.change(job));
  }

  took(end) {
    const part = this.text.slice(this.at, end);
    this.at = end;
    if (this.at > MOST_WAITING) [this.text, this.at] = [this.text.slice(this.at), 0];
    this.changes();
    return part;
  }
  /** The next line without its end, or nothing. */
  async line(job) {
    for (;;) {
      const end = this.text.indexOf("\n", this.at) + 1;
      if (end) return this.took(end).slice(0, -1);
      if (this.ended || !(await this.change(job))) break;
    }
    return this.at < this.text.length && !job.stopped ? this.took(this.text.length) : undefined;
  }
  /** Hands on what comes, until its end. */
  async each(job, hear) {
    do {
      if (this.at < this.text.length) await hear(this.took(this.text.length));
    } while (this.at < this.text.length || (!this.ended && await this.change(job)));
  }
  async rest(job) {
    const parts = [];
    await this.each(job, (part) => void parts.push(part));
    return parts.join("");
  }
}
