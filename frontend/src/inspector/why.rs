//! Why it is as it is: hops in plain words, the proof of each one click below.

use leptos::{html, prelude::*};
use leptos_i18n::I18nContext;

use crate::{
    i18n::*,
    protocol::{Cause, CauseKind, FieldChange},
    state::Page,
    tour,
    view_model::clock_text,
};

#[component]
pub(super) fn Why(causes: Vec<Cause>) -> impl IntoView {
    let i18n = use_i18n();
    let page = expect_context::<Page>();
    on_cleanup(|| tour::light(None));
    // Whoever comes from an Event is led to its hop.
    let sought = page.travel.sought.try_update(Option::take).flatten();
    let sought =
        sought.filter(|(subject, ..)| page.selection.with_untracked(|it| it.as_ref() == Some(subject)));
    let behind = sought.and_then(|(_, reason, at)| Cause::behind(&causes, &reason, at).map(key_of));
    if let Some(key) = &behind {
        page.travel.hop.set(Some(key.clone()));
    }
    let list = NodeRef::<html::Ol>::new();
    Effect::new(move |_| {
        let opened = list.get().filter(|_| behind.is_some());
        if let Some(hop) = opened.and_then(|list| list.query_selector("[aria-expanded='true']").ok()?) {
            hop.scroll_into_view_with_bool(true);
        }
    });
    view! {
        <h4>{t!(i18n, inspector.chain)}</h4>
        <ol class="hops" node_ref=list>
            {causes.into_iter().map(|cause| view! { <Hop cause /> }).collect_view()}
        </ol>
    }
}

/// What tells a hop from all others of its chain.
fn key_of(cause: &Cause) -> (u64, String, Option<u64>) {
    (cause.at, cause.place.clone(), cause.revision)
}

/// The word that the style sheet knows, and the sentence.
fn sentence(i18n: I18nContext<Locale>, cause: &Cause) -> (&'static str, String) {
    let Cause { kind, subject, sake, .. } = cause;
    let name = subject.as_ref().map_or(String::new(), |subject| subject.name().to_owned());
    macro_rules! say {
        ($word:literal, $key:ident) => {
            ($word, t_string!(i18n, why.$key, name = name).to_string())
        };
    }
    match kind {
        CauseKind::Asked => say!("asked", asked),
        CauseKind::Broken => ("struck", t_string!(i18n, why.broken).to_owned()),
        CauseKind::Made => say!("made", made),
        CauseKind::Placed => say!("placed", placed),
        CauseKind::Unplaced => say!("noticed", unplaced),
        CauseKind::Sandboxed => say!("ran", sandboxed),
        CauseKind::SandboxFailed => say!("ran", sandbox_failed),
        CauseKind::Pulled => say!("ran", pulled),
        CauseKind::PullFailed => say!("ran", pull_failed),
        CauseKind::Started => say!("ran", started),
        CauseKind::StartFailed => say!("ran", start_failed),
        CauseKind::Probed => say!("ran", probed),
        CauseKind::Ran => say!("ran", ran),
        CauseKind::Reported => say!("reported", reported),
        CauseKind::Served => say!("made", served),
        CauseKind::Changed => say!("changed", changed),
        CauseKind::BackedOff => say!("noticed", backed_off),
        CauseKind::Failed => say!("failed", failed),
        CauseKind::Preempted => {
            let by = sake
                .as_ref()
                .map_or_else(|| t_string!(i18n, why.another).to_owned(), |by| by.name().to_owned());
            ("removed", t_string!(i18n, why.preempted, name = name, by = by).to_string())
        }
        CauseKind::Going => say!("removed", going),
        CauseKind::Removed => say!("removed", removed),
        CauseKind::Struck => ("struck", t_string!(i18n, why.struck).to_owned()),
        CauseKind::Noticed => say!("noticed", noticed),
    }
}

#[component]
fn Hop(cause: Cause) -> impl IntoView {
    let i18n = use_i18n();
    let page = expect_context::<Page>();
    // What was opened stays open while the cluster goes on and the list is drawn anew.
    let key = key_of(&cause);
    let mine = key.clone();
    let open = Memo::new(move |_| page.travel.hop.with(|open| open.as_ref() == Some(&mine)));
    let at = cause.at;
    let name = cause.subject.as_ref().map_or(String::new(), |subject| subject.name().to_owned());
    let word = untrack(|| sentence(i18n, &cause).0);
    let told = cause.clone();
    let says = move || sentence(i18n, &told).1;
    let place = cause.place.clone();
    let who = move || if place == "you" { t_string!(i18n, you).to_owned() } else { place.clone() };
    let light = format!("[data-place='{}']", cause.place.replace('\'', ""));
    if open.get_untracked() {
        tour::light(Some(&light));
    }
    let toggle = move |_| {
        if open.get_untracked() {
            page.travel.hop.set(None);
            tour::light(None);
        } else {
            page.travel.hop.set(Some(key.clone()));
            tour::light(Some(&light));
        }
    };
    view! {
        <li class="hop" data-kind=word>
            <button class="hop-head" aria-expanded=move || open.get().to_string() on:click=toggle>
                <b>{says}</b><time>{clock_text(at)}</time><code>{who}</code>
            </button>
            {move || open.get().then(|| view! { <Proof cause=cause.clone() name=name.clone() /> })}
        </li>
    }
}

#[component]
fn Proof(cause: Cause, name: String) -> impl IntoView {
    let i18n = use_i18n();
    let page = expect_context::<Page>();
    let Cause { at, subject, notes, revision, changes, raw, .. } = cause;
    view! {
        <div class="hop-body">
            {notes.into_iter().map(|(reason, text)| view! { <p><b>{reason}</b>" "{text}</p> }).collect_view()}
            {(!changes.is_empty()).then(|| view! {
                <h5>{move || t_string!(i18n, why.diff, revision = revision.unwrap_or_default()).to_string()}</h5>
                <dl class="changes">{changes.into_iter().map(|change| view! { <Changed change /> }).collect_view()}</dl>
            })}
            <p class="actions">
                <button class="quiet" on:click=move |_| page.look(at)>{t!(i18n, why.show)}</button>
                {subject.map(|subject| {
                    let name = name.clone();
                    view! {
                        <button class="link" on:click=move |_| page.inspect(subject.clone())>
                            {move || t_string!(i18n, why.look, name = name.clone()).to_string()}
                        </button>
                    }
                })}
            </p>
            <details>
                <summary>{t!(i18n, why.raw)}</summary>
                <ol class="chain">
                    {raw.into_iter().map(|link| view! {
                        <li>
                            <time>{clock_text(link.at)}</time>
                            <span><b>{link.who}</b> " " <code>{link.what}</code> " " {link.object}</span>
                            {(!link.text.is_empty()).then(|| view! { <small>{link.text}</small> })}
                        </li>
                    }).collect_view()}
                </ol>
            </details>
        </div>
    }
}

/// A field before and after.
#[component]
fn Changed(change: FieldChange) -> impl IntoView {
    view! {
        <dt>{change.path}</dt>
        <dd>
            {(!change.old.is_empty()).then(|| view! { <del>{change.old}</del> })}
            {(!change.new.is_empty()).then(|| view! { <ins>{change.new}</ins> })}
        </dd>
    }
}
