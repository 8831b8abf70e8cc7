//! Replication manager: keeps a number of pods for ReplicationControllers, as its younger twin does for ReplicaSets.

use crate::api::{Key, Kind};
use crate::client::Delta;
use crate::codec::Codec;

use super::replicaset::{ReplicaSetController, Waiting};
use super::worker::{Answer, Controller, Desk, Step};
use super::world::World;

/// The control loop.
#[derive(Codec, Clone, Debug, Hash, Default)]
pub struct ReplicationManager(ReplicaSetController);

impl Controller for ReplicationManager {
    const NAME: &'static str = "replication-controller";
    const WORKERS: u64 = ReplicaSetController::WORKERS;
    type Waiting = Waiting;

    fn observe(&mut self, delta: &Delta, world: &World, desk: &mut Desk<'_, '_>) {
        self.0.observe_as(Kind::ReplicationController, delta, world, desk);
    }

    fn sync(&mut self, key: &Key, world: &World, desk: &mut Desk<'_, '_>) -> Step<Waiting> {
        self.0.sync(key, world, desk)
    }

    fn heard(
        &mut self,
        key: &Key,
        waiting: &Waiting,
        at: u32,
        answer: &Answer,
        world: &World,
        desk: &mut Desk<'_, '_>,
    ) {
        self.0.heard(key, waiting, at, answer, world, desk);
    }

    fn answered(
        &mut self,
        key: &Key,
        waiting: Waiting,
        answers: Vec<Answer>,
        world: &World,
        desk: &mut Desk<'_, '_>,
    ) -> Step<Waiting> {
        self.0.answered(key, waiting, answers, world, desk)
    }
}
