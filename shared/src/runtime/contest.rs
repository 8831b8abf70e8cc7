//! Two servers of one pod share its address: who comes second to a port cannot have it, and ends.

use crate::doc::Str;
use crate::sim::{Context, Duration, Protocol, Timer};

use super::Runtime;
use super::container::{Container, Sandbox, Stage};
use super::image::{Found, repository};
use super::shell::Mount;

/// nginx asks so many times.
const TRIES: usize = 5;
/// Half a second lies between them.
const TRYING: Duration = Duration::millis(2500);

impl Runtime {
    /// The port of the container's own program that another program of the pod has already.
    fn contested(&self, sandbox: &Sandbox, container: &Container) -> Option<u32> {
        let Found::Known(spec) = self.images.find(&container.image) else { return None };
        let told = |mount: &Mount| ["/etc/", "/usr/local/"].iter().any(|from| mount.path.starts_with(from));
        let line = ["command", "args"].iter().any(|part| !container.doc[*part].is_empty());
        // Who is told something may have been told to listen elsewhere.
        if line || container.mounts.iter().any(told) {
            return None;
        }
        let has = |other: &Container, port: u32| {
            let own = other.own_since.is_some()
                && matches!(self.images.find(&other.image), Found::Known(spec) if spec.ports.contains(&port));
            own || other.tasks.iter().any(|task| self.task_serves(*task, (Protocol::Tcp, port)).is_some())
        };
        let others = || sandbox.containers.iter().filter(|it| it.running() && it.number != container.number);
        spec.ports.iter().copied().find(|port| others().any(|other| has(other, *port)))
    }

    /// Whether the image's own program finds its port taken; then it says so and ends.
    pub(super) fn loses_port(&mut self, number: u64, cx: &mut Context<'_>) -> bool {
        let Some((pod, name)) = self.numbered.get(&number) else { return false };
        // Most pods have one container, and there are many pods.
        let shared = self.sandboxes.get(pod).filter(|sandbox| sandbox.containers.len() > 1);
        let Some(sandbox) = shared else { return false };
        let Some(container) = sandbox.container(name) else { return false };
        let Some(port) = self.contested(sandbox, container) else { return false };
        let (lines, wait) = last_words(&container.image, port);
        let (now, at) = (cx.now(), cx.timestamp());
        let Some((_, container)) = self.numbered_mut(number) else { return false };
        if let Stage::Running { exit, .. } = &mut container.stage {
            *exit = Some(now + wait);
        }
        container.program.exit_code = 1;
        lines.into_iter().for_each(|line| container.log.line(at, line));
        cx.timer(wait, Timer { number, ..Timer::named("exit") });
        true
    }
}

/// What a server says that cannot have its port, and when it gives up.
fn last_words(image: &str, port: u32) -> (Vec<Str>, Duration) {
    let program = repository(image).rsplit('/').next().unwrap_or("");
    let one = |line: String| (vec![line.into()], Duration::ZERO);
    match program {
        "nginx" => {
            let tried =
                format!("nginx: [emerg] bind() to 0.0.0.0:{port} failed (98: Address already in use)");
            let mut lines = vec![Str::from(tried); TRIES];
            lines.push("nginx: [emerg] still could not bind()".into());
            (lines, TRYING)
        }
        "httpd" => one(format!(
            "(98)Address already in use: AH00072: make_sock: could not bind to address [::]:{port}"
        )),
        "redis" => one(format!(
            "# Warning: Could not create server TCP listening socket *:{port}: bind: Address already in use"
        )),
        _ => one(format!("listen tcp :{port}: bind: address already in use")),
    }
}
