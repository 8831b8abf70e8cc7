//! The timeline at the foot: everything that happened, and the way back to it.

mod compare;

use leptos::{ev, html, prelude::*};

use crate::{
    browser,
    i18n::*,
    later::Later,
    protocol::{MarkKind, PastRequest},
    state::Page,
    track::{self, Bundle},
    view_model::{clock_text, rounded},
};

pub(crate) use compare::{Beside, Differences};

/// Stretches in which marks of the slim track are bundled.
const SLIM: u32 = 160;
/// Stretches in which marks of a lane are bundled: each is a button that a finger can hit.
const LANE: u32 = 40;

#[component]
pub(crate) fn Rewind() -> impl IntoView {
    let i18n = use_i18n();
    let page = expect_context::<Page>();
    let travel = page.travel;
    let open = RwSignal::new(false);
    browser::follow_painted(open, move || travel.open.get());
    let expand = move || {
        if travel.open.get() { t_string!(i18n, rewind.less) } else { t_string!(i18n, rewind.more) }
    };
    view! {
        <section class="rewind" class:back=move || travel.back() aria-label=move || t_string!(i18n, rewind.label)>
            <div class="rewind-row">
                <button
                    class="round"
                    aria-label=move || t_string!(i18n, rewind.previous)
                    title=move || t_string!(i18n, rewind.previous)
                    on:click=move |_| page.leaf(true, false)
                >
                    <svg viewBox="0 0 16 16" aria-hidden="true"><path d="M12 2.5v11L4.5 8zM2.5 3h2v10h-2z" /></svg>
                </button>
                <Track />
                <span class="rewind-rest">
                <Show when=move || travel.back()>
                    <button class="quiet" on:click=move |_| page.travel_to(PastRequest::Fork { repeat: false })>
                        {t!(i18n, rewind.fork)}
                    </button>
                    <button class="primary" on:click=move |_| page.travel_to(PastRequest::Now)>{t!(i18n, rewind.now)}</button>
                    {move || page.live.get().map(|_| view! { <span class="muted">{t!(i18n, rewind.private)}</span> })}
                </Show>
                <button
                    class="round"
                    aria-label=expand title=expand
                    aria-expanded=move || travel.open.get().to_string()
                    on:click=move |_| travel.open.update(|open| *open = !*open)
                >
                    <svg viewBox="0 0 16 16" aria-hidden="true">
                        <path d="M3 10l5-5 5 5" fill="none" stroke="currentColor" stroke-width="1.8" stroke-linecap="round" />
                    </svg>
                </button>
                <button
                    class="round"
                    aria-label=move || t_string!(i18n, keys.title) title=move || t_string!(i18n, keys.title)
                    aria-expanded=move || travel.help.get().to_string()
                    on:click=move |_| travel.help.update(|open| *open = !*open)
                >
                    <b>"?"</b>
                </button>
                </span>
            </div>
            <Branches />
            <Show when=move || open.get()><Lanes /><Later asset="charts" class="charts" /></Show>
            <Show when=move || travel.help.get()><Keys /></Show>
        </section>
    }
}

/// The moment that is shown or held, and the ends of the track.
fn span(page: Page) -> (u64, u64, u64) {
    let now = page.travel.wanted.get().unwrap_or_else(|| page.now.get());
    let (from, head) = page.travel.timeline.with(|timeline| (timeline.from, timeline.head));
    (from, now, head.unwrap_or(now).max(now))
}

