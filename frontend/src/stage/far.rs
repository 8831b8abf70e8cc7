//! The far view: the map (`js/map.js`), loaded when a cluster has too many nodes for cards.

use js_sys::{Array, Function, Object, Reflect};
use leptos::{html, prelude::*, task::spawn_local};
use wasm_bindgen::{JsCast, JsValue, closure::Closure, prelude::wasm_bindgen};
use web_sys::HtmlElement;

use crate::{assets, i18n::*, protocol::Subject, state::Page};

#[wasm_bindgen]
extern "C" {
    /// The worker.
    #[wasm_bindgen(thread_local_v2, js_namespace = kubarium, js_name = engine)]
    static WORKER: JsValue;

    type Module;

    #[wasm_bindgen(method)]
    fn create(this: &Module, element: &HtmlElement, options: &Object) -> MapView;

    type MapView;

    #[wasm_bindgen(method)]
    fn destroy(this: &MapView);
}

#[component]
pub(super) fn FarView() -> impl IntoView {
    let i18n = use_i18n();
    let page = expect_context::<Page>();
    let element = NodeRef::<html::Div>::new();
    let shown = StoredValue::new_local(None::<MapView>);
    let broken = RwSignal::new(None::<String>);
    let end = move || {
        if let Some(map) = shown.try_update_value(Option::take).flatten() {
            map.destroy();
        }
    };
    Effect::new(move |_| {
        // The map has its words from its beginning.
        i18n.get_locale();
        let Some(element) = element.get() else { return };
        spawn_local(async move {
            match open(page, i18n).await {
                Ok((module, options)) => {
                    end();
                    shown.set_value(Some(module.create(&element, &options)));
                }
                Err(reason) => broken.set(Some(format!("{reason:?}"))),
            }
        });
    });
    on_cleanup(end);
    view! {
        <div class="map glass" node_ref=element></div>
        {move || broken.get().map(|reason| view! { <p class="notice">{t!(i18n, map.broken, reason = reason.clone())}</p> })}
    }
}

/// The map's program, and what it is given.
async fn open(page: Page, i18n: leptos_i18n::I18nContext<Locale>) -> Result<(Module, Object), JsValue> {
    let module: Module = assets::module("map").await?.unchecked_into();
    let texts = Object::new();
    let set = |target: &Object, name: &str, value: &JsValue| Reflect::set(target, &name.into(), value);
    for (name, text) in [
        ("label", t_string!(i18n, map.label)),
        ("help", t_string!(i18n, map.help)),
        ("find", t_string!(i18n, map.find)),
        ("notFound", t_string!(i18n, map.not_found)),
        ("in", t_string!(i18n, map.nearer)),
        ("out", t_string!(i18n, map.farther)),
        ("all", t_string!(i18n, map.all)),
        ("cpu", t_string!(i18n, node.cpu)),
        ("memory", t_string!(i18n, node.memory)),
        ("node", t_string!(i18n, map.node)),
        ("noZone", t_string!(i18n, stage_filter.no_zone)),
        ("counts", t_string!(i18n, map.counts)),
    ] {
        set(&texts, name, &text.into())?;
    }
    let zone = t_string!(i18n, stage_filter.zone, zone = "%name").to_string();
    set(&texts, "zone", &zone.into())?;
    let strikes = t_string!(i18n, faults.menu, name = "%name").to_string();
    set(&texts, "menu", &strikes.into())?;
    let states = ["Ready", "SchedulingDisabled", t_string!(i18n, node.off_unnoticed), "NotReady", "NotReady"];
    let states = states.into_iter().chain([t_string!(i18n, node.joining)]).map(JsValue::from_str);
    set(&texts, "states", &states.collect::<Array>())?;
    let options = Object::new();
    let inspect = Closure::<dyn Fn(String, String, String)>::new(
        move |kind: String, namespace: String, name: String| {
            page.inspect(Subject::object(&kind, &namespace, &name));
        },
    );
    let menu = Closure::<dyn Fn(String, f64, f64)>::new(move |place, x, y| page.open_menu(place, x, y));
    set(&options, "texts", &texts)?;
    set(&options, "engine", &WORKER.with(Clone::clone))?;
    set(&options, "onInspect", inspect.into_js_value().unchecked_ref::<Function>())?;
    set(&options, "onMenu", menu.into_js_value().unchecked_ref::<Function>())?;
    Ok((module, options))
}
