//! Finds the words, in the chosen language, for what the worker reports as data.

use leptos_i18n::I18nContext;

use crate::{
    i18n::*,
    protocol::{Happening, Verdict, WaitKind},
    stage::faults::{Deed, deed_of, short_name},
    trouble::{Ill, Trouble},
    view_model::{NodeState, abridged},
};

type I18n = I18nContext<Locale>;

/// A length of time: `28 s`, `4 min 12 s`.
pub fn duration(i18n: I18n, millis: u64) -> String {
    let seconds = (millis + 500) / 1000;
    let (minutes, seconds) = (seconds / 60, seconds % 60);
    match (minutes, seconds) {
        (0, _) if millis < 9_500 && !millis.is_multiple_of(1000) => {
            let tenths = format!("{}.{}", millis / 1000, millis % 1000 / 100);
            t_string!(i18n, duration.seconds, seconds = tenths).to_string()
        }
        (0, _) => t_string!(i18n, duration.seconds, seconds = seconds).to_string(),
        (_, 0) => t_string!(i18n, duration.minutes, minutes = minutes).to_string(),
        _ => t_string!(i18n, duration.both, minutes = minutes, seconds = seconds).to_string(),
    }
}

/// What a sentence calls a thing that is broken.
pub fn broken_thing(i18n: I18n, target: &str) -> String {
    match target.strip_prefix("zone/") {
        Some(zone) => t_string!(i18n, broken_zone, zone = zone).to_string(),
        None => short_name(target),
    }
}

/// What a caption says.
pub fn happening(i18n: I18n, what: &Happening) -> String {
    macro_rules! say {
        ($key:ident $(, $name:ident = $value:expr)*) => {
            t_string!(i18n, caption.$key $(, $name = $value)*).to_string()
        };
    }
    match what {
        Happening::PowerOff { node } => say!(power_off, node = node.clone()),
        Happening::PowerOn { node } => say!(power_on, node = node.clone()),
        Happening::NodeLost { node } => say!(node_lost, node = node.clone()),
        Happening::NodeBack { node } => say!(node_back, node = node.clone()),
        Happening::Tolerated { node, wait, .. } => {
            say!(tolerated, node = node.clone(), time = duration(i18n, *wait))
        }
        Happening::Cordoned { node } => say!(cordoned, node = node.clone()),
        Happening::Evicted { pod, node } => say!(evicted, pod = pod.clone(), node = node.clone()),
        Happening::HeldUp { budget, needed, healthy } => {
            say!(held_up, budget = budget.clone(), needed = *needed, healthy = *healthy)
        }
        Happening::DrainFailed { node, why } => say!(drain_failed, node = node.clone(), why = why.clone()),
        Happening::Preempted { pod, by, node } => {
            say!(preempted, pod = pod.clone(), by = by.clone(), node = node.clone())
        }
        Happening::PodCreated { pod, owner } => say!(pod_created, pod = pod.clone(), owner = owner.clone()),
        Happening::PodPlaced { pod, node } => say!(pod_placed, pod = pod.clone(), node = node.clone()),
        Happening::PodUnplaced { pod, .. } => say!(pod_unplaced, pod = pod.clone()),
        Happening::PodReady { pod, node } => say!(pod_ready, pod = pod.clone(), node = node.clone()),
        Happening::PodFailing { pod, status } => {
            say!(pod_failing, pod = pod.clone(), status = status.clone())
        }
        Happening::PodGone { pod } => say!(pod_gone, pod = pod.clone()),
        Happening::Stopped { place } => say!(stopped, place = place.clone()),
        Happening::Started { place } => say!(started, place = place.clone()),
        Happening::QuorumLost { up, all } => say!(quorum_lost, up = *up, all = *all),
        Happening::Endpoints { service, count: 1 } => say!(endpoints_one, service = service.clone()),
        Happening::Endpoints { service, count } => say!(endpoints, service = service.clone(), count = *count),
        Happening::Created { kind, name } => say!(created, kind = kind.clone(), name = name.clone()),
        Happening::Scaled { name, from, to: 1 } => say!(scaled_one, name = name.clone(), from = *from),
        Happening::Scaled { name, from, to } => say!(scaled, name = name.clone(), from = *from, to = *to),
        Happening::Quiet { time } => say!(quiet, time = duration(i18n, *time)),
        Happening::Struck(broken) => {
            say!(struck, name = broken_thing(i18n, &broken.target), says = deed(i18n, deed_of(broken)).1)
        }
        Happening::Mended(broken) => {
            say!(mended, name = broken_thing(i18n, &broken.target), what = deed(i18n, deed_of(broken)).0)
        }
    }
}

