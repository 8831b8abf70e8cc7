//! The lower layer: node cards with their power switch, and pods as small vessels in them.

use std::sync::Arc;

use leptos::prelude::*;

use crate::{
    i18n::*,
    protocol::{Node, Pod, PodShape, Subject},
    stage::menu::{BreakButton, Struck},
    state::Page,
    story,
    view_model::{
        Density, NodeState, Table, humps, node_state, percent, pods_on, rounded, serves, shape_word,
        split_name,
    },
    words,
};

/// Why the kernel ended a container.
const OOM_KILLED: &str = "OOMKilled";

#[component]
pub(crate) fn NodeCard(name: String) -> impl IntoView {
    let i18n = use_i18n();
    let page = expect_context::<Page>();
    let name = StoredValue::new(name);
    let node = Memo::new(move |_| {
        let known = page.nodes.with(|nodes| name.with_value(|name| nodes.get(name).cloned()));
        known.unwrap_or_else(|| Arc::new(Node { name: name.get_value(), ..Node::default() }))
    });
    let state = Memo::new(move |_| node.with(|node| node_state(node)));
    let Grouped(grouped) = expect_context();
    let pods = Memo::new(move |_| {
        page.pods.with(|pods| {
            let mut here = name.with_value(|name| pods_on(pods, name));
            here.retain(|uid| pods.get(uid).is_some_and(|pod| page.shows(&pod.namespace)));
            if grouped.get() && in_few_namespaces(pods, &here) {
                under_their_namespaces(pods, here)
            } else {
                here.into_iter().map(Row::Pod).collect()
            }
        })
    });
    let density = Memo::new(move |_| {
        let nodes = page.nodes.with(|nodes| nodes.len());
        let names = pods.with(|rows| rows.iter().filter(|row| matches!(row, Row::Namespace(_))).count());
        match (Density::of(nodes, pods.with(Vec::len) - names), names) {
            // The names have the room of the states.
            (Density::Roomy, 1..) => Density::Snug,
            (density, _) => density,
        }
    });
    let place = move |program: &str| format!("{program}@{}", name.get_value());
    view! {
        <article
            class="node glass"
            data-place=move || format!("node/{}", name.get_value())
            data-state=move || words::node_state(i18n, state.get()).1
            aria-label=move || name.get_value()
        >
            <header>
                <button
                    class="node-name"
                    on:click=move |_| page.inspect(Subject::object("Node", "", &name.get_value()))
                >
                    <b>{move || name.get_value()}</b>
                    <span class="node-state">{move || words::node_state(i18n, state.get()).0}</span>
                    {move || node.with(|node| pressures(&node.taints)).map(|alarm| view! { <Alarm alarm /> }).collect_view()}
                </button>
                <span class="node-tools">
                    <BreakButton place=format!("node/{}", name.get_value()) />
                    <PowerSwitch name=name.get_value() node />
                </span>
            </header>
            <Struck place=format!("node/{}", name.get_value()) />
            <Struck place=place("kubelet") name="kubelet" />
            <Agent place=place("kubelet") label="kubelet" up=Signal::derive(move || node.with(|node| node.kubelet)) />
            <div class="pods" data-density=move || density.get().word()>
                <For each=move || pods.get() key=Clone::clone let:row>
                    {match row {
                        Row::Namespace(name) => view! { <NamespaceName name /> }.into_any(),
                        Row::Pod(uid) => view! {
                            <span class="pod-place">
                                <PodVessel uid=uid.clone() density=density.into() />
                                <Struck place=format!("pod/{uid}") />
                            </span>
                        }
                        .into_any(),
                    }}
                </For>
            </div>
            <footer>
                <div class="levels">
                    <Level label=Signal::derive(move || t_string!(i18n, node.cpu)) of=Signal::derive(move || node.with(|node| node.cpu_milli)) />
                    <Level label=Signal::derive(move || t_string!(i18n, node.memory)) of=Signal::derive(move || node.with(|node| node.memory)) />
                    <Agent place=place("containerd") label="containerd" up=Signal::derive(move || node.with(|node| node.runtime)) />
                </div>
            </footer>
            <div class="struck">
                <Struck place=place("containerd") name="containerd" />
                <Struck place=place("kube-proxy") name="kube-proxy" />
            </div>
            <Agent place=place("kube-proxy") label="kube-proxy" up=Signal::derive(move || node.with(|node| node.kube_proxy)) />
        </article>
    }
}

