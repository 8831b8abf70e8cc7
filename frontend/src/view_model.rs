//! What the page knows of the cluster: tables that follow the worker's deltas, and what is read off them. No DOM here.

use std::{collections::BTreeMap, sync::Arc};

use crate::protocol::{Delta, Event, Keyed, Node, Pod, PodShape, Service, Verdict, Workload};

/// Things by key. Cheap to clone; what did not change stays shared.
pub type Table<T> = BTreeMap<String, Arc<T>>;

/// How many events are kept.
const EVENTS: usize = 300;

/// Brings a table up to date.
pub fn follow<T: Keyed>(table: &mut Table<T>, delta: Delta<T>) {
    for key in &delta.gone {
        table.remove(key);
    }
    for thing in delta.set {
        table.insert(thing.key().to_owned(), Arc::new(thing));
    }
}

/// Adds events. One that was counted up takes the place of its earlier self, at the end.
pub fn add_events(known: &mut Vec<Event>, new: Vec<Event>) {
    for event in new {
        known.retain(|earlier| earlier.uid != event.uid);
        known.push(event);
    }
    let surplus = known.len().saturating_sub(EVENTS);
    known.drain(..surplus);
}

/// Whether what a verdict says is so no more: its app lacks pods again.
pub fn is_over(verdict: &Verdict, workloads: &Table<Workload>) -> bool {
    workloads.get(&verdict.workload).is_none_or(|workload| workload.available < workload.wanted)
}

/// The pods on a node (or on none, for an empty name), in an order that does not change while they live.
pub fn pods_on(pods: &Table<Pod>, node: &str) -> Vec<String> {
    let mut found: Vec<&Arc<Pod>> = pods.values().filter(|pod| pod.node == node).collect();
    found.sort_by(|a, b| (&a.namespace, &a.name, &a.uid).cmp(&(&b.namespace, &b.name, &b.uid)));
    found.into_iter().map(|pod| pod.uid.clone()).collect()
}

/// A name as people count: its parts without digits, each with the number behind it. `node-2` comes before `node-10`.
pub fn counted(name: &str) -> Vec<(String, u64)> {
    let mut parts = vec![(String::new(), 0_u64)];
    let mut before = None;
    for sign in name.chars() {
        if before.is_some_and(|digit: char| digit.is_ascii_digit()) && !sign.is_ascii_digit() {
            parts.push((String::new(), 0));
        }
        let (text, number) = parts.last_mut().expect("there is one from the beginning");
        match sign.to_digit(10) {
            Some(digit) => *number = number.saturating_mul(10).saturating_add(digit.into()),
            None => text.push(sign),
        }
        before = Some(sign);
    }
    parts
}

/// How a node stands, for its card.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum NodeState {
    /// Ready and taking pods.
    Ready,
    /// Ready, and cordoned.
    Cordoned,
    /// Powerless, and the control plane does not know.
    OffUnnoticed,
    /// Powerless, and known to be lost.
    Off,
    /// It has power, and does not report.
    NotReady,
    /// It has power, and no Node object yet.
    Joining,
}

/// How a node stands.
pub fn node_state(node: &Node) -> NodeState {
    match (node.power, node.ready.as_str()) {
        (false, "True") => NodeState::OffUnnoticed,
        (false, _) => NodeState::Off,
        (true, "True") if node.cordoned => NodeState::Cordoned,
        (true, "True") => NodeState::Ready,
        (true, "") => NodeState::Joining,
        (true, _) => NodeState::NotReady,
    }
}

/// What a thing is called among `all` of its sort, by namespace and name: with its namespace where others have that name.
pub fn called<'a>(namespace: &str, name: &str, mut all: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let twice = all.any(|(other, alike)| alike == name && other != namespace);
    if twice { format!("{namespace}/{name}") } else { name.to_owned() }
}

/// A name that fits into a line: of a very long one the ends.
pub fn abridged(name: &str) -> String {
    const MOST: usize = 40;
    const END: usize = 12;
    let letters: Vec<char> = name.chars().collect();
    if letters.len() <= MOST {
        return name.to_owned();
    }
    let (start, end) = (&letters[..MOST - END - 1], &letters[letters.len() - END..]);
    start.iter().chain(&['…']).chain(end).collect()
}

/// Share of `used` in `all`, in percent, from 0 to 100.
pub fn percent((used, all): (i64, i64)) -> u32 {
    if all <= 0 {
        return 0;
    }
    let share = (used.max(0).saturating_mul(100) / all).min(100);
    u32::try_from(share).unwrap_or(0)
}

