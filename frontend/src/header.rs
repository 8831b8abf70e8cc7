//! The bar: name, time controls, tour, sharing, language and colours.

use leptos::{prelude::*, task::spawn_local};

use crate::{
    browser,
    i18n::*,
    later::Later,
    protocol::{Pace, Request, Speed},
    state::Page,
    view_model::{clock_text, speed_text},
};

/// How many digits of a fingerprint people compare.
const FINGERPRINT: usize = 12;

/// Links of more characters do not get everywhere whole.
const LONG: usize = 2000;

/// The speeds on offer beside story, in thousandths.
const SPEEDS: [u32; 8] = [100, 500, 1000, 5000, 20_000, 60_000, 300_000, 1_000_000];

#[component]
pub(crate) fn Header() -> impl IntoView {
    let i18n = use_i18n();
    let page = expect_context::<Page>();
    view! {
        <header class="bar">
            <a class="brand" href="/" aria-label="Kubarium">
                <svg viewBox="0 0 32 32" aria-hidden="true">
                    <rect x="3" y="4" width="26" height="24" rx="6" />
                    <path d="M3 15c4-3 9-3 13 0s9 3 13 0v8a5 5 0 0 1-5 5H8a5 5 0 0 1-5-5z" />
                    <circle cx="11" cy="21" r="2.2" /><circle cx="18" cy="23" r="1.6" /><circle cx="22" cy="19" r="1.9" />
                </svg>
                <span>"Kubarium"</span>
            </a>
            <TimeControls />
            <div class="tools">
                <LiveBadge />
                <button class="quiet" on:click=move |_| page.tour.set(Some(0))>
                    {t!(i18n, tour.start)}
                </button>
                <ShareMenu />
                <LanguageSwitch />
                <ThemeSwitch />
            </div>
        </header>
    }
}

#[component]
fn TimeControls() -> impl IntoView {
    let i18n = use_i18n();
    let page = expect_context::<Page>();
    let running = Memo::new(move |_| page.running());
    let seconds = Memo::new(move |_| page.now.get() / 1000);
    let toggle_label = move || {
        if running.get() { t_string!(i18n, time.pause) } else { t_string!(i18n, time.play) }
    };
    let choose = move |event| {
        let value = event_target_value(&event);
        page.speed(value.parse().map_or(Speed::Story, Speed::Milli));
    };
    // In a live session others choose, too. Written anew with every frame, it would take back what somebody is choosing.
    let speed = Memo::new(move |_| page.clock.with(|clock| clock.speed));
    let chosen = move || match speed.get() {
        Speed::Story => "story".to_owned(),
        Speed::Milli(milli) => milli.to_string(),
    };
    let rate = Memo::new(move |_| page.clock.with(|clock| clock.rate_milli));
    view! {
        <div class="time" role="group" aria-label=move || t_string!(i18n, time.label)>
            <button class="round" aria-label=toggle_label title=toggle_label on:click=move |_| page.toggle()>
                <svg viewBox="0 0 16 16" aria-hidden="true">
                    {move || if running.get() {
                        view! { <path d="M4 3h3v10H4zM9 3h3v10H9z" /> }.into_any()
                    } else {
                        view! { <path d="M5 2.5v11l8.5-5.5z" /> }.into_any()
                    }}
                </svg>
            </button>
            <button
                class="round"
                aria-label=move || t_string!(i18n, time.step)
                title=move || t_string!(i18n, time.step)
                on:click=move |_| page.pace(Pace::Step)
            >
                <svg viewBox="0 0 16 16" aria-hidden="true"><path d="M3 2.5v11L10.5 8zM11.5 3h2v10h-2z" /></svg>
            </button>
            <select
                aria-label=move || t_string!(i18n, time.speed)
                title=move || t_string!(i18n, time.speed)
                prop:value=chosen
                on:change=choose
            >
                <option value="story">{move || t_string!(i18n, time.story)}</option>
                {SPEEDS.map(|milli| view! { <option value=milli.to_string()>{speed_text(milli)}</option> })}
            </select>
            <button
                class="round"
                aria-label=move || t_string!(i18n, time.skip)
                title=move || t_string!(i18n, time.skip)
                on:click=move |_| page.pace(Pace::Skip(None))
            >
                <svg viewBox="0 0 16 16" aria-hidden="true"><path d="M2 3v10l6-5zM8 3v10l6-5z" /></svg>
            </button>
            <span class="clock" title=move || t_string!(i18n, time.cluster_time)>
                <b>{move || clock_text(seconds.get() * 1000)}</b>
                <small class:behind=move || page.clock.with(|clock| clock.behind)>
                    {move || if running.get() { speed_text(rate.get()) } else { t_string!(i18n, time.paused).to_owned() }}
                </small>
            </span>
        </div>
    }
}

