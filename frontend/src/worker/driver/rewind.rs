//! Looking back, going on from another moment, and branches: nothing of what was lived is lost by it.

use shared::sim::Time;

use super::{Driver, SKIP_LIMIT_MS, Search, beside::Beside, millis};
use crate::{
    protocol::{Command, PastReply, PastRequest, Reply, Speed},
    worker::{messages::Messages, past::Followed, replica::Replica},
};

/// Virtual milliseconds, at the cluster's own pace, by which a branch is behind that makes up for what nobody saw.
const MADE_UP_MS: f64 = 1000.0;

impl Driver {
    /// Does what the page asks about other moments.
    pub(super) fn travel(&mut self, request: &PastRequest) -> Vec<Reply> {
        match *request {
            PastRequest::Look(at) => self.look_at(at),
            PastRequest::Now => self.look_at(u64::MAX),
            PastRequest::Fork { repeat } => {
                self.fork(repeat);
                self.tell_past()
            }
            PastRequest::Switch(id) => self.switch(id),
            PastRequest::Compare(id) => {
                self.beside = id.and_then(|id| self.compare(id));
                self.tell_past()
            }
        }
    }

    /// How far time may go: no further than the present, for who looks back.
    pub(super) fn limit(&self) -> Time {
        self.past.present().map_or_else(|| self.replica.limit(), |present| present.cluster().now())
    }

    /// Turns to the moment at `at`; it is shown once it is worked out.
    fn look_at(&mut self, at: u64) -> Vec<Reply> {
        let now = self.cluster_now();
        let head = self.past.present().map_or(now, |present| present.cluster().now().0);
        (self.search, self.stop_at) = (None, None);
        if at >= head {
            self.past.seek = None;
            let Some(present) = self.past.course_mut().present.take() else { return Vec::new() };
            return self.show(*present, false);
        }
        // Who joined late began with a snapshot: what was before is played from the beginning.
        let joined = self.session().sequence().is_some();
        if joined
            && self.past.course().moments.first().is_some_and(|first| at < first)
            && let Some(beginning) = self.past.present().unwrap_or(&self.replica).beginning()
        {
            self.past.course_mut().moments.begin(&beginning);
        }
        let at = at.max(self.past.course().moments.first().unwrap_or(now));
        self.leave();
        self.running = false;
        let course = self.past.course();
        let (Some(moment), Some(present)) = (course.moments.before(at), &course.present) else {
            return Vec::new();
        };
        // From where one is it may be nearer.
        if now > at || moment.cluster().now().0 > now {
            self.replica = moment.destined(present.log());
        }
        self.past.seek = Some(at);
        self.tell_past()
    }

    /// Turns to a moment that may lie before all that were kept, as of a cluster that a link brought: it is played
    /// again from its beginning. To one that is to come time passes at once, as far as any skip goes. Time stands still there.
    pub fn look_from_the_beginning(&mut self, at: u64) -> Vec<Reply> {
        if self.replica.pace().is_some() {
            return Vec::new();
        }
        // A large cluster is still on its way to where it opens.
        if self.search.is_some() {
            return Vec::new();
        }
        self.running = false;
        let now = self.cluster_now();
        if at > now {
            self.search = Some((Search::Opening, at.min(now + SKIP_LIMIT_MS)));
        }
        if at >= now {
            return Vec::new();
        }
        if self.past.course().moments.first().is_none_or(|first| at < first)
            && let Some(beginning) = self.replica.beginning()
        {
            self.past.course_mut().moments.begin(&beginning);
        }
        self.look_at(at)
    }

    /// The replica that speaks with the server: others go on while somebody looks back.
    pub fn session(&mut self) -> &mut Replica {
        if self.replica.pace().is_some() {
            return &mut self.replica;
        }
        self.past.shared().unwrap_or(&mut self.replica)
    }

