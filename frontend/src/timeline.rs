//! What happened so far: captions and Kubernetes' own Events in one list, newest first.

use leptos::prelude::*;

use crate::{
    i18n::*,
    protocol::{Caption, Event, Subject},
    state::Page,
    view_model::clock_text,
    words,
};

/// Newest entries shown.
const SHOWN: usize = 120;

#[derive(Clone)]
enum Entry {
    Caption(Caption),
    Event(Box<Event>),
}

#[component]
pub(crate) fn Timeline() -> impl IntoView {
    let i18n = use_i18n();
    let page = expect_context::<Page>();
    let told = page.told();
    let entries = move || {
        let captions = page
            .captions
            .get()
            .into_iter()
            .take(told.get())
            .map(|caption| (caption.at, Entry::Caption(caption)));
        let events = page.events.get().into_iter().map(|event| (event.at, Entry::Event(Box::new(event))));
        let mut entries: Vec<(u64, Entry)> = captions.chain(events).collect();
        entries.sort_by_key(|(at, _)| *at);
        entries.reverse();
        entries.truncate(SHOWN);
        // Lines that stay are not drawn again, or the focus in them would be lost ten times a second.
        let mut keyed: Vec<(String, u64, Entry)> = Vec::new();
        for (at, entry) in entries {
            let key = match &entry {
                Entry::Event(event) => format!("{} {}", event.uid, event.count),
                Entry::Caption(_) => {
                    let together = keyed.iter().rev().take_while(|(_, other, _)| *other == at).count();
                    format!("{at} {together}")
                }
            };
            keyed.push((key, at, entry));
        }
        keyed
    };
    view! {
        <p class="muted">{t!(i18n, timeline.says)}</p>
        <ol class="happenings">
            <For each=entries key=|(key, ..)| key.clone() let((_, at, entry))>
                <li>
                    <Moment at />
                    {match entry {
                        Entry::Caption(caption) => view! {
                            <span class="told" class:accent=caption.accent>
                                {move || words::happening(i18n, &caption.what)}
                            </span>
                        }.into_any(),
                        Entry::Event(event) => view! { <EventLine event=*event /> }.into_any(),
                    }}
                </li>
            </For>
        </ol>
    }
}

/// When something happened, and the way there.
#[component]
pub(crate) fn Moment(at: u64) -> impl IntoView {
    let i18n = use_i18n();
    let page = expect_context::<Page>();
    let title = move || t_string!(i18n, why.show);
    view! { <time><button class="link" title=title on:click=move |_| page.look(at)>{clock_text(at)}</button></time> }
}

/// An Event, as `kubectl get events` tells it.
#[component]
pub(crate) fn EventLine(event: Event) -> impl IntoView {
    let page = expect_context::<Page>();
    let subject = Subject::object(&event.kind, &event.namespace, &event.name);
    let sought = (subject.clone(), event.reason.clone(), event.at);
    let inspect = move |_| {
        page.inspect(subject.clone());
        page.travel.sought.set(Some(sought.clone()));
    };
    let count = if event.count > 1 { format!(" ×{}", event.count) } else { String::new() };
    view! {
        <span class="event" class:warning=event.warning>
            <b>{event.reason}{count}</b>
            <button class="link" on:click=inspect>
                {format!("{}/{}", event.kind.to_lowercase(), event.name)}
            </button>
            <span>{event.message}</span>
        </span>
    }
}
