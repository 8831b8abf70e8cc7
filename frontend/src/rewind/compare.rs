//! The branch beside: its own stage on the same clock, and the differences in words.

use leptos::{context::Provider, prelude::*};
use leptos_i18n::I18nContext;

use crate::{
    i18n::*,
    protocol::{Difference, Fared},
    stage::Stage,
    state::Page,
    view_model::clock_text,
    words,
};

/// The other branch's stage. It is there to be looked at: whoever wants to act goes there.
#[component]
pub(crate) fn Beside() -> impl IntoView {
    let i18n = use_i18n();
    let page = expect_context::<Page>();
    let beside = Memo::new(move |_| page.travel.timeline.with(|timeline| timeline.beside));
    let current = Memo::new(move |_| page.travel.timeline.with(|timeline| timeline.current));
    let name = move |id: u32| t_string!(i18n, rewind.branch, id = id).to_string();
    move || {
        let (id, twin) = (beside.get()?, page.travel.twin.get_value()?);
        Some(view! {
            <h2 class="branch-name">{move || name(current.get())}</h2>
            <div class="beside-stage">
                <h2 class="branch-name">{move || name(id)}</h2>
                <Provider value=twin><div class="beside-glass" inert><Stage /></div></Provider>
            </div>
        })
    }
}

/// What tells the branches apart.
#[component]
pub(crate) fn Differences() -> impl IntoView {
    let i18n = use_i18n();
    let page = expect_context::<Page>();
    let pair = Memo::new(move |_| {
        page.travel.timeline.with(|timeline| timeline.beside.map(|beside| (timeline.current, beside)))
    });
    move || {
        let (here, there) = pair.get()?;
        let name = move |id: u32| t_string!(i18n, rewind.branch, id = id).to_string();
        let rows = move || {
            page.travel
                .differences
                .get()
                .into_iter()
                .map(move |difference| {
                    let (what, left, right) = match difference {
                        Difference::Lost(left, right) => {
                            let lost =
                                move |count: u64| t_string!(i18n, rewind.lost, count = count).to_string();
                            (t_string!(i18n, rewind.visitors).to_owned(), lost(left), lost(right))
                        }
                        Difference::Workload(name, left, right) => {
                            (name, fared(i18n, left), fared(i18n, right))
                        }
                    };
                    view! { <tr><th scope="row">{what}</th><td>{left}</td><td>{right}</td></tr> }
                })
                .collect_view()
        };
        Some(view! {
            <table class="differences">
                <caption class="visually-hidden">{t!(i18n, rewind.differences)}</caption>
                <thead><tr>
                    <th scope="col">{t!(i18n, rewind.since)}</th>
                    <th scope="col">{move || name(here)}</th><th scope="col">{move || name(there)}</th>
                </tr></thead>
                <tbody>{rows}</tbody>
            </table>
        })
    }
}

/// How a workload fared, in words.
fn fared(i18n: I18nContext<Locale>, fared: Fared) -> String {
    let part = t_string!(i18n, of, part = fared.available, all = fared.wanted).to_string();
    let whole = fared.available >= fared.wanted;
    if fared.short == 0 {
        // Who was short when they parted is so still.
        return if whole { t_string!(i18n, rewind.never_short, part = part).to_string() } else { part };
    }
    let time = words::duration(i18n, fared.short / 1000 * 1000);
    match fared.back.filter(|_| whole) {
        Some(back) => {
            t_string!(i18n, rewind.was_short, part = part, time = time, at = clock_text(back)).to_string()
        }
        None => t_string!(i18n, rewind.is_short, part = part, time = time).to_string(),
    }
}
