//! A cluster of one's own whose server cannot be heard goes on here, as a branch that only this page knows. What is done
//! there waits for the server. Once it has all of that, its cluster is shown again.

use shared::{session::protocol::ClientMessage, sim::Time};

use super::Driver;
use crate::protocol::Reply;

/// A connection that comes back within this wall time was hardly gone, in milliseconds.
const GRACE_MS: f64 = 1500.0;
/// The server's clock is waited for no longer than this, in milliseconds.
const PATIENCE_MS: f64 = 3000.0;

/// Whether and where one goes on without the server.
#[derive(Default)]
pub(super) struct Apart {
    /// Wall time without the server.
    silent: f64,
    island: Option<Island>,
}

struct Island {
    /// The branches of the server's cluster and of the one that goes on.
    home: u32,
    course: u32,
    /// Steps that the server has or will be told.
    told: usize,
    /// Wall time since the server has all of them; until then none.
    back: Option<f64>,
}

impl Driver {
    /// Goes on without the server when it is gone for long, and with it when it is back.
    pub(super) fn tick_apart(&mut self, passed: f64) -> Vec<Reply> {
        self.session().send_due(passed);
        if self.apart.island.is_some() {
            self.tell_deeds();
            return self.come_back(passed);
        }
        let gone = self.replica.is_left_alone();
        self.apart.silent = if gone { self.apart.silent + passed } else { 0.0 };
        if self.apart.silent > GRACE_MS {
            self.go_on_alone();
        }
        Vec::new()
    }

    fn go_on_alone(&mut self) {
        let Some(island) = self.replica.island() else { return };
        self.past.pass(&self.replica);
        let told = island.log().len();
        let home = std::mem::replace(&mut self.replica, island);
        let course = self.past.course_mut();
        course.present = Some(Box::new(home));
        let home = course.id;
        self.past.branch(&self.replica, self.replica.cluster().now().0);
        self.accent_from = self.replica.next_command();
        self.apart.island = Some(Island { home, course: self.past.course().id, told, back: None });
    }

    /// What was done here since last time waits for the server.
    fn tell_deeds(&mut self) {
        let Some(island) = &mut self.apart.island else { return };
        let shown = self.past.course().id == island.course && self.past.present().is_none();
        let there = match shown {
            true => Some(&self.replica),
            false => self.past.by_id(island.course).and_then(|course| course.present.as_deref()),
        };
        let log = there.map(|there| there.log()).unwrap_or_default();
        let deeds = log.get(island.told..).unwrap_or_default().to_vec();
        island.told = island.told.max(log.len());
        if !deeds.is_empty() {
            island.back = None;
            self.session().keep(&deeds);
        }
    }

    /// Shows the server's cluster once that has all that was done here, and has come as far.
    fn come_back(&mut self, passed: f64) -> Vec<Reply> {
        let now = self.replica.cluster().now();
        let session = self.session();
        let is_back = session.is_back();
        let alone = session.said_to_be_alone();
        let there = session.cluster().now();
        let Some(island) = &mut self.apart.island else { return Vec::new() };
        if !is_back {
            island.back = None;
            return Vec::new();
        }
        let shown = self.past.course().id == island.course && self.past.present().is_none();
        let (home, course) = (island.home, island.course);
        if let Some(back) = &mut island.back {
            *back += passed;
            if shown && there < now && *back < PATIENCE_MS {
                return Vec::new();
            }
        } else {
            island.back = Some(0.0);
            if shown && alone && there < now {
                // Nobody else is there: their clock stood while this one went on.
                let until = Some(Time(now.0));
                self.session().say(ClientMessage::Pace { running: None, speed: None, until });
            }
            return Vec::new();
        }
        self.apart = Apart::default();
        self.session().end_island();
        if !shown {
            return Vec::new();
        }
        let replies = self.switch(home);
        self.past.forget(course);
        replies
    }
}

#[cfg(test)]
mod tests {
    use shared::{
        scenario::Scenario,
        session::protocol::{Entry, Horizon, Person, Role, ServerMessage, Welcome},
    };

    use super::*;
    use crate::{
        protocol::{Command, Request},
        worker::replica::Replica,
    };

    /// A session in which these people are, as this page is told of it, and what was said to its server.
    struct Session {
        driver: Driver,
        log: Vec<Entry>,
        heard: Vec<ClientMessage>,
        time: u64,
        people: u32,
    }

    impl Session {
        fn join(people: u32) -> Self {
            let mut session = Self {
                driver: Driver::new(Replica::first()),
                log: Vec::new(),
                heard: Vec::new(),
                time: 40_000,
                people,
            };
            let scenario = Some(Box::new(Scenario::opening()));
            let welcome = Welcome { scenario, ..session.welcome() };
            session.driver = Driver::new(Replica::together(welcome).expect("the opening can be played"));
            session.tell_presence();
            session.pass(200);
            session
        }

        fn horizon(&self) -> Horizon {
            let sequence = u64::try_from(self.log.len()).expect("short");
            Horizon { sequence, time: Time(self.time), running: true, speed: 1000 }
        }

        fn welcome(&self) -> Welcome {
            Welcome {
                engine: shared::ENGINE_VERSION.into(),
                role: Role::Editor,
                scenario: None,
                snapshot: None,
                log: Vec::new(),
                horizon: self.horizon(),
            }
        }