#[component]
fn ShareMenu() -> impl IntoView {
    let i18n = use_i18n();
    let page = expect_context::<Page>();
    let open = RwSignal::new(false);
    let shown = RwSignal::new(false);
    browser::follow_painted(shown, move || open.get());
    let copied = RwSignal::new(false);
    let address = move || page.link.get().map(|link| format!("{}#{link}", browser::address()));
    let length = move || address().map_or(0, |address| address.len());
    let is_long = move || length() > LONG;
    Effect::new(move |_| {
        if let Some(address) = address().filter(|_| open.get()) {
            spawn_local(async move { copied.set(browser::copy(&address).await) });
        }
    });
    // On a small screen it would lie over a panel that is asked for.
    Effect::new(move |_| {
        page.drawer.track();
        open.set(false);
    });
    let toggle = move |_| {
        copied.set(false);
        page.link.set(None);
        page.fingerprint.set(None);
        open.update(|open| *open = !*open);
        if open.get_untracked() {
            page.send(&Request::Share);
            page.send(&Request::Fingerprint);
        }
    };
    let beyond = move |sheet| {
        open.set(false);
        crate::sharing::open(sheet);
    };
    // Wherever the focus is: what was pressed in the sheet may be gone from it.
    let listener = window_event_listener(leptos::ev::keydown, move |event| {
        if event.key() == "Escape" {
            open.set(false);
        }
    });
    on_cleanup(move || listener.remove());
    view! {
        <div class="menu">
            <button class="primary" aria-expanded=move || open.get().to_string() on:click=toggle>
                {t!(i18n, share.button)}
            </button>
            <Show when=move || shown.get()>
                <div class="sheet" role="group" aria-label=move || t_string!(i18n, share.button)>
                    <h2>{t!(i18n, share.copy)}</h2>
                    <p>{t!(i18n, share.copy_says)}</p>
                    <input
                        readonly
                        aria-label=move || t_string!(i18n, share.link)
                        prop:value=move || address().unwrap_or_default()
                        on:focus=select_all
                    />
                    <Show when=is_long>
                        <p class="long">
                            {t!(i18n, share.long, count = move || length())}
                            <button class="quiet" on:click=move |_| beyond("link")>{t!(i18n, share.shorten)}</button>
                        </p>
                    </Show>
                    <p class="muted" aria-live="polite">
                        {move || if copied.get() {
                            t_string!(i18n, share.copied)
                        } else {
                            t_string!(i18n, share.not_copied)
                        }}
                    </p>
                    {move || page.fingerprint.get().map(|(at, hash)| view! {
                        <p class="muted fingerprint">{t!(
                            i18n,
                            share.fingerprint,
                            time = clock_text(at),
                            digits = hash.get(..FINGERPRINT).unwrap_or(&hash).to_owned()
                        )}</p>
                    })}
                    <button class="quiet" on:click=move |_| beyond("link")>{t!(i18n, share.more)}</button>
                    <LiveSection />
                    <button class="quiet" on:click=move |_| beyond("kubectl")>{t!(i18n, share.kubectl)}</button>
                    <Later asset="picture" class="pictures" />
                </div>
            </Show>
        </div>
    }
}

