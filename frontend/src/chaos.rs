//! The panel of faults: all that is broken now, each undone by a click; and chaos, which draws a fault from the
//! vocabulary by a seed.

use leptos::prelude::*;

use crate::{
    i18n::*,
    protocol::{Broken, Command},
    stage::{
        faults::{candidates, draw, short_name, target},
        menu::Undo,
    },
    state::Page,
    words::deed,
};

/// A fault that chaos drew: which draw it was, what it did, to whom.
#[derive(Clone)]
struct Drawn {
    number: u64,
    what: crate::stage::faults::Deed,
    name: String,
}

#[component]
pub(crate) fn Faults() -> impl IntoView {
    let i18n = use_i18n();
    let page = expect_context::<Page>();
    let broken = Memo::new(move |_| page.systems.with(|systems| systems.faults.clone()));
    let cordoned = Memo::new(move |_| page.systems.with(|systems| systems.cordoned.clone()));
    let whole = move || broken.with(Vec::is_empty) && cordoned.with(Vec::is_empty);
    let mend_all = move |_| {
        let mut targets: Vec<String> =
            broken.get_untracked().into_iter().map(|Broken { target, .. }| target).collect();
        targets.sort();
        targets.dedup();
        for target in targets {
            page.command(Command::Repair { target });
        }
        for node in cordoned.get_untracked() {
            page.command(Command::Kubectl(format!("uncordon {node}")));
        }
    };
    view! {
        <p class="muted">{t!(i18n, faults.says)}</p>
        <section class="faults-now" aria-label=move || t_string!(i18n, faults.now)>
            <h3>{t!(i18n, faults.now)}</h3>
            <Show when=whole><p class="muted">{t!(i18n, faults.none)}</p></Show>
            <ul class="faults-list">
                <For each=move || broken.get() key=Clone::clone let:broken><li>{
                    let name = short_name(&broken.target);
                    view! { <Undo broken name /> }
                }</li></For>
                <For each=move || cordoned.get() key=Clone::clone let:node><li><Uncordon node /></li></For>
            </ul>
            <Show when=move || !whole()>
                <button class="quiet" on:click=mend_all>{t!(i18n, faults.undo_all)}</button>
            </Show>
        </section>
        <Chaos />
    }
}

#[component]
fn Uncordon(node: String) -> impl IntoView {
    let i18n = use_i18n();
    let page = expect_context::<Page>();
    let name = node.clone();
    view! {
        <button class="undo" on:click=move |_| { page.command(Command::Kubectl(format!("uncordon {node}"))); }>
            <code>{name}</code>
            <span>{t!(i18n, faults.cordoned)}</span>
            <svg viewBox="0 0 16 16" aria-hidden="true"><path d="M3 7h6.5a3.5 3.5 0 0 1 0 7H6M3 7l3-3M3 7l3 3" /></svg>
        </button>
    }
}

#[component]
fn Chaos() -> impl IntoView {
    let i18n = use_i18n();
    let page = expect_context::<Page>();
    let seed = RwSignal::new(1_u64);
    let draws = RwSignal::new(Vec::<Drawn>::new());
    let strike = move |_| {
        let number = draws.with_untracked(|draws| draws.len() as u64);
        let drawn = untrack(|| page.sight(candidates));
        let index = draw(seed.get_untracked(), number, drawn.len());
        let Some((place, offer)) = drawn.into_iter().nth(index) else { return };
        let name = page.pods.with_untracked(|pods| target(&place, pods)).unwrap_or(place);
        let name = short_name(&name);
        page.command(offer.strike);
        draws.update(|draws| draws.push(Drawn { number: number + 1, what: offer.deed, name }));
    };
    let choose = move |event| {
        seed.set(event_target_value(&event).parse().unwrap_or(1));
        draws.set(Vec::new());
    };
    view! {
        <section class="chaos" aria-label=move || t_string!(i18n, faults.chaos)>
            <h3>{t!(i18n, faults.chaos)}</h3>
            <p class="muted">{t!(i18n, faults.chaos_says)}</p>
            <div class="chaos-row">
                <label>{t!(i18n, faults.seed)}
                    <input type="number" min="0" max="999999" prop:value=move || seed.get().to_string() on:change=choose />
                </label>
                <button class="primary" on:click=strike>{t!(i18n, faults.strike)}</button>
            </div>
            <div role="log"><ol class="chaos-log">
                {move || draws.get().into_iter().rev().take(20).map(|drawn| view! {
                    <li value=drawn.number.to_string()><b>{deed(i18n, drawn.what).0}</b> " " <code>{drawn.name}</code></li>
                }).collect_view()}
            </ol></div>
        </section>
    }
}
