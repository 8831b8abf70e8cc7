//! Everything about one object or program: facts, why it is where it is, events, the whole YAML.

mod why;

use std::sync::Arc;

use leptos::prelude::*;

use self::why::Why;
use crate::{
    i18n::*,
    later::Later,
    protocol::{Command, Inspection, Link, Member, Pace, Subject},
    stage::{
        faults::target,
        menu::{BreakButton, Struck},
    },
    state::{Drawer, Page},
    story::OwnWaits,
    timeline::{EventLine, Moment},
    view_model::clock_text,
};

#[component]
pub(crate) fn Inspector() -> impl IntoView {
    let i18n = use_i18n();
    let page = expect_context::<Page>();
    on_cleanup(move || {
        page.selection.set(None);
        page.send(&crate::protocol::Request::Inspect(None));
    });
    view! {
        {move || match (page.selection.get(), page.inspection.get()) {
            (None, _) => view! { <p class="muted">{t!(i18n, inspector.empty)}</p> }.into_any(),
            (Some(subject), None) => view! {
                <h3>{subject.name().to_owned()}</h3>
                <p class="muted">{t!(i18n, inspector.gone)}</p>
            }
            .into_any(),
            (Some(subject), Some(inspection)) => view! { <About subject inspection /> }.into_any(),
        }}
        <OwnWaits />
        // This stays while the cluster goes on and all else is told anew.
        {move || page.selection.get().and_then(|subject| closer(&subject)).map(|about| view! {
            <Later asset="closer" class="closer" about />
        })}
        <Rest />
    }
}

/// What there is to be seen of it that is worked out when somebody looks.
fn closer(subject: &Subject) -> Option<String> {
    match subject {
        Subject::Object { kind, .. } if matches!(kind.as_str(), "Pod" | "Node" | "Service") => {
            serde_json::to_string(subject).ok()
        }
        _ => None,
    }
}

#[component]
fn About(subject: Subject, inspection: Arc<Inspection>) -> impl IntoView {
    let facts = inspection.facts.clone();
    view! {
        <p class="kind">{inspection.kind.clone()}</p>
        <h3>{inspection.name.clone()}</h3>
        <Actions subject />
        <dl class="facts">
            {facts.into_iter().map(|(field, value)| view! { <dt>{field}</dt><dd>{value}</dd> }).collect_view()}
        </dl>
    }
}

/// How it came about, what was said of it, and all of it.
#[component]
fn Rest() -> impl IntoView {
    let i18n = use_i18n();
    // Each part is drawn anew when it changes: who reads or has the focus in another stays there.
    let (causes, chain) = (part(|it| it.causes.clone()), part(|it| it.chain.clone()));
    let (events, yaml) = (part(|it| it.events.clone()), part(|it| it.yaml.clone()));
    view! {
        {move || Some(causes.get()).filter(|all| !all.is_empty()).map(|causes| view! { <Why causes /> })}
        {move || Some(chain.get()).filter(|all| !all.is_empty()).map(|chain| view! { <Chain chain /> })}
        {move || Some(events.get()).filter(|all| !all.is_empty()).map(|events| view! {
            <h4>{t!(i18n, inspector.events)}</h4>
            <ol class="happenings">
                {events.into_iter().rev().map(|event| view! {
                    <li><Moment at=event.at /><EventLine event /></li>
                }).collect_view()}
            </ol>
        })}
        {move || Some(yaml.get()).filter(|text| !text.is_empty()).map(|yaml| view! { <Yaml yaml /> })}
    }
}

/// A part of what is told of the selected thing; empty while nothing is.
fn part<T: Default + PartialEq + Send + Sync + 'static>(of: fn(&Inspection) -> T) -> Memo<T> {
    let page = expect_context::<Page>();
    Memo::new(move |_| {
        let told = page.selection.with(Option::is_some).then(|| page.inspection.get()).flatten();
        told.map_or_else(T::default, |told| of(&told))
    })
}

