//! The YAML panel: examples, the editor, what the API server says to the text.

use js_sys::{Array, Object, Reflect};
use leptos::{html, prelude::*, task::spawn_local};
use leptos_i18n::I18nContext;
use wasm_bindgen::{JsCast, JsValue, closure::Closure};

use crate::{
    browser,
    editor::{Diagnostic, Editor},
    gallery::Gallery,
    i18n::*,
    protocol::{Command, Outcome, Pace, Subject},
    state::{Drawer, Page},
};

/// A text in the chosen language.
type Label = fn(I18nContext<Locale>) -> &'static str;

/// The documents on offer, by file name below `/examples/`.
const EXAMPLES: [(&str, Label); 6] = [
    ("deployment", |i18n| t_string!(i18n, example.deployment)),
    ("service", |i18n| t_string!(i18n, example.service)),
    ("configmap", |i18n| t_string!(i18n, example.configmap)),
    ("secret", |i18n| t_string!(i18n, example.secret)),
    ("secret-stringdata", |i18n| t_string!(i18n, example.secret_stringdata)),
    ("pod-incomplete", |i18n| t_string!(i18n, example.pod_incomplete)),
];

#[component]
pub(crate) fn Workbench() -> impl IntoView {
    let i18n = use_i18n();
    let page = expect_context::<Page>();
    let host = NodeRef::<html::Div>::new();
    let editor = StoredValue::new_local(None::<Editor>);
    let broken = RwSignal::new(None::<String>);
    let waiting = RwSignal::new(None::<u32>);
    let outcome = RwSignal::new(None::<Outcome>);
    let text = RwSignal::new(String::new());
    // What stood here before `kubectl edit` brought its text, and that text.
    let before_edit = StoredValue::new(String::new());
    let draft_of_edit = StoredValue::new(String::new());

    let apply = move |yaml: String| {
        if page.editing.get_untracked() {
            return save(page, yaml);
        }
        text.set(yaml.clone());
        waiting.set(Some(page.command(Command::Apply(yaml))));
        // An answer takes cluster time: with the clock stopped there would be none.
        page.pace(Pace::Play);
    };
    let show = move |yaml: &str| {
        editor.with_value(|editor| {
            if let Some(editor) = editor {
                editor.set_text(yaml);
                editor.set_diagnostics(&[]);
            }
        });
        text.set(yaml.to_owned());
        outcome.set(None);
    };
    Effect::new(move |_| {
        let Some(host) = host.get() else { return };
        spawn_local(async move {
            let draft = page.draft.get_untracked();
            let first = match &draft {
                Some(text) => Ok(text.clone()),
                None => browser::fetch_text("examples/deployment.yaml").await,
            };
            if page.editing.get_untracked() {
                before_edit
                    .set_value(browser::fetch_text("examples/deployment.yaml").await.unwrap_or_default());
            }
            let opened = match first {
                Ok(first) => {
                    text.set(first.clone());
                    draft_of_edit.set_value(first.clone());
                    Editor::open(&host, &first, &callbacks(page, apply, text, outcome)).await
                }
                Err(reason) => Err(reason),
            };
            match opened {
                Ok(opened) => {
                    opened.focus();
                    editor.set_value(Some(opened));
                    page.draft.set(None);
                }
                Err(reason) => broken.set(Some(format!("{reason:?}"))),
            }
        });
    });
    Effect::new(move |_| {
        if let Some(draft) = page.draft.get()
            && editor.with_value(Option::is_some)
        {
            if page.editing.get_untracked() {
                before_edit.set_value(text.get_untracked());
                draft_of_edit.set_value(draft.clone());
            }
            show(&draft);
            page.draft.set(None);
        }
    });
    Effect::new(move |_| {
        if let Some((id, heard)) = page.outcome.get()
            && waiting.get_untracked() == Some(id)
        {
            waiting.set(None);
            editor.with_value(|editor| {
                if let Some(editor) = editor {
                    editor.set_diagnostics(&marks(&heard));
                }
            });
            outcome.set(Some(heard));
        }
    });
    let pick = move |event| {
        let name = event_target_value(&event);
        spawn_local(async move {
            match browser::fetch_text(&format!("examples/{name}.yaml")).await {
                Ok(example) => show(&example),
                Err(reason) => broken.set(Some(format!("{reason:?}"))),
            }
        });
    };
    let complete = move |_| {
        let completed = crate::manifest::complete(&text.get_untracked());
        if let Some(completed) = completed {
            show(&completed);
        }
    };
    Effect::new(move |edited: Option<bool>| {
        let editing = page.editing.get();
        if edited == Some(true) && !editing {
            before_edit.with_value(|before| show(before));
        }
        editing
    });
    // Whoever clicks a pod sees which lines it comes from.
    let light = move |namespace: String, name: String| {
        let Some(editor) = editor.get_value() else { return };
        spawn_local(async move {
            let found = editor.light(&namespace, &name).await;
            page.lit.set(found.then_some((namespace, name)));
        });
    };
    Effect::new(move |_| {
        if let Some(Subject::Object { kind, namespace, name }) = page.selection.get()
            && kind == "Pod"
        {
            light(namespace, name);
        }
    });
    // What is hidden cannot be scrolled to.
    Effect::new(move |_| {
        if page.panel.get() == Some(Drawer::Yaml)
            && let Some((namespace, name)) = page.lit.get_untracked()
        {
            light(namespace, name);
        }
    });
    let cancel = move |_| save(page, draft_of_edit.get_value());
    let apply_label = move || t_string!(i18n, editor.apply);
    view! {
        <Show when=move || page.editing.get()>
            <div class="editor-edit" role="status">
                <p>{t!(i18n, terminal.editing)}</p>
                <button class="primary" on:click=move |_| save(page, text.get_untracked())>{t!(i18n, terminal.save)}</button>
                <button class="quiet" on:click=cancel>{t!(i18n, terminal.cancel)}</button>
            </div>
        </Show>
        <div class="editor-bar" hidden=move || page.editing.get()>
            <label>
                <span>{t!(i18n, editor.examples)}</span>
                <select on:change=pick>
                    {EXAMPLES.map(|(file, label)| view! { <option value=file>{move || label(i18n)}</option> })}
                </select>
            </label>
            <button
                class="primary"
                title=move || t_string!(i18n, editor.apply_keys)
                on:click=move |_| apply(text.get_untracked())
            >
                {apply_label}
            </button>
        </div>
        <Show when=move || !page.editing.get()>
            <Gallery />
        </Show>
        <div class="editor-host" node_ref=host aria-label=move || t_string!(i18n, editor.label)></div>
        <div class="outcome" role="status">
            {move || broken.get().map(|reason| view! { <p class="bad">{t!(i18n, editor.broken, reason = reason.clone())}</p> })}
            {move || waiting.get().map(|_| view! { <p class="muted">{t!(i18n, editor.waiting)}</p> })}
            {move || outcome.get().map(|outcome| view! { <OutcomeView outcome /> })}
            <Show when=move || outcome.with(|outcome| outcome.as_ref().is_some_and(|outcome| !outcome.ok))
                && text.with(|text| crate::manifest::complete(text).is_some())>
                <button class="primary" on:click=complete>{t!(i18n, editor.complete)}</button>
            </Show>
        </div>
    }
}

