// `make dev`: Trunk rebuilds the page and this script rebuilds the server, each on its own changes. The server starts
// again when either is done; sessions outlive that. Reload the page to see the change.

import { spawn } from "node:child_process";
import { existsSync, mkdirSync, watch } from "node:fs";

const page = "target/dev-page";
const run = (command, args) => spawn(command, args, { stdio: "inherit" });
const ended = (child) => new Promise((resolve) => child.once("close", resolve));

let server;
async function restart() {
  if (server) {
    const gone = ended(server);
    server.kill();
    await gone;
  }
  server = run("target/release/kubarium", ["serve", "--page", page, ...process.argv.slice(2)]);
}

/** Does `work` after the last of a burst of calls, never twice at once. */
function settled(work) {
  let timer;
  let last = Promise.resolve();
  return () => {
    clearTimeout(timer);
    timer = setTimeout(() => (last = last.then(work)), 200);
  };
}

const start = settled(async () => {
  if (existsSync(`${page}/index.html`) && existsSync("target/release/kubarium")) await restart();
});
const build = settled(async () => {
  const code = await ended(run("cargo", ["build", "--locked", "--release", "--package", "kubarium"]));
  if (code === 0) start();
});

mkdirSync(page, { recursive: true });
const trunk = run("trunk", ["watch", "--dist", page]);
for (const signal of ["SIGINT", "SIGTERM"]) {
  process.on(signal, () => {
    trunk.kill();
    server?.kill();
    process.exit();
  });
}
for (const sources of ["backend/src", "shared/src"]) watch(sources, { recursive: true }, build);
watch(page, (_, name) => name === "index.html" && start());
build();
