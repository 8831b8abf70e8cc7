//! Parts of the page that JavaScript modules draw (`js/`), loaded when they are first shown: nothing of them weighs on the
//! first load. A module gives `create(element, {about, inspect, look})`, and stops by itself once its element has left the page.

use js_sys::{Function, Object, Reflect};
use leptos::{html, prelude::*, task::spawn_local};
use wasm_bindgen::{JsCast, JsValue, closure::Closure, prelude::wasm_bindgen};
use web_sys::HtmlElement;

use crate::{assets, protocol::Subject, state::Page};

#[wasm_bindgen]
extern "C" {
    type Module;

    #[wasm_bindgen(method, catch)]
    fn create(this: &Module, element: &HtmlElement, options: &Object) -> Result<(), JsValue>;
}

/// The place of such a part. `about` says what it is about, as JSON.
#[component]
pub(crate) fn Later(
    asset: &'static str,
    class: &'static str,
    #[prop(optional)] about: String,
) -> impl IntoView {
    let page = expect_context::<Page>();
    let place = NodeRef::<html::Div>::new();
    Effect::new(move |_| {
        let Some(element) = place.get() else { return };
        let about = about.clone();
        spawn_local(async move {
            if let Err(reason) = open(page, asset, &about, &element).await {
                element.set_text_content(Some(&format!("{asset}: {reason:?}")));
            }
        });
    });
    view! { <div class=class node_ref=place></div> }
}

async fn open(page: Page, asset: &str, about: &str, element: &HtmlElement) -> Result<(), JsValue> {
    let module: Module = assets::module(asset).await?.unchecked_into();
    let inspect = Closure::<dyn Fn(String, String, String)>::new(
        move |kind: String, namespace: String, name: String| {
            page.inspect(if kind.is_empty() {
                Subject::Component(name)
            } else {
                Subject::object(&kind, &namespace, &name)
            });
        },
    );
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "virtual time is no more")]
    let look = Closure::<dyn Fn(f64)>::new(move |at: f64| page.look(at.max(0.0) as u64));
    let options = Object::new();
    Reflect::set(&options, &"about".into(), &about.into())?;
    Reflect::set(&options, &"inspect".into(), inspect.into_js_value().unchecked_ref::<Function>())?;
    Reflect::set(&options, &"look".into(), look.into_js_value().unchecked_ref::<Function>())?;
    module.create(element, &options)
}
