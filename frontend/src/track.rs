//! The arithmetic of the timeline: where a moment lies, which marks fall together, what is next. No DOM here.

use crate::{
    protocol::{Mark, MarkKind},
    view_model::rounded,
};

/// Marks that lie too close together to be told apart.
#[derive(Clone, Debug, PartialEq)]
pub struct Bundle {
    /// The moment of the first.
    pub at: u64,
    /// Where it lies, in percent of the track.
    pub share: f64,
    /// The most conspicuous kind among them.
    pub kind: MarkKind,
    /// How many there are.
    pub count: usize,
    /// What the first of that kind says.
    pub text: String,
}

/// Where `at` lies between `from` and `to`, in percent.
#[expect(clippy::cast_precision_loss, reason = "virtual time stays far below 2^52 ms")]
pub fn share(at: u64, from: u64, to: u64) -> f64 {
    let length = to.saturating_sub(from).max(1) as f64;
    (at.saturating_sub(from) as f64 * 100.0 / length).clamp(0.0, 100.0)
}

/// The moment that lies at this part (0 to 1) of the track.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "never negative, far below 2^52 ms"
)]
pub fn moment(part: f64, from: u64, to: u64) -> u64 {
    from + (to.saturating_sub(from) as f64 * part.clamp(0.0, 1.0)) as u64
}

/// The marks of some kinds, those within `slots` equal stretches of the track bundled.
pub fn bundles(marks: &[Mark], kinds: &[MarkKind], (from, to): (u64, u64), slots: u32) -> Vec<Bundle> {
    let mut bundles: Vec<Bundle> = Vec::new();
    let mut last = None;
    for mark in marks.iter().filter(|mark| kinds.contains(&mark.kind) && (from..=to).contains(&mark.at)) {
        let share = share(mark.at, from, to);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at most `slots`")]
        let slot = (share * f64::from(slots) / 100.0) as u32;
        match bundles.last_mut().filter(|_| last == Some(slot)) {
            Some(bundle) => {
                bundle.count += 1;
                if mark.kind < bundle.kind {
                    (bundle.kind, bundle.text) = (mark.kind, words(mark));
                }
            }
            None => bundles.push(Bundle { at: mark.at, share, kind: mark.kind, count: 1, text: words(mark) }),
        }
        last = Some(slot);
    }
    bundles
}

/// The bundles of all kinds as one path a kind, the most conspicuous last, on a track of 1000 by 34: thousands of marks are
/// four elements.
pub fn ticks(marks: &[Mark], span: (u64, u64), slots: u32) -> Vec<(MarkKind, String)> {
    const KINDS: [MarkKind; 4] = [MarkKind::Normal, MarkKind::Warning, MarkKind::Deed, MarkKind::Fault];
    let mut paths = KINDS.map(|kind| (kind, String::new()));
    for bundle in bundles(marks, &KINDS, span, slots) {
        let (top, height) = match bundle.kind {
            MarkKind::Normal => (13, 8),
            MarkKind::Warning => (9, 16),
            MarkKind::Deed | MarkKind::Fault => (5, 24),
        };
        let Some((_, path)) = paths.iter_mut().find(|(kind, _)| *kind == bundle.kind) else { continue };
        path.push_str(&format!("M{} {top}v{height}", rounded(bundle.share * 10.0, 1)));
    }
    paths.into_iter().filter(|(_, path)| !path.is_empty()).collect()
}

fn words(mark: &Mark) -> String {
    format!("{} {}", mark.text, mark.object).trim_end().to_owned()
}

/// The last moment before `now` at which something happened.
pub fn before(marks: &[Mark], now: u64) -> Option<u64> {
    marks.iter().map(|mark| mark.at).filter(|at| *at < now).max()
}

/// The first moment after `now` at which something happened.
pub fn after(marks: &[Mark], now: u64) -> Option<u64> {
    marks.iter().map(|mark| mark.at).filter(|at| *at > now).min()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(at: u64, kind: MarkKind) -> Mark {
        Mark { at, kind, text: format!("{kind:?}"), object: String::new() }
    }

    #[test]
    fn what_is_dense_is_bundled_under_its_most_conspicuous() {
        let kinds = [MarkKind::Fault, MarkKind::Deed, MarkKind::Warning, MarkKind::Normal];
        let marks: Vec<Mark> = (0..1000)
            .map(|at| mark(at, if at == 505 { MarkKind::Fault } else { MarkKind::Normal }))
            .collect();
        let found = bundles(&marks, &kinds, (0, 999), 100);
        assert!((100..=101).contains(&found.len()), "{}", found.len());
        assert_eq!(found.iter().map(|bundle| bundle.count).sum::<usize>(), 1000);
        let faults: Vec<_> = found.iter().filter(|bundle| bundle.kind == MarkKind::Fault).collect();
        assert_eq!((faults.len(), faults[0].text.as_str()), (1, "Fault"));
        assert_eq!(bundles(&marks, &kinds[..1], (0, 999), 100).len(), 1);
    }

    #[test]
    fn thousands_of_marks_are_a_path_a_kind() {
        let marks: Vec<Mark> = (0..5000)
            .map(|at| mark(at, if at == 2500 { MarkKind::Fault } else { MarkKind::Normal }))
            .collect();
        let drawn = ticks(&marks, (0, 4999), 100);
        assert_eq!(
            drawn.iter().map(|(kind, _)| *kind).collect::<Vec<_>>(),
            [MarkKind::Normal, MarkKind::Fault]
        );
        assert_eq!(drawn[1].1, "M500.1 5v24");
        assert!((99..=101).contains(&drawn[0].1.matches('M').count()));
    }

    #[test]
    fn places_and_neighbours() {
        assert!((share(150, 100, 200) - 50.0).abs() < 1e-9);
        assert_eq!(moment(0.5, 100, 200), 150);
        assert!((share(7, 7, 7) - 0.0).abs() < 1e-9);
        let marks = [mark(10, MarkKind::Normal), mark(20, MarkKind::Deed)];
        assert_eq!((before(&marks, 20), after(&marks, 10)), (Some(10), Some(20)));
        assert_eq!((before(&marks, 10), after(&marks, 20)), (None, None));
    }
}
