//! Who else is in a live session, and what they point at: for the page to show (`js/together.js`), and no part of the
//! cluster. Nobody's pointer is kept anywhere.

use std::collections::BTreeMap;

use serde::Serialize;
use shared::{
    doc::{Doc, Str, from_doc},
    session::protocol::{ClientMessage, Person, Pointer},
};

use super::driver::Driver;

/// Those who are here. A name is one person's.
#[derive(Clone, Default)]
pub struct Company {
    people: Vec<Person>,
    pointers: BTreeMap<Str, Pointer>,
    /// What the page does not know yet.
    new_people: bool,
    new_pointers: bool,
}

/// What changed among them.
#[derive(Debug, Serialize)]
pub struct Here {
    /// Everybody, in the order of their coming.
    #[serde(skip_serializing_if = "Option::is_none")]
    people: Option<Vec<Person>>,
    /// What everybody points at who does, by name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pointers: Option<BTreeMap<Str, Pointer>>,
}

impl Company {
    /// These are here, and nobody else.
    pub fn gather(&mut self, people: Vec<Person>) {
        let before = self.pointers.len();
        self.pointers.retain(|name, _| people.iter().any(|person| person.name == *name));
        self.new_pointers |= self.pointers.len() != before;
        self.people = people;
        self.new_people = true;
    }

    /// Somebody points at something else, or at nothing.
    pub fn point(&mut self, name: Str, at: Pointer) {
        match at == Pointer::default() {
            true => drop(self.pointers.remove(&name)),
            false => drop(self.pointers.insert(name, at)),
        }
        self.new_pointers = true;
    }

    /// Everything is told anew: whoever shows it has only just come.
    pub fn forget_told(&mut self) {
        (self.new_people, self.new_pointers) = (true, true);
    }

    /// What changed since it was told last.
    pub fn tell(&mut self) -> Option<Box<Here>> {
        if !self.new_people && !self.new_pointers {
            return None;
        }
        let people = std::mem::take(&mut self.new_people).then(|| self.people.clone());
        let pointers = std::mem::take(&mut self.new_pointers).then(|| self.pointers.clone());
        Some(Box::new(Here { people, pointers }))
    }
}

/// Does what the page asks about the others: `{"point": {…}}`, `{"call": name}`, `{"here": true}`; whether it was that.
pub fn hear(request: &Doc, driver: &mut Driver) -> bool {
    if !request["point"].is_null() {
        // Who looks back or goes on alone does so unseen.
        let shared = driver.replica().pace().is_some();
        let at: Option<Pointer> = from_doc(&request["point"]).ok().filter(|_| shared);
        let at = at.filter(Pointer::is_sound).unwrap_or_default();
        driver.session().say(ClientMessage::Point(at));
        return true;
    }
    if let Some(name) = request["call"].as_str() {
        driver.session().call(name);
        return true;
    }
    let asks = request["here"].as_bool() == Some(true);
    if asks && let Some(company) = driver.session().company() {
        company.forget_told();
    }
    asks
}

#[cfg(test)]
mod tests {
    use shared::session::protocol::Role;

    use super::*;

    fn person(name: &str) -> Person {
        Person { name: name.into(), role: Role::Editor, you: false }
    }

    fn at(place: &str) -> Pointer {
        Pointer { place: place.into(), ..Pointer::default() }
    }

    fn told(company: &mut Company) -> Option<String> {
        company.tell().map(|here| serde_json::to_string(&here).expect("plain data"))
    }

    #[test]
    fn only_what_changed_is_told_and_nobody_points_who_is_gone() {
        let mut company = Company::default();
        assert_eq!(told(&mut company), None);
        company.gather(vec![person("Ana"), person("Bo")]);
        company.point("Ana".into(), at("node/node-1"));
        company.point("Bo".into(), at("etcd"));
        let all = told(&mut company).expect("news");
        assert!(all.contains("Bo") && all.contains("node/node-1") && all.contains("etcd"), "{all}");
        assert_eq!(told(&mut company), None);
        company.point("Bo".into(), at(""));
        let news = told(&mut company).expect("news");
        assert!(!news.contains("people") && !news.contains("etcd") && news.contains("node/node-1"), "{news}");
        company.gather(vec![person("Bo")]);
        let news = told(&mut company).expect("news");
        assert!(news.contains(r#""pointers":{}"#) && !news.contains("Ana"), "{news}");
        company.forget_told();
        assert!(told(&mut company).is_some_and(|all| all.contains("people") && all.contains("pointers")));
    }
}
