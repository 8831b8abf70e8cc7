//! The tour: a card that tells a guide's steps, and a spotlight on what they are about.

use leptos::{prelude::*, task::spawn_local};
use wasm_bindgen::JsCast;
use web_sys::Element;

use crate::{
    browser,
    guide::{Act, Guide, Step, Text},
    i18n::*,
    protocol::{Command, Pace, PodShape, Subject},
    state::{Drawer, Page},
};

const ADDRESS: &str = "lessons/tour";

#[component]
pub(crate) fn Tour() -> impl IntoView {
    let page = expect_context::<Page>();
    let guide = RwSignal::new(None::<Guide>);
    Effect::new(move |_| {
        if page.tour.get().is_some() && guide.with_untracked(Option::is_none) {
            spawn_local(async move {
                let text = browser::fetch_text(&format!("{ADDRESS}/guide.json")).await;
                let read = text
                    .map_err(|reason| format!("{reason:?}"))
                    .and_then(|text| serde_json::from_str::<Guide>(&text).map_err(|error| error.to_string()));
                match read {
                    Ok(read) => guide.set(Some(read)),
                    Err(reason) => {
                        page.tour.set(None);
                        page.failure.set(Some(reason));
                    }
                }
            });
        }
    });
    Effect::new(move |_| {
        let at = page.tour.get();
        let selector = guide.with(|guide| Some(guide.as_ref()?.steps.get(at?)?.spotlight.clone()));
        light(selector.as_deref());
    });
    move || {
        let at = page.tour.get()?;
        let guide = guide.get()?;
        let step = guide.steps.get(at)?.clone();
        Some(view! { <Card step at last=guide.steps.len() - 1 /> })
    }
}

/// Whether the timeline, or the window's edge, covers a part of an element.
fn covered(element: &Element) -> bool {
    let Ok(Some(dock)) = document().query_selector(".dock") else { return false };
    let (rect, dock) = (element.get_bounding_client_rect(), dock.get_bounding_client_rect());
    !element.closest(".dock").is_ok_and(|it| it.is_some()) && rect.bottom() > dock.top()
}

/// Moves the spotlight.
pub(crate) fn light(selector: Option<&str>) {
    let each = |selector: &str, change: &dyn Fn(&Element)| {
        // A selector that is none lights nothing.
        let Ok(found) = document().query_selector_all(selector) else { return };
        for index in 0..found.length() {
            if let Some(element) = found.item(index).and_then(|node| node.dyn_into::<Element>().ok()) {
                change(&element);
            }
        }
    };
    each(".spot", &|element| drop(element.class_list().remove_1("spot")));
    if let Some(selector) = selector {
        each(selector, &|element| drop(element.class_list().add_1("spot")));
        // Where not all of the stage is in sight, what the light falls on has to come there.
        let Ok(Some(element)) = document().query_selector(selector) else { return };
        if browser::narrow() {
            element.scroll_into_view_with_bool(true);
        } else if covered(&element) {
            // As far as the dock lets it (`scroll-padding`).
            element.scroll_into_view_with_bool(false);
        }
    }
}

#[component]
fn Card(step: Step, at: usize, last: usize) -> impl IntoView {
    let i18n = use_i18n();
    let page = expect_context::<Page>();
    let language = move || match i18n.get_locale() {
        Locale::en => "en",
        Locale::ja => "ja",
    };
    let say = move |text: Text| move || text.get(language()).cloned().unwrap_or_default();
    let act = step.act.clone();
    view! {
        <div class="tour glass" role="dialog" aria-label=move || t_string!(i18n, tour.label)>
            <header>
                <b>{say(step.title)}</b>
                <span class="muted">{format!("{} / {}", at + 1, last + 1)}</span>
                <button class="round" aria-label=move || t_string!(i18n, tour.end) on:click=move |_| page.tour.set(None)>
                    <svg viewBox="0 0 16 16" aria-hidden="true">
                        <path d="M4 4l8 8M12 4l-8 8" fill="none" stroke="currentColor" stroke-width="1.8" stroke-linecap="round" />
                    </svg>
                </button>
            </header>
            <div aria-live="polite">
                <p class="tour-say">{say(step.say)}</p>
                <p class="tour-try">
                    {say(step.r#try)}
                    {act.map(|act| view! {
                        <button class="quiet" on:click=move |_| perform(page, act.clone())>{t!(i18n, tour.act)}</button>
                    })}
                </p>
                <p class="tour-ecs"><b>"ECS"</b>{say(step.ecs)}</p>
            </div>
            <footer>
                <button class="quiet" disabled=at == 0 on:click=move |_| page.tour.set(Some(at - 1))>{t!(i18n, tour.back)}</button>
                <button class="primary" on:click=move |_| page.tour.set((at < last).then_some(at + 1))>
                    {move || if at < last { t_string!(i18n, tour.next) } else { t_string!(i18n, tour.finish) }}
                </button>
            </footer>
        </div>
    }
}

fn perform(page: Page, act: Act) {
    match act {
        Act::Apply(file) => spawn_local(async move {
            match browser::fetch_text(&format!("{ADDRESS}/{file}")).await {
                Ok(yaml) => {
                    page.command(Command::Apply(yaml));
                    page.pace(Pace::Play);
                }
                Err(reason) => page.failure.set(Some(format!("{reason:?}"))),
            }
        }),
        Act::Inspect(subject) => page.inspect(subject),
        Act::InspectPod(app) => {
            if let Some(pod) = a_pod(page, &app) {
                page.inspect(pod);
            }
        }
        Act::DeletePod(app) => {
            if let Some(pod) = a_pod(page, &app) {
                page.command(Command::Delete(pod));
                page.pace(Pace::Play);
            }
        }
        Act::Edit(example) => spawn_local(async move {
            match browser::fetch_text(&format!("examples/{example}.yaml")).await {
                Ok(yaml) => {
                    page.draft.set(Some(yaml));
                    page.drawer.set(Some(Drawer::Yaml));
                }
                Err(reason) => page.failure.set(Some(format!("{reason:?}"))),
            }
        }),
        Act::PowerOff => {
            if let Some(node) = page.nodes.with_untracked(|nodes| nodes.keys().next_back().cloned()) {
                page.switch(&node, false);
                page.pace(Pace::Play);
            }
        }
    }
}

/// Some running pod of an app.
fn a_pod(page: Page, app: &str) -> Option<Subject> {
    page.pods.with_untracked(|pods| {
        let pod = pods.values().find(|pod| pod.app == app && pod.shape == PodShape::Ready)?;
        Some(Subject::object("Pod", &pod.namespace, &pod.name))
    })
}
