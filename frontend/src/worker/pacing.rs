//! How fast virtual time passes for the viewer. Pure; never part of the cluster's state.
//!
//! The *story* pace: a hop that a person caused takes its time, and the clock does not pass its arrival before the
//! picture has; named waits run fast; all else passes as it comes.

use crate::protocol::{Speed, Wait};

/// Wall time that a named wait is to take, in milliseconds, however long it is.
const WAIT_MS: f64 = 3800.0;
/// Nothing runs faster than this at story pace.
const FASTEST: f64 = 90.0;
/// Time constant with which the pace changes, in milliseconds: a change of speed should be seen, not felt.
const EASING_MS: f64 = 350.0;

/// Scene milliseconds that the next hop of a person's story takes, when so many have been seen: the first ones are
/// for looking, the later ones for getting on.
pub fn hop_ms(seen: u32) -> f64 {
    match seen {
        0..24 => 400.0,
        24..40 => 300.0,
        40..60 => 220.0,
        _ => 140.0,
    }
}

/// Virtual milliseconds a scene millisecond that the pace is heading for, while no hop holds the clock.
pub fn goal(speed: Speed, waits: &[Wait], now: u64) -> f64 {
    let Speed::Story = speed else { return chosen(speed) };
    // What ends first decides: the others go on after it.
    let Some(wait) = waits.iter().filter(|wait| wait.kind.holds()).min_by_key(|wait| wait.until.max(now))
    else {
        return 1.0;
    };
    #[expect(clippy::cast_precision_loss, reason = "waits are far shorter than 2^52 ms")]
    let length = wait.until.saturating_sub(wait.since) as f64;
    (length / WAIT_MS).clamp(1.0, FASTEST)
}

fn chosen(speed: Speed) -> f64 {
    match speed {
        Speed::Story => 1.0,
        Speed::Milli(milli) => f64::from(milli.clamp(100, 1_000_000)) / 1000.0,
    }
}

/// The pace that follows a clock of this `speed` which is `ahead` by so many virtual milliseconds: a little behind it,
/// so that it never has to stop and wait.
pub fn follow(speed: f64, ahead: f64) -> f64 {
    const BEHIND_MS: f64 = 200.0;
    const CATCH_UP_MS: f64 = 400.0;
    (speed + (ahead - speed * BEHIND_MS) / CATCH_UP_MS).max(0.0)
}

/// The pace after `passed` scene milliseconds on the way from `rate` to `goal`.
pub fn ease(rate: f64, goal: f64, passed: f64) -> f64 {
    let step = (passed / EASING_MS).min(1.0);
    rate + (goal - rate) * step
}

/// Where virtual time is after `scene` of `scene_left` milliseconds, when it is to cover `virtual_left` in that time.
pub fn held(now: f64, virtual_left: f64, scene: f64, scene_left: f64) -> f64 {
    if scene >= scene_left { now + virtual_left } else { now + virtual_left * scene / scene_left }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::WaitKind;

    fn wait(kind: WaitKind, since: u64, until: u64) -> Wait {
        let (object, of, namespace) = Default::default();
        Wait { id: 1, kind, object, of, namespace, since, until }
    }

    #[test]
    fn waits_take_about_as_long_whatever_their_length() {
        for seconds in [50, 120, 300] {
            let waits = [wait(WaitKind::Toleration, 0, seconds * 1000)];
            let wall =
                f64::from(u32::try_from(seconds * 1000).expect("small")) / goal(Speed::Story, &waits, 0);
            assert!((3000.0..6000.0).contains(&wall), "{seconds} s take {wall} ms");
        }
        assert!((goal(Speed::Story, &[wait(WaitKind::Toleration, 0, 900)], 0) - 1.0).abs() < 0.01);
    }

    #[test]
    fn the_first_to_end_decides_and_a_chosen_speed_is_kept() {
        let waits = [wait(WaitKind::Toleration, 0, 300_000), wait(WaitKind::NodeGracePeriod, 0, 38_000)];
        assert!((goal(Speed::Story, &waits, 0) - 10.0).abs() < 0.01);
        assert!((goal(Speed::Milli(500), &waits, 0) - 0.5).abs() < 0.01);
        assert!((goal(Speed::Milli(1), &[], 0) - 0.1).abs() < 0.01);
        assert!((goal(Speed::Story, &[wait(WaitKind::TerminationGrace, 0, 30_000)], 0) - 1.0).abs() < 0.01);
    }

    #[test]
    fn the_pace_changes_gently_and_arrives() {
        let mut rate = 1.0;
        for _ in 0..60 {
            let next = ease(rate, 71.0, 33.0);
            assert!(next - rate < 10.0);
            rate = next;
        }
        assert!((rate - 71.0).abs() < 1.0);
    }

    #[test]
    fn a_follower_keeps_a_little_behind() {
        assert!((follow(1.0, 200.0) - 1.0).abs() < 1e-9);
        assert!(follow(1.0, 1000.0) > 2.0);
        assert!(follow(1.0, 0.0) < 1.0);
        assert!(follow(0.0, 0.0) >= 0.0);
    }

    #[test]
    fn a_held_clock_arrives_with_the_picture() {
        assert!((held(100.0, 2.0, 200.0, 400.0) - 101.0).abs() < 1e-9);
        assert!((held(100.0, 2.0, 400.0, 400.0) - 102.0).abs() < 1e-9);
        assert!((held(100.0, 0.0, 10.0, 0.0) - 100.0).abs() < 1e-9);
    }
}
