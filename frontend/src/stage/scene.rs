//! The stage as a whole.

use std::collections::BTreeSet;

use leptos::{html, prelude::*};

use super::{
    control_plane::{ApiServer, ControlPlane},
    dots::Dots,
    far::FarView,
    halted::Halted,
    menu::{self, BreakButton, Undo},
    node::{Grouped, NodeCard},
    visitors::{Services, VisitorStrip},
};
use crate::{
    i18n::*,
    state::Page,
    turns::{self, InTurn},
    view_model::{Density, counted, pods_on},
};

/// The nodes of a zone, where there are several zones.
#[component]
fn Zone(zone: String) -> impl IntoView {
    let i18n = use_i18n();
    let page = expect_context::<Page>();
    let name = zone.clone();
    let title = move || match name.as_str() {
        "" => t_string!(i18n, stage_filter.no_zone).to_owned(),
        name => t_string!(i18n, stage_filter.zone, zone = name).to_string(),
    };
    let heading = title.clone();
    let place = format!("zone/{zone}");
    let names = Memo::new(move |_| {
        page.nodes.with(|nodes| {
            let here = nodes.values().filter(|node| node.zone == zone);
            let mut names: Vec<String> = here.map(|node| node.name.clone()).collect();
            names.sort_by_cached_key(|name| counted(name));
            names
        })
    });
    let struck = {
        let place = place.clone();
        let whole = Memo::new(move |_| {
            page.systems.with(|systems| {
                // A zone of one node is struck as that node is.
                let here =
                    systems.zones.iter().filter(|zone| zone.target == place && names.with(Vec::len) > 1);
                here.cloned().collect::<Vec<_>>()
            })
        });
        move || {
            whole.get().into_iter().map(|broken| view! { <Undo broken name=String::new() /> }).collect_view()
        }
    };
    view! {
        <section
            class="zone"
            data-place=place.clone()
            aria-label=title
            style:flex-grow=move || names.with(Vec::len).to_string()
        >
            <h2 class="zone-name"><span>{heading}</span><BreakButton place=place.clone() />{struck}</h2>
            <div class="zone-nodes">
                <For each=move || names.get() key=Clone::clone let:name>
                    <NodeInTurn name />
                </For>
            </div>
        </section>
    }
}

#[component]
fn NodeInTurn(name: String) -> impl IntoView {
    view! { <InTurn><NodeCard name=name.clone() /></InTurn> }
}

#[component]
pub(crate) fn Stage() -> impl IntoView {
    let i18n = use_i18n();
    let page = expect_context::<Page>();
    let stage = NodeRef::<html::Section>::new();
    let lines = NodeRef::new();
    let dots = NodeRef::<html::Div>::new();
    // Nothing moves where nobody sees it.
    let seen = turns::over();
    Effect::new(move |_| {
        if !seen.get() {
            return;
        }
        if let (Some(stage), Some(lines), Some(dots)) = (stage.get(), lines.get(), dots.get()) {
            menu::listen(page, &stage);
            Dots::start(page, stage, lines, dots.into());
        }
    });
    // Nodes of one zone stand together.
    let names = Memo::new(move |_| {
        page.nodes.with(|nodes| {
            let mut names: Vec<(String, String)> =
                nodes.values().map(|node| (node.zone.clone(), node.name.clone())).collect();
            names.sort_by_cached_key(|(zone, name)| (zone.clone(), counted(name)));
            names.into_iter().map(|(_, name)| name).collect::<Vec<_>>()
        })
    });
    let zones = Memo::new(move |_| {
        page.nodes.with(|nodes| {
            let zones: BTreeSet<&String> = nodes.values().map(|node| &node.zone).collect();
            zones.into_iter().cloned().collect::<Vec<_>>()
        })
    });
    let grouped = Memo::new(move |_| {
        let first = page.pods.with(|pods| pods.values().next().map(|pod| pod.namespace.clone()));
        page.namespace.with(Option::is_none)
            && page.pods.with(|pods| pods.values().any(|pod| Some(&pod.namespace) != first.as_ref()))
    });
    provide_context(Grouped(grouped));
    let far = Memo::new(move |_| page.systems.with(|systems| systems.far));
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
            <InTurn><ControlPlane /></InTurn>
            <InTurn><ApiServer /></InTurn>
            <Show when=move || far.get()><div class="layer far"><FarView /></div></Show>
            <div
                class="layer nodes"
                hidden=move || far.get()
                data-density=move || density.get().word()
                data-count=move || names.with(Vec::len).min(12).to_string()
                class:zoned=move || { zones.with(Vec::len) > 1 }
            >
                <Show
                    when=move || { zones.with(Vec::len) > 1 }
                    fallback=move || view! {
                        <For each=move || names.get() key=Clone::clone let:name>
                            <NodeInTurn name />
                        </For>
                    }
                >
                    <For each=move || zones.get() key=Clone::clone let:zone>
                        <Zone zone />
                    </For>
                </Show>
            </div>
            <Show when=move || !far.get() && names.with(Vec::is_empty)>
                <p class="no-nodes muted">{t!(i18n, stage_filter.no_nodes)}</p>
            </Show>
            <InTurn><Services /></InTurn>
            <InTurn><VisitorStrip /></InTurn>
            <Halted />
            <div class="dots" node_ref=dots aria-hidden="true"></div>
        </section>
    }
}
