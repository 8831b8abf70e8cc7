//! Ready clusters, each a scenario file in `public/examples/clusters/`.

use leptos::{html, prelude::*, task::spawn_local};
use leptos_i18n::I18nContext;

use wasm_bindgen::{JsCast, prelude::wasm_bindgen};
use web_sys::SvgElement;

use crate::{assets, browser, i18n::*, state::Page, stills};

#[wasm_bindgen]
extern "C" {
    /// `public/embed/still.js`.
    type Stills;

    /// A picture of a cluster, from its letters.
    #[wasm_bindgen(method)]
    fn still(this: &Stills, letters: &str) -> SvgElement;
}

/// Words in the reader's language.
type Words = fn(I18nContext<Locale>) -> &'static str;

macro_rules! cluster {
    ($file:literal, $name:ident, $says:ident) => {
        ($file, |i18n| t_string!(i18n, gallery.$name), |i18n| t_string!(i18n, gallery.$says))
    };
}

/// The clusters on offer, by file name and scenario's, in the order in which one learns: what each is called, and what there
/// is to see in it.
const CLUSTERS: [(&str, Words, Words); 6] = [
    cluster!("hello-pod", hello_pod, hello_pod_says),
    cluster!("canary", canary, canary_says),
    cluster!("zone-failure", zone_failure, zone_failure_says),
    cluster!("autoscaler", autoscaler, autoscaler_says),
    cluster!("stateful-quorum", stateful_quorum, stateful_quorum_says),
    cluster!("broken", broken, broken_says),
];

/// Whether a cluster is one of those on offer.
pub(crate) fn has(scenario: &str) -> bool {
    CLUSTERS.iter().any(|(file, ..)| *file == scenario)
}

/// What there is to see in a ready cluster.
pub(crate) fn headline(i18n: I18nContext<Locale>, scenario: &str) -> Option<&'static str> {
    CLUSTERS.iter().find(|(file, ..)| *file == scenario).map(|(.., says)| says(i18n))
}

#[component]
pub(crate) fn Gallery() -> impl IntoView {
    let i18n = use_i18n();
    let page = expect_context::<Page>();
    let chosen = NodeRef::<html::Select>::new();
    let failed = RwSignal::new(None::<String>);
    let picture = NodeRef::<html::Div>::new();
    let draw = move || {
        let Some(name) = chosen.get_untracked().map(|select| select.value()) else { return };
        spawn_local(async move {
            let Ok(module) = assets::import("embed/still.js").await else { return };
            let drawn = module.unchecked_into::<Stills>().still(stills::of(&name));
            // It may be gone by now.
            if let Some(place) = picture.try_get_untracked().flatten() {
                place.replace_children_with_node_1(&drawn);
            }
        });
    };
    Effect::new(move |_| {
        if chosen.get().is_some() {
            draw();
        }
    });
    // Choosing with the arrow keys must not put a cluster away: that takes the button.
    let open = move |_| {
        let Some(name) = chosen.get_untracked().map(|select| select.value()) else { return };
        spawn_local(async move {
            match browser::fetch_text(&format!("examples/clusters/{name}.yaml")).await {
                Ok(scenario) => {
                    failed.set(None);
                    page.open_scenario(scenario);
                }
                Err(reason) => failed.set(Some(format!("{reason:?}"))),
            }
        });
    };
    view! {
        <div class="gallery">
            <div class="gallery-still" node_ref=picture></div>
            <label>
                <span>{t!(i18n, gallery.label)}</span>
                <select node_ref=chosen on:change=move |_| draw()>
                    {CLUSTERS.map(|(file, label, _)| view! { <option value=file>{move || label(i18n)}</option> })}
                </select>
            </label>
            <button class="quiet" title=move || t_string!(i18n, gallery.says) on:click=open>
                {t!(i18n, gallery.open)}
            </button>
            {move || failed.get().map(|reason| view! {
                <p class="bad" role="alert">{t!(i18n, editor.broken, reason = reason.clone())}</p>
            })}
        </div>
    }
}
