//! The story: one sentence that says what to try, what just happened in words, what is being waited for, and how the
//! last fault ended.

use std::collections::BTreeMap;

use leptos::prelude::*;

use crate::{
    gallery,
    i18n::*,
    protocol::{Command, Headline as Said, Pace, Verdict, Wait},
    state::Page,
    trouble::{self, Seen, Trouble, Ward},
    view_model::{abridged, humps, rounded},
    words,
};

#[component]
pub(crate) fn Story() -> impl IntoView {
    let i18n = use_i18n();
    let page = expect_context::<Page>();
    let why = RwSignal::new(false);
    let verdict = page.told_verdict();
    Effect::new(move |_| {
        if verdict.with(Option::is_none) {
            why.set(false);
        }
    });
    view! {
        <section class="story">
            <div class="telling">
                <div class="headline"><h1><Headline /></h1></div>
                <div class="captions" role="log" aria-live="polite" aria-label=move || t_string!(i18n, captions_label)>
                    {move || verdict.get().map_or_else(
                        || view! { <Captions /> }.into_any(),
                        |verdict| view! { <VerdictView verdict why /> }.into_any(),
                    )}
                </div>
            </div>
            <div class="beside">
                <Waits />
                {move || verdict.get().filter(|_| why.get()).map(|verdict| view! { <WhySoLong verdict /> })}
            </div>
        </section>
    }
}

/// Whether the headline is the one that asks to switch a node off, and nobody has done anything yet.
pub(crate) fn asks_for_a_switch(page: Page) -> bool {
    let ours = |said: &Said| said.said.is_empty() && !gallery::has(&said.name);
    !page.touched.get()
        && page.headline.with(ours)
        && page.trouble.with(Option::is_none)
        && page.systems.with(|systems| systems.broken.is_empty())
}

/// What there is to try or to see, by what is broken.
#[component]
fn Headline() -> impl IntoView {
    let i18n = use_i18n();
    let page = expect_context::<Page>();
    let broken = Memo::new(move |_| {
        page.systems.with(|systems| {
            let first = systems.faults.first().map(|broken| broken.target.clone());
            (systems.faults.len(), first.unwrap_or_default())
        })
    });
    let whole = Memo::new(move |_| page.systems.with(|systems| systems.cordoned.is_empty()));
    // Whether there was anything to mend, in the branch that is shown.
    let mended = RwSignal::new(false);
    let branch = Memo::new(move |_| page.travel.timeline.with(|timeline| timeline.current));
    let back = Memo::new(move |_| page.travel.back());
    Effect::new(move |before: Option<u32>| {
        let (is_broken, branch) = (broken.with(|(count, _)| *count > 0), branch.get());
        if !back.get() {
            let was_broken = before == Some(branch) && mended.get_untracked();
            mended.set(page.touched.get() && (is_broken || was_broken));
        }
        branch
    });
    watch(page);
    // Whoever only looks at a cluster with a sentence of its own looks for what is wrong with it.
    let told = Memo::new(move |_| {
        let own = page.headline.with(|it| !it.said.is_empty() || gallery::has(&it.name));
        // Without nodes it is known why nothing runs.
        let has_nodes = !page.nodes.with(BTreeMap::is_empty);
        page.trouble.get().filter(|_| has_nodes && (!own || page.touched.get()))
    });
    move || match broken.get() {
        (0, _) if told.with(Option::is_some) => {
            told.get().map_or_else(String::new, |trouble| words::trouble(i18n, &trouble))
        }
        (0, _) if mended.get() && !back.get() && whole.get() => t_string!(i18n, headline_mended).to_owned(),
        (0, _) if page.nodes.with(BTreeMap::is_empty) && !page.systems.with(|systems| systems.far) => {
            t_string!(i18n, headline_no_nodes).to_owned()
        }
        (0, _) => page.headline.with(|Said { name, said }| {
            let own = said.get(i18n.get_locale().as_str()).or_else(|| said.values().next()).cloned();
            let ours = || gallery::headline(i18n, name).unwrap_or_else(|| t_string!(i18n, headline));
            own.unwrap_or_else(|| ours().to_owned())
        }),
        (1, target) => {
            let name = abridged(&words::broken_thing(i18n, &target));
            t_string!(i18n, headline_broken, name = name).to_string()
        }
        (count, _) => t_string!(i18n, headline_many, count = count).to_string(),
    }
}

/// Keeps up to date what goes wrong that nobody broke.
fn watch(page: Page) {
    let ward = StoredValue::new(Ward::default());
    Effect::new(move |_| {
        let is_calm =
            page.pods.with(|pods| page.workloads.with(|workloads| trouble::is_calm(pods, workloads)));
        let told = if is_calm && ward.with_value(Ward::is_empty) { None } else { wrong(page, ward) };
        if page.trouble.with_untracked(|before| *before != told) {
            page.trouble.set(told);
        }
    });
}

