//! Programs in containers that clients follow: what they write is passed on as it comes. Nobody's slowness costs more
//! memory than the cluster keeps of it.

use std::collections::{BTreeMap, VecDeque};

use shared::{
    cluster::{HttpResponse, ProgramOutput},
    doc::Str,
    session::Player,
};
use tokio::sync::{
    mpsc::{self, error::TrySendError},
    oneshot,
};

use super::replica::Reply;

/// Parts that may wait for a reader.
const PARTS: usize = 16;

/// What is told of a program.
pub enum Told {
    /// It wrote something: whether to standard error, and what.
    Output(bool, Str),
    /// It ended.
    Ended(HttpResponse),
    /// It wrote more than could be kept for somebody who reads so slowly.
    Lost,
}

struct Program {
    told: mpsc::Sender<Told>,
    /// How many parts are told.
    known: u64,
    /// What is left to tell of one that has ended.
    rest: Option<VecDeque<Told>>,
}

/// All programs of a session that are followed, by the step that runs them.
#[derive(Default)]
pub struct Programs(BTreeMap<u64, Program>);

impl Programs {
    /// How many there are.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// One has begun.
    pub fn open(&mut self, step: u64, reply: oneshot::Sender<Reply>) {
        let (told, reader) = mpsc::channel(PARTS);
        // Whoever asked may have gone: then the program finds nobody at the other end.
        let _ = reply.send(Reply::Program(reader));
        self.0.insert(step, Program { told, known: 0, rest: None });
    }

    /// A step was answered: if it ran a program, that is its end.
    pub fn end(&mut self, step: u64, response: &HttpResponse) {
        let Some(program) = self.0.get_mut(&step) else { return };
        let output = ProgramOutput::read(&response.body);
        program.rest = Some(match output.after(program.known) {
            Some(parts) => {
                let parts = parts.map(|(to_err, text)| Told::Output(*to_err, text.clone()));
                parts.chain([Told::Ended(response.clone())]).collect()
            }
            None => [Told::Lost].into(),
        });
    }

    /// Tells what is new, as far as the readers have room.
    pub fn tell(&mut self, player: &Player) {
        self.0.retain(|step, program| program.tell(*step, player));
    }
}

impl Program {
    /// Whether there may be more to tell.
    fn tell(&mut self, step: u64, player: &Player) -> bool {
        if self.told.is_closed() {
            return false;
        }
        if let Some(rest) = &mut self.rest {
            while !rest.is_empty() {
                match self.told.try_reserve() {
                    Ok(room) => {
                        if let Some(told) = rest.pop_front() {
                            room.send(told);
                        }
                    }
                    Err(TrySendError::Full(())) => return true,
                    Err(TrySendError::Closed(())) => return false,
                }
            }
            return false;
        }
        let Some(output) = player.output(step) else { return true };
        let Some(parts) = output.after(self.known) else {
            // What follows would not fit to what came before.
            self.rest = Some([Told::Lost].into());
            return true;
        };
        for (to_err, text) in parts {
            match self.told.try_send(Told::Output(*to_err, text.clone())) {
                Ok(()) => self.known += 1,
                Err(TrySendError::Full(_)) => return true,
                Err(TrySendError::Closed(_)) => return false,
            }
        }
        true
    }
}