/// Whether the pods of a node stand under the names of their namespaces: where the stage shows several.
#[derive(Clone, Copy)]
pub(super) struct Grouped(pub Memo<bool>);

/// What stands in a node's card: a pod by its UID, or the name of the namespace of those that follow.
#[derive(Clone, Eq, Hash, PartialEq)]
enum Row {
    Namespace(String),
    Pod(String),
}

/// Whether a card has room for the names of its pods' namespaces, which follow each other.
fn in_few_namespaces(pods: &Table<Pod>, here: &[String]) -> bool {
    const MOST: usize = 12;
    let name = |uid| pods.get(uid).map(|pod| &pod.namespace);
    here.windows(2).filter(|two| name(&two[0]) != name(&two[1])).count() < MOST
}

fn under_their_namespaces(pods: &Table<Pod>, here: Vec<String>) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut before = None;
    for uid in here {
        let namespace = pods.get(&uid).map(|pod| &pod.namespace);
        if namespace != before {
            rows.extend(namespace.cloned().map(Row::Namespace));
            before = namespace;
        }
        rows.push(Row::Pod(uid));
    }
    rows
}

/// A namespace's name above its pods; pressed, it is shown alone.
#[component]
fn NamespaceName(name: String) -> impl IntoView {
    let i18n = use_i18n();
    let page = expect_context::<Page>();
    let label = {
        let name = name.clone();
        move || format!("{} {name}", t_string!(i18n, stage_filter.namespace))
    };
    let alone = name.clone();
    view! {
        <button class="namespace-name" title=label on:click=move |_| {
            page.namespace.set(Some(alone.clone()));
            // The name goes with its button; who pressed it goes on where it can be taken back.
            request_animation_frame(|| crate::browser::focus(".stages > .stage .namespaces select"));
        }>{name}</button>
    }
}

/// What the node lacks, as its conditions say; the taints tell of them.
fn pressures(taints: &[String]) -> impl Iterator<Item = &'static str> + use<> {
    let has = |word| taints.iter().any(|taint| taint.contains(word));
    let all = [("memory-pressure", "MemoryPressure"), ("disk-pressure", "DiskPressure")];
    all.map(|(word, condition)| has(word).then_some(condition)).into_iter().flatten()
}

/// Why a pod failed, where its status does not say so: an evicted one whose program ended well is `Completed` to kubectl.
fn alarm(pod: &Pod) -> Option<String> {
    let why = if pod.oom_killed { OOM_KILLED } else { pod.reason.as_str() };
    (!why.is_empty() && why != pod.status).then(|| why.to_owned())
}

/// What is wrong with a thing by itself, nothing that was done to it.
#[component]
fn Alarm(#[prop(into)] alarm: String) -> impl IntoView {
    view! {
        <span class="alarm">
            <svg viewBox="0 0 16 16" aria-hidden="true"><path d="M8 1.5l7 12.5H1z" /></svg>
            {alarm}
        </span>
    }
}

#[component]
fn PowerSwitch(name: String, node: Memo<Arc<Node>>) -> impl IntoView {
    let i18n = use_i18n();
    let page = expect_context::<Page>();
    let on = Memo::new(move |_| node.with(|node| node.power));
    // The last card's switch invites to what the headline says.
    let invites = {
        let name = name.clone();
        Memo::new(move |_| {
            story::asks_for_a_switch(page) && page.nodes.with(|nodes| nodes.keys().next_back() == Some(&name))
        })
    };
    let label = {
        let name = name.clone();
        move || t_string!(i18n, node.power_of, node = name.clone()).to_string()
    };
    view! {
        <button
            class="power"
            role="switch"
            aria-checked=move || on.get().to_string()
            aria-label=label
            class:glow=move || invites.get()
            on:click=move |_| page.switch(&name, !on.get_untracked())
        >
            <svg viewBox="0 0 16 16" aria-hidden="true">
                <path d="M8 1.8v6M4.6 4.2a5 5 0 1 0 6.8 0" fill="none" stroke="currentColor" stroke-width="1.8" stroke-linecap="round" />
            </svg>
            <span>{move || if on.get() { t_string!(i18n, node.on) } else { t_string!(i18n, node.off) }}</span>
        </button>
    }
}