/// What is wrong now. Most of the time nobody asks: it comes later.
#[inline(never)]
fn wrong(page: Page, ward: StoredValue<Ward>) -> Option<Trouble> {
    // While somebody is ill time alone may tell that they are well again.
    let now = if ward.with_value(Ward::is_empty) { page.now.get_untracked() } else { page.now.get() };
    let (pods, workloads) = (page.pods.read(), page.workloads.read());
    let (waits, events) = (page.waits.read(), page.events.read());
    let seen = Seen { now, pods: &pods, workloads: &workloads, waits: &waits, events: &events };
    let mut told = None;
    ward.update_value(|ward| told = ward.look(seen));
    told
}

/// The newest captions, the last one clearest.
#[component]
fn Captions() -> impl IntoView {
    const SHOWN: usize = 3;
    let i18n = use_i18n();
    let page = expect_context::<Page>();
    let told = page.told();
    let whole = Memo::new(move |_| page.systems.with(|systems| systems.broken.is_empty()));
    move || {
        page.captions.with(|captions| {
            let captions = &captions[..told.get().min(captions.len())];
            let mut told: Vec<_> = captions.iter().filter(|caption| caption.accent).collect();
            // Where nobody did anything, it is told what the cluster does by itself.
            if told.is_empty() {
                told = captions.iter().filter(|caption| caption.what.of_note()).collect();
            }
            let newest = told.len().saturating_sub(SHOWN);
            if told.is_empty() && !(page.is_first() && whole.get() && !page.travel.back()) {
                return ().into_any();
            }
            if told.is_empty() {
                return view! { <p class="caption old">{t!(i18n, first_hint)}</p> }.into_any();
            }
            told[newest..]
                .iter()
                .enumerate()
                .map(|(index, caption)| {
                    let last = index + 1 == told.len() - newest;
                    let text = words::happening(i18n, &caption.what);
                    view! { <p class="caption" class:old=!last>{text}</p> }
                })
                .collect_view()
                .into_any()
        })
    }
}

/// The measured result, and what to do next.
#[component]
fn VerdictView(verdict: Verdict, why: RwSignal<bool>) -> impl IntoView {
    let i18n = use_i18n();
    let page = expect_context::<Page>();
    let sentence = {
        let verdict = verdict.clone();
        move || words::verdict(i18n, &verdict)
    };
    // The same again, and nothing else; what nobody here struck cannot be undone here.
    let again = verdict.again.clone();
    let can_rewind = again.is_some();
    let of_node =
        again.filter(|it| matches!(it, Command::Fault { target, .. } if target.starts_with("node/")));
    let without_scheduler = of_node.map(|again| {
        let stop = Command::Fault { target: "component/kube-scheduler".to_owned(), kind: "Stop".to_owned() };
        move |_| page.rewind(vec![stop.clone(), again.clone()])
    });
    view! {
        <p class="verdict">{sentence}</p>
        <div class="choices">
            <button class="primary" aria-expanded=move || why.get().to_string() on:click=move |_| why.update(|on| *on = !*on)>
                {t!(i18n, verdict.why)}
            </button>
            {can_rewind.then(|| view! {
                <button class="quiet" on:click=move |_| page.rewind(Vec::new())>{t!(i18n, verdict.rewind)}</button>
            })}
            {without_scheduler.map(|strike| view! {
                <button class="quiet" on:click=strike>{t!(i18n, verdict.no_scheduler)}</button>
            })}
        </div>
    }
}

/// Where the time went, as a bar and in sentences.
#[component]
fn WhySoLong(verdict: Verdict) -> impl IntoView {
    let i18n = use_i18n();
    let waited: u64 = verdict.waits.iter().map(|(_, length)| length).sum();
    let work = verdict.took.saturating_sub(waited);
    let share = move |length: u64| {
        #[expect(clippy::cast_precision_loss, reason = "a width on the screen")]
        let share = length as f64 * 100.0 / verdict.took.max(1) as f64;
        format!("{}%", rounded(share.max(1.0), 1))
    };
    let bars = verdict.waits.iter().map(|&(kind, length)| {
        let name = move || words::wait_name(i18n, kind);
        view! {
            <span class="part" data-wait=words::wait_word(kind) style:width=share(length) title=name></span>
        }
    });
    let lines = verdict.waits.iter().map(|&(kind, length)| {
        view! {
            <li data-wait=words::wait_word(kind)>
                <b>{move || words::wait_name(i18n, kind)} " · " {move || words::duration(i18n, length)}</b>
                " " {move || words::wait_reason(i18n, kind)}
            </li>
        }
    });
    view! {
        <div class="why">
            <div class="parts" aria-hidden="true">
                {bars.collect_view()}
                <span class="part work" style:width=share(work)></span>
            </div>
            <ul>
                {lines.collect_view()}
                <li data-wait="work">
                    <b>{t!(i18n, verdict.work)} " · " {move || words::duration(i18n, work)}</b>
                    " " {t!(i18n, verdict.work_says)}
                </li>
            </ul>
        </div>
    }
}

