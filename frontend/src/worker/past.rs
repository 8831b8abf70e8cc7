//! The branches of a cluster's life: their presents, the moments that can be gone back to, and what is marked on the
//! timeline.

use std::collections::BTreeSet;

use shared::{
    api::{Kind, Uid},
    scenario::StepAction,
    sim::ChangeKind,
};

use super::{inspect, map::MOST_CARDS, moments::Moments, numbers::Numbers, replica::Replica, story::Story};
use crate::protocol::{Branch, Mark, MarkKind, PastReply, Timeline};

/// Branches that are kept.
const BRANCHES: usize = 4;
/// Marks that are kept of a branch.
const MARKS: usize = 3000;
/// In a large cluster Events of one reason are one mark a second; so many marks back it is looked for.
const ALIKE: usize = 12;

/// What its viewer followed in a present that they left.
#[derive(Clone)]
pub struct Followed {
    /// The fault whose end is waited for.
    pub story: Option<Story>,
    /// The first command of what they did last.
    pub accent_from: u64,
    /// The pods that it brought about.
    pub accented: BTreeSet<Uid>,
}

/// One course of events.
#[derive(Clone)]
pub struct Course {
    /// Counts from 1.
    pub id: u32,
    /// Where it left the one before it.
    pub from: u64,
    /// Visitors that had got no answer by then.
    pub lost: u64,
    /// Its present, while it is not what is lived in.
    pub present: Option<Box<Replica>>,
    /// What was followed in it.
    pub followed: Option<Followed>,
    /// What can be gone back to.
    pub moments: Moments,
    /// What is counted, once somebody did something or wants to see it.
    pub numbers: Option<Numbers>,
    marks: Vec<Mark>,
    /// Up to which revision and step its marks are complete.
    noted: (u64, usize),
}

impl Course {
    fn first() -> Self {
        Self {
            id: 1,
            from: 0,
            lost: 0,
            present: None,
            followed: None,
            moments: Moments::default(),
            numbers: None,
            marks: Vec::new(),
            noted: (0, 0),
        }
    }

    /// From now on there are numbers.
    pub fn begin_numbers(&mut self) -> &mut Numbers {
        self.numbers.get_or_insert_with(|| Numbers::of(&self.moments))
    }

    /// Marks what happened since last time.
    fn note(&mut self, replica: &Replica) {
        let cluster = replica.cluster();
        let (revision, steps) = self.noted;
        let before = self.marks.len();
        let large = cluster.core().machines.len() > MOST_CARDS;
        for step in replica.log().iter().skip(steps).take_while(|step| step.at <= cluster.now()) {
            self.noted.1 += 1;
            self.marks.push(deed(step.at.0, &step.action));
        }
        let writes = cluster.store().since(revision.max(cluster.store().oldest()));
        for write in writes.into_iter().flatten() {
            let told = write.object.key.kind == Kind::Event
                && matches!(write.change, ChangeKind::Added | ChangeKind::Modified);
            let Some(event) = told.then(|| inspect::event(cluster, &write.object)).flatten() else {
                continue;
            };
            let kind = if event.warning { MarkKind::Warning } else { MarkKind::Normal };
            let alike = |mark: &Mark| {
                mark.kind == kind && mark.at / 1000 == event.at / 1000 && mark.text == event.reason
            };
            if large && self.marks.iter().rev().take(ALIKE).any(alike) {
                continue;
            }
            self.marks.push(Mark {
                at: event.at,
                kind,
                text: event.reason,
                object: format!("{}/{}", event.kind.to_lowercase(), event.name),
            });
        }
        self.noted.0 = cluster.store().revision();
        self.marks[before..].sort_by_key(|mark| mark.at);
    }

    /// Of too many marks every second of the least conspicuous goes. Whether any did.
    fn thin(&mut self) -> bool {
        if self.marks.len() <= MARKS {
            return false;
        }
        let mut odd = false;
        self.marks.retain(|mark| {
            odd = !odd;
            mark.kind != MarkKind::Normal || odd
        });
        let surplus = self.marks.len().saturating_sub(MARKS);
        self.marks.drain(..surplus);
        true
    }
}

/// A person's step, in a few words.
fn deed(at: u64, action: &StepAction) -> Mark {
    let kind = match action {
        StepAction::Fault(_) | StepAction::Repair(_) => MarkKind::Fault,
        _ => MarkKind::Deed,
    };
    let text = match action {
        StepAction::Apply(text) => {
            let documents = shared::manifest::documents(text).unwrap_or_default();
            let named = documents
                .first()
                .map(|doc| format!("{}/{}", doc["kind"].str().to_lowercase(), doc["metadata"]["name"].str()));
            format!("kubectl apply {}", named.unwrap_or_default())
        }
        action => action.command_line(),
    };
    Mark { at, kind, text: text.trim_end().to_owned(), object: String::new() }
}

