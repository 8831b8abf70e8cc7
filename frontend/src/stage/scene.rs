//! The stage as a whole.

use leptos::{html, prelude::*};

use super::{
    control_plane::{ApiServer, ControlPlane},
    dots::Dots,
    menu,
    node::NodeCard,
    visitors::{Services, VisitorStrip},
};
use crate::{
    i18n::*,
    state::Page,
    view_model::{Density, pods_on},
};

#[component]
pub(crate) fn Stage() -> impl IntoView {
    let i18n = use_i18n();
    let page = expect_context::<Page>();
    let stage = NodeRef::<html::Section>::new();
    let lines = NodeRef::new();
    let dots = NodeRef::<html::Div>::new();
    Effect::new(move |_| {
        if let (Some(stage), Some(lines), Some(dots)) = (stage.get(), lines.get(), dots.get()) {
            menu::listen(page, &stage);
            Dots::start(page, stage, lines, dots.into());
        }
    });
    let names = Memo::new(move |_| page.nodes.with(|nodes| nodes.keys().cloned().collect::<Vec<_>>()));
    let density = Memo::new(move |_| {
        let names = names.get();
        let most =
            page.pods.with(|pods| names.iter().map(|name| pods_on(pods, name).len()).max().unwrap_or(0));
        Density::of(names.len(), most)
    });
    view! {
        <section
            class="stage"
            node_ref=stage
            aria-label=move || t_string!(i18n, stage)
            class:dimmed=move || page.tour.get().is_some()
        >
            <svg class="lines" node_ref=lines aria-hidden="true"></svg>
            <ControlPlane />
            <ApiServer />
            <div
                class="layer nodes"
                data-density=move || density.get().word()
                data-count=move || names.with(Vec::len).min(12).to_string()
            >
                <For each=move || names.get() key=Clone::clone let:name>
                    <NodeCard name />
                </For>
            </div>
            <Services />
            <VisitorStrip />
            <div class="dots" node_ref=dots aria-hidden="true"></div>
        </section>
    }
}