/// The measured result.
pub fn verdict(i18n: I18n, verdict: &Verdict) -> String {
    let time = duration(i18n, verdict.took / 1000 * 1000);
    let back = t_string!(i18n, verdict.back, replicas = verdict.replicas, time = time).to_string();
    let lost = match verdict.lost {
        0 => t_string!(i18n, verdict.lost_none).to_owned(),
        1 => t_string!(i18n, verdict.lost_one).to_owned(),
        lost => t_string!(i18n, verdict.lost_many, lost = lost).to_string(),
    };
    // Japanese puts no space between sentences.
    let between = if i18n.get_locale() == Locale::ja { "" } else { " " };
    format!("{back}{between}{lost}")
}

/// What goes wrong, and with how many others besides.
pub fn trouble(i18n: I18n, trouble: &Trouble) -> String {
    let name = abridged(&trouble.name);
    macro_rules! say {
        ($key:ident) => {
            t_string!(i18n, ill.$key, name = name).to_string()
        };
    }
    let said = match trouble.what {
        Ill::Image => say!(image),
        Ill::Config => say!(config),
        Ill::Mount => say!(mount),
        Ill::Crash => say!(crash),
        Ill::Memory => say!(memory),
        Ill::Refused => say!(refused),
        Ill::NoNode => say!(no_node),
        Ill::Probe => say!(probe),
    };
    match trouble.others {
        0 => said,
        count => said + &t_string!(i18n, ill.more, count = count).to_string(),
    }
}

/// What a wait is called.
pub fn wait_name(i18n: I18n, kind: WaitKind) -> &'static str {
    match kind {
        WaitKind::NodeGracePeriod => t_string!(i18n, wait.node_grace_period),
        WaitKind::Toleration => t_string!(i18n, wait.toleration),
        WaitKind::TerminationGrace => t_string!(i18n, wait.termination),
        WaitKind::EvictionRate => t_string!(i18n, wait.eviction_rate),
        WaitKind::CrashLoopBackOff => "CrashLoopBackOff",
        WaitKind::ImagePullBackOff => "ImagePullBackOff",
        WaitKind::ConfigRetry => "CreateContainerConfigError",
        WaitKind::Disruption => "PodDisruptionBudget",
        WaitKind::MountRetry => "FailedMount",
        WaitKind::StartupProbe => "startupProbe",
        WaitKind::LivenessProbe => "livenessProbe",
        WaitKind::ReadinessProbe => "readinessProbe",
        WaitKind::ProbeDelay => t_string!(i18n, wait.probe_delay),
        WaitKind::LeaderLease => t_string!(i18n, wait.leader_lease),
        WaitKind::NamespaceDeletion => t_string!(i18n, wait.namespace_deletion),
        WaitKind::TtlAfterFinished => "ttlSecondsAfterFinished",
        WaitKind::ProgressDeadline => "progressDeadlineSeconds",
        WaitKind::MinReadySeconds => "minReadySeconds",
        WaitKind::ActiveDeadline => "activeDeadlineSeconds",
        WaitKind::DrainTimeout => "kubectl drain --timeout",
        WaitKind::Unschedulable => "Unschedulable",
        WaitKind::SchedulerBackOff => t_string!(i18n, wait.scheduler_back_off),
        WaitKind::JobBackOff => t_string!(i18n, wait.job_back_off),
        WaitKind::NextRun => t_string!(i18n, wait.next_run),
    }
}

/// Why there is such a wait at all.
pub fn wait_reason(i18n: I18n, kind: WaitKind) -> &'static str {
    match kind {
        WaitKind::NodeGracePeriod => t_string!(i18n, reason.node_grace_period),
        WaitKind::Toleration => t_string!(i18n, reason.toleration),
        WaitKind::TerminationGrace => t_string!(i18n, reason.termination),
        WaitKind::EvictionRate => t_string!(i18n, reason.eviction_rate),
        WaitKind::CrashLoopBackOff => t_string!(i18n, reason.crash_loop),
        WaitKind::ImagePullBackOff => t_string!(i18n, reason.image_pull),
        WaitKind::ConfigRetry => t_string!(i18n, reason.config_retry),
        WaitKind::Disruption => t_string!(i18n, reason.disruption),
        WaitKind::MountRetry => t_string!(i18n, reason.mount_retry),
        WaitKind::StartupProbe => t_string!(i18n, reason.startup_probe),
        WaitKind::LivenessProbe => t_string!(i18n, reason.liveness_probe),
        WaitKind::ReadinessProbe => t_string!(i18n, reason.readiness_probe),
        WaitKind::ProbeDelay => t_string!(i18n, reason.probe_delay),
        WaitKind::LeaderLease => t_string!(i18n, reason.leader_lease),
        WaitKind::NamespaceDeletion => t_string!(i18n, reason.namespace_deletion),
        WaitKind::TtlAfterFinished => t_string!(i18n, reason.ttl_after_finished),
        WaitKind::ProgressDeadline => t_string!(i18n, reason.progress_deadline),
        WaitKind::MinReadySeconds => t_string!(i18n, reason.min_ready),
        WaitKind::ActiveDeadline => t_string!(i18n, reason.active_deadline),
        WaitKind::DrainTimeout => t_string!(i18n, reason.drain_timeout),
        WaitKind::Unschedulable => t_string!(i18n, reason.unschedulable),
        WaitKind::SchedulerBackOff => t_string!(i18n, reason.scheduler_back_off),
        WaitKind::JobBackOff => t_string!(i18n, reason.job_back_off),
        WaitKind::NextRun => t_string!(i18n, reason.next_run),
    }
}

