//! A small controller, as somebody would write it with kube-rs on their own machine: each `Greeter` owns a ConfigMap with
//! its words, and says so in its status. The cluster is the one of `KUBECONFIG`.

use std::{sync::Arc, time::Duration};

use futures::StreamExt;
use k8s_openapi::{
    api::core::v1::ConfigMap,
    apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition,
};
use kube::{
    Api, Client, CustomResource, CustomResourceExt, Resource, ResourceExt,
    api::{DeleteParams, ListParams, Patch, PatchParams, PostParams},
    runtime::{
        Controller,
        controller::Action,
        finalizer::{Event, finalizer},
        wait::{await_condition, conditions},
        watcher,
    },
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(60);
const MANAGER: &str = "greeter-controller";
const FINALIZER: &str = "greeters.example.dev/goodbye";

#[derive(CustomResource, Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "example.dev",
    version = "v1",
    kind = "Greeter",
    namespaced,
    status = "GreeterStatus",
    shortname = "gr",
    scale(spec_replicas_path = ".spec.times", status_replicas_path = ".status.times"),
    printcolumn(name = "Words", type_ = "string", json_path = ".spec.words")
)]
struct GreeterSpec {
    #[schemars(length(min = 1))]
    words: String,
    #[serde(default = "once")]
    #[schemars(range(max = 5))]
    times: i32,
}

