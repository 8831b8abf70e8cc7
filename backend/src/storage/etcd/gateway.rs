//! Speaks to etcd: its own JSON gateway, version 3, over HTTP, plain or with TLS. Everything asked here may be asked twice, so an
//! answer that does not come is asked for again, from the next member.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use axum::{
    body::{self, Body},
    http::{Request, Response},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use futures_util::StreamExt;
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, Error, connect::HttpConnector},
    rt::TokioExecutor,
};
use serde_json::{Value, json};
use tokio::time::timeout;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use crate::storage::StoreError;

/// One member must answer within this time; then the next is asked.
const CONNECT: Duration = Duration::from_millis(500);
const MEMBER: Duration = Duration::from_millis(1500);

/// All of them together, before a caller is told that the store is away.
const PATIENCE: Duration = Duration::from_secs(6);

/// How long all wait before they are asked again.
const AGAIN: Duration = Duration::from_millis(100);

/// Codes of gRPC that say no more than that it did not work out this time: unknown, deadline exceeded, unavailable.
const PASSING: [u64; 3] = [2, 4, 14];

/// The way to an etcd, by any of its members.
pub struct Gateway {
    client: Client<HttpsConnector<HttpConnector>, Body>,
    members: Vec<String>,
    /// The member that answered last.
    current: AtomicUsize,
}

/// A key as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Its name.
    pub key: String,
    /// What it holds.
    pub value: String,
    /// The revision at which it was written last.
    pub revision: u64,
}

/// What a transaction came to.
#[derive(Debug)]
pub struct Done {
    /// Whether its conditions held.
    pub held: bool,
    /// The store's revision.
    pub revision: u64,
    /// What its readings found, in their order.
    pub found: Vec<Vec<Kept>>,
    /// How many keys each reading counted.
    pub counts: Vec<u64>,
}

/// A transaction: conditions, what is done when all hold, and what is done otherwise.
#[derive(Clone, Debug, Default)]
pub struct Txn {
    conditions: Vec<Value>,
    then: Vec<Value>,
    otherwise: Vec<Value>,
}

/// One thing that a transaction does.
#[derive(Clone, Debug)]
pub struct Op(Value);

impl Op {
    /// Writes a key.
    pub fn put(key: &str, value: &str) -> Self {
        Self(json!({"request_put": {"key": coded(key), "value": coded(value)}}))
    }

    /// Writes a key that goes when nobody keeps the lease.
    pub fn put_leased(key: &str, value: &str, lease: &str) -> Self {
        Self(json!({"request_put": {"key": coded(key), "value": coded(value), "lease": lease}}))
    }

    /// Reads a key.
    pub fn get(key: &str) -> Self {
        Self(json!({"request_range": {"key": coded(key)}}))
    }

    /// Reads all keys that begin so.
    pub fn get_all(prefix: &str) -> Self {
        Self(json!({"request_range": {"key": coded(prefix), "range_end": coded(&after(prefix))}}))
    }

    /// Reads keys from one on, as long as they begin so, and so many at most.
    pub fn get_from(key: &str, prefix: &str, limit: u32) -> Self {
        let (key, range_end) = (coded(key), coded(&after(prefix)));
        Self(json!({"request_range": {"key": key, "range_end": range_end, "limit": limit}}))
    }

    /// Reads the last of the keys that begin so.
    pub fn get_last(prefix: &str) -> Self {
        let (key, range_end) = (coded(prefix), coded(&after(prefix)));
        let order = json!({"key": key, "range_end": range_end, "limit": 1, "sort_order": "DESCEND", "sort_target": "KEY"});
        Self(json!({"request_range": order}))
    }

    /// Counts the keys that begin so.
    pub fn count(prefix: &str) -> Self {
        let (key, range_end) = (coded(prefix), coded(&after(prefix)));
        Self(json!({"request_range": {"key": key, "range_end": range_end, "count_only": true}}))
    }

    /// Deletes a key.
    pub fn delete(key: &str) -> Self {
        Self(json!({"request_delete_range": {"key": coded(key)}}))
    }

    /// Deletes all keys that begin so.
    pub fn delete_all(prefix: &str) -> Self {
        Self(json!({"request_delete_range": {"key": coded(prefix), "range_end": coded(&after(prefix))}}))
    }
}

