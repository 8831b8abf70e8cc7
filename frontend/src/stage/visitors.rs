//! The bottom of the stage: Services as a second pane, and the visitors outside.

use std::collections::BTreeSet;

use leptos::prelude::*;

use crate::{
    i18n::*,
    protocol::Subject,
    stage::menu::{BreakButton, Struck},
    state::{Drawer, Page},
    view_model::called,
};

/// How many visitors the counter shows.
const LAST: usize = 20;

#[component]
pub(crate) fn Services() -> impl IntoView {
    const SHOWN: usize = 3;
    let i18n = use_i18n();
    let page = expect_context::<Page>();
    view! {
        <div class="layer services">
            <div class="pane glass thin" data-place="load-balancer">
                {move || page.services.with(|services| {
                    let shown: Vec<_> =
                        services.values().filter(|service| page.shows(&service.namespace)).collect();
                    let rest = shown.len().saturating_sub(SHOWN);
                    let all: Vec<_> = shown.iter().map(|it| (it.namespace.as_str(), it.name.as_str())).collect();
                    let chips = shown.iter().take(SHOWN).map(|service| {
                        let pods: BTreeSet<String> = service.endpoints.iter().cloned().collect();
                        let again = pods.clone();
                        let behind = pods.clone();
                        let subject = Subject::object("Service", &service.namespace, &service.name);
                        let name = called(&service.namespace, &service.name, all.iter().copied());
                        let count = service.count;
                        view! {
                            <button class="service" class:short={count == 0}
                                class:belongs=move || page.pointed.with(|uid| behind.contains(uid))
                                on:click=move |_| page.inspect(subject.clone())
                                on:pointerenter=move |_| page.relate(Some(pods.clone()))
                                on:focus=move |_| page.relate(Some(again.clone()))
                                on:pointerleave=move |_| page.relate(None)
                                on:blur=move |_| page.relate(None)
                            >
                                <b>{name}</b>
                                <code>{service.kind.clone()}</code>
                                <span class="wide-only">{service.address.clone()}</span>
                                <span class="endpoints">{t!(i18n, service.endpoints, count = count)}</span>
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
                })}
                <Struck place="load-balancer".to_owned() />
                <Namespaces />
                <BreakButton place="load-balancer".to_owned() />
            </div>
        </div>
    }
}

/// Which namespace is shown, where there are several.
#[component]
fn Namespaces() -> impl IntoView {
    let i18n = use_i18n();
    let page = expect_context::<Page>();
    let names = Memo::new(move |_| {
        let pods = page.pods.read();
        let services = page.services.read();
        let names = pods.values().map(|pod| &pod.namespace);
        let names = names.chain(services.values().map(|service| &service.namespace));
        names.cloned().collect::<BTreeSet<String>>()
    });
    let choose = move |event| {
        let name = event_target_value(&event);
        page.namespace.set(Some(name).filter(|name| !name.is_empty()));
    };
    view! {
        <Show when=move || { names.with(|names| names.len() > 1) || page.namespace.with(Option::is_some) }>
            <label class="namespaces">
                <span>{t!(i18n, stage_filter.namespace)}</span>
                <select prop:value=move || page.namespace.get().unwrap_or_default() on:change=choose>
                    <option value="">{t!(i18n, stage_filter.all)}</option>
                    {move || names.get().into_iter().map(|name| view! { <option value=name.clone()>{name.clone()}</option> }).collect_view()}
                </select>
            </label>
        </Show>
    }
}

#[component]
pub(crate) fn VisitorStrip() -> impl IntoView {
    let i18n = use_i18n();
    let page = expect_context::<Page>();
    let marks = Memo::new(move |_| {
        page.visitors.with(|visitors| {
            let mut marks = vec![None; LAST.saturating_sub(visitors.last.len())];
            marks.extend(visitors.last.iter().copied().map(Some));
            marks
        })
    });
    let lost = move || marks.with(|marks| marks.iter().filter(|mark| **mark == Some(false)).count());
    let asked = move || marks.with(|marks| marks.iter().flatten().count());
    let summary = move || match (asked(), lost()) {
        (0, _) => t_string!(i18n, visitors.none).to_owned(),
        (count, 0) => t_string!(i18n, visitors.all, count = count).to_string(),
        (count, lost) => t_string!(i18n, visitors.lost, count = count, lost = lost).to_string(),
    };
    view! {
        <div class="layer visitors">
            <BreakButton place="visitors".to_owned() />
            <span class="visitors-name">{t!(i18n, visitors.name)}</span>
            <span class="marks" aria-hidden="true">
                {move || marks.get().into_iter().enumerate().map(|(index, mark)| {
                    let kind = match mark {
                        None => "none",
                        Some(true) => "answered",
                        Some(false) => "lost",
                    };
                    // The newest is who is at the door.
                    let place = (index + 1 == LAST).then_some("visitors");
                    view! { <i data-answer=kind data-place=place></i> }
                }).collect_view()}
            </span>
            <span class="visitors-summary" class:short=move || { lost() > 0 }>{summary}</span>
            <Struck place="visitors".to_owned() />
        </div>
    }
}