/// The second way of sharing: the same cluster, together, now.
#[component]
fn LiveSection() -> impl IntoView {
    let i18n = use_i18n();
    let page = expect_context::<Page>();
    let link = move |label: Signal<&'static str>, link: String| {
        view! {
            <label class="invitation">
                <span>{label}</span>
                <input readonly prop:value=link on:focus=select_all />
            </label>
        }
    };
    // Of one's own, which nobody else sees and which needs no server; what is shared stays open beside it.
    let copy = move || {
        let address = move || page.link.get().map(|link| format!("{}#{link}", browser::address()));
        view! { <a class="button quiet" target="_blank" href=address>{t!(i18n, live.copy)}</a> }
    };
    view! {
        <h2>{t!(i18n, live.title)}</h2>
        <p>{t!(i18n, live.says)}</p>
        {move || match (page.live.get(), page.invitations.get()) {
            (None, _) => view! {
                <button class="quiet" on:click=move |_| page.send(&Request::Scenario)>{t!(i18n, live.begin)}</button>
            }.into_any(),
            (Some(_), Some(invitations)) => view! {
                {link(Signal::derive(move || t_string!(i18n, live.editor)), invitations.editor)}
                {link(Signal::derive(move || t_string!(i18n, live.viewer)), invitations.viewer)}
                {copy()}
            }.into_any(),
            (Some(_), None) => view! { <p class="muted">{t!(i18n, live.guest)}</p> {copy()} }.into_any(),
        }}
        <button class="quiet" on:click=move |_| crate::rooms::teach()>{t!(i18n, live.teach)}</button>
    }
}

/// How the live session stands, in the bar.
#[component]
fn LiveBadge() -> impl IntoView {
    let i18n = use_i18n();
    let page = expect_context::<Page>();
    let is_live = Memo::new(move |_| page.live.with(Option::is_some));
    // The module stays while what it shows changes.
    let badge = move || {
        page.live.get().map(|live| {
            let state = match (live.connected, live.in_sync) {
                _ if live.apart => "apart",
                (true, _) if live.catching_up.is_some() => "late",
                (false, _) => "broken",
                (true, Some(true)) => "synced",
                (true, Some(false)) => "diverged",
                (true, None) => "joined",
            };
            let share = live.catching_up.unwrap_or_default();
            let words = move || {
                let words = match state {
                    "late" => return t_string!(i18n, live.late, share = share).to_string(),
                    "apart" => t_string!(i18n, live.apart),
                    "broken" => t_string!(i18n, live.broken),
                    "synced" => t_string!(i18n, live.in_sync),
                    "diverged" => t_string!(i18n, live.diverged),
                    _ => t_string!(i18n, live.joined),
                };
                words.to_string()
            };
            view! {
                <span class="live" data-state=state role="status" title=move || browser::in_words(&live.problem)>
                    <b>{move || t_string!(i18n, live.people, count = live.people).to_string()}</b>
                    <span>{words}</span>
                </span>
            }
        })
    };
    move || is_live.get().then(|| view! { {badge} <Later asset="together" class="together" /> })
}

fn select_all(event: leptos::ev::FocusEvent) {
    event_target::<web_sys::HtmlInputElement>(&event).select();
}

#[component]
fn LanguageSwitch() -> impl IntoView {
    let i18n = use_i18n();
    let switch = move |_| {
        let (locale, name) = match i18n.get_locale_untracked() {
            Locale::en => (Locale::ja, "ja"),
            Locale::ja => (Locale::en, "en"),
        };
        i18n.set_locale(locale);
        browser::remember("language", name);
    };
    // The name of the other language, in that language, as people look for it.
    let other = move || match i18n.get_locale() {
        Locale::en => ("ja", "日本語"),
        Locale::ja => ("en", "English"),
    };
    view! {
        <button class="quiet" lang=move || other().0 on:click=switch>{move || other().1}</button>
    }
}

#[component]
fn ThemeSwitch() -> impl IntoView {
    let i18n = use_i18n();
    let label = move || t_string!(i18n, theme);
    let switch = move |_| {
        let Some(root) = document().document_element() else { return };
        let dark = match root.get_attribute("data-theme").as_deref() {
            Some(theme) => theme == "dark",
            None => {
                let query = window().match_media("(prefers-color-scheme: dark)").ok().flatten();
                query.is_some_and(|query| query.matches())
            }
        };
        let theme = if dark { "light" } else { "dark" };
        // Fails only for names that are no attribute names.
        let _ = root.set_attribute("data-theme", theme);
        browser::remember("theme", theme);
    };
    view! {
        <button class="round" aria-label=label title=label on:click=switch>
            <svg viewBox="0 0 16 16" aria-hidden="true">
                <circle cx="8" cy="8" r="6" fill="none" stroke="currentColor" stroke-width="1.6" />
                <path d="M8 2a6 6 0 0 1 0 12z" />
            </svg>
        </button>
    }
}
