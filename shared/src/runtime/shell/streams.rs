//! Where a task's streams lead: redirections, files, pipes.

use std::sync::Arc;

use crate::doc::Str;

use super::code::{Destination, Redirect};
use super::files::absolute;
use super::step::Surroundings;
use super::{LONGEST_TEXT, Sink, Task};

impl Task {
    pub(super) fn redirect(
        &mut self,
        redirects: &[Redirect],
        world: &mut Surroundings<'_>,
    ) -> Result<(), String> {
        let mut values = Vec::new().into_iter();
        self.redirect_with(redirects, &mut values, world)
    }

    pub(super) fn redirect_with(
        &mut self,
        redirects: &[Redirect],
        values: &mut std::vec::IntoIter<Str>,
        world: &mut Surroundings<'_>,
    ) -> Result<(), String> {
        for redirect in redirects {
            match &redirect.to {
                Destination::Read(word) => {
                    let name = self.text(word, values)?;
                    let path = absolute(&self.directory, &name);
                    self.io.input = match path.as_str() {
                        "dev/null" => Some(Str::new()),
                        "dev/stdin" | "dev/tty" => None,
                        path => match world.place.read(path) {
                            Ok(text) => Some(text.as_str().into()),
                            Err(_) => return Err(format!("can't open {name}: no such file")),
                        },
                    };
                }
                Destination::Text(word) => {
                    self.io.input = Some(format!("{}\n", self.text(word, values)?).into())
                }
                Destination::Heredoc(number) => {
                    let code = Arc::clone(&self.code);
                    self.io.input = Some(self.text(&code.heredocs[*number as usize], values)?.into());
                }
                Destination::Copy(from) => {
                    let sink = if *from == 2 { self.io.err.clone() } else { self.io.out.clone() };
                    self.set_sink(redirect.fd, sink);
                }
                Destination::Write(word) | Destination::Append(word) => {
                    let name = self.text(word, values)?;
                    let append = matches!(redirect.to, Destination::Append(_));
                    let sink = self.open(&name, append, world)?;
                    self.set_sink(redirect.fd, sink);
                }
            }
        }
        Ok(())
    }

    fn set_sink(&mut self, fd: u32, sink: Sink) {
        match fd {
            2 => self.io.err = sink,
            3 => (self.io.out, self.io.err) = (sink.clone(), sink),
            _ => self.io.out = sink,
        }
    }

    fn open(&mut self, name: &str, append: bool, world: &mut Surroundings<'_>) -> Result<Sink, String> {
        let path = absolute(&self.directory, name);
        Ok(match path.as_str() {
            "dev/null" => Sink::Nowhere,
            "dev/stdout" | "proc/1/fd/1" | "proc/self/fd/1" => Sink::Out,
            "dev/stderr" | "proc/1/fd/2" | "proc/self/fd/2" => Sink::Err,
            _ => {
                world
                    .place
                    .write(&path, "", append)
                    .map_err(|why| format!("can't create {name}: {}", lower(why)))?;
                Sink::File(path.into())
            }
        })
    }

    /// Writes to one of the task's streams.
    pub(super) fn write(&mut self, to_err: bool, text: &str, world: &mut Surroundings<'_>) {
        if text.is_empty() {
            return;
        }
        let sink = if to_err { self.io.err.clone() } else { self.io.out.clone() };
        match sink {
            Sink::Nowhere => {}
            Sink::Buffer => {
                let buffer = self.buffers.last_mut();
                if let Some(buffer) = buffer.filter(|buffer| buffer.len() + text.len() <= LONGEST_TEXT) {
                    buffer.push_str(text);
                }
            }
            Sink::File(path) => {
                if let Err(why) = world.place.write(&path, text, true) {
                    let message = format!("sh: write error: {why}\n");
                    self.emit(true, &message);
                    self.short = true;
                }
            }
            Sink::Out => self.emit(false, text),
            Sink::Err => self.emit(true, text),
        }
    }

    fn emit(&mut self, to_err: bool, text: &str) {
        match self.written.last_mut() {
            Some((last, before)) if *last == to_err => before.push_str(text),
            _ => self.written.push((to_err, text.to_owned())),
        }
    }

    /// The shell itself has something to say, and the command fails.
    pub(super) fn complain(&mut self, why: &str, world: &mut Surroundings<'_>) {
        self.write(true, &format!("sh: {why}\n"), world);
        self.status = 2;
        if why.starts_with("syntax error") {
            self.exit(2);
        }
    }
}

fn lower(why: &str) -> &str {
    if why == super::files::MISSING { "nonexistent directory" } else { why }
}