/// What can be done to it.
#[component]
fn Actions(subject: Subject) -> impl IntoView {
    let i18n = use_i18n();
    let page = expect_context::<Page>();
    match subject {
        Subject::Component(place) => {
            let target = page.pods.with_untracked(|pods| target(&place, pods)).unwrap_or_default();
            let up = {
                let place = place.clone();
                move || running(page, &place)
            };
            let stop = target.clone();
            let crash = target.clone();
            view! {
                <p class="actions">
                    <Show
                        when=up
                        fallback=move || {
                            let target = target.clone();
                            view! {
                                <button class="primary" on:click=move |_| { page.command(Command::Repair { target: target.clone() }); }>
                                    {t!(i18n, inspector.start)}
                                </button>
                            }
                        }
                    >
                        <FaultButton target=stop.clone() kind="Stop" />
                        <FaultButton target=crash.clone() kind="Crash" />
                    </Show>
                </p>
            }
            .into_any()
        }
        Subject::Object { ref kind, ref name, .. } if kind == "Node" => {
            let name = name.clone();
            let shown = name.clone();
            let on = move || {
                let told = page.nodes.with(|nodes| nodes.get(&shown).map(|node| node.power));
                told.unwrap_or_else(|| !is_struck(page, &format!("node/{shown}"), "PowerOff"))
            };
            let label = {
                let on = on.clone();
                move || {
                    if on() {
                        t_string!(i18n, inspector.power_off)
                    } else {
                        t_string!(i18n, inspector.power_on)
                    }
                }
            };
            view! {
                <p class="actions">
                    <button class="primary" on:click=move |_| { let now = on(); page.switch(&name, !now); }>{label}</button>
                </p>
            }
            .into_any()
        }
        Subject::Object { ref kind, ref namespace, ref name }
            if matches!(kind.as_str(), "Pod" | "Deployment" | "Service" | "ReplicaSet") =>
        {
            let pod = (kind == "Pod").then(|| (namespace.clone(), name.clone()));
            let written = move || pod.is_some() && page.lit.get() == pod;
            let subject = subject.clone();
            view! {
                <p class="actions">
                    <button class="quiet" on:click=move |_| {
                        page.command(Command::Delete(subject.clone()));
                        page.pace(Pace::Play);
                    }>{t!(i18n, inspector.delete)}</button>
                    <Show when=written>
                        <button class="link" on:click=move |_| page.drawer.set(Some(Drawer::Yaml))>
                            {t!(i18n, inspector.in_text)}
                        </button>
                    </Show>
                </p>
            }
            .into_any()
        }
        Subject::Object { ref kind, ref namespace, ref name } if kind == "ConfigMap" => {
            let place = format!("configmap/{namespace}/{name}");
            view! { <p class="actions"><BreakButton place=place.clone() /><Struck place /></p> }.into_any()
        }
        Subject::Object { .. } => ().into_any(),
    }
}

/// Whether a program runs. A map tells of no node's programs: there, unless it was stopped.
fn running(page: Page, place: &str) -> bool {
    if let Some(up) = page.systems.with(|systems| member_up(&systems.members, place)) {
        return up;
    }
    match place.split_once('@') {
        Some((program, node)) => {
            let told = page.nodes.with(|nodes| {
                nodes.get(node).map(|node| match program {
                    "kubelet" => node.kubelet,
                    "kube-proxy" => node.kube_proxy,
                    _ => node.runtime,
                })
            });
            told.unwrap_or_else(|| !is_struck(page, &format!("component/{place}"), "Stop"))
        }
        None => page.components.with(|components| components.get(place).is_none_or(|component| component.up)),
    }
}

/// Whether a member of a control plane of several runs; `None` for what is none.
fn member_up(members: &[Member], place: &str) -> Option<bool> {
    let (program, number) = match place.split_once('/') {
        Some(("etcd", number)) => ("etcd", number),
        _ => place.rsplit_once('-').filter(|(_, end)| end.parse::<usize>().is_ok()).unwrap_or((place, "0")),
    };
    let member = members.get(number.parse::<usize>().ok()?)?;
    match program {
        "etcd" => Some(member.etcd),
        "kube-apiserver" => Some(member.programs[0]),
        "kube-scheduler" => Some(member.programs[1]),
        "kube-controller-manager" => Some(member.programs[2]),
        _ => None,
    }
}

/// Whether this fault lasts.
fn is_struck(page: Page, target: &str, kind: &str) -> bool {
    page.systems
        .with(|systems| systems.broken.iter().any(|broken| broken.target == target && broken.kind == kind))
}

#[component]
fn FaultButton(target: String, kind: &'static str) -> impl IntoView {
    let i18n = use_i18n();
    let page = expect_context::<Page>();
    let label = move || {
        if kind == "Stop" { t_string!(i18n, inspector.stop) } else { t_string!(i18n, inspector.crash) }
    };
    view! {
        <button class="quiet" on:click=move |_| {
            page.command(Command::Fault { target: target.clone(), kind: kind.to_owned() });
        }>{label}</button>
    }
}

/// What a program lately did.
#[component]
fn Chain(chain: Vec<Link>) -> impl IntoView {
    let i18n = use_i18n();
    view! {
        <h4>{t!(i18n, inspector.lately)}</h4>
        <ol class="chain">
            {chain.into_iter().map(|link| view! {
                <li>
                    <time>{clock_text(link.at)}</time>
                    <span><b>{link.who}</b> " " <code>{link.what}</code> " " {link.object}</span>
                    {(!link.text.is_empty()).then(|| view! { <small>{link.text}</small> })}
                </li>
            }).collect_view()}
        </ol>
    }
}

#[component]
fn Yaml(yaml: String) -> impl IntoView {
    let i18n = use_i18n();
    let page = expect_context::<Page>();
    let text = yaml.clone();
    let edit = move |_| {
        page.draft.set(Some(yaml.clone()));
        page.drawer.set(Some(crate::state::Drawer::Yaml));
    };
    view! {
        <h4>"YAML" <button class="link" on:click=edit>{t!(i18n, inspector.edit)}</button></h4>
        <pre class="yaml" tabindex="0">{text}</pre>
    }
}
