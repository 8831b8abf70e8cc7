//! TTL after finished: Jobs that ended go when their time is over.

use crate::api::batch::job::Job;
use crate::api::{Key, Kind, Of, Propagation, Request};
use crate::client::Delta;
use crate::codec::Codec;
use crate::sim::Duration;

use super::worker::{Controller, Desk, Step};
use super::world::World;

/// The control loop.
#[derive(Codec, Clone, Debug, Hash, Default)]
pub struct TtlAfterFinished {}

impl Controller for TtlAfterFinished {
    const NAME: &'static str = "ttl-after-finished-controller";
    const WORKERS: u64 = 5;
    type Waiting = ();

    fn observe(&mut self, delta: &Delta, _: &World, desk: &mut Desk<'_, '_>) {
        let job = delta.new.as_ref().filter(|object| object.key.kind == Kind::Job);
        if job.and_then(|job| job.view::<Job>()).is_some_and(|job| due(job).is_some()) {
            desk.add(delta.object().key.clone());
        }
    }

    fn sync(&mut self, key: &Key, world: &World, desk: &mut Desk<'_, '_>) -> Step<()> {
        let job = world.of::<Job>(key).filter(|job: &Of<Job>| !job.meta().deleting());
        let Some((job, due)) = job.and_then(|job| Some((job.clone(), due(&job)?))) else { return Step::Done };
        let left = due - desk.timestamp().millis();
        if left > 0 {
            desk.add_after(key.clone(), Duration::millis(left.unsigned_abs()));
            return Step::Done;
        }
        let mut request = Request::delete(desk.user.clone(), key);
        request.options.delete.propagation = Some(Propagation::Foreground);
        request.options.delete.uid = Some(job.meta().uid);
        Step::Ask(vec![request], ())
    }
}

/// When a Job's time is over, in milliseconds since 1970.
fn due(job: &Job) -> Option<i64> {
    let (_, since) = job.finished.as_ref()?;
    Some(since.millis() + job.ttl_seconds? * 1000)
}
