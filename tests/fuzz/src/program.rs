//! kubectl in front of a cluster, with a person who has one file.

use shared::{
    api::User,
    cluster::{Action, Cluster, Command, HttpRequest, HttpResponse, Outcome, Watching},
    doc::Str,
    kubectl::{Ask, Output, Program, Progress},
    sim::{Duration, Time},
};

/// Whatever a program does, it is interrupted after this time.
const PATIENCE: Duration = Duration::seconds(60);

/// Runs a program: `file` is its input, what it finds in any file, and what comes back from an editor.
pub fn run(cluster: &mut Cluster, words: Vec<Str>, file: &str) -> Option<Output> {
    let mut program = Program::new(words, file.into(), cluster.core().timestamp());
    let (mut held, end) = (None, cluster.now() + PATIENCE);
    loop {
        match program.run() {
            Progress::Done(output) => return Some(output),
            Progress::Needs(request) | Progress::Runs(request) => {
                let answer = ask(cluster, request, end)?;
                program.answer(answer);
            }
            Progress::Asks(Ask::Load(_) | Ask::Edit(_)) => program.reply(file.into()),
            Progress::Asks(ask) => program.reply(ask.unattended()),
            Progress::Watches(request, until) => {
                let mut watching = Watching::after(held.take(), request, until);
                loop {
                    if let Some(news) = watching.look(cluster, &User::admin()) {
                        program.answer(news);
                        break;
                    }
                    if !step(cluster, end) {
                        return None;
                    }
                }
                held = Some(watching);
            }
            Progress::Waits(length) => {
                let until = cluster.now() + length;
                if until > end {
                    return None;
                }
                cluster.advance_to(until);
                program.wake();
            }
        }
    }
}

fn ask(cluster: &mut Cluster, request: HttpRequest, end: Time) -> Option<HttpResponse> {
    let command = Command { at: cluster.now(), user: User::admin(), action: Action::Request(request) };
    let number = cluster.apply(command);
    loop {
        for (of, outcome) in cluster.take_outcomes() {
            if let (true, Outcome::Http(response)) = (of == number, outcome) {
                return Some(response);
            }
        }
        if !step(cluster, end) {
            return None;
        }
    }
}

fn step(cluster: &mut Cluster, end: Time) -> bool {
    cluster.next_at().is_some_and(|at| at <= end) && cluster.step()
}
