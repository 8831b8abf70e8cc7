//! What is on the screen: the bar, the story, the stage, the tabs and their panel.

use leptos::{ev, html, prelude::*};
use leptos_i18n::I18nContext;
use wasm_bindgen::JsCast;

use crate::{
    assets, browser,
    drawer::DrawerPanel,
    header::Header,
    i18n::*,
    protocol::{Opening, Pace, PastRequest},
    rewind::{Beside, Differences, Rewind},
    stage::{FaultMenu, Stage},
    state::{Drawer, Page},
    story::Story,
    tour::Tour,
    turns::{self, InTurn},
};

/// The whole page.
#[component]
pub fn App() -> impl IntoView {
    view! {
        <I18nContextProvider>
            <Main />
        </I18nContextProvider>
    }
}

#[component]
fn Main() -> impl IntoView {
    let i18n = use_i18n();
    keep_language(i18n);
    let fragment = browser::fragment();
    let short = fragment.strip_prefix("l=").map(str::to_owned);
    let opening = match fragment.strip_prefix("s=") {
        Some(link) => Some(Opening::Live(link.to_owned())),
        None if fragment.is_empty() => Some(Opening::Default),
        None if short.is_some() => None,
        // The room's module was faster than this program: it opens the cluster, and has put the room's address back.
        None if fragment.starts_with("room=") => None,
        None => Some(Opening::Link(fragment)),
    };
    let page = Page::open(opening);
    if let Some(name) = short {
        page.open_short(name, move || untrack(|| t_string!(i18n, notice.no_short).to_owned()));
    }
    provide_context(page);
    take_the_frames_place(page);
    listen_to_keys(page);
    browser::follow_painted(page.panel, move || page.drawer.get());
    let open = move || page.panel.with(Option::is_some);
    let scene = NodeRef::<html::Div>::new();
    tell_width(scene, open);
    view! {
        <InTurn><Header /></InTurn>
        <main class="desk" class:open=open>
            <div class="scene" node_ref=scene>
                <InTurn><Notices /><Story /></InTurn>
                <div class="stages" class:two=move || page.travel.timeline.with(|timeline| timeline.beside.is_some())>
                    <InTurn><Stage /></InTurn>
                    <Beside />
                </div>
                <Differences />
                <div class="dock">
                    <InTurn><Rewind /></InTurn>
                    <InTurn><Foot /></InTurn>
                </div>
            </div>
            <div class="side">
                <InTurn><Tour /><DrawerPanel /></InTurn>
            </div>
            <FaultMenu />
        </main>
    }
}

/// The widths of the scene, in pixels, up to which styles differ.
const WIDTHS: [i32; 5] = [899, 960, 1000, 1500, 1700];

/// Names those that the scene does not exceed in its `data-up-to`, for the styles (`compact.css` says why). A scene beside a
/// panel that was `open` before is told its width as the panel opens, not once it is measured: the page is laid out once.
fn tell_width(scene: NodeRef<html::Div>, open: impl Fn() -> bool + Copy + 'static) {
    // For a closed panel and an open one, how wide window and scene were.
    let measured = StoredValue::new([None; 2]);
    // Unlike an element's, it is known without a layout.
    let window_width = || window().inner_width().ok().and_then(|width| width.as_f64());
    Effect::new(move |_| {
        let Some(scene) = scene.get() else { return };
        let element = scene.clone();
        browser::on_resize(&element, move || {
            let width = scene.client_width();
            measured.update_value(|measured| {
                measured[usize::from(untrack(open))] = window_width().map(|window| (window, width));
            });
            name_widths(&scene, width);
        });
    });
    Effect::new(move |_| {
        let known = measured.with_value(|measured| measured[usize::from(open())]);
        if let (Some((window, width)), Some(scene)) = (known, scene.get_untracked())
            && window_width() == Some(window)
        {
            name_widths(&scene, width);
        }
    });
}

