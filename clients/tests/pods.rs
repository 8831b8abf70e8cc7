//! kube-rs with what is in every cluster: Deployments, their pods, logs, programs in them, ports, and an informer.

use std::{collections::BTreeMap, time::Duration};

use futures::{StreamExt, TryStreamExt};
use k8s_openapi::api::{
    apps::v1::Deployment,
    core::v1::{ConfigMap, Pod},
};
use kube::{
    Api, Client, Discovery, ResourceExt,
    api::{
        AttachParams, DeleteParams, DynamicObject, EvictParams, ListParams, LogParams, Patch, PatchParams,
        PostParams,
    },
    core::PartialObjectMeta,
    runtime::{
        WatchStreamExt, reflector,
        wait::{await_condition, conditions},
        watcher,
    },
};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::timeout,
};

const PATIENCE: Duration = Duration::from_secs(60);

async fn client() -> Client {
    Client::try_default().await.expect("KUBECONFIG names a cluster")
}

fn deployment(name: &str) -> Deployment {
    let labels = json!({ "app": name });
    serde_json::from_value(json!({
        "metadata": { "name": name },
        "spec": {
            "replicas": 2, "selector": { "matchLabels": labels },
            "template": {
                "metadata": { "labels": labels },
                "spec": { "containers": [{ "name": "app", "image": "nginx:1.27", "ports": [{ "containerPort": 80 }] }] }
            }
        }
    }))
    .expect("it is one")
}

#[tokio::test]
async fn a_deployment_and_its_pods() {
    let client = client().await;
    let deployments: Api<Deployment> = Api::default_namespaced(client.clone());
    let pods: Api<Pod> = Api::default_namespaced(client.clone());
    deployments.create(&PostParams::default(), &deployment("web")).await.expect("it is made");
    let complete = await_condition(deployments.clone(), "web", conditions::is_deployment_completed());
    timeout(PATIENCE, complete).await.expect("it is in time").expect("it completes");
    let listed = pods.list(&ListParams::default().labels("app=web")).await.expect("it is listed");
    assert_eq!(listed.items.len(), 2);
    let pod = listed.items[0].name_any();

    let logs = pods.logs(&pod, &LogParams { tail_lines: Some(5), ..LogParams::default() }).await;
    assert!(logs.is_ok(), "{logs:?}");

    let how = AttachParams::default().stdin(true).stderr(false);
    let mut program = pods.exec(&pod, ["cat"], &how).await.expect("it runs");
    let mut stdin = program.stdin().expect("it reads");
    stdin.write_all(b"hello\n").await.expect("it is there");
    let mut said = [0; 6];
    let mut stdout = program.stdout().expect("it writes");
    timeout(PATIENCE, stdout.read_exact(&mut said)).await.expect("it comes").expect("it goes on");
    assert_eq!(&said, b"hello\n");
    program.abort();

    let how = AttachParams::default().stderr(false);
    let mut program = pods.exec(&pod, ["sh", "-c", "exit 3"], &how).await.expect("it runs");
    let status = program.take_status().expect("there is one").await.expect("it comes");
    assert_eq!(status.reason.as_deref(), Some("NonZeroExitCode"));

    let mut ports = pods.portforward(&pod, &[80]).await.expect("they are forwarded");
    let mut stream = ports.take_stream(80).expect("it is one of them");
    let ask = b"GET / HTTP/1.1\r\nhost: web\r\nconnection: close\r\n\r\n";
    stream.write_all(ask).await.expect("it is there");
    let mut answer = String::new();
    timeout(PATIENCE, stream.read_to_string(&mut answer)).await.expect("it comes").expect("it is text");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");

    pods.evict(&pod, &EvictParams::default()).await.expect("it is evicted");
    let uid = listed.items[0].uid().expect("it has one");
    let gone = await_condition(pods.clone(), &pod, conditions::is_deleted(&uid));
    timeout(PATIENCE, gone).await.expect("it is in time").expect("it goes");
    let scale = json!({ "spec": { "replicas": 1 } });
    let scaled = deployments.patch_scale("web", &PatchParams::default(), &Patch::Merge(&scale)).await;
    assert_eq!(scaled.expect("it is scaled").spec.and_then(|spec| spec.replicas), Some(1));
    deployments.delete("web", &DeleteParams::foreground()).await.expect("it is deleted");
}