    /// Follows the others while something else is looked at.
    pub(super) fn keep_up(&mut self, late: &dyn Fn() -> bool) {
        if self.replica.pace().is_some() {
            return;
        }
        let Some(shared) = self.past.shared() else { return };
        let limit = shared.limit();
        while shared.next_at().is_some_and(|at| at <= limit) {
            if late() {
                return;
            }
            shared.step();
        }
        shared.advance_to(limit);
        // Who asked for something is told when it is done; nobody looks at it now.
        shared.outcomes();
    }

    /// Works on the way to the moment that is to be shown.
    pub(super) fn seek(&mut self, late: &dyn Fn() -> bool) -> Vec<Reply> {
        let Some(at) = self.past.seek else { return Vec::new() };
        while self.replica.next_at().is_some_and(|next| next.0 <= at) {
            if late() {
                return Vec::new();
            }
            self.replica.step();
        }
        self.replica.advance_to(Time(at));
        self.past.seek = None;
        let replica = self.replica.clone();
        self.show(replica, false)
    }

    /// Who has come to the present again lives in it.
    pub(super) fn rejoin(&mut self) {
        let arrived = |present: &Replica| self.replica.cluster().now() >= present.cluster().now();
        if self.past.seek.is_none()
            && self.past.present().is_some_and(arrived)
            && let Some(present) = self.past.course_mut().present.take()
        {
            self.replica = *present;
            self.follow_again();
            self.follow_the_pace();
        }
    }

    /// The present is left for another moment or branch; what was followed in it waits there. In a cluster of several
    /// others go on meanwhile: nobody could say later when something was over.
    fn leave(&mut self) {
        if self.past.present().is_some() {
            return;
        }
        let followed = self.replica.pace().is_none().then(|| Followed {
            story: self.story.clone(),
            accent_from: self.accent_from,
            accented: self.accented.clone(),
        });
        let course = self.past.course_mut();
        (course.present, course.followed) = (Some(Box::new(self.replica.clone())), followed);
    }

    /// What was followed in the present is followed on, now that it is shown again.
    fn follow_again(&mut self) {
        if let Some(followed) = self.past.course_mut().followed.take() {
            self.story = followed.story;
            (self.accent_from, self.accented) = (followed.accent_from, followed.accented);
        }
    }

    /// Shows another state of the cluster in place of this one; what the viewer chose stays.
    fn show(&mut self, replica: Replica, running: bool) -> Vec<Reply> {
        let old = std::mem::replace(self, Self::new(replica));
        (self.speed, self.scene, self.inspected) = (old.speed, old.scene, old.inspected);
        (self.past, self.beside, self.before_fault) = (old.past, old.beside, old.before_fault);
        (self.read_only, self.apart) = (old.read_only, old.apart);
        // A moment before the opening is a moment as well.
        self.search = None;
        self.running = running;
        self.follow_the_pace();
        self.accent_from = self.replica.next_command();
        if self.past.present().is_none() {
            self.follow_again();
        }
        let mut replies = vec![self.first_frame()];
        if old.map.is_some() {
            replies.extend(self.begin_map());
        }
        replies.extend(self.inspection());
        let now = self.cluster_now();
        if let Some(id) = self.beside.as_ref().map(|beside| beside.id())
            && now < self.beside.as_ref().map_or(0, |beside| beside.now())
        {
            self.beside = self.compare(id);
        }
        replies
    }

    /// In a cluster of several the pace is the server's.
    pub(super) fn follow_the_pace(&mut self) {
        if let Some((running, speed)) = self.replica.pace() {
            (self.running, self.speed) = (running, Speed::Milli(speed));
        }
    }

    /// Goes on from the shown moment in a branch of its own; with `repeat`, what was done later is done there, too.
    pub(super) fn fork(&mut self, repeat: bool) {
        self.past.pass(&self.replica);
        self.leave();
        if self.replica.pace().is_some() {
            self.replica = self.replica.destined(&[]);
        }
        if !repeat {
            self.replica.forget_future();
        }
        self.past.seek = None;
        self.past.branch(&self.replica, self.replica.cluster().now().0);
        self.accent_from = self.replica.next_command();
    }