/// A name cut into what all pods of an app share and what tells them apart: `todo-api-7c9f` and `x2k4p`.
pub fn split_name<'a>(name: &'a str, app: &str) -> (&'a str, &'a str) {
    match name.rsplit_once('-') {
        Some((_, tail)) if !app.is_empty() && name.starts_with(app) && name.len() > app.len() => {
            (&name[..app.len()], tail)
        }
        _ => (name, ""),
    }
}

/// Whether a visitor can be sent to this pod now.
pub fn serves(services: &Table<Service>, uid: &str) -> bool {
    services.values().any(|service| service.endpoints.iter().any(|endpoint| endpoint == uid))
}

/// How the number of pods asks for them to be drawn.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Density {
    /// Name and status.
    Roomy,
    /// Name only; the status is a shape.
    Snug,
    /// Shapes only.
    Dense,
}

impl Density {
    /// For the fullest node of a cluster of so many nodes.
    pub fn of(nodes: usize, most_pods: usize) -> Self {
        match (nodes, most_pods) {
            (0..=4, 0..=4) => Self::Roomy,
            (0..=6, 0..=8) => Self::Snug,
            _ => Self::Dense,
        }
    }

    /// The word that the style sheet knows.
    pub fn word(self) -> &'static str {
        match self {
            Self::Roomy => "roomy",
            Self::Snug => "snug",
            Self::Dense => "dense",
        }
    }
}

/// The word that the style sheet knows for a pod's shape.
pub fn shape_word(shape: PodShape) -> &'static str {
    match shape {
        PodShape::Pending => "pending",
        PodShape::Starting => "starting",
        PodShape::Running => "running",
        PodShape::Ready => "ready",
        PodShape::Succeeded => "succeeded",
        PodShape::Failing => "failing",
        PodShape::Terminating => "terminating",
        PodShape::Unknown => "unknown",
    }
}

/// Milliseconds as minutes and seconds, `4:12` or `1:04:12`.
pub fn clock_text(millis: u64) -> String {
    let seconds = millis / 1000;
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours > 0 { format!("{hours}:{minutes:02}:{seconds:02}") } else { format!("{minutes}:{seconds:02}") }
}

/// A speed in thousandths as people write it: `0.1×`, `60×`.
pub fn speed_text(milli: u32) -> String {
    match milli {
        0 => "0×".to_owned(),
        1..1000 => format!("{}×", decimal(u64::from(milli / 10).max(1), 2)),
        1000..10_000 => format!("{}×", decimal(u64::from(milli / 100), 1)),
        _ => format!("{}×", milli / 1000),
    }
}

/// A number with at most so many digits after the point, for CSS and SVG. The standard library's way is exact to the last
/// digit, and weighs more than all that is drawn.
pub fn rounded(value: f64, digits: u32) -> String {
    #[expect(clippy::cast_possible_truncation, reason = "whatever is drawn is near")]
    let scaled = (value * f64::from(10_u32.pow(digits))).round() as i64;
    let sign = if scaled < 0 { "-" } else { "" };
    format!("{sign}{}", decimal(scaled.unsigned_abs(), digits))
}

/// `value` with its point before the last `digits`, without zeros at the end.
fn decimal(value: u64, digits: u32) -> String {
    let one = 10_u64.pow(digits);
    let (whole, mut rest, mut digits) = (value / one, value % one, digits as usize);
    while digits > 0 && rest.is_multiple_of(10) {
        (rest, digits) = (rest / 10, digits - 1);
    }
    if digits == 0 { whole.to_string() } else { format!("{whole}.{rest:0digits$}") }
}

