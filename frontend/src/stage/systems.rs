//! The insides of the control plane's boxes: members and who leads them, the scheduler's queues, the controllers' loops.

use leptos::prelude::*;

use super::menu::Struck;
use crate::{
    i18n::*,
    protocol::{Component, Member, Role, Subject},
    state::Page,
};

/// The sorts of program of which each member has one.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Sort {
    Etcd,
    ApiServer,
    Scheduler,
    ControllerManager,
}

impl Sort {
    fn place(self, number: u32) -> String {
        let program = match self {
            Self::Etcd => return format!("etcd/{number}"),
            Self::ApiServer => "kube-apiserver",
            Self::Scheduler => "kube-scheduler",
            Self::ControllerManager => "kube-controller-manager",
        };
        if number == 0 { program.to_owned() } else { format!("{program}-{number}") }
    }

    fn up(self, member: &Member) -> bool {
        match self {
            Self::Etcd => member.etcd,
            Self::ApiServer => member.programs[0],
            Self::Scheduler => member.programs[1],
            Self::ControllerManager => member.programs[2],
        }
    }

    fn leads(self, member: &Member) -> bool {
        match self {
            Self::Etcd => member.etcd && member.role == Role::Leader,
            Self::ApiServer => false,
            Self::Scheduler => member.leads[0],
            Self::ControllerManager => member.leads[1],
        }
    }
}

/// What is broken about a program of which there is one; of several each says so itself.
#[component]
pub(super) fn StruckAlone(place: &'static str) -> impl IntoView {
    let page = expect_context::<Page>();
    let alone = Memo::new(move |_| page.systems.with(|systems| systems.members.is_empty()));
    view! { <Show when=move || alone.get()><Struck place=place.to_owned() /></Show> }
}

/// The members of a control plane of several, as far as they are of this sort. Each has a menu of its own.
#[component]
pub(super) fn Members(sort: Sort) -> impl IntoView {
    let page = expect_context::<Page>();
    let count = Memo::new(move |_| page.systems.with(|systems| systems.members.len()));
    view! {
        <Show when=move || { count.get() > 0 }>
            <span class="members">
                <For each=move || 0..count.get() key=|number| *number let:number>
                    <OneMember sort number />
                </For>
            </span>
        </Show>
    }
}

#[component]
fn OneMember(sort: Sort, number: usize) -> impl IntoView {
    let i18n = use_i18n();
    let page = expect_context::<Page>();
    let member = Memo::new(move |_| {
        page.systems.with(|systems| systems.members.get(number).cloned().unwrap_or_default())
    });
    let place = sort.place(u32::try_from(number).unwrap_or(0));
    let subject = Subject::Component(place.clone());
    let up = move || member.with(|member| sort.up(member));
    let leads = move || member.with(|member| sort.leads(member));
    let label = {
        let place = place.clone();
        move || {
            let state = match (up(), leads()) {
                (false, _) => t_string!(i18n, component.stopped),
                (true, true) => t_string!(i18n, component.leader),
                (true, false) => t_string!(i18n, component.running),
            };
            let term = member.with(|member| member.term);
            match sort {
                Sort::Etcd => format!("{place}: {state}, {}", t_string!(i18n, component.term, term = term)),
                _ => format!("{place}: {state}"),
            }
        }
    };
    view! {
        <button
            class="member"
            data-place=place.clone()
            class:down=move || !up()
            class:leads=leads
            title=label.clone()
            on:click=move |_| page.inspect(subject.clone())
        >
            {number}
            <Show when=move || leads()><span>{t!(i18n, component.leader)}</span></Show>
            <span class="visually-hidden">" " {label.clone()}</span>
        </button>
        <Struck place=place.clone() name=place.clone() />
    }
}

/// The members' term, where there are several.
#[component]
pub(super) fn Term() -> impl IntoView {
    let i18n = use_i18n();
    let page = expect_context::<Page>();
    let term = Memo::new(move |_| {
        page.systems.with(|systems| systems.members.iter().filter(|it| it.etcd).map(|it| it.term).max())
    });
    move || {
        term.get().map(|term| {
            view! { <span class="said">{t_string!(i18n, component.term, term = term).to_string()}</span> }
        })
    }
}

/// Too few of etcd's members run: what that means, in words.
#[component]
pub(super) fn Quorum(etcd: Memo<Component>) -> impl IntoView {
    let i18n = use_i18n();
    move || {
        let etcd = etcd.get();
        etcd.lacks_quorum().then(|| {
            let (up, all) = etcd.members;
            view! {
                <span class="alarm no-quorum" role="status">
                    <svg viewBox="0 0 16 16" aria-hidden="true"><path d="M8 1.5l7 12.5H1z" /></svg>
                    <span>{t_string!(i18n, component.no_quorum, up = up, all = all).to_string()}</span>
                </span>
            }
        })
    }
}

/// The scheduler's queues, as soon as a pod is in one.
#[component]
pub(super) fn Queues() -> impl IntoView {
    let i18n = use_i18n();
    let page = expect_context::<Page>();
    let queues = Memo::new(move |_| page.systems.with(|systems| systems.queues));
    view! {
        <Show when=move || queues.get() != [0; 3]>
            <dl class="queues">
                // What is empty only takes room.
                {move || ["active", "backoff", "unschedulable"].into_iter().zip(queues.get()).filter(|(_, count)| *count > 0)
                    .map(|(name, count)| view! { <div><dt>{name}</dt><dd>{count}</dd></div> })
                    .collect_view()}
            </dl>
        </Show>
        <span class="visually-hidden">{move || {
            let [active, backoff, unschedulable] = queues.get();
            t_string!(i18n, component.queues, active = active, backoff = backoff, unschedulable = unschedulable)
                .to_string()
        }}</span>
    }
}

/// The controllers that have work, the busiest in sight.
#[component]
pub(super) fn Loops() -> impl IntoView {
    let page = expect_context::<Page>();
    let loops = Memo::new(move |_| page.systems.with(|systems| systems.loops.clone()));
    let all = move || {
        let all: Vec<String> = loops.get().iter().map(|(name, length)| format!("{name} {length}")).collect();
        all.join("\n")
    };
    view! {
        <span class="loops" title=all>
            {move || loops.get().into_iter().next().map(|(name, length)| view! { <code>{name}</code> " " <b>{length}</b> })}
        </span>
    }
}