    /// Shows another branch.
    pub(super) fn switch(&mut self, id: u32) -> Vec<Reply> {
        if id == self.past.course().id {
            return Vec::new();
        }
        let beside = self.beside.take().filter(|beside| beside.id() == id);
        self.leave();
        self.past.seek = None;
        let Some(mut replica) = self.past.switch(id) else { return Vec::new() };
        self.before_fault = None;
        // Both were seen at one moment, and that stays: what was lived beside is lived.
        let at = beside.as_ref().filter(|_| replica.pace().is_none()).map(|beside| beside.now());
        if let Some(beside) = beside.filter(|_| at.is_some_and(|at| at >= replica.cluster().now().0)) {
            replica = beside.lived();
            if let Some(followed) = &mut self.past.course_mut().followed {
                followed.story = None;
            }
        }
        let shown = self.show(replica, self.running);
        // The page knows which branch it is before it sees it.
        let mut replies = self.tell_past();
        replies.extend(shown);
        if let Some(at) = at.filter(|at| *at < self.cluster_now()) {
            replies.extend(self.look_at(at));
        }
        replies
    }

    /// Another branch, to be shown beside this one.
    fn compare(&mut self, id: u32) -> Option<Box<Beside>> {
        let now = self.cluster_now();
        let (mine, parted) = (self.past.course().lost, self.past.course().from);
        let course = self.past.by_id(id)?;
        let present = course.present.as_deref()?;
        let replica = if present.cluster().now().0 <= now {
            present.clone()
        } else {
            let moment = course.moments.before(now).or_else(|| course.moments.before(u64::MAX))?;
            moment.destined(present.log())
        };
        // The younger of the two says when they parted.
        let parted = if course.from > parted { (course.from, course.lost) } else { (parted, mine) };
        Some(Box::new(Beside::new(id, replica, parted)))
    }

    /// Goes back to just before the last fault, and does something else there.
    pub(super) fn rewind(&mut self, then: &[Command]) -> Vec<Reply> {
        let Some(before) = self.before_fault.clone() else { return Vec::new() };
        self.leave();
        // Nothing was struck there at that very moment.
        self.past.branch(&before, before.cluster().now().0.saturating_sub(1));
        self.before_fault = None;
        let shown = self.show((*before).clone(), true);
        let mut replies = self.tell_past();
        replies.extend(shown);
        for command in then {
            self.act(None, command);
        }
        // All of it is one deed: the accent begins with its first command, and so does the way back.
        if !then.is_empty() {
            self.accent_from = before.next_command();
            self.before_fault = Some(before);
        }
        replies.extend(self.inspection());
        replies
    }

    /// Lets the branch beside follow the clock of this one.
    pub(super) fn tick_beside(&mut self, late: &dyn Fn() -> bool) -> Vec<Reply> {
        let Some(beside) = &mut self.beside else { return Vec::new() };
        if self.past.seek.is_some() {
            return Vec::new();
        }
        let clock = (self.now, self.scene, self.rate, self.running);
        beside.follow(clock, (self.replica.cluster(), self.visitors.lost), late)
    }

    pub(super) fn tell_past(&mut self) -> Vec<Reply> {
        self.tell_of_past(true)
    }

    /// The marks of a large cluster wait for its next look.
    pub(super) fn tell_of_past(&mut self, due: bool) -> Vec<Reply> {
        let now = self.cluster_now();
        let beside = self.beside.as_ref().map(|beside| beside.id());
        self.past.tell(now, beside, due).into_iter().map(Reply::Past).collect()
    }