/// The line itself, with a handle to take hold of.
#[component]
fn Track() -> impl IntoView {
    let i18n = use_i18n();
    let page = expect_context::<Page>();
    let travel = page.travel;
    let line = NodeRef::<html::Div>::new();
    let held = RwSignal::new(false);
    let seconds = Memo::new(move |_| {
        let (from, now, head) = span(page);
        (from / 1000, now / 1000, head / 1000)
    });
    // As transforms: what moves all the time lays nothing out anew.
    let share = Memo::new(move |_| {
        let (from, now, head) = span(page);
        rounded(track::share(now, from, head), 2)
    });
    let fill = move || share.with(|share| format!("translateX(-100%) translateX({share}%)"));
    let way = move || share.with(|share| format!("translateX({share}%)"));
    // The marks are drawn anew once the present has gone on by as much as the eye can see.
    let drawn = Memo::new(move |_| {
        let (from, _, head) = seconds.get();
        let step = (head.saturating_sub(from) / u64::from(SLIM)).max(1).next_power_of_two();
        (from * 1000, (head / step + 1) * step * 1000 - 1)
    });
    let ticks = Memo::new(move |_| travel.marks.with(|marks| track::ticks(marks, drawn.get(), SLIM)));
    let drag = move |event: &ev::PointerEvent| {
        let Some(line) = line.get_untracked() else { return };
        let rect = line.get_bounding_client_rect();
        let part = (f64::from(event.client_x()) - rect.x()) / rect.width().max(1.0);
        let from = travel.timeline.with_untracked(|timeline| timeline.from);
        page.look(track::moment(part, from, page.head()));
    };
    let leap = move |event: ev::KeyboardEvent| {
        let at = match event.key().as_str() {
            "Home" => 0,
            "End" => u64::MAX,
            "PageUp" => page.now.get_untracked() + 10_000,
            "PageDown" => page.now.get_untracked().saturating_sub(10_000),
            _ => return,
        };
        event.prevent_default();
        page.look(at);
    };
    view! {
        <div
            class="track"
            node_ref=line
            role="slider"
            tabindex="0"
            aria-label=move || t_string!(i18n, rewind.moment)
            aria-valuemin=move || seconds.get().0.to_string()
            aria-valuenow=move || seconds.get().1.to_string()
            aria-valuemax=move || seconds.get().2.to_string()
            aria-valuetext=move || clock_text(seconds.get().1 * 1000)
            on:keydown=leap
            on:pointerdown=move |event| {
                held.set(true);
                if let Some(line) = line.get_untracked() {
                    // Without capture the handle follows only while the pointer is over the line.
                    let _ = line.set_pointer_capture(event.pointer_id());
                }
                drag(&event);
            }
            on:pointermove=move |event| if held.get_untracked() { drag(&event) }
            on:pointerup=move |_| held.set(false)
            on:pointercancel=move |_| held.set(false)
        >
            <span class="rail"><i style:transform=fill></i></span>
            <svg class="ticks" viewBox="0 0 1000 34" preserveAspectRatio="none" aria-hidden="true">
                {move || ticks.get().into_iter().map(|(kind, path)| view! {
                    <path class="tick" data-kind=word(kind) d=path />
                }).collect_view()}
            </svg>
            <span class="handle-way" style:transform=way>
                <span class="handle" class:seeking=move || travel.timeline.with(|timeline| timeline.seeking)></span>
            </span>
        </div>
        <span class="rewind-at">
            <Show when=move || travel.back() fallback=move || view! { {t!(i18n, rewind.present)} }>
                {move || t_string!(
                    i18n,
                    rewind.at,
                    now = clock_text(seconds.get().1 * 1000),
                    head = clock_text(seconds.get().2 * 1000)
                ).to_string()}
            </Show>
        </span>
    }
}

/// The word that the style sheet knows for a kind of mark.
fn word(kind: MarkKind) -> &'static str {
    match kind {
        MarkKind::Fault => "fault",
        MarkKind::Deed => "deed",
        MarkKind::Warning => "warning",
        MarkKind::Normal => "normal",
    }
}

/// The marks by kind, each a way to its moment.
#[component]
fn Lanes() -> impl IntoView {
    let i18n = use_i18n();
    let page = expect_context::<Page>();
    let lane = move |kinds: &'static [MarkKind], label: Signal<&'static str>| {
        let found = Memo::new(move |_| {
            let (from, head) = page.travel.timeline.with(|timeline| (timeline.from, timeline.head));
            let head = head.unwrap_or_else(|| page.now.get() / 1000 * 1000 + 999);
            page.travel.marks.with(|marks| track::bundles(marks, kinds, (from, head), LANE))
        });
        view! {
            <div class="lane" role="group" aria-label=move || label.get()>
                <span class="lane-name">{label}</span>
                <span class="lane-line">
                    {move || found.get().into_iter().map(|bundle| view! { <MarkButton bundle /> }).collect_view()}
                </span>
            </div>
        }
    };
    view! {
        <div class="lanes">
            {lane(&[MarkKind::Fault, MarkKind::Deed], Signal::derive(move || t_string!(i18n, rewind.deeds)))}
            {lane(&[MarkKind::Warning], Signal::derive(move || t_string!(i18n, rewind.warnings)))}
            {lane(&[MarkKind::Normal], Signal::derive(move || t_string!(i18n, rewind.events)))}
        </div>
    }
}

#[component]
fn MarkButton(bundle: Bundle) -> impl IntoView {
    let page = expect_context::<Page>();
    let more = if bundle.count > 1 { format!(" +{}", bundle.count - 1) } else { String::new() };
    let says = format!("{} {}{more}", clock_text(bundle.at), bundle.text);
    let shown = if bundle.count > 1 { bundle.count.to_string() } else { String::new() };
    view! {
        <button
            class="mark-button"
            data-kind=word(bundle.kind)
            style:left=format!("{}%", rounded(bundle.share, 2))
            aria-label=says.clone()
            title=says
            on:click=move |_| page.look(bundle.at)
        >
            {shown}
        </button>
    }
}