impl Txn {
    /// Only if the key was last written at that revision; 0: if there is none.
    pub fn at(mut self, key: &str, revision: u64) -> Self {
        let compare = json!({"key": coded(key), "target": "MOD", "result": "EQUAL", "mod_revision": revision.to_string()});
        self.conditions.push(compare);
        self
    }

    /// Only if there is such a key.
    pub fn present(mut self, key: &str) -> Self {
        let compare =
            json!({"key": coded(key), "target": "CREATE", "result": "GREATER", "create_revision": "0"});
        self.conditions.push(compare);
        self
    }

    /// Done when all conditions hold.
    pub fn then(mut self, op: Op) -> Self {
        self.then.push(op.0);
        self
    }

    /// Done when one does not.
    pub fn otherwise(mut self, op: Op) -> Self {
        self.otherwise.push(op.0);
        self
    }
}

impl Gateway {
    /// The way to an etcd with these members (`10.0.0.1:2379`).
    pub fn new(members: &[String], tls: Option<ClientConfig>) -> Self {
        let scheme = if tls.is_some() { "https" } else { "http" };
        // Even where it is not spoken, the client wants to know how it would be.
        let tls = tls.unwrap_or_else(|| {
            ClientConfig::builder().with_root_certificates(RootCertStore::empty()).with_no_client_auth()
        });
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(CONNECT));
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_or_http()
            .enable_http1()
            .wrap_connector(tcp);
        let client = Client::builder(TokioExecutor::new()).build(connector);
        let members = members.iter().map(|member| format!("{scheme}://{member}/v3/")).collect();
        Self { client, members, current: AtomicUsize::new(0) }
    }

    /// Does a transaction.
    ///
    /// # Errors
    /// It was refused, or nobody answered.
    pub async fn txn(&self, txn: Txn) -> Result<Done, StoreError> {
        let body = json!({"compare": txn.conditions, "success": txn.then, "failure": txn.otherwise});
        let answer = self.ask("kv/txn", &body).await?;
        let responses = answer["responses"].as_array().map(Vec::as_slice).unwrap_or_default();
        let ranges = responses.iter().filter_map(|response| response.get("response_range"));
        Ok(Done {
            held: answer["succeeded"].as_bool().unwrap_or(false),
            revision: number(&answer["header"]["revision"]),
            found: ranges.clone().map(|range| kept_in(&range["kvs"])).collect(),
            counts: ranges.map(|range| number(&range["count"])).collect(),
        })
    }

    /// Only reads: as a transaction without conditions, so that all is of one moment.
    ///
    /// # Errors
    /// It was refused, or nobody answered.
    pub async fn read(&self, ops: impl IntoIterator<Item = Op>) -> Result<Done, StoreError> {
        self.txn(ops.into_iter().fold(Txn::default(), Txn::then)).await
    }

    /// A lease for so many seconds; its name.
    ///
    /// # Errors
    /// It was refused, or nobody answered.
    pub async fn grant(&self, seconds: u64) -> Result<String, StoreError> {
        let answer = self.ask("lease/grant", &json!({"TTL": seconds.to_string()})).await?;
        Ok(answer["ID"].as_str().unwrap_or_default().to_owned())
    }

    /// Keeps a lease; whether it is still there.
    ///
    /// # Errors
    /// It was refused, or nobody answered.
    pub async fn keep(&self, lease: &str) -> Result<bool, StoreError> {
        let answer = self.ask("lease/keepalive", &json!({"ID": lease})).await?;
        Ok(number(&answer["result"]["TTL"]) > 0)
    }

    /// Gives a lease back.
    ///
    /// # Errors
    /// It was refused, or nobody answered.
    pub async fn revoke(&self, lease: &str) -> Result<(), StoreError> {
        self.ask("lease/revoke", &json!({"ID": lease})).await.map(drop)
    }

    /// Forgets what keys held before a revision. Somebody else may have done so already.
    ///
    /// # Errors
    /// It was refused, or nobody answered.
    pub async fn compact(&self, revision: u64) -> Result<(), StoreError> {
        self.ask("kv/compaction", &json!({"revision": revision.to_string()})).await.map(drop)
    }

    /// Waits for changes of keys that begin so, from a revision on, and tells of each which it was; until that breaks.
    pub async fn watch(&self, prefix: &str, revision: u64, mut changed: impl FnMut(String)) {
        let (key, range_end) = (coded(prefix), coded(&after(prefix)));
        let create = json!({"create_request": {"key": key, "range_end": range_end, "start_revision": revision.to_string()}});
        let Ok(answer) = self.post("watch", create.to_string()).await else { return };
        let mut chunks = Body::new(answer.into_body()).into_data_stream();
        let mut unread = Vec::new();
        // One JSON object a line.
        while let Some(Ok(bytes)) = chunks.next().await {
            unread.extend_from_slice(&bytes);
            while let Some(end) = unread.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = unread.drain(..=end).collect();
                let Ok(line) = serde_json::from_slice::<Value>(&line) else { return };
                if line.get("error").is_some() || line["result"]["canceled"] == true {
                    return;
                }
                let events = line["result"]["events"].as_array().map(Vec::as_slice).unwrap_or_default();
                events.iter().filter_map(|event| plain(&event["kv"]["key"])).for_each(&mut changed);
            }
        }
    }

    fn member(&self) -> &str {
        &self.members[self.current.load(Ordering::Relaxed) % self.members.len()]
    }

    async fn ask(&self, what: &str, body: &Value) -> Result<Value, StoreError> {
        let (begun, body) = (Instant::now(), body.to_string());
        loop {
            let why = match self.ask_member(what, &body).await {
                Ok(answer) => return Ok(answer),
                Err(Refusal::ForGood(why)) => return Err(StoreError::Failed(why)),
                Err(Refusal::Passing(why)) => why,
            };
            let turn = self.current.fetch_add(1, Ordering::Relaxed) + 1;
            if begun.elapsed() > PATIENCE {
                return Err(StoreError::Away(format!("no member of etcd answers ({why})")));
            }
            if turn.is_multiple_of(self.members.len()) {
                tokio::time::sleep(AGAIN).await;
            }
        }
    }

    async fn post(&self, what: &str, body: String) -> Result<Response<Incoming>, Error> {
        let request = Request::post(format!("{}{what}", self.member())).body(Body::from(body));
        self.client.request(request.expect("members are hosts and ports")).await
    }

    async fn ask_member(&self, what: &str, body: &str) -> Result<Value, Refusal> {
        let passing = |error: &dyn std::error::Error| Refusal::Passing(reason(error));
        let asked = async {
            let answer = self.post(what, body.to_owned()).await.map_err(|error| passing(&error))?;
            let good = answer.status().is_success();
            let text = body::to_bytes(Body::new(answer.into_body()), usize::MAX);
            Ok((good, text.await.map_err(|error| passing(&error))?))
        };
        let late = |_| Refusal::Passing("it did not answer in time".to_owned());
        let (good, text) = timeout(MEMBER, asked).await.map_err(late)??;
        let value: Value = match serde_json::from_slice(&text) {
            Ok(value) => value,
            Err(_) => return Err(Refusal::Passing("what answered is no etcd".to_owned())),
        };
        let why = || match value["error"].as_str().unwrap_or("it gave no reason") {
            why if why.contains("database space exceeded") => "the etcd is full".to_owned(),
            why => why.to_owned(),
        };
        match good {
            true => Ok(value),
            false if PASSING.contains(&value["code"].as_u64().unwrap_or(2)) => Err(Refusal::Passing(why())),
            false => Err(Refusal::ForGood(why())),
        }
    }
}