#[tokio::test]
async fn apply_and_its_conflicts() {
    let client = client().await;
    let maps: Api<ConfigMap> = Api::default_namespaced(client);
    let map = |value: &str| json!({ "apiVersion": "v1", "kind": "ConfigMap", "data": { "a": value } });
    let apply = |manager: &'static str, value: &'static str, force: bool| {
        let params = PatchParams { force, ..PatchParams::apply(manager) };
        let maps = maps.clone();
        let body = map(value);
        async move { maps.patch("shared", &params, &Patch::Apply(&body)).await }
    };
    apply("one", "1", false).await.expect("it is made");
    let Err(kube::Error::Api(status)) = apply("two", "2", false).await else { panic!("it is one's own") };
    assert_eq!(status.code, 409);
    let taken = apply("two", "2", true).await.expect("it is taken by force");
    assert_eq!(taken.data, Some(BTreeMap::from([("a".to_owned(), "2".to_owned())])));
    let managers: Vec<_> = taken.managed_fields().iter().filter_map(|entry| entry.manager.clone()).collect();
    assert!(managers.contains(&"two".to_owned()), "{managers:?}");
}

#[tokio::test]
async fn what_is_discovered_can_be_listed() {
    let client = client().await;
    for discovery in [
        Discovery::new(client.clone()).run().await.expect("kind by kind"),
        Discovery::new(client.clone()).run_aggregated().await.expect("all at once"),
    ] {
        let mut listed = 0;
        for group in discovery.groups() {
            for (resource, abilities) in group.recommended_resources() {
                if abilities.supports_operation("list") {
                    let api: Api<DynamicObject> = Api::all_with(client.clone(), &resource);
                    api.list(&ListParams::default().limit(5)).await.expect(&resource.plural);
                    listed += 1;
                }
            }
        }
        assert!(listed > 50, "{listed}");
    }
    let metadata: Api<PartialObjectMeta<Pod>> = Api::all(client);
    metadata.list(&ListParams::default()).await.expect("metadata alone");
}

#[tokio::test]
async fn an_informer_of_both_kinds_hears_all() {
    let client = client().await;
    let maps: Api<ConfigMap> = Api::default_namespaced(client);
    for (name, config) in
        [("listed", watcher::Config::default()), ("streamed", watcher::Config::default().streaming_lists())]
    {
        let (store, writer) = reflector::store();
        let label = format!("of={name}");
        let stream = reflector(writer, watcher(maps.clone(), config.labels(&label)));
        let following = tokio::spawn(stream.default_backoff().applied_objects().try_for_each(|_| async { Ok(()) }));
        store.wait_until_ready().await.expect("it begins");
        for number in 0..20 {
            let map = json!({ "metadata": { "name": format!("{name}-{number}"), "labels": { "of": name } } });
            let map = serde_json::from_value(map).expect("it is one");
            maps.create(&PostParams::default(), &map).await.expect("it is made");
        }
        let all = async {
            while store.len() < 20 {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        timeout(PATIENCE, all).await.expect("all are heard of");
        maps.delete_collection(&DeleteParams::default(), &ListParams::default().labels(&label))
            .await
            .expect("they are deleted");
        let none = async {
            while !store.is_empty() {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        timeout(PATIENCE, none).await.expect("it is heard of");
        following.abort();
    }
    let events = maps.watch(&Default::default(), "0").await.expect("it begins");
    drop(events.boxed());
}
