//! Who goes on with what: each session or room has an epoch, which one server holds. It is taken and not locked: whoever
//! takes it writes its key, and thereby shuts out the holder before, whose writes all have the condition that the key is
//! as they left it.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

use super::{
    Inner, Place,
    gateway::{Kept, Op, Txn},
    key, read, write,
};
use crate::{sessions::token, storage::StoreError};

/// A server that does not renew its name for this many seconds is taken for dead.
const LEASE_SECONDS: u64 = 6;

/// How often it renews it.
const RENEW: Duration = Duration::from_secs(2);

/// Whoever did not answer is passed over for this long.
const SUSPECTED: Duration = Duration::from_secs(10);

/// A watch is begun anew, at another member perhaps, after this time.
const WATCH: Duration = Duration::from_secs(30);

/// History that no server reads any more is given back after a snapshot, and at least this often; not more often than that.
const COMPACT: Duration = Duration::from_secs(300);
const BETWEEN: Duration = Duration::from_secs(10);

/// What has an epoch: a session, or a room with all its sessions.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Unit {
    name: String,
    /// The key without which there is no such thing.
    exists: String,
}

impl Unit {
    /// A session that is in no room.
    pub fn session(id: &str) -> Self {
        Self { name: format!("session/{id}"), exists: key(&format!("index/{id}")) }
    }

    /// A room.
    pub fn room(code: &str) -> Self {
        Self { name: format!("room/{code}"), exists: key(&format!("rooms/{code}/record")) }
    }

    /// Where its epoch is.
    pub fn epoch_key(&self) -> String {
        key(&format!("epochs/{}", self.name))
    }
}

/// What is written of an epoch.
#[derive(Serialize, Deserialize)]
struct Epoch {
    /// Counts the holders.
    epoch: u64,
    /// The server that holds it; empty when none does.
    holder: String,
}

/// What this server holds.
pub struct Epochs {
    /// This server's name, another one each time it starts.
    replica: String,
    address: String,
    secret: String,
    /// By what others know it, if it speaks TLS.
    certificate: String,
    /// At which revision each epoch was taken.
    held: Mutex<HashMap<Unit, u64>>,
    /// What is being given back at this moment.
    leaving: Mutex<HashSet<Unit>>,
    suspected: Mutex<HashMap<String, Instant>>,
    others: Mutex<Others>,
    lease: Mutex<Option<String>>,
    lost: mpsc::UnboundedSender<String>,
}

/// The other servers, as they were at the last look.
#[derive(Default)]
struct Others {
    living: HashSet<String>,
    /// Those that were there and are not.
    dead: HashSet<String>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Epochs {
    /// Nothing is held yet.
    pub fn new(address: String, certificate: String, lost: mpsc::UnboundedSender<String>) -> Self {
        Self {
            replica: token::random_id(),
            address,
            secret: token::random_id() + &token::random_id(),
            certificate,
            held: Mutex::default(),
            leaving: Mutex::default(),
            suspected: Mutex::default(),
            others: Mutex::default(),
            lease: Mutex::default(),
            lost,
        }
    }

    /// Adds the condition that this server still holds it.
    pub fn fence(&self, unit: &Unit, txn: Txn) -> Result<Txn, StoreError> {
        match locked(&self.held).get(unit) {
            Some(revision) => Ok(txn.at(&unit.epoch_key(), *revision)),
            None => Err(StoreError::Conflict(unit.name.clone())),
        }
    }

    /// Whether the epoch's key, as it was read, is as this server left it.
    pub fn is_ours(&self, unit: &Unit, found: &[Kept]) -> bool {
        let held = locked(&self.held).get(unit).copied();
        held.is_some() && held == found.first().map(|kept| kept.revision)
    }

    /// Somebody else took it.
    pub fn lose(&self, unit: &Unit) {
        if locked(&self.held).remove(unit).is_some() {
            tracing::warn!(unit = unit.name, "another server goes on with it");
            // Only a server that ends listens no more.
            let _ = self.lost.send(unit.name.clone());
        }
    }

    /// What others say when they pass a request on to this server.
    pub fn secret(&self) -> &str {
        &self.secret
    }

    /// Whether another server was not found dead.
    pub fn lives(&self, replica: &str) -> bool {
        !locked(&self.others).dead.contains(replica)
    }

    /// It is deleted.
    pub fn forget(&self, unit: &Unit) {
        locked(&self.held).remove(unit);
    }

    /// Another server did not answer.
    pub fn suspect(&self, replica: &str) {
        locked(&self.suspected).insert(replica.to_owned(), Instant::now());
    }

    fn is_suspected(&self, replica: &str) -> bool {
        locked(&self.suspected).get(replica).is_some_and(|since| since.elapsed() < SUSPECTED)
    }
}

/// How an epoch stands.
struct Standing {
    exists: bool,
    epoch: u64,
    revision: u64,
    holder: String,
    /// Where the holder is, by what it knows us and we know it, if it lives and is another server.
    other: Option<[String; 3]>,
}

impl Inner {
    async fn standing(&self, unit: &Unit) -> Result<Standing, StoreError> {
        let ops = [Op::get(&unit.exists), Op::get(&unit.epoch_key()), Op::get_all(&key("replicas/"))];
        let done = self.gateway.read(ops).await?;
        let found = done.found[1].first();
        let Epoch { epoch, holder } = match found {
            Some(kept) => read(kept)?,
            None => Epoch { epoch: 0, holder: String::new() },
        };
        let name = key(&format!("replicas/{holder}"));
        let lives = !holder.is_empty() && holder != self.epochs.replica && !self.epochs.is_suspected(&holder);
        let other = done.found[2].iter().find(|replica| lives && replica.key == name);
        let other = other.map(|replica| {
            let mut parts = replica.value.split(' ').map(str::to_owned);
            [(); 3].map(|()| parts.next().unwrap_or_default())
        });
        Ok(Standing {
            exists: !done.found[0].is_empty(),
            epoch,
            revision: found.map_or(0, |kept| kept.revision),
            other,
            holder,
        })
    }

