//! Deployments, Jobs and CronJobs.

use crate::api::Kind;
use crate::doc;
use crate::doc::Doc;

use super::super::io::{Io, Stop};
use super::{Wish, existing};

type Made = Result<Result<Doc, String>, Stop>;

pub(super) fn deployment(wish: &Wish<'_>, _: &mut Io<'_>) -> Made {
    let images: Vec<&str> = wish.args.each("image").collect();
    let replicas = match wish.args.number("replicas") {
        Ok(replicas) => replicas.unwrap_or(1),
        Err(why) => return Ok(Err(why.replace("--replicas\" flag", "-r, --replicas\" flag"))),
    };
    let port = match wish.args.number("port") {
        Ok(port) => port.filter(|port| *port >= 0),
        Err(why) => return Ok(Err(why)),
    };
    if images.len() > 1 && !wish.command.is_empty() {
        return Ok(Err("cannot specify multiple --image options and command".into()));
    }
    let containers = images.iter().enumerate().map(|(at, image)| {
        // A container is called as its image is, without registry, tag and digest.
        let last = image.rsplit('/').next().unwrap_or(image);
        let called = last.split([':', '@']).next().unwrap_or(last);
        let mut container = container(called, image, wish.command);
        // The port is the first one's.
        if let Some(port) = port.filter(|_| at == 0) {
            container.set("ports", doc!([{ "containerPort": port }]));
        }
        container
    });
    let labels = doc!({ "app": wish.name });
    Ok(Ok(doc!({
        "labels": labels.clone(),
        "spec": {
            "replicas": replicas,
            "selector": { "matchLabels": labels.clone() },
            "template": { "metadata": { "labels": labels }, "spec": { "containers": Doc::list(containers) } }
        }
    })))
}

fn container(name: &str, image: &str, command: &[String]) -> Doc {
    let mut container = doc!({ "name": name, "image": image, "resources": {} });
    if !command.is_empty() {
        container.set("command", Doc::list(command.iter().map(String::as_str)));
    }
    container
}

fn pod(wish: &Wish<'_>, policy: &str) -> Doc {
    let container = container(wish.name, wish.get("image"), wish.command);
    doc!({ "metadata": {}, "spec": { "containers": [container], "restartPolicy": policy } })
}

pub(super) fn job(wish: &Wish<'_>, io: &mut Io<'_>) -> Made {
    let (image, from) = (wish.get("image"), wish.get("from"));
    if image.is_empty() == from.is_empty() {
        return Ok(Err("either --image or --from must be specified".into()));
    }
    if !wish.command.is_empty() && !from.is_empty() {
        return Ok(Err("cannot specify --from and command".into()));
    }
    if from.is_empty() {
        return Ok(Ok(doc!({ "spec": { "template": pod(wish, "Never") } })));
    }
    let Some(("cronjob" | "cronjobs" | "cj" | "cronjob.batch" | "cronjobs.batch", name)) =
        from.split_once('/')
    else {
        let (word, _) = from.split_once('/').unwrap_or((from, ""));
        let why = match super::super::resource::kind(word, io)? {
            Some(kind) if from.contains('/') => format!("unknown object type *v1.{}", kind.kind),
            None => format!("the server doesn't have a resource type {word:?}"),
            Some(_) => "from must be an existing cronjob".into(),
        };
        return Ok(Err(why));
    };
    let parent = existing(Kind::CronJob, name, wish.args, io)?;
    let template = &parent["spec"]["jobTemplate"];
    let mut annotations = template["metadata"]["annotations"].clone();
    annotations.set("cronjob.kubernetes.io/instantiate", "manual");
    let owner = doc!({
        "apiVersion": "batch/v1", "kind": "CronJob", "name": name, "controller": true,
        "uid": parent["metadata"]["uid"].clone()
    });
    Ok(Ok(doc!({
        "annotations": annotations, "labels": template["metadata"]["labels"].clone(),
        "ownerReferences": [owner], "spec": template["spec"].clone()
    })))
}

pub(super) fn cron_job(wish: &Wish<'_>, _: &mut Io<'_>) -> Made {
    let policy = wish.args.get("restart").unwrap_or("OnFailure");
    Ok(Ok(doc!({
        "spec": {
            "schedule": wish.get("schedule"),
            "jobTemplate": { "metadata": { "name": wish.name }, "spec": { "template": pod(wish, policy) } }
        }
    })))
}