/// So many countdowns have room.
const SHOWN: usize = 2;

/// The countdowns.
#[component]
fn Waits() -> impl IntoView {
    let i18n = use_i18n();
    let page = expect_context::<Page>();
    let all = Memo::new(move |_| {
        page.waits.with(|waits| {
            let mut waits: Vec<Wait> = waits.clone();
            waits.sort_by_key(|wait| (wait.kind, wait.until));
            // Pods of one node wait together: one countdown each kind, which says for how many.
            let mut all: Vec<(Wait, usize)> = Vec::new();
            for wait in waits {
                match all.last_mut().filter(|(first, _)| first.kind == wait.kind) {
                    Some((_, count)) => *count += 1,
                    None => all.push((wait, 1)),
                }
            }
            all
        })
    });
    view! {
        <div class="waits" aria-label=move || t_string!(i18n, wait.label) role="group">
            <For each=move || all.get().into_iter().take(SHOWN).enumerate() key=|(at, (wait, count))| (*at, wait.id, *count) let:shown>
                <Countdown at=shown.0 wait=shown.1 all />
            </For>
        </div>
    }
}

/// What the selected pod or node is waiting for.
#[component]
pub(crate) fn OwnWaits() -> impl IntoView {
    let i18n = use_i18n();
    let page = expect_context::<Page>();
    let own = Memo::new(move |_| {
        let selected = page.selection.get();
        page.waits.with(|waits| {
            let own = waits.iter().filter(|wait| wait.is_of(selected.as_ref()));
            own.map(|wait| (wait.clone(), 1)).collect::<Vec<_>>()
        })
    });
    view! {
        <div class="waits own" aria-label=move || t_string!(i18n, wait.label) role="group">
            <For each=move || own.get() key=|(wait, _)| wait.id let:wait>
                <Countdown at=0 wait />
            </For>
        </div>
    }
}

#[component]
fn Countdown(
    at: usize,
    wait: (Wait, usize),
    #[prop(optional, into)] all: Signal<Vec<(Wait, usize)>>,
) -> impl IntoView {
    let (wait, count) = wait;
    let object = if count > 1 { format!("{} ×{count}", wait.object) } else { wait.object.clone() };
    let i18n = use_i18n();
    let page = expect_context::<Page>();
    let left = Memo::new(move |_| wait.until.saturating_sub(page.now.get()).div_ceil(1000) * 1000);
    let passed = move || {
        let total = wait.until.saturating_sub(wait.since).max(1);
        #[expect(clippy::cast_precision_loss, reason = "a width on the screen")]
        let share = page.now.get().saturating_sub(wait.since) as f64 / total as f64;
        format!("scaleX({})", rounded(share.min(1.0), 3))
    };
    // It may break at its humps, and is one word all the same.
    let name = move || humps(words::wait_name(i18n, wait.kind)).join("\u{200b}");
    // What comes after this one: the last card that has room says what else there is.
    let more = move || {
        let names = all.with(|all| {
            let after = all.iter().skip(at + 1);
            let names = after.map(|(it, _)| format!("{} ({})", words::wait_name(i18n, it.kind), it.object));
            names.collect::<Vec<_>>()
        });
        (!names.is_empty()).then(|| {
            let says = t_string!(i18n, wait.more, names = names.join(", ")).to_string();
            let label = says.clone();
            view! { <i class="wait-more" role="note" title=says aria-label=label>{format!(" +{}", names.len())}</i> }
        })
    };
    view! {
        <div class="wait" role="timer">
            <span class="wait-name" title=move || words::wait_reason(i18n, wait.kind)>{name}<small>{object}{more}</small></span>
            <span class="wait-left">{move || { let time = words::duration(i18n, left.get()); t_string!(i18n, wait.left, time = time).to_string() }}</span>
            <button class="quiet" on:click=move |_| page.pace(Pace::Skip(Some(wait.id)))>{t!(i18n, wait.skip)}</button>
            <span class="wait-bar"><i style:transform=passed></i></span>
        </div>
    }
}