enum Refusal {
    /// Another member, or the same one later, may answer.
    Passing(String),
    /// No member will.
    ForGood(String),
}

/// What is behind a failure: the last of its causes.
fn reason(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.last().unwrap_or(error).to_string()
}

fn coded(text: &str) -> String {
    STANDARD.encode(text)
}

fn plain(coded: &Value) -> Option<String> {
    String::from_utf8(STANDARD.decode(coded.as_str()?).ok()?).ok()
}

/// The first key behind all that begin so; ours end with a slash.
fn after(prefix: &str) -> String {
    let mut end = prefix.to_owned();
    debug_assert!(end.ends_with('/'), "{end} is no folder");
    end.pop();
    end.push('0');
    end
}

/// The gateway writes whole numbers as text, and leaves out zeros.
fn number(value: &Value) -> u64 {
    value.as_str().and_then(|text| text.parse().ok()).unwrap_or_default()
}

fn kept_in(list: &Value) -> Vec<Kept> {
    let kept = |item: &Value| {
        Some(Kept {
            key: plain(&item["key"])?,
            value: item.get("value").map_or(Some(String::new()), plain)?,
            revision: number(&item["mod_revision"]),
        })
    };
    list.as_array().map(Vec::as_slice).unwrap_or_default().iter().filter_map(kept).collect()
}
