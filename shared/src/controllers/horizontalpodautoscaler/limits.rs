//! How far and how fast an autoscaler may go: stabilisation, policies, least and most.

use crate::codec::Codec;
use crate::doc::Doc;
use crate::sim::Time;

/// `--horizontal-pod-autoscaler-downscale-stabilization`, in seconds.
const DOWNSCALE_STABILIZATION: i64 = 300;

/// What an autoscaler remembers.
#[derive(Codec, Clone, Debug, Hash, Default)]
pub struct Memory {
    /// What was recommended, and when.
    recommendations: Vec<(Time, i64)>,
    /// Replicas added, and when.
    ups: Vec<(Time, i64)>,
    /// Replicas taken away, and when.
    downs: Vec<(Time, i64)>,
}

/// A condition: whether it holds, its reason and message.
pub type Word = (bool, &'static str, &'static str);

/// What is asked of an autoscaler and what it may do.
pub struct Wish<'a> {
    /// `spec.behavior`; null for none.
    pub behavior: &'a Doc,
    /// Replicas at least and at most.
    pub bounds: (i64, i64),
    /// Replicas now.
    pub current: i64,
    /// Replicas that the metrics ask for.
    pub desired: i64,
    /// The moment it is.
    pub now: Time,
}

const READY: Word = (true, "ReadyForNewScale", "recommended size matches current size");
const DOWN_STABILIZED: Word = (
    true,
    "ScaleDownStabilized",
    "recent recommendations were higher than current one, applying the highest recent recommendation",
);
const UP_STABILIZED: Word = (
    true,
    "ScaleUpStabilized",
    "recent recommendations were lower than current one, applying the lowest recent recommendation",
);
const WITHIN: (&str, &str) = ("DesiredWithinRange", "the desired count is within the acceptable range");
const TOO_FEW: (&str, &str) =
    ("TooFewReplicas", "the desired replica count is less than the minimum replica count");
const TOO_MANY: (&str, &str) =
    ("TooManyReplicas", "the desired replica count is more than the maximum replica count");
const UP_LIMIT: (&str, &str) =
    ("ScaleUpLimit", "the desired replica count is increasing faster than the maximum scale rate");
const DOWN_LIMIT: (&str, &str) =
    ("ScaleDownLimit", "the desired replica count is decreasing faster than the maximum scale rate");

impl Memory {
    /// The autoscaler sees its target for the first time.
    pub fn begin(&mut self, replicas: i64, now: Time) {
        if self.recommendations.is_empty() {
            self.recommendations.push((now, replicas));
        }
    }

    /// The replicas that there may be, with the conditions AbleToScale and ScalingLimited.
    pub fn normalise(&mut self, wish: &Wish<'_>) -> (i64, Word, Word) {
        let (stabilised, word) = self.stabilise(wish);
        let able = if stabilised == wish.desired { READY } else { word };
        let (replicas, (reason, message)) = self.limit(&Wish { desired: stabilised, ..*wish });
        (replicas, able, (replicas != stabilised, reason, message))
    }

    /// What was recommended of late keeps the replicas from rising or falling too soon.
    fn stabilise(&mut self, wish: &Wish<'_>) -> (i64, Word) {
        let window = |way: &str, otherwise: i64| {
            1000 * wish.behavior[way]["stabilizationWindowSeconds"].as_i64().unwrap_or(otherwise)
        };
        let (up, down) = (window("scaleUp", 0), window("scaleDown", DOWNSCALE_STABILIZATION));
        let age = |at: Time| wish.now.since(at).0 as i64;
        let plain = wish.behavior.is_null();
        let (mut low, mut high) = (wish.desired, wish.desired);
        for (at, recommended) in &self.recommendations {
            if age(*at) < up {
                low = low.min(*recommended);
            }
            // Without behavior what is just as old as the window still counts.
            if age(*at) < down || plain && age(*at) == down {
                high = high.max(*recommended);
            }
        }
        let best = if plain { high } else { wish.current.max(low).min(high) };
        self.recommendations.retain(|(at, _)| age(*at) <= up.max(down));
        self.recommendations.push((wish.now, wish.desired));
        let rises = !plain && wish.desired >= wish.current;
        (best, if rises { UP_STABILIZED } else { DOWN_STABILIZED })
    }

    fn limit(&self, wish: &Wish<'_>) -> (i64, (&'static str, &'static str)) {
        let (least, most) = wish.bounds;
        if wish.behavior.is_null() {
            let fast = (2 * wish.current).max(4);
            let (most, word) = if most > fast { (fast, UP_LIMIT) } else { (most, TOO_MANY) };
            return match wish.desired {
                desired if desired < least => (least, TOO_FEW),
                desired if desired > most => (most, word),
                desired => (desired, WITHIN),
            };
        }
        if wish.desired > wish.current {
            let fast = self.most_by_policy(wish).max(wish.current);
            let (most, word) = if most > fast { (fast, UP_LIMIT) } else { (most, TOO_MANY) };
            if wish.desired > most {
                return (most, word);
            }
        } else if wish.desired < wish.current {
            let fast = self.least_by_policy(wish).min(wish.current);
            let (least, word) = if least < fast { (fast, DOWN_LIMIT) } else { (least, TOO_FEW) };
            if wish.desired < least {
                return (least, word);
            }
        }
        (wish.desired, WITHIN)
    }