fn once() -> i32 {
    1
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
struct GreeterStatus {
    times: i32,
    said: String,
}

async fn reconcile(greeter: Arc<Greeter>, client: Arc<Client>) -> Result<Action, Failure> {
    let namespace = greeter.namespace().expect("greeters have one");
    let greeters: Api<Greeter> = Api::namespaced((*client).clone(), &namespace);
    let act = |event| async { step(event, &client, &namespace).await };
    Ok(finalizer(&greeters, FINALIZER, greeter, act).await.map_err(Box::new)?)
}

async fn step(event: Event<Greeter>, client: &Client, namespace: &str) -> Result<Action, kube::Error> {
    let maps: Api<ConfigMap> = Api::namespaced(client.clone(), namespace);
    let greeters: Api<Greeter> = Api::namespaced(client.clone(), namespace);
    match event {
        Event::Apply(greeter) => {
            let said = vec![greeter.spec.words.as_str(); greeter.spec.times.max(0) as usize].join(" ");
            let map = json!({
                "apiVersion": "v1", "kind": "ConfigMap",
                "metadata": { "name": greeter.name_any(), "ownerReferences": [greeter.controller_owner_ref(&())] },
                "data": { "said": said }
            });
            let params = PatchParams::apply(MANAGER);
            maps.patch(&greeter.name_any(), &params, &Patch::Apply(&map)).await?;
            let status = json!({ "status": GreeterStatus { times: greeter.spec.times, said } });
            greeters.patch_status(&greeter.name_any(), &PatchParams::default(), &Patch::Merge(&status)).await?;
        }
        Event::Cleanup(greeter) => {
            let note = json!({ "metadata": { "annotations": { "left": greeter.name_any() } } });
            maps.patch("kube-root-ca.crt", &PatchParams::default(), &Patch::Merge(&note)).await?;
        }
    }
    Ok(Action::await_change())
}

type Failure = Box<kube::runtime::finalizer::Error<kube::Error>>;

async fn until<T, F: Future<Output = Option<T>>>(what: &str, look: impl Fn() -> F) -> T {
    let seen = async {
        loop {
            if let Some(seen) = look().await {
                return seen;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    timeout(PATIENCE, seen).await.unwrap_or_else(|_| panic!("{what}: it never came to that"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_controller_reconciles_its_own_kind() {
    let client = Client::try_default().await.expect("KUBECONFIG names a cluster");
    let definitions: Api<CustomResourceDefinition> = Api::all(client.clone());
    let name = "greeters.example.dev";
    let params = PatchParams::apply("tests").force();
    definitions.patch(name, &params, &Patch::Apply(Greeter::crd())).await.expect("the definition is taken");
    let established = await_condition(definitions.clone(), name, conditions::is_crd_established());
    timeout(PATIENCE, established).await.expect("it is in time").expect("it is established");

    let greeters: Api<Greeter> = Api::default_namespaced(client.clone());
    let maps: Api<ConfigMap> = Api::default_namespaced(client.clone());
    let running = tokio::spawn(
        Controller::new(greeters.clone(), watcher::Config::default())
            .owns(maps.clone(), watcher::Config::default())
            .run(
                reconcile,
                |_, error, _| {
                    eprintln!("again, after {error}");
                    Action::requeue(Duration::from_millis(500))
                },
                Arc::new(client.clone()),
            )
            .for_each(|_| async {}),
    );

    // Its status and its ConfigMap follow it.
    let hello = Greeter::new("hello", GreeterSpec { words: "hello".into(), times: 2 });
    greeters.create(&PostParams::default(), &hello).await.expect("it is made");
    let said = |wanted: &'static str| {
        let (greeters, maps) = (greeters.clone(), maps.clone());
        move || {
            let (greeters, maps) = (greeters.clone(), maps.clone());
            async move {
                let status = greeters.get("hello").await.ok()?.status?;
                let data = maps.get("hello").await.ok()?.data?;
                (status.said == wanted && data["said"] == wanted).then_some(())
            }
        }
    };
    until("made", said("hello hello")).await;
    let more = json!({ "spec": { "words": "good day" } });
    greeters.patch("hello", &PatchParams::default(), &Patch::Merge(&more)).await.expect("it is patched");
    until("changed", said("good day good day")).await;
    let scale = json!({ "spec": { "replicas": 1 } });
    let scaled = greeters.patch_scale("hello", &PatchParams::default(), &Patch::Merge(&scale)).await;
    assert_eq!(scaled.expect("it is scaled").spec.and_then(|spec| spec.replicas), Some(1));
    until("scaled", said("good day")).await;

    // What it owns comes back.
    maps.delete("hello", &DeleteParams::default()).await.expect("it is deleted");
    until("deleted", said("good day")).await;

    // The schema is held to.
    for spec in [GreeterSpec { words: String::new(), times: 1 }, GreeterSpec { words: "a".into(), times: 6 }] {
        let refused = greeters.create(&PostParams::default(), &Greeter::new("odd", spec)).await;
        let Err(kube::Error::Api(status)) = refused else { panic!("it is taken") };
        assert_eq!((status.code, status.reason.as_str()), (422, "Invalid"));
    }

    // The server falls; the controller goes on with what comes back.
    if restart().await {
        let words = json!({ "spec": { "words": "again" } });
        let patched = || async {
            greeters.patch("hello", &PatchParams::default(), &Patch::Merge(&words)).await.ok()
        };
        until("patched after a restart", patched).await;
        until("changed after a restart", said("again")).await;
    }

    // The finalizer runs, and what it owned goes with it.
    greeters.delete("hello", &DeleteParams::default()).await.expect("it is deleted");
    until("gone", || async { greeters.get_opt("hello").await.ok()?.is_none().then_some(()) }).await;
    until("collected", || async { maps.get_opt("hello").await.ok()?.is_none().then_some(()) }).await;
    let root = maps.get("kube-root-ca.crt").await.expect("each namespace has it");
    assert_eq!(root.annotations()["left"], "hello");
    assert!(greeters.list(&ListParams::default()).await.expect("it is listed").items.is_empty());
    running.abort();
}

/// Asks whoever started this for the server to be killed and started again.
async fn restart() -> bool {
    let Ok(address) = std::env::var("RESTART") else { return false };
    let config = kube::Config::new(address.parse().expect("it is an address"));
    let client = Client::try_from(config).expect("it is plain http");
    let request = http::Request::post("/").body(Vec::new()).expect("it is a request");
    client.request_text(request).await.expect("the server is there again");
    true
}
