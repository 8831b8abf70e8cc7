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
    // What `kubectl edit` brought, while it waits for what becomes of it in a file of its own.
    let draft_of_edit = StoredValue::new(None::<String>);

    let apply = move |yaml: String| {
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
    let begin_edit = move |draft: String| {
        editor.with_value(|editor| {
            if let Some(editor) = editor {
                editor.begin_edit(&draft);
                draft_of_edit.set_value(Some(draft));
            }
        });
    };
    // Gives `kubectl edit` what has become of its text, or the text as it came.
    let end_edit = move |keep: bool| {
        let Some(draft) = draft_of_edit.try_update_value(Option::take).flatten() else { return };
        let edited = editor.with_value(|editor| editor.as_ref().map(Editor::end_edit)).unwrap_or_default();
        page.edited.set(Some(if keep { edited } else { draft }));
        page.editing.set(false);
        page.drawer.set(Some(Drawer::Terminal));
    };
    Effect::new(move |_| {
        let Some(host) = host.get() else { return };
        spawn_local(async move {
            let draft = page.draft.get_untracked().filter(|_| !page.editing.get_untracked());
            let first = match draft {
                Some(text) => Ok(text),
                None => browser::fetch_text("examples/deployment.yaml").await,
            };
            let opened = match first {
                Ok(first) => {
                    text.set(first.clone());
                    let save = move || end_edit(true);
                    Editor::open(&host, &first, &callbacks(page, apply, save, text, outcome)).await
                }
                Err(reason) => Err(reason),
            };
            match opened {
                Ok(opened) => {
                    opened.focus();
                    editor.set_value(Some(opened));
                    if page.editing.get_untracked()
                        && let Some(draft) = page.draft.get_untracked()
                    {
                        begin_edit(draft);
                    }
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
            // Others may bring a text while an edit goes on.
            if page.editing.get_untracked() && draft_of_edit.with_value(Option::is_none) {
                begin_edit(draft);
            } else {
                show(&draft);
            }
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
    Effect::new(move |_| {
        let is_over = !page.editing.get();
        if is_over && draft_of_edit.try_update_value(Option::take).flatten().is_some() {
            editor.with_value(|editor| editor.as_ref().map(Editor::end_edit));
        }
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
    let apply_label = move || t_string!(i18n, editor.apply);
    view! {
        <Show when=move || page.editing.get()>
            <div class="editor-edit" role="status">
                <p>{t!(i18n, terminal.editing)}</p>
                <button class="primary" on:click=move |_| end_edit(true)>{t!(i18n, terminal.save)}</button>
                <button class="quiet" on:click=move |_| end_edit(false)>{t!(i18n, terminal.cancel)}</button>
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
    save: impl Fn() + 'static,
    text: RwSignal<String>,
    outcome: RwSignal<Option<Outcome>>,
) -> Object {
    let on_apply = Closure::<dyn Fn(String)>::new(apply).into_js_value();
    let on_save = Closure::<dyn Fn()>::new(save).into_js_value();
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
        ("onSave", on_save),
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

#[component]
fn OutcomeView(outcome: Outcome) -> impl IntoView {
    view! {
        {(!outcome.stdout.is_empty()).then(|| view! { <pre class="good">{outcome.stdout.clone()}</pre> })}
        {(!outcome.stderr.is_empty()).then(|| view! { <pre class="bad">{browser::in_words(&outcome.stderr)}</pre> })}
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