fn name_widths(scene: &web_sys::Element, width: i32) {
    let up_to: Vec<_> = WIDTHS.iter().filter(|most| width <= **most).map(i32::to_string).collect();
    // Only a name that is none would be refused.
    let _ = scene.set_attribute("data-up-to", &up_to.join(" "));
}

/// Shows the page once there is something to see; until then the frame of `index.html` stands in its place.
fn take_the_frames_place(page: Page) {
    Effect::new(move |_| {
        if !page.alive.get() && page.failure.with(Option::is_none) {
            return;
        }
        turns::begin(|| {
            if let Some(frame) = document().get_element_by_id("frame") {
                frame.remove();
            }
            if let Ok(Some(coming)) = document().query_selector(".page.coming") {
                coming.set_class_name("page");
            }
        });
    });
}

/// The language that the start script of `index.html` found: the address's, the one chosen last time, the browser's. (By now
/// `lang` is what the provider of texts made it.)
fn keep_language(i18n: I18nContext<Locale>) {
    let language = document().document_element().and_then(|root| root.get_attribute("data-language"));
    let locale = match language.as_deref() {
        Some("ja") => Locale::ja,
        Some("en") => Locale::en,
        _ => return,
    };
    i18n.set_locale(locale);
    // The provider's own effect, which comes first, puts the browser's language in its place.
    Effect::new(move || i18n.set_locale(locale));
}

fn listen_to_keys(page: Page) {
    let handle = window_event_listener(ev::keydown, move |event| {
        let typing = event
            .target()
            .and_then(|target| target.dyn_into::<web_sys::HtmlElement>().ok())
            .is_some_and(|element| {
                let tag = element.tag_name();
                element.is_content_editable()
                    || element.shadow_root().is_some()
                    || matches!(tag.as_str(), "INPUT" | "TEXTAREA" | "SELECT")
                    || (event.key() == " " && matches!(tag.as_str(), "BUTTON" | "A" | "SUMMARY"))
            });
        // What somebody else took is theirs. Fields have no use for Escape; editor and terminal have.
        let leaves = event.key() == "Escape" && !within(&event, ".editor, .terminal");
        if event.default_prevented() || (typing && !leaves) {
            return;
        }
        if event.ctrl_key() || event.meta_key() || event.alt_key() {
            return;
        }
        match event.key().as_str() {
            " " => page.toggle(),
            "ArrowRight" => page.leaf(false, event.shift_key()),
            "ArrowLeft" => page.leaf(true, event.shift_key()),
            "f" => page.travel_to(PastRequest::Fork { repeat: false }),
            "n" => page.travel_to(PastRequest::Now),
            "?" => page.travel.help.update(|open| *open = !*open),
            "p" => browser::present(),
            "s" => page.pace(Pace::Skip(None)),
            "Escape" if page.travel.help.get_untracked() => page.travel.help.set(false),
            // A window closes itself, and one thing is closed at a time.
            "Escape" if matches!(document().query_selector("dialog[open]"), Ok(Some(_))) => return,
            "Escape" if matches!(document().query_selector(".menu > .sheet"), Ok(Some(_))) => {}
            "Escape" => page.drawer.set(None),
            _ => return,
        }
        event.prevent_default();
    });
    on_cleanup(move || handle.remove());
}

/// Whether an event comes from inside of such an element.
fn within(event: &ev::KeyboardEvent, selector: &str) -> bool {
    let element = event.target().and_then(|target| target.dyn_into::<web_sys::Element>().ok());
    element.is_some_and(|element| matches!(element.closest(selector), Ok(Some(_))))
}