    /// Comes to `now` of another clock, as far as time allows; tells what is seen on the way.
    pub(super) fn follow(
        &mut self,
        (now, scene, rate, running): (f64, f64, f64, bool),
        late: &dyn Fn() -> bool,
    ) -> Option<Reply> {
        let mut drawn = super::Drawn::default();
        // Its own wall clock is the other's; what stands still is looked at at once.
        self.unlooked += if running { (scene - self.scene).max(0.0) } else { f64::INFINITY };
        (self.scene, self.rate, self.passing, self.running) = (scene, rate, rate, running);
        let before = millis(self.cluster_now());
        self.run_to(now.max(before), &mut drawn, late, false);
        // What arrived on the way to where the other already is was not on its way there.
        if !running || self.now - before > MADE_UP_MS * rate.max(1.0) {
            drawn = super::Drawn::default();
            self.messages = Messages::new(self.replica.cluster());
        }
        let mut frame = super::Frame::default();
        (frame.hops, frame.heartbeats) = (drawn.hops, drawn.heartbeats);
        self.look(&mut frame);
        self.finish(&mut frame);
        if frame.is_still() && self.sent == frame.clock {
            return None;
        }
        self.sent = frame.clock;
        Some(Reply::Past(PastReply::Beside(Box::new(frame))))
    }
}

#[cfg(test)]
mod tests {
    use shared::session::protocol::{Horizon, Role, ServerMessage, Welcome};

    use super::*;
    use crate::protocol::{Difference, MarkKind, Pace, Request, Timeline};

    /// Lets so much wall time pass on a machine that is never slow; what the page heard of other moments.
    fn pass(driver: &mut Driver, wall: u32) -> Vec<PastReply> {
        past((0..wall / 33).flat_map(|_| driver.tick(33.0, &|| 0.0)))
    }

    fn past(replies: impl IntoIterator<Item = Reply>) -> Vec<PastReply> {
        let told = |reply| if let Reply::Past(it) = reply { Some(it) } else { None };
        replies.into_iter().filter_map(told).collect()
    }

    fn at_speed(milli: u32) -> Driver {
        let mut driver = Driver::new(Replica::first());
        driver.first_frame();
        driver.hear(Request::Pace(Pace::Speed(Speed::Milli(milli))));
        driver
    }

    fn power_off(driver: &mut Driver) -> Vec<PastReply> {
        let command = Command::Fault { target: "node/node-2".to_owned(), kind: "PowerOff".to_owned() };
        past(driver.hear(Request::Command { id: 1, command }))
    }

    fn ask(driver: &mut Driver, request: PastRequest) -> Vec<PastReply> {
        let mut replies = past(driver.hear(Request::Past(request)));
        replies.extend(pass(driver, 700));
        replies
    }

    fn timeline(replies: &[PastReply]) -> Timeline {
        let last = replies.iter().rev().find_map(|reply| match reply {
            PastReply::Timeline(timeline) => Some(timeline.clone()),
            _ => None,
        });
        last.expect("the page hears of the timeline")
    }

    /// A cluster of several, in which time has come so far.
    fn together(time: u64) -> Driver {
        let horizon = Horizon { sequence: 0, time: Time(time), running: true, speed: 1000 };
        let scenario = Some(Box::new(shared::scenario::Scenario::opening()));
        let engine = shared::ENGINE_VERSION.into();
        let welcome =
            Welcome { engine, role: Role::Editor, scenario, snapshot: None, log: Vec::new(), horizon };
        let mut driver = Driver::new(Replica::together(welcome).expect("the opening can be played"));
        driver.first_frame();
        for second in 0..20 {
            driver
                .hear_server(ServerMessage::Horizon(Horizon { time: Time(time + second * 1000), ..horizon }));
            pass(&mut driver, 1000);
        }
        driver
    }

    #[test]
    fn who_looks_back_in_a_cluster_of_several_does_so_alone() {
        let mut driver = together(60_000);
        assert!(driver.cluster_now() > 70_000);
        let told = timeline(&ask(&mut driver, PastRequest::Look(62_500)));
        assert_eq!((driver.cluster_now(), told.seeking), (62_500, false));
        assert!(!driver.running && driver.replica().pace().is_none());
        // The others go on, and so does what is said to the server.
        let horizon = Horizon { sequence: 0, time: Time(90_000), running: true, speed: 1000 };
        driver.hear_server(ServerMessage::Horizon(horizon));
        let told = timeline(&pass(&mut driver, 700));
        assert_eq!((driver.cluster_now(), told.head), (62_500, Some(90_000)));
        assert_eq!(driver.session().sequence(), Some(0));
        // What one does there is done in a branch that nobody else sees.
        let mut told = power_off(&mut driver);
        told.extend(pass(&mut driver, 700));
        let told = timeline(&told);
        assert_eq!((told.branches.len(), told.head), (2, None));
        assert!(driver.session().said().expect("it is shared").0.is_empty(), "the server hears of it");
        let told = timeline(&ask(&mut driver, PastRequest::Switch(1)));
        assert_eq!((told.current, driver.replica().pace()), (1, Some((true, 1000))));
        assert!(driver.running && driver.cluster_now() >= 90_000);
        assert!(driver.view.nodes.values().all(|node| node.power));
    }