    /// Takes it, unless a server that lives has it.
    pub async fn hold(&self, unit: &Unit) -> Result<(), StoreError> {
        // What is just being given back is taken anew and not kept.
        while locked(&self.epochs.leaving).contains(unit) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        // Two servers may try at the same time; one of them sees at the second look that the other was first.
        for _ in 0..3 {
            if locked(&self.epochs.held).contains_key(unit) {
                return Ok(());
            }
            let standing = self.standing(unit).await?;
            if !standing.exists {
                return Ok(());
            }
            if standing.other.is_some() {
                break;
            }
            if standing.holder == self.epochs.replica {
                // It was taken, and the answer did not arrive.
                locked(&self.epochs.held).insert(unit.clone(), standing.revision);
                return Ok(());
            }
            let epoch = Epoch { epoch: standing.epoch + 1, holder: self.epochs.replica.clone() };
            let epoch_key = unit.epoch_key();
            let txn = Txn::default().present(&unit.exists).at(&epoch_key, standing.revision);
            let done = self.gateway.txn(txn.then(Op::put(&epoch_key, &write(&epoch)))).await?;
            if done.held {
                locked(&self.epochs.held).insert(unit.clone(), done.revision);
                return Ok(());
            }
        }
        Err(StoreError::Conflict(unit.name.clone()))
    }

    /// Who goes on with it.
    pub async fn place(&self, unit: &Unit) -> Result<Place, StoreError> {
        if locked(&self.epochs.held).contains_key(unit) {
            return Ok(Place::Here);
        }
        let Standing { holder, other, .. } = self.standing(unit).await?;
        Ok(match other {
            Some([address, secret, certificate]) => {
                Place::At { replica: holder, address, secret, certificate }
            }
            None => Place::Here,
        })
    }

    /// Does something to what this server holds, and only as long as it does.
    pub async fn fenced(&self, unit: &Unit, acts: impl FnOnce(Txn) -> Txn) -> Result<(), StoreError> {
        let txn = acts(self.epochs.fence(unit, Txn::default())?);
        match self.gateway.txn(txn).await?.held {
            true => Ok(()),
            false => {
                self.epochs.lose(unit);
                Err(StoreError::Conflict(unit.name.clone()))
            }
        }
    }

    /// Gives it back.
    pub async fn release(&self, unit: &Unit) {
        locked(&self.epochs.leaving).insert(unit.clone());
        self.give_back(unit).await;
        locked(&self.epochs.leaving).remove(unit);
    }

    async fn give_back(&self, unit: &Unit) {
        let Some(revision) = locked(&self.epochs.held).remove(unit) else { return };
        let free = |epoch| write(&Epoch { epoch, holder: String::new() });
        let epoch_key = unit.epoch_key();
        let give = async {
            let found = self.gateway.read([Op::get(&epoch_key)]).await?;
            let Some(kept) = found.found[0].first() else { return Ok(()) };
            let Epoch { epoch, .. } = read(kept)?;
            let txn = Txn::default().at(&epoch_key, revision).then(Op::put(&epoch_key, &free(epoch)));
            self.gateway.txn(txn).await.map(drop)
        };
        let given: Result<(), StoreError> = give.await;
        if let Err(error) = given {
            // Others take it when this server's name is gone.
            tracing::warn!(unit = unit.name, %error, "it could not be given back");
        }
    }

    /// Gives everything back, and this server's name.
    pub async fn release_all(&self) {
        let held: Vec<Unit> = locked(&self.epochs.held).keys().cloned().collect();
        for unit in &held {
            self.release(unit).await;
        }
        let lease = locked(&self.epochs.lease).take();
        if let Some(lease) = lease {
            // It ends by itself otherwise.
            let _ = self.gateway.revoke(&lease).await;
        }
    }