/// The parts between which a name as `progressDeadlineSeconds` may be broken.
pub fn humps(name: &str) -> Vec<&str> {
    let letters = || name.char_indices();
    let starts =
        letters().zip(letters().skip(1)).filter(|((_, a), (_, b))| a.is_lowercase() && b.is_uppercase());
    let ends = starts.map(|(_, (at, _))| at).chain([name.len()]);
    ends.scan(0, |from, to| Some(&name[std::mem::replace(from, to)..to])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pod(uid: &str, node: &str) -> Pod {
        Pod { uid: uid.into(), name: uid.into(), node: node.into(), ..Pod::default() }
    }

    #[test]
    fn names_are_in_the_order_in_which_people_count() {
        let mut names = ["node-10", "node-2", "a10b2", "a2", "node", "a10b10", "node-2-1", "00", "0"];
        names.sort_by_cached_key(|name| counted(name));
        assert_eq!(names, ["00", "0", "a2", "a10b2", "a10b10", "node", "node-2", "node-2-1", "node-10"]);
    }

    #[test]
    fn a_table_follows_its_deltas() {
        let mut pods = Table::default();
        follow(&mut pods, Delta { set: vec![pod("a", ""), pod("b", "n")], gone: vec![] });
        follow(&mut pods, Delta { set: vec![pod("a", "n"), pod("c", "m")], gone: vec!["b".into()] });
        assert_eq!(pods_on(&pods, "n"), ["a"]);
        assert_eq!(pods_on(&pods, "m"), ["c"]);
        assert_eq!(pods_on(&pods, ""), [""; 0]);
    }

    #[test]
    fn a_name_that_is_there_twice_has_its_namespace() {
        let all = [("shop", "web"), ("blog", "web"), ("shop", "cart"), ("shop", "cart")];
        let called: Vec<String> =
            all.iter().map(|(space, name)| called(space, name, all.into_iter())).collect();
        assert_eq!(called, ["shop/web", "blog/web", "cart", "cart"]);
    }

    #[test]
    fn a_verdict_holds_as_long_as_its_app_has_all_pods() {
        let verdict = Verdict { workload: "w".into(), ..Verdict::default() };
        for (uid, available, over) in [("w", 3, false), ("w", 2, true), ("other", 3, true)] {
            let workload = Workload { uid: uid.into(), available, wanted: 3, ..Workload::default() };
            let mut workloads = Table::default();
            follow(&mut workloads, Delta { set: vec![workload], gone: Vec::new() });
            assert_eq!(is_over(&verdict, &workloads), over, "{uid} {available}");
        }
    }

    #[test]
    fn names_break_at_their_humps() {
        assert_eq!(humps("progressDeadlineSeconds"), ["progress", "Deadline", "Seconds"]);
        assert_eq!(humps("TTL 後 Seconds"), ["TTL 後 Seconds"]);
        assert_eq!(humps(""), [""]);
    }

    #[test]
    fn numbers_have_no_digit_too_many() {
        for (value, digits, text) in [
            (0.0, 1, "0"),
            (12.04, 1, "12"),
            (12.05, 2, "12.05"),
            (12.3, 2, "12.3"),
            (-0.26, 1, "-0.3"),
            (-0.04, 1, "0"),
            (0.999, 2, "1"),
            (1234.5678, 3, "1234.568"),
        ] {
            assert_eq!(rounded(value, digits), text);
        }
    }

    #[test]
    fn an_event_that_is_counted_up_moves_to_the_end() {
        let event = |uid: &str, count| Event { uid: uid.into(), count, ..Event::default() };
        let mut events = Vec::new();
        add_events(&mut events, vec![event("a", 1), event("b", 1)]);
        add_events(&mut events, vec![event("a", 2)]);
        assert_eq!(events, [event("b", 1), event("a", 2)]);
        add_events(&mut events, (0..400).map(|number| event(&number.to_string(), 1)).collect());
        assert_eq!(events.len(), EVENTS);
    }

    #[test]
    fn a_dead_node_reads_ready_until_somebody_notices() {
        let node = |power, ready: &str| Node { power, ready: ready.into(), ..Node::default() };
        for (given, expected) in [
            (node(true, "True"), NodeState::Ready),
            (node(false, "True"), NodeState::OffUnnoticed),
            (node(false, "Unknown"), NodeState::Off),
            (node(true, "Unknown"), NodeState::NotReady),
            (node(true, ""), NodeState::Joining),
            (Node { cordoned: true, ..node(true, "True") }, NodeState::Cordoned),
        ] {
            assert_eq!(node_state(&given), expected, "{given:?}");
        }
    }

    #[test]
    fn names_and_numbers_read_well() {
        assert_eq!(split_name("todo-api-7c9f-x2k4p", "todo-api"), ("todo-api", "x2k4p"));
        assert_eq!(split_name("app", "app"), ("app", ""));
        assert_eq!(split_name("web", ""), ("web", ""));
        assert_eq!(percent((1, 4)), 25);
        assert_eq!(percent((9, 4)), 100);
        assert_eq!(percent((1, 0)), 0);
        assert_eq!(clock_text(65_900), "1:05");
        assert_eq!(clock_text(3_661_000), "1:01:01");
        assert_eq!(speed_text(100), "0.1×");
        assert_eq!(speed_text(1500), "1.5×");
        assert_eq!(speed_text(60_000), "60×");
        assert_eq!(speed_text(5), "0.01×");
    }
}