    #[test]
    fn whoever_looks_back_and_plays_on_comes_to_the_same_present() {
        let mut driver = at_speed(20_000);
        pass(&mut driver, 2000);
        power_off(&mut driver);
        pass(&mut driver, 10_000);
        driver.hear(Request::Pace(Pace::Pause));
        let (head, hash) = (driver.cluster_now(), driver.replica.hash());
        let past = timeline(&ask(&mut driver, PastRequest::Look(50_000)));
        assert_eq!((past.head, past.later, past.seeking), (Some(head), 1, false));
        assert_eq!(driver.cluster_now(), 50_000);
        assert!(driver.view.nodes["node-2"].power, "the fault is still to come");
        // The same moment, reached from another side, is the same.
        let early = driver.replica.hash();
        ask(&mut driver, PastRequest::Look(head - 10));
        assert!(!driver.view.nodes["node-2"].power);
        ask(&mut driver, PastRequest::Look(50_000));
        assert_eq!(driver.replica.hash(), early);
        driver.hear(Request::Pace(Pace::Play));
        for _ in 0..100 {
            if driver.past.present().is_none() {
                break;
            }
            pass(&mut driver, 330);
        }
        driver.hear(Request::Pace(Pace::Pause));
        ask(&mut driver, PastRequest::Look(head - 1));
        driver.replica.advance_to(Time(head));
        assert_eq!(driver.replica.hash(), hash, "what was played again came out the same");
    }

    /// Looks back at 50 s while a fault runs, comes back as `back` does, and waits for the fault's end.
    fn verdict_after(back: impl Fn(&mut Driver)) -> Option<crate::protocol::Verdict> {
        let mut driver = at_speed(20_000);
        pass(&mut driver, 2000);
        power_off(&mut driver);
        pass(&mut driver, 4000);
        ask(&mut driver, PastRequest::Look(50_000));
        back(&mut driver);
        let told = (0..1200).flat_map(|_| driver.tick(33.0, &|| 0.0));
        told.filter_map(|reply| if let Reply::Frame(frame) = reply { frame.verdict } else { None }).next()
    }

    #[test]
    fn a_fault_that_runs_while_one_looks_back_or_into_another_branch_has_its_end() {
        let go_on = |driver: &mut Driver| {
            driver.hear(Request::Pace(Pace::Play));
        };
        let lived = verdict_after(|driver| {
            ask(driver, PastRequest::Now);
            go_on(driver);
        });
        let lived = lived.expect("three of three are back");
        assert!((300_000..=400_000).contains(&lived.took) && lived.lost > 5, "{lived:?}");
        let played = verdict_after(go_on).expect("who plays on comes to the present");
        assert!(
            played.took.abs_diff(lived.took) < 3000 && played.lost.abs_diff(lived.lost) < 3,
            "{played:?}"
        );
        let switched = verdict_after(|driver| {
            ask(driver, PastRequest::Fork { repeat: false });
            ask(driver, PastRequest::Switch(1));
            go_on(driver);
        });
        assert!(switched.is_some());
        let another = verdict_after(|driver| {
            ask(driver, PastRequest::Fork { repeat: false });
            go_on(driver);
        });
        assert_eq!(another, None, "that branch knows of no fault");
    }