/// A program of a node.
#[component]
fn Agent(place: String, label: &'static str, up: Signal<bool>) -> impl IntoView {
    let i18n = use_i18n();
    let page = expect_context::<Page>();
    let subject = Subject::Component(place.clone());
    let node = place.split_once('@').map_or("", |(_, node)| node).to_owned();
    let says = move || {
        if up.get() { t_string!(i18n, component.running) } else { t_string!(i18n, component.stopped) }
    };
    view! {
        <button
            class="agent"
            data-place=place
            class:down=move || !up.get()
            title=says
            on:click=move |_| page.inspect(subject.clone())
        >
            {label}
            <span class="visually-hidden">{says} " · " {node}</span>
        </button>
    }
}

/// How full something is: requested of allocatable.
#[component]
fn Level(label: Signal<&'static str>, of: Signal<(i64, i64)>) -> impl IntoView {
    let share = Memo::new(move |_| percent(of.get()));
    let width = move || format!("scaleX({})", rounded(f64::from(share.get()) / 100.0, 2));
    view! {
        <span class="level">
            <span>{label}</span>
            <i><b style:transform=width></b></i>
            <span class="number">{move || format!("{}%", share.get())}</span>
        </span>
    }
}

/// A pod, as a vessel that fills while it starts. Shape, words and colour tell its state.
#[component]
pub(crate) fn PodVessel(uid: String, density: Signal<Density>) -> impl IntoView {
    let i18n = use_i18n();
    let page = expect_context::<Page>();
    let uid = StoredValue::new(uid);
    let pod = Memo::new(move |_| {
        page.pods.with(|pods| uid.with_value(|uid| pods.get(uid).cloned())).unwrap_or_default()
    });
    let shape = Memo::new(move |_| pod.with(|pod| pod.shape));
    let silent = Memo::new(move |_| {
        let name = pod.with(|pod| pod.node.clone());
        page.nodes.with(|nodes| {
            nodes
                .get(&name)
                .is_some_and(|node| matches!(node_state(node), NodeState::Off | NodeState::OffUnnoticed))
        })
    });
    let serving =
        Memo::new(move |_| page.services.with(|services| uid.with_value(|uid| serves(services, uid))));
    let alarm = Memo::new(move |_| pod.with(|pod| alarm(pod)));
    let label = move || {
        let pod = pod.get();
        let mut label = format!("{} · {}", pod.name, pod.status);
        if let Some(alarm) = alarm.get() {
            label = format!("{label} · {alarm}");
        }
        if serving.get() {
            label = format!("{label} · {}", t_string!(i18n, pod.serving));
        }
        label
    };
    let selected = move || {
        page.selection.with(|selection| {
            let pod = pod.get();
            *selection == Some(Subject::object("Pod", &pod.namespace, &pod.name))
        })
    };
    let point = move || page.pointed.set(uid.get_value());
    let inspect = move |_| {
        let pod = pod.get_untracked();
        page.inspect(Subject::object("Pod", &pod.namespace, &pod.name));
    };
    view! {
        <button
            class="pod"
            data-place=move || uid.with_value(|uid| format!("pod/{uid}"))
            data-shape=move || shape_word(shape.get())
            class:accent=move || pod.with(|pod| pod.accent)
            class:serving=move || serving.get()
            class:killed=move || pod.with(|pod| pod.oom_killed && pod.status != OOM_KILLED)
            class:silent=move || silent.get()
            class:unrelated=move || page.related.with(|related| {
                related.as_ref().is_some_and(|related| uid.with_value(|uid| !related.contains(uid)))
            })
            aria-label=move || (density.get() != Density::Roomy).then(label)
            aria-pressed=move || selected().to_string()
            title=label
            on:click=inspect
            on:pointerenter=move |_| point()
            on:focus=move |_| point()
            on:pointerleave=move |_| page.pointed.set(String::new())
            on:blur=move |_| page.pointed.set(String::new())
        >
            <Glyph shape />
            <Show when=move || density.get() != Density::Dense>
                <span class="pod-name">
                    {move || pod.with(|pod| {
                        let (app, tail) = split_name(&pod.name, &pod.app);
                        view! { <span>{app.to_owned()}</span><small>{tail.to_owned()}</small> }
                    })}
                </span>
            </Show>
            <Show when=move || density.get() == Density::Roomy>
                {move || alarm.get().map(|alarm| view! { <Alarm alarm /> })}
                <span class="pod-status">{move || pod.with(|pod| status(pod))} <Containers pod /></span>
                <Show when=move || serving.get()>
                    <span class="visually-hidden">{t!(i18n, pod.serving)}</span>
                </Show>
            </Show>
        </button>
    }
}

