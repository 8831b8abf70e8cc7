//! What is on its way while time stands still: each dot as a card that says who sends what to whom, and because of what.

use leptos::prelude::*;

use crate::{browser, i18n::*, later::Later, protocol::Hop, state::Page};

/// A place as people read it: `kubelet@node-1`, a pod by its name.
fn name_of(page: Page, place: &str) -> String {
    let uid = place.strip_prefix("pod/");
    let name = uid.and_then(|uid| page.pods.with_untracked(|pods| pods.get(uid).map(|pod| pod.name.clone())));
    name.unwrap_or_else(|| place.to_owned())
}

#[component]
pub(super) fn Halted() -> impl IntoView {
    let i18n = use_i18n();
    let page = expect_context::<Page>();
    let shown = RwSignal::new(false);
    browser::follow_painted(shown, move || {
        !page.clock.with(|clock| clock.running) && page.halted.with(|hops| !hops.is_empty())
    });
    view! {
        <Show when=move || shown.get()>
            <section class="halted" aria-label=move || t_string!(i18n, halted.title)>
                <h2>{t!(i18n, halted.title)}</h2>
                <ol tabindex="0">
                    {move || page.halted.get().into_iter().map(|hop| view! { <Card hop /> }).collect_view()}
                </ol>
            </section>
        </Show>
    }
}

#[component]
fn Card(hop: Hop) -> impl IntoView {
    let i18n = use_i18n();
    let page = expect_context::<Page>();
    let why = move || match (hop.accent, hop.traffic, hop.lost) {
        (_, _, true) => t_string!(i18n, halted.lost),
        (true, ..) => t_string!(i18n, legend.accent),
        (_, true, _) => t_string!(i18n, legend.traffic),
        _ => t_string!(i18n, legend.control),
    };
    view! {
        <li class:accent=hop.accent>
            <span><code>{name_of(page, &hop.from)}</code> " → " <code>{name_of(page, &hop.to)}</code></span>
            <b>{format!("{} {}", hop.label, hop.object).trim_end().to_owned()}</b>
            <small>{why}</small>
            {(!hop.traffic).then(|| view! { <Later asset="closer" class="closer" about=format!("{{\"message\":{}}}", hop.id) /> })}
        </li>
    }
}
