//! What follows when no node can take a pod: PostFilter, and for which node the pod waits from then on.

use std::sync::Arc;

use crate::api::Object;
use crate::doc::Doc;
use crate::sim::Context;

use super::Scheduler;
use super::cache::CachedPod;
use super::cycle::{Rejections, refusal};
use super::framework::{Asks, ClusterEvent, Cycle, Failed, PostFilter};
use super::plugins::PLUGINS;
use super::preemption::{Candidate, DryRun};
use super::template::Template;
use crate::api::Key;

impl PostFilter {
    /// What was tried.
    pub fn run(&self) -> Option<&DryRun> {
        match self {
            PostFilter::Unschedulable(_) => None,
            PostFilter::Hopeless(_, run) | PostFilter::Nominated(run) => Some(run),
        }
    }

    /// Where there will be room.
    pub fn choice(&self) -> Option<&Candidate> {
        self.run().and_then(DryRun::choice)
    }
}

impl Scheduler {
    /// Tries to make room; the answer is the whole FailedScheduling message and what came of the try.
    pub(super) fn post_filter(
        &mut self,
        group: u32,
        asks: &Asks,
        rejections: &Rejections,
        cx: &Context<'_>,
    ) -> (String, Option<PostFilter>) {
        let nodes = self.cache.order().len();
        let of_devices = asks.devices.as_ref().and_then(|devices| devices.refusal.as_ref());
        if let Some(why) = rejections.beforehand.as_ref().filter(|why| of_devices != Some(*why)) {
            // What ends it is said by the DynamicResources plugin, which did not get to look at the pod.
            return (format!("0/{nodes} nodes are available: {why}. not found"), None);
        }
        self.cache.know_residents();
        let mut message = match &rejections.beforehand {
            Some(why) => format!("0/{nodes} nodes are available: {why}."),
            None => refusal(nodes as u32, &rejections.reasons),
        };
        let group = self.cache.groups().get(group);
        let cycle = Cycle { cache: &self.cache, group, template: &group.template, asks };
        let failed = Failed { cycle, rejections, informers: &self.informers, now: cx.timestamp() };
        let (tries, random) = (&mut self.tries, &mut self.random);
        let room = PLUGINS.iter().find_map(|plugin| plugin.post_filter(failed, tries, random));
        if let Some(PostFilter::Unschedulable(more) | PostFilter::Hopeless(more, _)) = &room {
            message.push(' ');
            message.push_str(more);
        }
        (message, room)
    }

    /// What `status.nominatedNodeName` of a pod is to be; `None` when it stays as it is.
    pub(super) fn nominee(&self, pod: &Object, room: Option<&PostFilter>) -> Option<Doc> {
        let now = pod.body["status"]["nominatedNodeName"].str();
        match room? {
            PostFilter::Unschedulable(_) => None,
            PostFilter::Hopeless(..) => (!now.is_empty()).then_some(Doc::Null),
            room @ PostFilter::Nominated(_) => {
                let node = &self.cache.node(room.choice()?.slot).name;
                (now != *node).then(|| node.into())
            }
        }
    }

    /// A pod waits for the node in `slot` from now on.
    pub(super) fn nominate(&mut self, pod: &Object, template: &Arc<Template>, slot: u32) {
        let (key, uid, template) = (pod.key.clone(), pod.meta.uid, Arc::clone(template));
        self.nominated.set(Arc::new(CachedPod { key, uid, slot, template, leaving: false }));
    }

    /// Takes in which node a pod waits for, as its status says. While the API server has not been told yet what the
    /// scheduler knows already, its saying nothing says nothing.
    pub(super) fn renominate(&mut self, pod: &Object, old: Option<&Object>) {
        let nominee = |pod: &Object| pod.body["status"]["nominatedNodeName"].str();
        let now = nominee(pod);
        if now.is_empty() {
            if old.is_none_or(|old| !nominee(old).is_empty()) {
                self.nominated.remove(&pod.key);
            }
            return;
        }
        let slot = self.cache.slot(&now);
        if self.nominated.slot(&pod.key) != Some(slot) {
            let template = self.read_template(pod);
            self.nominate(pod, &template, slot);
        }
    }

    /// A pod waits for nothing any more: what was kept for it others may have.
    pub(super) fn give_up_nomination(&mut self, key: &Key, cx: &Context<'_>) {
        if let Some(pod) = self.nominated.remove(key) {
            self.queue.wake(ClusterEvent::PodGone(&pod.template), cx.now(), &cx.causes);
        }
    }
}