/// The word that the style sheet knows for a wait.
pub fn wait_word(kind: WaitKind) -> &'static str {
    match kind {
        WaitKind::NodeGracePeriod => "grace",
        WaitKind::Toleration => "toleration",
        WaitKind::CrashLoopBackOff
        | WaitKind::ImagePullBackOff
        | WaitKind::ConfigRetry
        | WaitKind::MountRetry => "backoff",
        _ => "termination",
    }
}

/// What breaking something so is called, and what it will do.
pub fn deed(i18n: I18n, deed: Deed) -> (&'static str, &'static str) {
    macro_rules! of {
        ($name:ident, $says:ident) => {
            (t_string!(i18n, faults.$name), t_string!(i18n, faults.$says))
        };
    }
    match deed {
        Deed::Stop => of!(stop, stop_says),
        Deed::Crash => of!(crash, crash_says),
        Deed::Cut => of!(cut, cut_says),
        Deed::Slow => of!(slow, slow_says),
        Deed::PowerOff => of!(power_off, power_off_says),
        Deed::Partition => of!(partition, partition_says),
        Deed::Cordon => of!(cordon, cordon_says),
        Deed::Drain => of!(drain, drain_says),
        Deed::FillMemory => of!(fill_memory, fill_memory_says),
        Deed::FillDisk => of!(fill_disk, fill_disk_says),
        Deed::Kill => of!(kill, kill_says),
        Deed::DeleteAll => of!(delete_all, delete_all_says),
        Deed::FailProbes => of!(fail_probes, fail_probes_says),
        Deed::Leak => of!(leak, leak_says),
        Deed::Burn => of!(burn, burn_says),
        Deed::LoseImage => of!(lose_image, lose_image_says),
        Deed::Empty => of!(empty, empty_says),
        Deed::Surge => of!(surge, surge_says),
    }
}

/// How a thing is that is broken so: what is done and what is so have different words.
pub fn broken_so(i18n: I18n, kind: Deed) -> &'static str {
    match kind {
        Deed::Stop => t_string!(i18n, faults.is_stopped),
        Deed::Cut => t_string!(i18n, faults.is_cut),
        Deed::Slow => t_string!(i18n, faults.is_slow),
        Deed::PowerOff => t_string!(i18n, faults.is_off),
        Deed::Partition => t_string!(i18n, faults.is_partitioned),
        Deed::FillMemory => t_string!(i18n, faults.memory_is_full),
        Deed::FillDisk => t_string!(i18n, faults.disk_is_full),
        Deed::FailProbes => t_string!(i18n, faults.probes_fail),
        Deed::Burn => t_string!(i18n, faults.burns),
        Deed::LoseImage => t_string!(i18n, faults.image_is_lost),
        Deed::Empty => t_string!(i18n, faults.is_empty),
        kind => deed(i18n, kind).0,
    }
}

/// How a node stands, for its card, and the word that the style sheet knows.
pub fn node_state(i18n: I18n, state: NodeState) -> (&'static str, &'static str) {
    match state {
        NodeState::Ready => ("Ready", "ready"),
        // In a narrow card it breaks at its hump.
        NodeState::Cordoned => ("Scheduling\u{200b}Disabled", "cordoned"),
        NodeState::OffUnnoticed => (t_string!(i18n, node.off_unnoticed), "unnoticed"),
        NodeState::Off => ("NotReady", "off"),
        NodeState::NotReady => ("NotReady", "notready"),
        NodeState::Joining => (t_string!(i18n, node.joining), "joining"),
    }
}
