//! The driver's work for a cluster that is looked at from afar: it tells the map's numbers in place of cards.

use super::{Driver, Search};
use crate::{
    protocol::{Frame, Reply, Systems},
    worker::{captions, map::MOST_CARDS, view::View},
};

/// Wall time between two looks at a cluster from afar, in milliseconds.
const FAR_LOOK_MS: f64 = 250.0;
/// Events that one look tells of at most: the newest.
const EVENTS: usize = 40;

impl Driver {
    /// Whether this cluster is drawn as a map.
    pub(super) fn is_far(&self) -> bool {
        self.replica.cluster().core().machines.len() > MOST_CARDS
    }

    /// What takes long is not waited for: its beginning passes while the page already shows it.
    pub(super) fn begin(&mut self) {
        let opening = self.replica.opening();
        if self.cluster_now() < opening.0 {
            self.search = Some((Search::Opening, opening.0));
        }
    }

    /// Where the cluster opens, while it is on its way there.
    pub(in crate::worker) fn opening(&self) -> Option<u64> {
        self.search.and_then(|(search, until)| (search == Search::Opening).then_some(until))
    }

    /// How far it has come; there once nothing is searched for any more.
    pub(super) fn tell_opening(&self, until: u64) -> Reply {
        let at = self.opening().map_or(until, |_| self.cluster_now().min(until));
        Reply::Opening { at, until }
    }

    /// Tells what changed since the last look, but nodes and pods: those are the map's.
    pub(super) fn look_from_afar(&mut self, frame: &mut Frame) {
        let wall = self.unlooked;
        if wall < FAR_LOOK_MS && !frame.reset && !self.replica.take_struck() {
            return;
        }
        self.unlooked = 0.0;
        let (seen, _) = self.looked_at;
        self.looked_at = (self.replica.cluster().store().revision(), self.scene);
        self.read_writes(seen, frame);
        let surplus = frame.events.len().saturating_sub(EVENTS);
        frame.events.drain(..surplus);
        let cluster = self.replica.cluster();
        let view = View::from_afar(cluster);
        let systems = Systems::from_afar(cluster);
        let mut told = captions::between(&self.view, &view);
        told.extend(self.map.as_mut().map(|map| map.happened(cluster)).into_iter().flatten());
        self.settle(frame, told, view, systems);
    }

    /// The page's map begins: the names, and from now on the numbers.
    pub(super) fn begin_map(&mut self) -> Vec<Reply> {
        if !self.is_far() {
            return Vec::new();
        }
        let cluster = self.replica.cluster();
        let map = self.map.get_or_insert_with(|| Box::new(super::Map::new(cluster)));
        map.tell_all();
        vec![Reply::MapNames(Box::new(map.names(cluster)))]
    }

    /// What the map is to be told now, if it is time.
    pub fn map_words(&mut self) -> Option<Vec<u32>> {
        self.map_ticks = self.map_ticks.wrapping_add(1);
        // The numbers of a large cluster change all the time: ten times a second is enough to the eye.
        if !self.map_ticks.is_multiple_of(3) {
            return None;
        }
        self.map.as_mut()?.follow(self.replica.cluster())
    }
}