    fn most_by_policy(&self, wish: &Wish<'_>) -> i64 {
        let of = |policy: &Doc, begin: i64, value: i64| match policy["type"].as_str() {
            Some("Pods") => begin + value,
            // Rounded up, or few pods would never become more.
            _ => ceil(begin as f64 * (1.0 + value as f64 / 100.0)),
        };
        self.by_policy(wish, "scaleUp", &of)
            .map_or(wish.current, |(least, most, min)| if min { least } else { most })
    }

    fn least_by_policy(&self, wish: &Wish<'_>) -> i64 {
        let of = |policy: &Doc, begin: i64, value: i64| match policy["type"].as_str() {
            Some("Pods") => begin - value,
            _ => (begin as f64 * (1.0 - value as f64 / 100.0)) as i64,
        };
        self.by_policy(wish, "scaleDown", &of)
            .map_or(wish.current, |(least, most, min)| if min { most } else { least })
    }

    /// The least and the most that policies allow, and whether the smallest change is chosen; `None` when none is.
    fn by_policy(
        &self,
        wish: &Wish<'_>,
        way: &str,
        of: &dyn Fn(&Doc, i64, i64) -> i64,
    ) -> Option<(i64, i64, bool)> {
        let rules = &wish.behavior[way];
        let choice = rules["selectPolicy"].as_str();
        let proposals = rules["policies"].items().iter().map(|policy| {
            let change = changed(&self.downs, policy, wish.now) - changed(&self.ups, policy, wish.now);
            of(policy, wish.current + change, number(&policy["value"]))
        });
        let (least, most) = (proposals.clone().min()?, proposals.max()?);
        (choice != Some("Disabled")).then_some((least, most, choice == Some("Min")))
    }

    /// The target was scaled.
    pub fn scaled(&mut self, behavior: &Doc, before: i64, after: i64, now: Time) {
        if behavior.is_null() {
            return;
        }
        let (way, events) =
            if after > before { ("scaleUp", &mut self.ups) } else { ("scaleDown", &mut self.downs) };
        let periods = behavior[way]["policies"].items().iter().map(|policy| number(&policy["periodSeconds"]));
        let longest = 1000 * periods.max().unwrap_or(0);
        events.retain(|(at, _)| now.since(*at).0 as i64 <= longest);
        events.push((now, (after - before).abs()));
    }
}

/// The least whole number that is not less; exact on every machine.
pub fn ceil(number: f64) -> i64 {
    let whole = number as i64;
    if (whole as f64) < number { whole + 1 } else { whole }
}

fn number(doc: &Doc) -> i64 {
    doc.as_i64().unwrap_or(0)
}

/// By how much the replicas changed within a policy's period.
fn changed(events: &[(Time, i64)], policy: &Doc, now: Time) -> i64 {
    let period = 1000 * number(&policy["periodSeconds"]);
    events.iter().filter(|(at, _)| (now.since(*at).0 as i64) < period).map(|(_, change)| change).sum()
}

#[cfg(test)]
mod tests {
    use super::{Memory, Time, Wish};
    use crate::doc;
    use crate::doc::Doc;

    fn wish(behavior: &Doc, current: i64, desired: i64, seconds: u64) -> Wish<'_> {
        Wish { behavior, bounds: (1, 100), current, desired, now: Time(seconds * 1000) }
    }

    #[test]
    fn without_behavior_twice_as_many_at_once_and_down_after_five_minutes() {
        let mut memory = Memory::default();
        let none = Doc::Null;
        let (replicas, able, limited) = memory.normalise(&wish(&none, 1, 20, 0));
        assert_eq!((replicas, able.1, limited.1), (4, "ReadyForNewScale", "ScaleUpLimit"));
        let (replicas, _, limited) = memory.normalise(&wish(&none, 10, 50, 15));
        assert_eq!((replicas, limited.1), (20, "ScaleUpLimit"));
        let (replicas, able, _) = memory.normalise(&wish(&none, 50, 2, 30));
        assert_eq!((replicas, able.1), (50, "ScaleDownStabilized"));
        let (replicas, able, limited) = memory.normalise(&wish(&none, 50, 0, 331));
        assert_eq!((replicas, able.1, limited.1), (1, "ReadyForNewScale", "TooFewReplicas"));
    }

    #[test]
    fn policies_bound_what_changes_within_their_periods() {
        let policies = |kind: &str, value: i64| {
            Doc::list([doc!({ "type": kind, "value": value, "periodSeconds": 60i64 })])
        };
        let mut behavior = doc!({
            "scaleUp": { "stabilizationWindowSeconds": 0i64, "selectPolicy": "Max", "policies": (policies("Percent", 50)) },
            "scaleDown": { "stabilizationWindowSeconds": 0i64, "selectPolicy": "Max", "policies": (policies("Pods", 3)) }
        });
        let mut memory = Memory::default();
        let (replicas, _, limited) = memory.normalise(&wish(&behavior, 5, 50, 0));
        assert_eq!((replicas, limited.1), (8, "ScaleUpLimit"));
        memory.scaled(&behavior, 5, 8, Time(0));
        assert_eq!(memory.normalise(&wish(&behavior, 8, 50, 30)).0, 8, "the period is not over");
        assert_eq!(memory.normalise(&wish(&behavior, 8, 50, 60)).0, 12);
        assert_eq!(memory.normalise(&wish(&behavior, 8, 1, 75)).0, 5);
        behavior.set_at(&["scaleDown", "selectPolicy"], "Disabled");
        assert_eq!(memory.normalise(&wish(&behavior, 8, 1, 90)).0, 8);
    }
}
