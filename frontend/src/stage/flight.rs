//! The way of one dot. The browser moves it by itself, away from the page's own thread: nothing is drawn anew for a step of
//! it, what a person presses need not wait for one, and it goes on evenly while the page is busy.

use js_sys::JSON;
use wasm_bindgen::{JsCast, JsValue, prelude::wasm_bindgen};
use web_sys::{Animation, HtmlElement};

use super::layout::{Point, Route};
use crate::view_model::rounded;

#[wasm_bindgen]
extern "C" {
    // web-sys has it among what may still change.
    type Animatable;

    #[wasm_bindgen(method)]
    fn animate(this: &Animatable, keyframes: &JsValue, options: &JsValue) -> Animation;
}

/// A movement under way; without one the dot stays where it is.
pub(super) struct Flight(Option<Animation>);

impl Flight {
    /// Sends `dot` along `route` for `length` milliseconds: it sets out and arrives gently.
    pub(super) fn begin(dot: &HtmlElement, route: Route, length: f64) -> Self {
        let frames = format!(r#"{{"transform":["{}","{}"]}}"#, translate(route.from), translate(route.to));
        let options = format!(
            r#"{{"duration":{},"fill":"both","easing":"cubic-bezier(0.33333,0,0.66667,1)"}}"#,
            rounded(length, 1)
        );
        let read = |text: &str| JSON::parse(text).expect("it was written as JSON");
        Self(Some(dot.unchecked_ref::<Animatable>().animate(&read(&frames), &read(&options))))
    }

    /// Leaves `dot` at `point`, for those who asked for less movement.
    pub(super) fn still(dot: &HtmlElement, point: Point) -> Self {
        // Fails only for names that are no properties.
        let _ = dot.style().set_property("transform", &translate(point));
        Self(None)
    }

    /// Puts the dot where it is after `elapsed` milliseconds; from there it goes on if time is `running`.
    pub(super) fn seek(&self, elapsed: f64, running: bool) {
        let Some(animation) = &self.0 else { return };
        // Both fail only for animations without an end. One that is over is played from its beginning: the moment is set last.
        let _ = if running { animation.play() } else { animation.pause() };
        animation.set_current_time(Some(elapsed));
    }

    /// Ends it; the dot is about to set out on another way.
    pub(super) fn cancel(&self) {
        if let Some(animation) = &self.0 {
            animation.cancel();
        }
    }
}

fn translate(point: Point) -> String {
    format!("translate({}px,{}px)", rounded(point.x, 1), rounded(point.y, 1))
}