/// The branches, once there are several.
#[component]
fn Branches() -> impl IntoView {
    let i18n = use_i18n();
    let page = expect_context::<Page>();
    let travel = page.travel;
    let branches = Memo::new(move |_| travel.timeline.with(|timeline| timeline.branches.clone()));
    let current = Memo::new(move |_| travel.timeline.with(|timeline| timeline.current));
    let beside = Memo::new(move |_| travel.timeline.with(|timeline| timeline.beside));
    let later = Memo::new(move |_| travel.timeline.with(|timeline| timeline.later));
    // The button that was pressed goes: who had the focus on it goes on from beside it, and Space is still the page's.
    let group = NodeRef::<html::Div>::new();
    Effect::new(move |before: Option<bool>| {
        let compared = beside.get().is_some();
        if before.is_some_and(|before| before != compared) {
            request_animation_frame(move || focus_if_lost(group));
        }
        compared
    });
    let chip = move |id: u32, from: u64| {
        let name = move || t_string!(i18n, rewind.branch, id = id).to_string();
        let compare = move || t_string!(i18n, rewind.compare, id = id).to_string();
        view! {
            <span class="branch">
                <button
                    class="tab"
                    aria-pressed=move || (current.get() == id).to_string()
                    on:click=move |_| page.travel_to(PastRequest::Switch(id))
                >
                    {name}
                    {(from > 0).then(|| view! { <small>{move || t_string!(i18n, rewind.from, time = clock_text(from)).to_string()}</small> })}
                </button>
                <Show when=move || current.get() != id && beside.get() != Some(id)>
                    <button class="link" aria-label=compare on:click=move |_| page.travel_to(PastRequest::Compare(Some(id)))>
                        {t!(i18n, rewind.beside)}
                    </button>
                </Show>
            </span>
        }
    };
    view! {
        <Show when=move || { branches.with(Vec::len) > 1 || (travel.back() && later.get() > 0) }>
            <div class="branches" node_ref=group tabindex="-1" role="group" aria-label=move || t_string!(i18n, rewind.branches)>
                <Show when=move || { branches.with(Vec::len) > 1 }>
                    {move || branches.get().into_iter().map(|branch| chip(branch.id, branch.from)).collect_view()}
                </Show>
                <Show when=move || beside.get().is_some()>
                    <button class="quiet" on:click=move |_| page.travel_to(PastRequest::Compare(None))>{t!(i18n, rewind.alone)}</button>
                </Show>
                <Show when=move || { travel.back() && later.get() > 0 }>
                    <button class="quiet" on:click=move |_| page.travel_to(PastRequest::Fork { repeat: true })>
                        {move || t_string!(i18n, rewind.repeat, count = later.get()).to_string()}
                    </button>
                </Show>
            </div>
        </Show>
    }
}

/// Gives `group` the focus, where nothing else on the page has it.
fn focus_if_lost(group: NodeRef<html::Div>) {
    let lost = document().active_element().is_none_or(|element| element.tag_name() == "BODY");
    if let Some(group) = group.get_untracked().filter(|_| lost) {
        // Fails only for what is not on the page.
        let _ = group.focus();
    }
}

/// What each key does.
#[component]
fn Keys() -> impl IntoView {
    let i18n = use_i18n();
    let row = move |keys: &'static str, label: Signal<&'static str>| {
        view! { <dt>{keys.split(' ').map(|key| view! { <kbd>{key}</kbd> }).collect_view()}</dt><dd>{label}</dd> }
    };
    // On a low screen they come below its edge.
    let list = NodeRef::<html::Dl>::new();
    Effect::new(move |_| {
        if let Some(list) = list.get() {
            list.scroll_into_view_with_bool(false);
        }
    });
    view! {
        <dl class="keys" node_ref=list aria-label=move || t_string!(i18n, keys.title)>
            {row("␣", Signal::derive(move || t_string!(i18n, keys.space)))}
            {row("← →", Signal::derive(move || t_string!(i18n, keys.arrows)))}
            {row("⇧← ⇧→", Signal::derive(move || t_string!(i18n, keys.seconds)))}
            {row("f", Signal::derive(move || t_string!(i18n, keys.fork)))}
            {row("n", Signal::derive(move || t_string!(i18n, keys.now)))}
            {row("s", Signal::derive(move || t_string!(i18n, keys.skip)))}
            {row("p", Signal::derive(move || t_string!(i18n, keys.present)))}
            {row("Esc", Signal::derive(move || t_string!(i18n, keys.escape)))}
            {row("?", Signal::derive(move || t_string!(i18n, keys.help)))}
        </dl>
    }
}