    #[test]
    fn what_a_person_does_is_told_of_its_very_moment() {
        let mut driver = at_speed(60_000);
        pass(&mut driver, 700);
        let before = driver.cluster_now();
        power_off(&mut driver);
        let told = (0..30).flat_map(|_| driver.tick(33.0, &|| 0.0)).collect::<Vec<_>>();
        let captions = told.iter().flat_map(|reply| match reply {
            Reply::Frame(frame) => frame.captions.clone(),
            _ => Vec::new(),
        });
        let off = captions.filter(|it| matches!(it.what, crate::protocol::Happening::PowerOff { .. }));
        let off: Vec<u64> = off.map(|caption| caption.at).collect();
        let marked = past(told).into_iter().find_map(|reply| match reply {
            PastReply::Marks { new, .. } => {
                new.iter().find(|mark| mark.kind == MarkKind::Fault).map(|mark| mark.at)
            }
            _ => None,
        });
        assert_eq!((off.as_slice(), marked), (&[before][..], Some(before)));
        // The branch that goes on from there has it in it, and one that leaves just before has not.
        ask(&mut driver, PastRequest::Look(before));
        let forked = timeline(&ask(&mut driver, PastRequest::Fork { repeat: false }));
        assert_eq!(forked.branches.last().map(|branch| branch.from), Some(before));
        assert!(!driver.view.nodes["node-2"].power);
        ask(&mut driver, PastRequest::Switch(1));
        let rewound = timeline(&past({
            power_off(&mut driver);
            driver.hear(Request::Rewind { then: Vec::new() })
        }));
        assert!(rewound.branches.last().is_some_and(|branch| branch.from < driver.cluster_now()));
    }

    #[test]
    fn who_goes_to_the_branch_beside_stays_at_the_moment() {
        let mut driver = at_speed(60_000);
        pass(&mut driver, 700);
        power_off(&mut driver);
        pass(&mut driver, 3000);
        let left = driver.cluster_now();
        ask(&mut driver, PastRequest::Look(35_000));
        ask(&mut driver, PastRequest::Fork { repeat: false });
        ask(&mut driver, PastRequest::Compare(Some(1)));
        driver.hear(Request::Pace(Pace::Play));
        // Before and after the moment at which the other branch was left.
        for (wall, back) in [(700, true), (6000, false)] {
            pass(&mut driver, wall);
            driver.hear(Request::Pace(Pace::Pause));
            pass(&mut driver, 100);
            let here = driver.cluster_now();
            assert_eq!(here < left, back, "{here} {left}");
            let mut other = driver.past.course().id;
            for id in [1, other] {
                let told = timeline(&ask(&mut driver, PastRequest::Switch(id)));
                assert_eq!((told.current, driver.cluster_now()), (id, here), "{told:?}");
                assert_eq!(driver.view.nodes["node-2"].power, id != 1);
                ask(&mut driver, PastRequest::Compare(Some(other)));
                other = 1;
            }
            driver.hear(Request::Pace(Pace::Play));
        }
    }

    #[test]
    fn a_branch_is_told_of_before_anything_in_it() {
        let mut driver = at_speed(20_000);
        pass(&mut driver, 2000);
        power_off(&mut driver);
        pass(&mut driver, 4000);
        let order = |replies: &[Reply]| {
            let at = |is: fn(&Reply) -> bool| replies.iter().position(is);
            let told =
                at(|it| matches!(it, Reply::Past(PastReply::Timeline(_)))).expect("the page hears of it");
            at(|it| matches!(it, Reply::Frame(_))).is_none_or(|frame| told < frame)
        };
        assert!(order(&driver.hear(Request::Rewind { then: Vec::new() })));
        assert!(order(&driver.hear(Request::Past(PastRequest::Switch(1)))));
        ask(&mut driver, PastRequest::Look(50_000));
        let command = Command::Fault { target: "component/kube-scheduler".into(), kind: "Stop".into() };
        assert!(order(&driver.hear(Request::Command { id: 2, command })));
    }