/// The containers of a pod of several: full ones are ready. Of many there is room for the number only.
#[component]
fn Containers(pod: Memo<Arc<Pod>>) -> impl IntoView {
    const SHOWN: usize = 6;
    move || {
        pod.with(|pod| {
            let (ready, all) = pod.ready;
            (all > 1).then(|| {
                let shown = if all as usize > SHOWN { 0 } else { SHOWN };
                let marks = pod.containers.iter().take(shown).map(|container| {
                    let state = match (container.running, container.ready) {
                        (_, true) => "ready",
                        (true, false) => "running",
                        (false, false) => "waiting",
                    };
                    let title = format!("{} · {} · ↻{}", container.name, container.image, container.restarts);
                    view! { <i data-state=state title=title></i> }
                });
                view! { <span class="containers">{marks.collect_view()} {format!("{ready}/{all}")}</span> }
            })
        })
    }
}

/// A pod's status. What is wrong is read whole, over several lines where it must be: parted between its words.
fn status(pod: &Pod) -> impl IntoView + use<> {
    let text = status_text(pod);
    let parts = if pod.shape == PodShape::Failing { humps(&text) } else { vec![text.as_str()] };
    let part = |(at, part): (usize, &str)| {
        // `BackOff` is one word.
        let before = (at > 0 && !part.starts_with("Off")).then(|| view! { <wbr /> });
        view! { {before}{part.to_owned()} }
    };
    parts.into_iter().enumerate().map(part).collect_view()
}

fn status_text(pod: &Pod) -> String {
    if pod.restarts > 0 { format!("{} ·\u{a0}↻{}", pod.status, pod.restarts) } else { pod.status.clone() }
}

/// A pod's state as a shape.
#[component]
fn Glyph(shape: Memo<PodShape>) -> impl IntoView {
    let drawing = move || {
        match shape.get() {
        PodShape::Pending => view! { <circle cx="8" cy="8" r="5.5" class="dashed" /> }.into_any(),
        PodShape::Starting => view! { <circle cx="8" cy="8" r="5.5" class="ring" /><path d="M8 8V2.5a5.5 5.5 0 0 1 5.5 5.5z" class="full" /> }.into_any(),
        PodShape::Running => view! { <circle cx="8" cy="8" r="5.5" class="ring" /><path d="M2.5 8a5.5 5.5 0 0 0 11 0z" class="full" /> }.into_any(),
        PodShape::Ready => view! { <circle cx="8" cy="8" r="6" class="full" /><path d="M5 8.2l2.2 2.2L11.2 6" class="tick" /> }.into_any(),
        PodShape::Succeeded => view! { <rect x="2.5" y="2.5" width="11" height="11" rx="2" class="ring" /><path d="M5 8.2l2.2 2.2L11.2 6" class="line" /> }.into_any(),
        PodShape::Failing => view! { <path d="M8 1.5l7 12.5H1z" class="full" /><path d="M8 6v4M8 11.6v.6" class="tick" /> }.into_any(),
        PodShape::Terminating => view! { <circle cx="8" cy="8" r="5.5" class="dashed" /><path d="M5.5 5.5l5 5M10.5 5.5l-5 5" class="line" /> }.into_any(),
        PodShape::Unknown => view! { <path d="M8 1.8l6.2 6.2L8 14.2 1.8 8z" class="ring" /><path d="M8 5.4v3.2M8 10.4v.6" class="line" /> }.into_any(),
    }
    };
    view! { <svg class="glyph" viewBox="0 0 16 16" aria-hidden="true">{drawing}</svg> }
}