        fn tell_presence(&mut self) {
            let person =
                |at| Person { name: format!("Person {at}").into(), role: Role::Editor, you: at == 1 };
            let people = (1..=self.people).map(person).collect();
            self.driver.hear_server(ServerMessage::Presence { people });
        }

        /// Wall time passes; the page has a fast machine.
        fn pass(&mut self, wall: u32) {
            for _ in 0..wall / 33 {
                self.driver.tick(33.0, &|| 0.0);
                self.heard.extend(self.driver.session().said().map(|(said, _)| said).unwrap_or_default());
            }
        }

        /// The server is killed.
        fn lose(&mut self) {
            self.driver.session().lose(String::new());
        }

        /// It is there again and hears what waited: commands get their numbers, the clock goes where it is sent.
        fn come_back(&mut self) {
            self.heard.clear();
            self.driver.hear_server(ServerMessage::Welcome(Box::new(self.welcome())));
            self.tell_presence();
            for _ in 0..40 {
                self.pass(200);
                for message in std::mem::take(&mut self.heard) {
                    match message {
                        ClientMessage::Submit { id, action } => {
                            let sequence = u64::try_from(self.log.len()).expect("short") + 1;
                            let entry =
                                Entry { sequence, at: Time(self.time), by: "Person 1".into(), action };
                            self.driver.hear_server(ServerMessage::Accepted { id, sequence });
                            self.driver.hear_server(ServerMessage::Entry(entry.clone()));
                            self.log.push(entry);
                        }
                        ClientMessage::Pace { until: Some(until), .. } => self.time = self.time.max(until.0),
                        _ => {}
                    }
                }
                self.time += 200;
                self.driver.hear_server(ServerMessage::Horizon(self.horizon()));
            }
        }

        fn act(&mut self, command: Command) {
            self.driver.hear(Request::Command { id: 1, command });
        }

        fn apart(&mut self) -> bool {
            self.driver.session().said().expect("it is a session").1.apart
        }

        fn powered(&self, node: &str) -> bool {
            self.driver.view.nodes[node].power
        }
    }

    fn power_off(node: &str) -> Command {
        Command::Fault { target: format!("node/{node}"), kind: "PowerOff".to_owned() }
    }

    #[test]
    fn one_who_is_alone_goes_on_and_the_server_has_all_of_it_later_once_and_in_order() {
        let mut session = Session::join(1);
        session.lose();
        session.pass(1000);
        assert!(!session.apart(), "a short break is none");
        session.pass(1000);
        assert!(session.apart());
        let gone = session.driver.cluster_now();
        session.act(power_off("node-1"));
        session.pass(3000);
        session.act(Command::Repair { target: "node/node-1".to_owned() });
        session.act(power_off("node-2"));
        session.pass(3000);
        assert!(session.driver.cluster_now() > gone + 4000, "time stands still");
        assert!(session.powered("node-1") && !session.powered("node-2"), "what one does is not seen");
        let alone = session.driver.cluster_now();
        assert!(session.log.is_empty());

        session.come_back();
        assert!(!session.apart());
        let done: Vec<String> = session.log.iter().map(|entry| format!("{:?}", entry.action)).collect();
        assert_eq!(done.len(), 3, "{done:?}");
        assert!(
            done[0].contains("node-1") && done[1].starts_with("Repair") && done[2].contains("node-2"),
            "{done:?}"
        );
        assert!(session.log[1].at.0 > session.log[0].at.0 + 2000, "the second came later than the first");
        assert!(session.driver.replica().pace().is_some() && session.driver.cluster_now() >= alone);
        assert!(session.powered("node-1") && !session.powered("node-2"));
    }

    #[test]
    fn a_break_that_comes_again_loses_nothing() {
        let mut session = Session::join(1);
        session.lose();
        session.pass(2000);
        session.act(power_off("node-1"));
        session.pass(500);
        // It comes, says nothing more, and is gone again.
        session.driver.hear_server(ServerMessage::Welcome(Box::new(session.welcome())));
        session.pass(300);
        session.lose();
        session.act(power_off("node-2"));
        session.pass(500);
        assert!(session.apart() && !session.powered("node-2"));
        session.come_back();
        assert_eq!(session.log.len(), 2);
        assert!(!session.apart() && !session.powered("node-1") && !session.powered("node-2"));
    }

    #[test]
    fn where_others_are_time_waits_for_the_server() {
        let mut session = Session::join(2);
        session.lose();
        session.pass(500);
        let gone = session.driver.cluster_now();
        session.act(power_off("node-1"));
        session.pass(5000);
        assert!(!session.apart() && session.driver.cluster_now() == gone && session.powered("node-1"));
        session.come_back();
        assert!(session.log.len() == 1 && !session.powered("node-1"));
    }

    #[test]
    fn who_looks_back_meanwhile_stays_there() {
        let mut session = Session::join(1);
        session.lose();
        session.pass(2000);
        session.act(power_off("node-1"));
        session.pass(3000);
        // Before that, and after one came.
        let at = 40_100;
        session.driver.hear(Request::Past(crate::protocol::PastRequest::Look(at)));
        session.pass(500);
        session.come_back();
        assert_eq!((session.driver.cluster_now(), session.log.len()), (at, 1));
        assert!(!session.apart() && session.powered("node-1"));
    }
}
