//! The panel beside the stage: editor, timeline or inspector. Closed at first.

use leptos::prelude::*;

use crate::{
    chaos::Faults,
    i18n::*,
    inspector::Inspector,
    later::Later,
    stage::menu::{self, object_at},
    state::{Drawer, Page},
    terminal::Terminal,
    timeline::Timeline,
    workbench::Workbench,
};

#[component]
pub(crate) fn DrawerPanel() -> impl IntoView {
    let i18n = use_i18n();
    let page = expect_context::<Page>();
    let open = Memo::new(move |_| page.panel.get());
    // The editor keeps its text and its undo history while another panel is shown; the terminal reads its files.
    let edited = Memo::new(move |before: Option<&bool>| {
        before.copied().unwrap_or(false) || matches!(open.get(), Some(Drawer::Yaml | Drawer::Terminal))
    });
    // So does the terminal, with what runs in it.
    let typed = Memo::new(move |before: Option<&bool>| {
        before.copied().unwrap_or(false) || open.get() == Some(Drawer::Terminal)
    });
    let title = move || match open.get() {
        Some(Drawer::Yaml) => t_string!(i18n, tabs.yaml),
        Some(Drawer::Terminal) => t_string!(i18n, tabs.terminal),
        Some(Drawer::Timeline) => t_string!(i18n, tabs.timeline),
        Some(Drawer::Inspector) => t_string!(i18n, tabs.inspector),
        Some(Drawer::Faults) => t_string!(i18n, tabs.faults),
        Some(Drawer::Tree) => t_string!(i18n, tabs.tree),
        None => "",
    };
    // Parts that JavaScript draws name the objects that they stand for.
    let inspect = move |event: leptos::ev::MouseEvent| {
        if let Some(subject) = object_at(event.target()) {
            page.inspect(subject);
        }
    };
    view! {
        <aside id="drawer" class="drawer" on:click=inspect on:contextmenu=move |event| menu::ask(page, &event) hidden=move || open.get().is_none() aria-label=title>
            <header class="drawer-head">
                <h2>{title}</h2>
                <button class="round" aria-label=move || t_string!(i18n, close) on:click=move |_| page.drawer.set(None)>
                    <svg viewBox="0 0 16 16" aria-hidden="true">
                        <path d="M4 4l8 8M12 4l-8 8" fill="none" stroke="currentColor" stroke-width="1.8" stroke-linecap="round" />
                    </svg>
                </button>
            </header>
            <Show when=move || edited.get()>
                <div class="drawer-body editor" hidden=move || open.get() != Some(Drawer::Yaml)><Workbench /></div>
            </Show>
            <Show when=move || typed.get()>
                <div class="drawer-body terminal" hidden=move || open.get() != Some(Drawer::Terminal)><Terminal /></div>
            </Show>
            {move || match open.get() {
                Some(Drawer::Timeline) => view! { <div class="drawer-body"><Timeline /></div> }.into_any(),
                Some(Drawer::Faults) => view! { <div class="drawer-body"><Faults /></div> }.into_any(),
                Some(Drawer::Inspector) => view! { <div class="drawer-body"><Inspector /></div> }.into_any(),
                Some(Drawer::Tree) => view! { <Later asset="tree" class="drawer-body" /> }.into_any(),
                _ => ().into_any(),
            }}
        </aside>
    }
}