    /// Looks which other servers live.
    async fn look_around(&self) -> Result<(), StoreError> {
        let done = self.gateway.read([Op::get_all(&key("replicas/"))]).await?;
        let names = done.found[0].iter().filter_map(|kept| kept.key.rsplit('/').next());
        let living: HashSet<String> = names.map(str::to_owned).collect();
        let mut others = locked(&self.epochs.others);
        let before = std::mem::replace(&mut others.living, living.clone());
        others.dead.extend(before.difference(&living).cloned());
        // One that hung comes back by the same name.
        others.dead.retain(|name| !living.contains(name));
        Ok(())
    }

    /// Renews this server's name, or gives it anew.
    async fn renew(&self) -> Result<(), StoreError> {
        self.look_around().await?;
        let lease = locked(&self.epochs.lease).clone();
        if let Some(lease) = lease
            && self.gateway.keep(&lease).await?
        {
            return Ok(());
        }
        let lease = self.gateway.grant(LEASE_SECONDS).await?;
        let name = key(&format!("replicas/{}", self.epochs.replica));
        let Epochs { address, secret, certificate, .. } = &self.epochs;
        let value = format!("{address} {secret} {certificate}");
        self.gateway.read([Op::put_leased(&name, &value, &lease)]).await?;
        *locked(&self.epochs.lease) = Some(lease);
        tracing::info!(
            replica = self.epochs.replica,
            address = self.epochs.address,
            "the store knows this server"
        );
        Ok(())
    }

    /// Looks whether others took what this server holds; the revision at which it looked.
    async fn look(&self, units: impl IntoIterator<Item = Unit>) -> Result<u64, StoreError> {
        let units: Vec<Unit> = units.into_iter().collect();
        let mut revision = 0;
        for some in units.chunks(100) {
            let done = self.gateway.read(some.iter().map(|unit| Op::get(&unit.epoch_key()))).await?;
            for (unit, found) in some.iter().zip(&done.found) {
                let held = locked(&self.epochs.held).get(unit).copied();
                let kept = found.first().map(|kept| kept.revision);
                // What was taken while this was read has a later revision.
                if held.is_some_and(|held| kept.is_none_or(|kept| kept > held)) {
                    self.epochs.lose(unit);
                }
            }
            revision = done.revision;
        }
        if revision == 0 {
            revision = self.gateway.read([Op::get(&key("replicas/"))]).await?.revision;
        }
        Ok(revision)
    }

    fn held(&self) -> Vec<Unit> {
        locked(&self.epochs.held).keys().cloned().collect()
    }
}

/// Keeps this server's name alive, listens for what others take, and gives history back.
pub fn start(inner: &Arc<Inner>) {
    tokio::spawn(renew(Arc::downgrade(inner)));
    tokio::spawn(listen(Arc::downgrade(inner)));
    tokio::spawn(compact(Arc::downgrade(inner)));
}

async fn renew(inner: Weak<Inner>) {
    let mut ticks = tokio::time::interval(RENEW);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut away = false;
    loop {
        ticks.tick().await;
        let Some(inner) = inner.upgrade() else { return };
        let renewed = inner.renew().await;
        match &renewed {
            Ok(()) if away => tracing::info!("etcd answers again"),
            Err(error) if !away => tracing::error!(%error, "trying on"),
            _ => {}
        }
        away = renewed.is_err();
    }
}

/// A watch tells only that there is something to read: what it says is looked up, and what happened before it began too.
async fn listen(inner: Weak<Inner>) {
    loop {
        let Some(inner) = inner.upgrade() else { return };
        if let Ok(revision) = inner.look(inner.held()).await {
            let (changed, mut changes) = mpsc::unbounded_channel();
            let prefix = key("epochs/");
            let watch = inner.gateway.watch(&prefix, revision + 1, |key| {
                // The reader lives as long as the watch.
                let _ = changed.send(key);
            });
            let reader = async {
                while let Some(key) = changes.recv().await {
                    let touched = inner.held().into_iter().filter(|unit| unit.epoch_key() == key);
                    if inner.look(touched).await.is_err() {
                        return;
                    }
                }
            };
            tokio::select! {
                () = watch => {}
                () = reader => {}
                // A member that hangs does not say so.
                () = tokio::time::sleep(WATCH) => continue,
            }
        }
        tokio::time::sleep(RENEW).await;
    }
}

/// A snapshot takes the place of the one before, and a clock too: etcd keeps what they were until it is told to forget it.
/// No server reads anything but the present; a watch that is cut off looks anew.
async fn compact(inner: Weak<Inner>) {
    loop {
        let Some(superseded) = inner.upgrade().map(|inner| Arc::clone(&inner.superseded)) else { return };
        let _ = tokio::time::timeout(COMPACT, superseded.notified()).await;
        let Some(inner) = inner.upgrade() else { return };
        if let Ok(done) = inner.gateway.read([Op::get(&key("replicas/"))]).await {
            // Another server may have been quicker.
            let _ = inner.gateway.compact(done.revision).await;
        }
        drop(inner);
        tokio::time::sleep(BETWEEN).await;
    }
}
