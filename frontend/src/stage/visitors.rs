//! The bottom of the stage: Services as a second pane, and the visitors outside.

use leptos::prelude::*;

use crate::{
    i18n::*,
    protocol::Subject,
    stage::menu::{BreakButton, Struck},
    state::Page,
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
                    let rest = services.len().saturating_sub(SHOWN);
                    let chips = services.values().take(SHOWN).map(|service| {
                        let subject = Subject::object("Service", &service.namespace, &service.name);
                        let count = service.endpoints.len();
                        view! {
                            <button class="service" class:short={count == 0} on:click=move |_| page.inspect(subject.clone())>
                                <b>{service.name.clone()}</b>
                                <code>{service.kind.clone()}</code>
                                <span class="wide-only">{service.address.clone()}</span>
                                <span class="endpoints">{t!(i18n, service.endpoints, count = count)}</span>
                            </button>
                        }
                    });
                    view! {
                        {chips.collect_view()}
                        {(rest > 0).then(|| view! { <span class="said">{format!("+{rest}")}</span> })}
                    }
                })}
            </div>
        </div>
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
