//! The fault menu: what can be done to the thing it belongs to, each with what it will do; and the marks on things that
//! are broken.

use leptos::{ev, html, prelude::*};
use wasm_bindgen::{JsCast, closure::Closure};
use web_sys::{Element, HtmlElement, MouseEvent, PointerEvent};

use super::faults::{Deed, Offer, Sight, broken_at, deed_of, offers, short_name, target};
use crate::{
    i18n::*,
    protocol::{Broken, Command, Subject},
    state::Page,
    words::{broken_so, deed},
};

/// How long a finger rests on something to ask for its menu, in milliseconds.
const LONG_TOUCH_MS: i32 = 550;
/// The menu's size at most, for keeping it on the screen.
const WIDTH: f64 = 320.0;
const HEIGHT: f64 = 470.0;

/// Which thing's menu is open, and where.
#[derive(Clone, Debug, PartialEq)]
pub struct MenuAt {
    place: String,
    x: f64,
    y: f64,
}

impl Page {
    /// Reads something off what the menu looks at; follows it.
    pub fn sight<T>(self, read: impl FnOnce(Sight<'_>) -> T) -> T {
        let (nodes, pods, systems) = (self.nodes.read(), self.pods.read(), self.systems.read());
        read(Sight { nodes: &nodes, pods: &pods, systems: &systems })
    }

    /// Opens the menu of what is at `place`, beside a point of the window.
    pub(super) fn open_menu(self, place: String, x: f64, y: f64) {
        let known = self.pods.with_untracked(|pods| target(&place, pods).is_some());
        if known {
            let size = |size: Result<wasm_bindgen::JsValue, _>| {
                size.ok().and_then(|size| size.as_f64()).unwrap_or(f64::INFINITY)
            };
            let (width, height) = (size(window().inner_width()), size(window().inner_height()));
            let x = x.min(width - WIDTH - 8.0).max(8.0);
            let y = y.min(height - HEIGHT - 8.0).max(8.0);
            self.menu.set(Some(MenuAt { place, x, y }));
        }
    }
}

/// The thing that an element belongs to.
fn place_at(element: Option<web_sys::EventTarget>) -> Option<String> {
    let element: Element = element?.dyn_into().ok()?;
    element.closest("[data-place]").ok()??.get_attribute("data-place")
}

/// The object that an element which JavaScript made stands for: `data-object` has kind, namespace and name.
pub(crate) fn object_at(element: Option<web_sys::EventTarget>) -> Option<Subject> {
    let element: Element = element?.dyn_into().ok()?;
    let object = element.closest("[data-object]").ok()??.get_attribute("data-object")?;
    let [kind, namespace, name] = object.splitn(3, '/').collect::<Vec<_>>().try_into().ok()?;
    Some(Subject::object(kind, namespace, name))
}

/// Opens the menu of the thing that a right click or the menu key was about.
pub(crate) fn ask(page: Page, event: &MouseEvent) {
    let Some(place) = place_at(event.target()) else { return };
    event.prevent_default();
    let (mut x, mut y) = (f64::from(event.client_x()), f64::from(event.client_y()));
    // The menu key has no point: the menu opens at what has the focus.
    if let Some(element) = event.target().and_then(|it| it.dyn_into::<Element>().ok()).filter(|_| x + y < 1.0)
    {
        let rect = element.get_bounding_client_rect();
        (x, y) = (rect.x() + 8.0, rect.y() + rect.height());
    }
    page.open_menu(place, x, y);
}

/// Right click, the menu key and a long touch on anything of the stage open its menu.
pub(super) fn listen(page: Page, stage: &HtmlElement) {
    let on_menu = Closure::<dyn Fn(MouseEvent)>::new(move |event: MouseEvent| ask(page, &event));
    let listen = |name: &str, function: &js_sys::Function| {
        // Fails only for what is no function.
        let _ = stage.add_event_listener_with_callback(name, function);
    };
    listen("contextmenu", on_menu.into_js_value().unchecked_ref());
    let on_click = Closure::<dyn Fn(MouseEvent)>::new(move |event: MouseEvent| {
        if let Some(subject) = object_at(event.target()) {
            page.inspect(subject);
        }
    });
    listen("click", on_click.into_js_value().unchecked_ref());
    let waiting = StoredValue::new(None::<leptos::leptos_dom::helpers::TimeoutHandle>);
    let end = move || {
        if let Some(handle) = waiting.try_update_value(Option::take).flatten() {
            handle.clear();
        }
    };
    let on_down = Closure::<dyn Fn(PointerEvent)>::new(move |event: PointerEvent| {
        end();
        if event.pointer_type() != "touch" {
            return;
        }
        let Some(place) = place_at(event.target()) else { return };
        let (x, y) = (f64::from(event.client_x()), f64::from(event.client_y()));
        let open = move || page.open_menu(place, x, y);
        let length = std::time::Duration::from_millis(u64::from(LONG_TOUCH_MS.unsigned_abs()));
        waiting.set_value(set_timeout_with_handle(open, length).ok());
    });
    listen("pointerdown", on_down.into_js_value().unchecked_ref());
    let on_end = Closure::<dyn Fn(PointerEvent)>::new(move |_| end()).into_js_value();
    for name in ["pointerup", "pointermove", "pointercancel"] {
        listen(name, on_end.unchecked_ref());
    }
}

/// The small button that opens a thing's menu.
#[component]
pub(crate) fn BreakButton(#[prop(into)] place: Signal<String>) -> impl IntoView {
    let i18n = use_i18n();
    let page = expect_context::<Page>();
    let label = move || t_string!(i18n, faults.menu, name = name_of(page, &place.get())).to_string();
    let open = move |event: MouseEvent| {
        let button: Option<Element> = event.current_target().and_then(|it| it.dyn_into().ok());
        let rect = button.map(|button| button.get_bounding_client_rect());
        let (x, y) = rect.map_or((0.0, 0.0), |rect| (rect.x(), rect.y() + rect.height() + 4.0));
        page.open_menu(place.get_untracked(), x, y);
    };
    view! {
        <button class="strike" aria-haspopup="menu" aria-label=label title=label on:click=open>
            <svg viewBox="0 0 16 16" aria-hidden="true"><path d="M9.2 1.2L3.4 9h3.8l-.9 5.8L12.6 7H8.5z" /></svg>
        </button>
    }
}

/// What a thing is called.
fn name_of(page: Page, place: &str) -> String {
    let target = page.pods.with(|pods| target(place, pods));
    target.map_or_else(String::new, |target| short_name(&target))
}

/// What is broken about a thing, each undone by a click; with the thing's name where the mark does not stand in it.
#[component]
pub(crate) fn Struck(
    #[prop(into)] place: Signal<String>,
    #[prop(optional, into)] name: String,
) -> impl IntoView {
    let page = expect_context::<Page>();
    let name = StoredValue::new(name);
    let broken = Memo::new(move |_| {
        // Where nothing is broken no pod need be looked at.
        if page.systems.with(|systems| systems.broken.is_empty()) {
            return Vec::new();
        }
        page.sight(|sight| {
            let here = broken_at(&place.get(), sight).into_iter();
            // The switch of a node says that itself.
            here.filter(|broken| broken.kind != "PowerOff").cloned().collect::<Vec<_>>()
        })
    });
    view! {
        <Show when=move || broken.with(|broken| !broken.is_empty())>
            <span class="struck">
                <For each=move || broken.get() key=Clone::clone let:broken>
                    <Undo broken name=name.get_value() />
                </For>
            </span>
        </Show>
    }
}

/// A fault, and the way to undo it.
#[component]
pub(crate) fn Undo(broken: Broken, name: String) -> impl IntoView {
    let i18n = use_i18n();
    let page = expect_context::<Page>();
    let (kind, whole) = (deed_of(&broken), short_name(&broken.target));
    let title = move || {
        let what = broken_so(i18n, kind);
        t_string!(i18n, faults.undo_of, what = what, name = whole.clone()).to_string()
    };
    let mend = move |_| {
        page.command(Command::Repair { target: broken.target.clone() });
    };
    view! {
        <button class="undo" title=title on:click=mend>
            {(!name.is_empty()).then(|| view! { <code>{name}</code> })}
            <span>{move || broken_so(i18n, kind)}</span>
            <svg viewBox="0 0 16 16" aria-hidden="true"><path d="M3 7h6.5a3.5 3.5 0 0 1 0 7H6M3 7l3-3M3 7l3 3" /></svg>
        </button>
    }
}

/// The open menu, above everything else.
#[component]
pub(crate) fn FaultMenu() -> impl IntoView {
    let page = expect_context::<Page>();
    move || page.menu.get().map(|at| view! { <OpenMenu at /> })
}

#[component]
fn OpenMenu(at: MenuAt) -> impl IntoView {
    let i18n = use_i18n();
    let page = expect_context::<Page>();
    let menu = NodeRef::<html::Div>::new();
    // Who had the focus gets it back.
    let before: Option<HtmlElement> = document().active_element().and_then(|element| element.dyn_into().ok());
    let before = StoredValue::new_local(before);
    let close = move || {
        page.menu.set(None);
        before.with_value(|before| before.as_ref().map(HtmlElement::focus));
    };
    Effect::new(move |_| {
        if let Some(menu) = menu.get() {
            focus_item(&menu, 0);
        }
    });
    let keys = move |event: ev::KeyboardEvent| {
        let step = match event.key().as_str() {
            "Escape" => {
                // One thing is closed at a time.
                event.prevent_default();
                return close();
            }
            "Tab" => return close(),
            "ArrowDown" => Some(1),
            "ArrowUp" => Some(-1),
            "Home" | "End" => None,
            // What is pressed is pressed.
            "Enter" | " " => return,
            // The page's own keys do nothing behind an open menu.
            key if key.chars().count() == 1 || key.starts_with("Arrow") => return event.prevent_default(),
            _ => return,
        };
        let last = event.key() == "End";
        event.prevent_default();
        if let Some(menu) = menu.get_untracked() {
            match step {
                Some(step) => focus_item(&menu, step),
                None => focus_end(&menu, last),
            }
        }
    };
    let place = StoredValue::new(at.place);
    let name = place.with_value(|place| page.pods.with_untracked(|pods| target(place, pods)));
    let name = name.map_or_else(String::new, |target| short_name(&target));
    let lines = move || page.sight(|sight| place.with_value(|place| offers(place, sight)));
    view! {
        <div class="menu-veil" on:pointerdown=move |_| close() on:contextmenu=move |event| { event.prevent_default(); close(); }></div>
        <div
            class="fault-menu"
            role="menu"
            tabindex="-1"
            node_ref=menu
            aria-label={ let name = name.clone(); move || t_string!(i18n, faults.menu, name = name.clone()).to_string() }
            style:left=format!("{}px", at.x)
            style:top=format!("{}px", at.y)
            on:keydown=keys
        >
            <p class="menu-name" role="presentation"><code>{name.clone()}</code></p>
            {move || lines().into_iter().map(|offer| view! { <Line offer close /> }).collect_view()}
        </div>
    }
}

/// Moves the focus by so many items; round at the ends.
fn focus_item(menu: &HtmlElement, step: i32) {
    let Ok(items) = menu.query_selector_all("button") else { return };
    let count = i32::try_from(items.length()).unwrap_or(0);
    let active = document().active_element();
    let at = (0..count).find(|&index| {
        let item = items.item(index.unsigned_abs()).and_then(|item| item.dyn_into::<Element>().ok());
        item.is_some() && item == active
    });
    let next = at.map_or(0, |at| (at + step).rem_euclid(count.max(1)));
    if let Some(item) = items.item(next.unsigned_abs()).and_then(|item| item.dyn_into::<Element>().ok()) {
        focus(&item);
    }
}

fn focus(item: &Element) {
    // Fails only for what is not on the page.
    let _ = item.dyn_ref::<HtmlElement>().map(HtmlElement::focus);
}

/// Moves the focus to the last item, or to the first.
fn focus_end(menu: &HtmlElement, last: bool) {
    let which = if last { "button:last-of-type" } else { "button" };
    if let Ok(Some(item)) = menu.query_selector(which) {
        focus(&item);
    }
}

#[component]
fn Line(offer: Offer, close: impl Fn() + Copy + 'static) -> impl IntoView {
    let i18n = use_i18n();
    let page = expect_context::<Page>();
    let Offer { deed: what, detail, strike, mend, active, idle } = offer;
    let idle = idle && !active;
    let click = move |_| {
        if idle {
            return;
        }
        close();
        match &mend {
            Some(mend) if active => page.command(mend.clone()),
            _ => page.command(strike.clone()),
        };
    };
    let says = move || match (active, idle) {
        (true, _) => t_string!(i18n, faults.is_so),
        (_, true) => t_string!(i18n, faults.not_probed),
        _ => deed(i18n, what).1,
    };
    let lasts = !matches!(what, Deed::Crash | Deed::Kill | Deed::DeleteAll | Deed::Drain);
    view! {
        <button
            role=if lasts { "menuitemcheckbox" } else { "menuitem" }
            aria-checked=lasts.then(|| active.to_string())
            aria-disabled=idle.then_some("true")
            class:active=active
            tabindex="-1"
            on:click=click
        >
            <b>{move || deed(i18n, what).0} {(!detail.is_empty()).then(|| view! { " " <code>{detail.clone()}</code> })}</b>
            <small>{says}</small>
        </button>
    }
}