    #[test]
    fn acting_in_the_past_begins_a_branch_and_loses_nothing() {
        let mut driver = at_speed(20_000);
        pass(&mut driver, 2000);
        power_off(&mut driver);
        pass(&mut driver, 6000);
        let head = driver.cluster_now();
        ask(&mut driver, PastRequest::Look(45_000));
        let command = Command::Fault { target: "component/kube-scheduler".into(), kind: "Stop".into() };
        let mut told = past(driver.hear(Request::Command { id: 2, command }));
        told.extend(pass(&mut driver, 100));
        let past = timeline(&told);
        assert_eq!((past.branches.len(), past.current, past.head, past.later), (2, 2, None, 0));
        assert!(!driver.view.components["kube-scheduler"].up && driver.view.nodes["node-2"].power);
        let past = ask(&mut driver, PastRequest::Switch(1));
        assert!(driver.view.components["kube-scheduler"].up && !driver.view.nodes["node-2"].power);
        assert!(driver.cluster_now() >= head);
        let faults = past.iter().find_map(|reply| match reply {
            PastReply::Marks { reset: true, new } => {
                Some(new.iter().filter(|mark| mark.kind == MarkKind::Fault).count())
            }
            _ => None,
        });
        assert_eq!(faults, Some(1));
    }

    /// A cluster in which a node lost its power, and a branch that left it before that.
    fn parted() -> Driver {
        let mut driver = at_speed(60_000);
        pass(&mut driver, 700);
        power_off(&mut driver);
        pass(&mut driver, 9000);
        ask(&mut driver, PastRequest::Look(35_000));
        ask(&mut driver, PastRequest::Fork { repeat: false });
        driver
    }

    /// For how long the app was short of pods in the shown branch and in the one beside, as it was told last.
    fn short(told: &[PastReply]) -> (u64, u64) {
        let differences = told.iter().rev().find_map(|reply| match reply {
            PastReply::Differences(differences) => Some(differences),
            _ => None,
        });
        let of_app = differences.expect("the differences are told").iter().find_map(|it| match it {
            Difference::Workload(name, here, there) if name == "todo-api" => Some((here.short, there.short)),
            _ => None,
        });
        of_app.expect("it is there")
    }

    #[test]
    fn a_branch_that_repeats_what_came_later_is_compared_on_one_clock() {
        let mut driver = parted();
        ask(&mut driver, PastRequest::Compare(Some(1)));
        driver.hear(Request::Pace(Pace::Play));
        let replies = pass(&mut driver, 9000);
        let beside = driver.beside.as_ref().expect("a branch is beside");
        assert!(driver.cluster_now().abs_diff(beside.now()) < 100);
        let lost = |it: &Difference| matches!(it, Difference::Lost(0, there) if *there > 0);
        let told = |reply: &PastReply| matches!(reply, PastReply::Differences(all) if all.iter().any(lost));
        assert!(replies.iter().any(told), "{replies:?}");
        let (here, there) = short(&replies);
        assert!(here == 0 && there > 60_000, "{here} {there}");
        // With what came later repeated, the branch lives through the same fault.
        ask(&mut driver, PastRequest::Switch(1));
        ask(&mut driver, PastRequest::Look(35_000));
        ask(&mut driver, PastRequest::Fork { repeat: true });
        driver.hear(Request::Pace(Pace::Play));
        pass(&mut driver, 2000);
        assert!(!driver.view.nodes["node-2"].power);
    }

    #[test]
    fn how_branches_fared_is_the_same_whenever_somebody_begins_to_look() {
        let mut driver = parted();
        driver.hear(Request::Pace(Pace::Play));
        pass(&mut driver, 9000);
        driver.hear(Request::Pace(Pace::Pause));
        let there = |driver: &mut Driver, request| {
            let mut told = ask(driver, request);
            told.extend(pass(driver, 2000));
            short(&told).1
        };
        let late = there(&mut driver, PastRequest::Compare(Some(1)));
        assert!(late > 200_000, "it was short for {late} ms before anybody looked");
        let earlier = there(&mut driver, PastRequest::Look(200_000));
        assert!((50_000..100_000).contains(&earlier), "at that moment it had been for {earlier} ms");
        assert_eq!(there(&mut driver, PastRequest::Now), late, "looking back loses nothing");
    }
}
