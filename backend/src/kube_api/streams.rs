//! Answers that go on: watches, and logs that are followed. Nobody's slowness costs memory: what a reader has no room for
//! stays where it is.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use shared::{
    cluster::{Cluster, Watcher},
    etcd::Store,
};
use tokio::sync::mpsc::{self, error::TrySendError};

use super::{
    logs::Follower,
    replica::{Message, Part},
};

/// Parts that may wait for a reader, and about how large one is.
const PARTS: usize = 4;
const PART_BYTES: u64 = 64 << 10;

/// A watch ends after this time unless the client says otherwise; it then begins another.
const LONGEST: Duration = Duration::from_secs(45 * 60);

/// How often those who want to know are told how far a quiet watch has come.
const BOOKMARK: Duration = Duration::from_secs(60);

/// How often a log that is followed is looked at.
const LOOK: Duration = Duration::from_millis(250);

/// Who tells something.
pub enum Told {
    /// What happens to objects.
    Watch(Box<Watcher>),
    /// What a container says.
    Log(Box<Follower>),
}

struct Stream {
    told: Told,
    parts: mpsc::Sender<Part>,
    /// Whether somebody waits for room already.
    full: bool,
    ends: Instant,
    bookmark: Instant,
    look: Instant,
}

/// All streams of a session.
pub struct Streams {
    open: BTreeMap<u64, Stream>,
    next: u64,
    own: mpsc::WeakSender<Message>,
}

impl Streams {
    /// None yet; `own` is where to say that there is room again.
    pub fn new(own: mpsc::WeakSender<Message>) -> Self {
        Self { open: BTreeMap::new(), next: 0, own }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.open.len()
    }

    /// Opens one; what it tells comes out of the receiver.
    pub fn open(&mut self, told: Told) -> mpsc::Receiver<Part> {
        let (parts, reader) = mpsc::channel(PARTS);
        let now = Instant::now();
        let length = match &told {
            Told::Watch(watcher) => watcher.timeout().map(Duration::from_secs),
            Told::Log(_) => None,
        };
        let ends = now.checked_add(length.unwrap_or(LONGEST)).unwrap_or(now + LONGEST);
        let stream = Stream { told, parts, full: false, ends, bookmark: now + BOOKMARK, look: now };
        self.next += 1;
        self.open.insert(self.next, stream);
        reader
    }

    /// Something may have happened.
    pub fn tell(&mut self, cluster: &Cluster) {
        let (seen, all) = (cluster.watched(), self.open.keys().copied().collect::<Vec<u64>>());
        all.into_iter().for_each(|number| self.tell_one(number, cluster, seen));
    }

    /// A reader has room again.
    pub fn room(&mut self, number: u64, cluster: &Cluster) {
        if let Some(stream) = self.open.get_mut(&number) {
            stream.full = false;
            self.tell_one(number, cluster, cluster.watched());
        }
    }

    /// Time has passed.
    pub fn tick(&mut self, cluster: &Cluster) {
        let now = Instant::now();
        self.open.retain(|_, stream| stream.ends > now && !stream.parts.is_closed());
        for stream in self.open.values_mut().filter(|stream| stream.bookmark <= now) {
            stream.bookmark = now + BOOKMARK;
            if let Told::Watch(watcher) = &mut stream.told {
                let text = watcher.bookmark();
                // A reader who has no room is told something else soon enough.
                let _ = if text.is_empty() { Ok(()) } else { stream.parts.try_send(Ok(text.into())) };
            }
        }
        let logs: Vec<u64> = self
            .open
            .iter()
            .filter(|(_, stream)| matches!(stream.told, Told::Log(_)) && stream.look <= now)
            .map(|(&number, _)| number)
            .collect();
        logs.into_iter().for_each(|number| self.tell_one(number, cluster, None));
    }

    fn tell_one(&mut self, number: u64, cluster: &Cluster, seen: Option<&Store>) {
        let Some(stream) = self.open.get_mut(&number) else { return };
        let mut ended = false;
        while !stream.full && !ended {
            match stream.parts.try_reserve() {
                Ok(room) => {
                    let (text, more, last) = match &mut stream.told {
                        Told::Watch(watcher) => match seen {
                            Some(store) => {
                                let told = watcher.read(store, cluster.core().timestamp(), PART_BYTES);
                                (told.text, told.more, told.ended)
                            }
                            // The server is gone, and all connections to it.
                            None => (String::new(), false, true),
                        },
                        Told::Log(_) if stream.look > Instant::now() => break,
                        Told::Log(follower) => {
                            stream.look = Instant::now() + LOOK;
                            let (text, last) = follower.read(cluster);
                            (text, false, last)
                        }
                    };
                    if !text.is_empty() {
                        room.send(Ok(text.into()));
                    }
                    ended = last;
                    if !more {
                        break;
                    }
                }
                Err(TrySendError::Full(())) => {
                    stream.full = true;
                    wait_for_room(stream.parts.clone(), self.own.clone(), number);
                }
                Err(TrySendError::Closed(())) => ended = true,
            }
        }
        if ended {
            self.open.remove(&number);
        }
    }
}

fn wait_for_room(parts: mpsc::Sender<Part>, own: mpsc::WeakSender<Message>, number: u64) {
    tokio::spawn(async move {
        // Also when the reader has gone: then the stream is found closed.
        drop(parts.reserve().await);
        if let Some(own) = own.upgrade() {
            let _ = own.send(Message::Room(number)).await;
        }
    });
}
