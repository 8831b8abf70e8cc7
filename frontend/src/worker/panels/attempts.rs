//! The scheduler's attempts to find a pod a node, with every verdict and score.

use shared::{
    api::Key,
    cluster::Cluster,
    doc,
    doc::Doc,
    scheduler::{Attempt, AttemptOutcome, NodeVerdict},
};

use super::{NODES, whole};

/// Attempts of a pod that are told of: the newest.
const ATTEMPTS: usize = 24;

/// All attempts to find a pod a node, the newest last, and one of them (the last) in full.
pub(super) fn attempts(cluster: &Cluster, pod: &Key, index: Option<u64>) -> Doc {
    let all = cluster.scheduler().attempts(pod);
    let skip = all.len().saturating_sub(ATTEMPTS);
    let shown = &all[skip..];
    let short = |attempt: &Attempt<'_>| {
        let (chosen, why) = match attempt.outcome() {
            AttemptOutcome::Assigned(node) => (Some(node), None),
            AttemptOutcome::Unschedulable(why) => (None, Some(why)),
        };
        doc!({ "at": whole(attempt.at().0), "chosen": chosen, "why": why })
    };
    let last = shown.len().saturating_sub(1);
    let index = index.and_then(|index| usize::try_from(index).ok()).unwrap_or(last).min(last);
    doc!({
        "attempts": Doc::list(shown.iter().map(short)), "index": whole(index as u64),
        "shown": shown.get(index).map(explained)
    })
}

fn explained(attempt: &Attempt<'_>) -> Doc {
    let Some(explanation) = attempt.explain() else { return Doc::Null };
    let score = |score: &shared::scheduler::PluginScore| {
        let numbers = [score.raw, score.normalized, score.weight, score.weighted];
        doc!({ "plugin": score.plugin, "numbers": Doc::list(numbers) })
    };
    let node = |node: &NodeVerdict| {
        let refused =
            node.filter.iter().find_map(|(plugin, verdict)| Some((*plugin, verdict.as_ref().err()?)));
        let passed = node.filter.iter().filter(|(_, verdict)| verdict.is_ok()).map(|(plugin, _)| *plugin);
        doc!({
            "node": &node.node, "passed": Doc::list(passed), "plugin": refused.map(|(plugin, _)| plugin),
            "refusal": refused.map(|(_, why)| why.as_str()), "total": node.total,
            "scores": Doc::list(node.scores.iter().map(score))
        })
    };
    // Who is refused as such, whatever node, was asked about none.
    let asked = matches!(attempt.outcome(), AttemptOutcome::Assigned(_))
        || explanation.nodes.iter().any(|node| node.filter.iter().any(|(_, verdict)| verdict.is_err()));
    let nodes: &[NodeVerdict] = if asked { &explanation.nodes } else { &[] };
    let victims = |verdict: &shared::scheduler::PreemptionVerdict| {
        let (pods, why) = match &verdict.victims {
            Ok((pods, _)) => (pods.iter().map(|pod| pod.name.to_string()).collect(), None),
            Err(why) => (Vec::new(), Some(why.as_str())),
        };
        doc!({ "node": &verdict.node, "victims": pods, "why": why, "chosen": verdict.chosen })
    };
    doc!({
        "nodes": Doc::list(nodes.iter().take(NODES).map(node)), "all": explanation.all_nodes,
        "tied": Doc::list(explanation.tied.iter()),
        "preemption": Doc::list(explanation.preemption.iter().take(NODES).map(victims))
    })
}
