//! A Job's status: others than the Job controller may write it, and it goes one way only.

use crate::api::batch::policies::{index_count, intervals};
use crate::api::validation::{At, Faults};
use crate::collections::BTreeSet;
use crate::doc::Doc;

/// A Job before or after a write.
struct State<'a> {
    spec: &'a Doc,
    status: &'a Doc,
}

impl<'a> State<'a> {
    fn of(doc: &'a Doc) -> State<'a> {
        State { spec: &doc["spec"], status: &doc["status"] }
    }

    fn is(&self, kind: &str) -> bool {
        let mut conditions = self.status["conditions"].items().iter();
        conditions.any(|condition| condition["type"].str() == kind && condition["status"].str() == "True")
    }

    fn is_finished(&self) -> bool {
        self.is("Complete") || self.is("Failed")
    }

    fn is_indexed(&self) -> bool {
        self.spec["completionMode"].str() == "Indexed"
    }

    fn number(&self, field: &str) -> i64 {
        self.status[field].as_i64().unwrap_or(0)
    }
}

/// A rule looks only at what changed: what is wrong already may be mended bit by bit.
pub(super) fn validate(new: &Doc, old: &Doc, faults: &mut Faults) {
    let status = At::root(&new["status"], "status");
    let (new, old) = (State::of(new), State::of(old));
    super::none_negative(&status, &["active", "succeeded", "failed", "ready", "terminating"], faults);
    uncounted(&status, faults);
    ends(&status, &new, &old, faults);
    indexes(&status, &new, &old, faults);
    criteria(&new, faults);
    lasting(&status, &new, &old, faults);
}

fn conditions(faults: &mut Faults, why: &str) {
    faults.add("FieldValueInvalid", "status.conditions", format!("Invalid value: {why}"));
}

fn uncounted(status: &At<'_>, faults: &mut Faults) {
    let pods = status.field("uncountedTerminatedPods");
    let mut seen = BTreeSet::new();
    for how in ["succeeded", "failed"] {
        for uid in pods.field(how).each() {
            if uid.is_empty() {
                faults.invalid(&uid, &uid, "must not be empty");
            } else if !seen.insert(uid.str()) {
                faults.duplicate(&uid, &uid);
            }
        }
    }
}

/// How a Job ends, and when.
fn ends(status: &At<'_>, new: &State<'_>, old: &State<'_>, faults: &mut Faults) {
    let turned = |kind: &str| new.is(kind) != old.is(kind);
    let changed = |field: &str| new.status[field] != old.status[field];
    let (start, end) = (status.field("startTime"), status.field("completionTime"));
    let (complete, finished) = (new.is("Complete"), new.is_finished());
    if (turned("Complete") || turned("Failed")) && complete && new.is("Failed") {
        conditions(faults, "cannot set Complete=True and Failed=true conditions");
    }
    if (turned("Complete") || turned("FailureTarget")) && complete && new.is("FailureTarget") {
        conditions(faults, "cannot set Complete=True and FailureTarget=true conditions");
    }
    if turned("Complete") || changed("completionTime") {
        if end.is_set() && !complete {
            faults.invalid(&end, &end, "cannot set completionTime when there is no Complete=True condition");
        }
        if !end.is_set() && complete {
            faults.required(&end, "completionTime is required for Complete jobs");
        }
    }
    if (changed("startTime") || changed("completionTime"))
        && let (Some(from), Some(to)) = (start.as_time(), end.as_time())
        && to < from
    {
        faults.invalid(&end, &end, "completionTime cannot be set before startTime");
    }
    let ended = finished != old.is_finished();
    let active = status.field("active");
    if (ended || changed("active")) && finished && active.number() > 0 {
        faults.invalid(&active, &active, "active>0 is invalid for finished job");
    }
    if (ended || changed("startTime")) && finished && !start.is_set() {
        faults.required(&start, "startTime is required for finished job");
    }
    let pods = status.field("uncountedTerminatedPods");
    let some = !pods["succeeded"].is_empty() || !pods["failed"].is_empty();
    if (ended || changed("uncountedTerminatedPods")) && finished && some {
        faults.invalid(&pods, &pods, "uncountedTerminatedPods needs to be empty for finished job");
    }
}

fn indexes(status: &At<'_>, new: &State<'_>, old: &State<'_>, faults: &mut Faults) {
    let (done, failed) = (status.field("completedIndexes"), status.field("failedIndexes"));
    let changed = |field: &str| new.status[field] != old.status[field];
    let (completions, by_index) = (&new.spec["completions"], !new.spec["backoffLimitPerIndex"].is_null());
    let count = completions.as_i64().unwrap_or(0);
    for (at, field, counts) in [(&done, "completedIndexes", true), (&failed, "failedIndexes", by_index)] {
        if changed(field)
            && counts
            && !completions.is_null()
            && let Err(why) = index_count(at.text(), count)
        {
            faults.invalid(at, at, format!("error parsing {field}: {why}"));
        }
    }
    if changed("completedIndexes") && !done.is_empty() && !new.is_indexed() {
        faults.invalid(
            &done,
            &done,
            "cannot set non-empty completedIndexes when non-indexed completion mode",
        );
    }
    if changed("failedIndexes") && failed.is_set() && !by_index {
        faults.invalid(
            &failed,
            &failed,
            "cannot set non-null failedIndexes when backoffLimitPerIndex is null",
        );
    }
    if (changed("completedIndexes") || changed("failedIndexes"))
        && !completions.is_null()
        && let (Ok(done), Ok(lost)) = (intervals(done.text(), count), intervals(failed.text(), count))
        && let Some(index) = overlap(&done, &lost)
    {
        let why = format!("failedIndexes and completedIndexes overlap at index: {index}");
        faults.invalid(&failed, &failed, why);
    }
}

/// The first index that is in both, of intervals in order.
fn overlap(done: &[(i64, i64)], lost: &[(i64, i64)]) -> Option<i64> {
    let (mut a, mut b) = (done.iter().peekable(), lost.iter().peekable());
    while let (Some(one), Some(other)) = (a.peek(), b.peek()) {
        if one.0 <= other.1 && other.0 <= one.1 {
            return Some(one.0.max(other.0));
        }
        if one.0 <= other.0 {
            a.next()
        } else {
            b.next()
        };
    }
    None
}

/// A Job that is about to succeed does not fail.
fn criteria(new: &State<'_>, faults: &mut Faults) {
    let met = new.is("SuccessCriteriaMet");
    if met && new.is("Failed") {
        conditions(faults, "cannot set SuccessCriteriaMet=True and Failed=true conditions");
    }
    if met && new.is("FailureTarget") {
        conditions(faults, "cannot set SuccessCriteriaMet=True and FailureTarget=true conditions");
    }
    if !new.spec["successPolicy"].is_null() && !met && new.is("Complete") {
        let why = "cannot set Complete=True for Job with SuccessPolicy unless SuccessCriteriaMet=True";
        conditions(faults, why);
    }
}

/// What does not go back.
fn lasting(status: &At<'_>, new: &State<'_>, old: &State<'_>, faults: &mut Faults) {
    for kind in ["Failed", "Complete", "FailureTarget"] {
        if old.is(kind) && !new.is(kind) {
            conditions(faults, &format!("cannot disable the terminal {kind}=True condition"));
        }
    }
    // Who wants fewer of as many as run together may count down.
    let elastic = new.is_indexed() && new.spec["completions"] == new.spec["parallelism"];
    for (field, may_sink) in [("failed", false), ("succeeded", elastic)] {
        if !may_sink && new.number(field) < old.number(field) {
            let why = format!("cannot decrease the {field} counter");
            faults.invalid(&status.field(field), &Doc::from(new.number(field)), why);
        }
    }
    let (start, end) = (status.field("startTime"), status.field("completionTime"));
    let differs = |field: &str| !old.status[field].is_null() && old.status[field] != new.status[field];
    if end.is_set() && differs("completionTime") {
        faults.invalid(&end, &end, "completionTime cannot be mutated");
    }
    if differs("startTime") && new.spec["suspend"].as_bool() != Some(true) {
        faults.required(&start, "startTime cannot be removed for unsuspended job");
    }
    if old.is("SuccessCriteriaMet") && !new.is("SuccessCriteriaMet") {
        conditions(faults, "cannot disable the SuccessCriteriaMet=True condition");
    }
    if old.is("Complete") && !old.is("SuccessCriteriaMet") && new.is("SuccessCriteriaMet") {
        conditions(faults, "cannot set SuccessCriteriaMet=True for Job already has Complete=true conditions");
    }
}