/// What went wrong, above everything else.
#[component]
fn Notices() -> impl IntoView {
    let i18n = use_i18n();
    let page = expect_context::<Page>();
    let lacks = RwSignal::new(assets::lacks_parts());
    let listener = window_event_listener_untyped("unloaded", move |_| lacks.set(true));
    on_cleanup(move || listener.remove());
    let settle = move |again| {
        lacks.set(false);
        assets::settle(again);
    };
    view! {
        <div class="alerts" role="alert">
            {move || lacks.get().then(|| view! {
                <p class="notice">
                    {t!(i18n, notice.part)}
                    <button class="primary" on:click=move |_| settle(true)>{t!(i18n, notice.again)}</button>
                    <button class="quiet" on:click=move |_| settle(false)>{t!(i18n, close)}</button>
                </p>
            })}
            {move || page.failure.get().map(|reason| view! {
                <p class="notice">
                    {t!(i18n, notice.engine, reason = reason.clone())}
                    <button class="quiet" on:click=move |_| browser::reload()>{t!(i18n, notice.reload)}</button>
                </p>
            })}
            {move || page.other_version.get().map(|version| view! {
                <p class="notice">
                    {t!(i18n, notice.other_version, version = version.clone())}
                    <button class="quiet" on:click=move |_| page.other_version.set(None)>{t!(i18n, close)}</button>
                </p>
            })}
            {move || page.bad_link.get().map(|(reason, kept)| view! {
                <p class="notice">
                    {move || if kept {
                        t_string!(i18n, notice.kept, reason = why(i18n, &reason)).to_string()
                    } else {
                        t_string!(i18n, notice.link, reason = why(i18n, &reason)).to_string()
                    }}
                    <button class="quiet" on:click=move |_| page.bad_link.set(None)>{t!(i18n, close)}</button>
                </p>
            })}
        </div>
    }
}

/// Why a link did not open, in the reader's language.
fn why(i18n: I18nContext<Locale>, reason: &str) -> String {
    match reason {
        "foreign" => t_string!(i18n, notice.link_foreign).to_owned(),
        "newer" => t_string!(i18n, notice.link_newer).to_owned(),
        "damaged" => t_string!(i18n, notice.link_damaged).to_owned(),
        "too_large" => t_string!(i18n, notice.link_too_large).to_owned(),
        "no_session" => t_string!(i18n, notice.link_no_session).to_owned(),
        "no_server" => t_string!(i18n, notice.no_server).to_owned(),
        sentence => browser::in_words(sentence),
    }
}

/// How many faults nobody has mended.
#[component]
fn FaultCount() -> impl IntoView {
    let page = expect_context::<Page>();
    let count = Memo::new(move |_| page.systems.with(|systems| systems.faults.len()));
    view! { <Show when=move || { count.get() > 0 }><span class="count">{count}</span></Show> }
}

/// The tabs and the legend, below the stage.
#[component]
fn Foot() -> impl IntoView {
    let i18n = use_i18n();
    let page = expect_context::<Page>();
    let tab = move |drawer: Drawer, label: fn(I18nContext<Locale>) -> &'static str| {
        let open = move || page.drawer.get() == Some(drawer);
        view! {
            <button
                class="tab"
                aria-expanded=move || open().to_string()
                aria-controls="drawer"
                on:click=move |_| page.toggle_drawer(drawer)
            >
                {move || label(i18n)}
                {(drawer == Drawer::Faults).then(|| view! { <FaultCount /> })}
            </button>
        }
    };
    view! {
        <footer class="foot">
            <nav class="tabs" aria-label=move || t_string!(i18n, tabs.label)>
                {tab(Drawer::Yaml, |i18n| t_string!(i18n, tabs.yaml))}
                {tab(Drawer::Terminal, |i18n| t_string!(i18n, tabs.terminal))}
                {tab(Drawer::Timeline, |i18n| t_string!(i18n, tabs.timeline))}
                {tab(Drawer::Inspector, |i18n| t_string!(i18n, tabs.inspector))}
                {tab(Drawer::Faults, |i18n| t_string!(i18n, tabs.faults))}
                {tab(Drawer::Tree, |i18n| t_string!(i18n, tabs.tree))}
            </nav>
            <p class="legend">
                <span><i class="mark control"></i>{t!(i18n, legend.control)}</span>
                <span><i class="mark traffic"></i>{t!(i18n, legend.traffic)}</span>
                <span><i class="mark accent"></i>{t!(i18n, legend.accent)}</span>
                <span><i class="mark beat"></i>{t!(i18n, legend.heartbeat)}</span>
            </p>
        </footer>
    }
}