/// All branches, and which moment is looked at.
#[derive(Clone)]
pub struct Past {
    courses: Vec<Course>,
    current: usize,
    /// How many branches there ever were.
    made: u32,
    /// The moment that is being worked out.
    pub seek: Option<u64>,
    /// Marks that the page has.
    sent: usize,
    told: Timeline,
}

impl Default for Past {
    fn default() -> Self {
        Self {
            courses: vec![Course::first()],
            current: 0,
            made: 1,
            seek: None,
            sent: 0,
            told: Timeline::default(),
        }
    }
}

impl Past {
    /// The branch that is shown.
    pub fn course(&self) -> &Course {
        &self.courses[self.current]
    }

    /// The branch that is shown.
    pub fn course_mut(&mut self) -> &mut Course {
        &mut self.courses[self.current]
    }

    /// A branch by its number.
    pub fn by_id(&mut self, id: u32) -> Option<&mut Course> {
        self.courses.iter_mut().find(|course| course.id == id)
    }

    /// The present that others live in, while something else is looked at.
    pub fn shared(&mut self) -> Option<&mut Replica> {
        let presents = self.courses.iter_mut().filter_map(|course| course.present.as_deref_mut());
        presents.into_iter().find(|present| present.pace().is_some())
    }

    /// The present, while another moment of the same branch is looked at.
    pub fn present(&self) -> Option<&Replica> {
        self.course().present.as_deref()
    }

    /// What can be seen happening is marked and can be gone back to; nothing new is while one looks back.
    pub fn pass(&mut self, replica: &Replica) {
        if self.present().is_some() {
            return;
        }
        let course = self.course_mut();
        course.note(replica);
        course.moments.pass(replica);
        if let Some(numbers) = &mut course.numbers {
            numbers.pass(replica);
        }
        if course.thin() {
            self.sent = 0;
        }
    }

    /// A branch that leaves the shown one at the moment of `replica`, and is shown from now on. What was done at `at` and
    /// before is common to both.
    pub fn branch(&mut self, replica: &Replica, at: u64) {
        let mut course = self.course().clone();
        self.made += 1;
        course.id = self.made;
        course.from = at;
        course.lost = replica.visitors().lost;
        (course.present, course.followed) = (None, None);
        course.moments = course.moments.until(replica.cluster().now().0);
        if let Some(numbers) = &mut course.numbers {
            numbers.branch(replica);
        }
        course.marks.retain(|mark| mark.at <= at);
        let done = replica.log().iter().take_while(|step| step.at.0 <= at).count();
        course.noted = (replica.cluster().store().revision(), done);
        self.courses.push(course);
        self.current = self.courses.len() - 1;
        if self.courses.len() > BRANCHES {
            // What others live in is not forgotten.
            let lone =
                |course: &Course| course.present.as_ref().is_none_or(|present| present.pace().is_none());
            let oldest = self.courses.iter().position(lone).unwrap_or(0);
            self.courses.remove(oldest);
            self.current -= 1;
        }
        self.sent = 0;
    }

    /// A branch that is not shown is gone.
    pub fn forget(&mut self, id: u32) {
        let current = self.course().id;
        self.courses.retain(|course| course.id != id || id == current);
        self.current = self.courses.iter().position(|course| course.id == current).unwrap_or(0);
    }

    /// Another branch is shown from now on; the answer is its present.
    pub fn switch(&mut self, id: u32) -> Option<Replica> {
        let index = self.courses.iter().position(|course| course.id == id && course.present.is_some())?;
        self.current = index;
        self.sent = 0;
        self.courses[index].present.take().map(|present| *present)
    }

    /// What the page does not know yet. `now` is the shown moment, `beside` the branch shown beside; marks can wait until
    /// they are `due`.
    pub fn tell(&mut self, now: u64, beside: Option<u32>, due: bool) -> Vec<PastReply> {
        let mut replies = Vec::new();
        let course = &self.courses[self.current];
        let later =
            |at: u64| course.marks.iter().filter(move |mark| mark.at > at && mark.kind <= MarkKind::Deed);
        let timeline = Timeline {
            from: course.moments.first().unwrap_or(now),
            head: course.present.as_ref().map(|present| present.cluster().now().0),
            seeking: self.seek.is_some(),
            branches: self.courses.iter().map(|course| Branch { id: course.id, from: course.from }).collect(),
            current: course.id,
            beside,
            later: u32::try_from(later(self.seek.unwrap_or(now)).count()).unwrap_or(u32::MAX),
        };
        if due && (self.sent == 0 || self.sent < course.marks.len()) {
            let new = course.marks[self.sent..].to_vec();
            replies.push(PastReply::Marks { reset: self.sent == 0, new });
            self.sent = course.marks.len();
        }
        if timeline != self.told {
            self.told = timeline.clone();
            replies.push(PastReply::Timeline(timeline));
        }
        replies
    }
}
