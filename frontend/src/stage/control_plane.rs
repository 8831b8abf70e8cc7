//! The upper two layers: scheduler, controller manager and etcd; and the API server below them.

use leptos::prelude::*;

use crate::{
    i18n::*,
    protocol::{Component, Subject},
    stage::{
        menu::BreakButton,
        node::PodVessel,
        systems::{Loops, Members, Queues, Quorum, Sort, StruckAlone, Term},
    },
    state::{Drawer, Page},
    view_model::{Density, called, pods_on},
};

/// A signal of one of the control plane's programs.
fn component(page: Page, place: &'static str) -> Memo<Component> {
    Memo::new(move |_| {
        page.components.with(|table| {
            // Until the worker has told, the frame shows it as it will most likely be.
            let unknown = || Component { place: place.to_owned(), up: true, ..Component::default() };
            table.get(place).map_or_else(unknown, |known| (**known).clone())
        })
    })
}

#[component]
pub(crate) fn ControlPlane() -> impl IntoView {
    let i18n = use_i18n();
    let page = expect_context::<Page>();
    let etcd = component(page, "etcd");
    let waiting = Memo::new(move |_| page.pods.with(|pods| pods_on(pods, "")));
    view! {
        <div class="layer control">
            <div class="you" data-place="you">
                <svg viewBox="0 0 16 16" aria-hidden="true">
                    <circle cx="8" cy="5" r="3" /><path d="M2.5 14c0-3 2.5-5 5.5-5s5.5 2 5.5 5z" />
                </svg>
                <span>{t!(i18n, you)}</span>
            </div>
            <Program place="kube-scheduler" title=move || t_string!(i18n, component.scheduler)>
                <span class="said">{move || {
                    let count = waiting.with(Vec::len);
                    if count == 0 {
                        t_string!(i18n, component.queue_empty).to_owned()
                    } else {
                        t_string!(i18n, component.queue, count = count).to_string()
                    }
                }}</span>
                <span class="queue">
                    <For each=move || waiting.get().into_iter().take(4) key=Clone::clone let:uid>
                        <span class="queued"><PodVessel uid density=Signal::stored(Density::Dense) /></span>
                    </For>
                </span>
                <Queues />
                <Members sort=Sort::Scheduler />
            </Program>
            <Program place="kube-controller-manager" title=move || t_string!(i18n, component.controllers)>
                <Loops />
                <Workloads />
                <Members sort=Sort::ControllerManager />
            </Program>
            <Program place="etcd" title=move || t_string!(i18n, component.etcd)>
                <span class="said">{move || etcd.with(|etcd| {
                    t_string!(i18n, component.revision, revision = etcd.revision).to_string()
                })}</span>
                <span class="said wide-only">{move || etcd.with(|etcd| {
                    t_string!(i18n, component.objects, count = etcd.objects).to_string()
                })}</span>
                <Term />
                <Members sort=Sort::Etcd />
                <Quorum etcd />
            </Program>
        </div>
    }
}

/// A box for a program: opens the inspector.
#[component]
fn Program(
    place: &'static str,
    #[prop(into)] title: Signal<&'static str>,
    children: Children,
) -> impl IntoView {
    let page = expect_context::<Page>();
    let program = component(page, place);
    view! {
        <div class="program glass" data-place=place class:down=move || program.with(|program| !program.up)>
            <button class="program-name" on:click=move |_| page.inspect(Subject::Component(place.to_owned()))>
                <b>{title}</b>
                {move || (title.get() != place).then(|| view! { <code>{place}</code> })}
            </button>
            <BreakButton place=place.to_owned() />
            <div class="program-body">
                {children()}
                <StruckAlone place />
            </div>
        </div>
    }
}

/// What the controllers look after: wanted and available replicas.
#[component]
fn Workloads() -> impl IntoView {
    const SHOWN: usize = 3;
    let i18n = use_i18n();
    let page = expect_context::<Page>();
    move || {
        page.workloads.with(|workloads| {
            let shown: Vec<_> =
                workloads.values().filter(|workload| page.shows(&workload.namespace)).collect();
            let rest = shown.len().saturating_sub(SHOWN);
            // What is short of replicas is there before others: it is what happens.
            let (mut short, whole): (Vec<_>, Vec<_>) =
                shown.into_iter().partition(|workload| workload.available < workload.wanted);
            short.extend(whole);
            let all: Vec<_> = short.iter().map(|it| (it.namespace.as_str(), it.name.as_str())).collect();
            short.truncate(SHOWN);
            // None moves from under a finger because another one is whole again.
            short.sort_by(|a, b| (&a.namespace, &a.name).cmp(&(&b.namespace, &b.name)));
            let chips = short.iter().map(|workload| {
                let uid = StoredValue::new(workload.uid.clone());
                let relate = move || uid.with_value(|uid| page.relate_workload(uid));
                let title = format!("{} {}/{}", workload.kind, workload.namespace, workload.name);
                let place = format!("workload/{}/{}/{}", workload.namespace, workload.name, workload.uid);
                let subject = Subject::object(&workload.kind, &workload.namespace, &workload.name);
                let short = workload.available < workload.wanted;
                let name = called(&workload.namespace, &workload.name, all.iter().copied());
                let count = t_string!(i18n, of, part = workload.available, all = workload.wanted).to_string();
                view! {
                    <button
                        class="chip"
                        class:short=short
                        class:belongs=move || uid.with_value(|uid| page.points_into(uid))
                        data-place=place
                        title=title
                        on:click=move |_| page.inspect(subject.clone())
                        on:pointerenter=move |_| relate()
                        on:focus=move |_| relate()
                        on:pointerleave=move |_| page.relate(None)
                        on:blur=move |_| page.relate(None)
                    >
                        <span>{name}</span>
                        <b>{count}</b>
                    </button>
                }
            });
            view! {
                {chips.collect_view()}
                {(rest > 0).then(|| view! {
                    <button class="said" title=move || t_string!(i18n, tabs.tree) on:click=move |_| page.drawer.set(Some(Drawer::Tree))>
                        {format!("+{rest}")}
                    </button>
                })}
            }
        })
    }
}

#[component]
pub(crate) fn ApiServer() -> impl IntoView {
    let i18n = use_i18n();
    let page = expect_context::<Page>();
    let program = component(page, "kube-apiserver");
    view! {
        <div class="layer api">
            <div
                class="pane glass"
                data-place="kube-apiserver"
                class:down=move || program.with(|program| !program.up)
            >
                <button
                    class="program-name"
                    on:click=move |_| page.inspect(Subject::Component("kube-apiserver".to_owned()))
                >
                    <b>{t!(i18n, component.api_server)}</b>
                    <code>"kube-apiserver"</code>
                </button>
                <BreakButton place="kube-apiserver".to_owned() />
                <Members sort=Sort::ApiServer />
                <StruckAlone place="kube-apiserver" />
                <span class="spoken">{move || page.spoken.get()}</span>
                <span class="said">
                    {move || if program.with(|program| program.up) {
                        match page.flow.get() {
                            0 => String::new(),
                            1 => t_string!(i18n, component.flow_one).to_owned(),
                            flow => t_string!(i18n, component.flow, count = flow).to_string(),
                        }
                    } else {
                        t_string!(i18n, component.stopped).to_owned()
                    }}
                </span>
            </div>
        </div>
    }
}
