//! How the bodies of requests are taken in: each is bounded, and so is what those under way weigh together.
//!
//! A body is held several times over until its request is answered, and anybody with a link can send many at once. Small
//! ones always find room. What does not is refused as by an API server that has too much to do: clients wait and come back.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use futures_util::StreamExt;
use shared::cluster::HttpResponse;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::answer;

/// The largest body that is read, in bytes.
pub const MAX_BODY: usize = 3 << 20;
/// Bodies up to this size need no room, in bytes.
const SMALL: usize = 64 << 10;
/// What larger ones may weigh together, in units of `UNIT` bytes.
const ROOM: usize = 32 << 10;
const UNIT: usize = 1 << 10;

/// The room for bodies. Cheap to clone.
#[derive(Clone)]
pub struct Intake(Arc<Semaphore>);

/// The place that a body takes; it is free again when this is dropped.
pub type Place = Option<OwnedSemaphorePermit>;

impl Default for Intake {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(ROOM)))
    }
}

impl Intake {
    /// Reads a body.
    ///
    /// # Errors
    /// What is said of one that is too large, of one too many, and of one that did not come whole.
    pub async fn read(&self, body: Body) -> Result<(Bytes, Place), HttpResponse> {
        let mut place: Place = None;
        let mut whole: Vec<u8> = Vec::new();
        let mut pieces = body.into_data_stream();
        while let Some(piece) = pieces.next().await {
            let piece = piece.map_err(|_| answer::status(400, "BadRequest", "unexpected EOF"))?;
            if whole.len() + piece.len() > MAX_BODY {
                return Err(too_large());
            }
            whole.extend_from_slice(&piece);
            // Room is taken as it is needed: who announces much and sends nothing takes none.
            let held = place.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
            let wanted = if whole.len() > SMALL { whole.len().div_ceil(UNIT) } else { 0 };
            if wanted > held {
                let more = u32::try_from(wanted - held).unwrap_or(u32::MAX);
                let more = Arc::clone(&self.0).try_acquire_many_owned(more).map_err(|_| crowded())?;
                match &mut place {
                    Some(place) => place.merge(more),
                    None => place = Some(more),
                }
            }
        }
        Ok((whole.into(), place))
    }
}

/// 413
pub fn too_large() -> HttpResponse {
    let why = format!("Request entity too large: limit is {MAX_BODY}");
    answer::status(413, "RequestEntityTooLarge", &why)
}

fn crowded() -> HttpResponse {
    answer::status(429, "TooManyRequests", "too many large requests at once")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn large_bodies_share_room_and_small_ones_need_none() {
        let intake = Intake::default();
        let read = |bytes: usize| intake.read(Body::from(vec![b'x'; bytes]));
        let mut places = Vec::new();
        while let Ok((_, place)) = read(MAX_BODY).await {
            places.push(place);
            assert!(places.len() * MAX_BODY <= ROOM * UNIT);
        }
        assert_eq!(places.len(), ROOM * UNIT / MAX_BODY);
        assert_eq!(read(MAX_BODY).await.err().map(|why| why.code), Some(429));
        assert!(read(SMALL).await.is_ok_and(|(body, _)| body.len() == SMALL));
        places.pop();
        assert!(read(MAX_BODY).await.is_ok(), "a place that was given back");
        assert_eq!(read(MAX_BODY + 1).await.err().map(|why| why.code), Some(413));
    }
}