/// What the editor asks of the page, see `create` in `js/editor.js`.
fn callbacks(
    page: Page,
    apply: impl Fn(String) + 'static,
    text: RwSignal<String>,
    outcome: RwSignal<Option<Outcome>>,
) -> Object {
    let on_apply = Closure::<dyn Fn(String)>::new(apply).into_js_value();
    let on_change = Closure::<dyn Fn(String)>::new(move |now| text.set(now)).into_js_value();
    // How it went is about the file that was applied.
    let on_show = Closure::<dyn Fn()>::new(move || outcome.set(None)).into_js_value();
    // What is in the editor are files for the terminal: `kubectl apply -f editor.yaml`.
    let on_files = Closure::<dyn Fn(Array)>::new(move |files: Array| {
        let text = |value: JsValue| value.as_string().unwrap_or_default();
        let file = |pair: JsValue| (text(Array::from(&pair).get(0)), text(Array::from(&pair).get(1)));
        page.files.set(files.iter().map(file).collect());
    });
    let relate = Closure::<dyn Fn(JsValue)>::new(move |pods: JsValue| {
        let pods = pods.dyn_into::<Array>().ok();
        page.relate(pods.map(|pods| pods.iter().filter_map(|uid| uid.as_string()).collect()));
    });
    let run = Closure::<dyn Fn(String)>::new(move |line: String| {
        page.command(Command::Kubectl(line));
        page.pace(Pace::Play);
    });
    let open = Closure::<dyn Fn(String)>::new(move |scenario: String| page.open_scenario(scenario));
    let callbacks = Object::new();
    for (name, value) in [
        ("onApply", on_apply),
        ("onChange", on_change),
        ("onShow", on_show),
        ("onFiles", on_files.into_js_value()),
        ("relate", relate.into_js_value()),
        ("run", run.into_js_value()),
        ("open", open.into_js_value()),
    ] {
        Reflect::set(&callbacks, &name.into(), &value).expect("a new object takes every property");
    }
    callbacks
}

/// Gives `kubectl edit` its text back.
fn save(page: Page, text: String) {
    page.edited.set(Some(text));
    page.editing.set(false);
    page.drawer.set(Some(Drawer::Terminal));
}

#[component]
fn OutcomeView(outcome: Outcome) -> impl IntoView {
    view! {
        {(!outcome.stdout.is_empty()).then(|| view! { <pre class="good">{outcome.stdout.clone()}</pre> })}
        {(!outcome.stderr.is_empty()).then(|| view! { <pre class="bad">{outcome.stderr.clone()}</pre> })}
    }
}

fn marks(outcome: &Outcome) -> Vec<Diagnostic> {
    let mark = |diagnostic: &crate::protocol::Diagnostic| Diagnostic {
        from: diagnostic.from,
        to: diagnostic.to,
        message: diagnostic.message.clone(),
    };
    outcome.diagnostics.iter().map(mark).collect()
}
