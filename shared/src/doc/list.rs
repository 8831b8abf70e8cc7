//! Arrays: items in one piece of memory that copies share.

use std::fmt;
use std::ops::{Deref, DerefMut};

use servo_arc::ThinArc;
use smallvec::SmallVec;

use super::{Doc, NULL};

/// The items of an array, shared between copies: one piece of memory holds count, length and items; an empty one takes
/// none.
#[derive(Clone, Default)]
pub struct List(Option<ThinArc<(), Doc>>);

impl List {
    /// Whether both are the same shared list (cheap; false says nothing).
    pub fn same(&self, other: &List) -> bool {
        match (&self.0, &other.0) {
            (Some(one), Some(other)) => ThinArc::ptr_eq(one, other),
            (None, None) => true,
            _ => false,
        }
    }

    /// Where in memory it is: the same for lists that are shared, and for no others but empty ones.
    pub fn address(&self) -> usize {
        self.0.as_ref().map_or(std::ptr::from_ref(&NULL) as usize, |items| items.slice().as_ptr() as usize)
    }

    /// The items to change in place: a copy of them, where others share them.
    pub fn unshared(&mut self) -> &mut [Doc] {
        let Some(items) = &mut self.0 else { return &mut [] };
        if !items.is_unique() {
            *items = ThinArc::from_header_and_iter((), items.slice().iter().cloned());
        }
        ThinArc::get_mut(items).expect("nobody else has it").slice_mut()
    }

    /// As [`Doc::share_with`].
    pub(super) fn share_with(&mut self, other: &List) {
        if self.0.as_ref().is_some_and(|items| items.is_unique()) {
            self.unshared().iter_mut().zip(&**other).for_each(|(mine, theirs)| mine.share_with(theirs));
        }
    }
}

impl Deref for List {
    type Target = [Doc];
    fn deref(&self) -> &[Doc] {
        self.0.as_ref().map_or(&[], |items| items.slice())
    }
}

impl FromIterator<Doc> for List {
    fn from_iter<I: IntoIterator<Item = Doc>>(items: I) -> List {
        let mut items: SmallVec<[Doc; 8]> = items.into_iter().collect();
        List((!items.is_empty()).then(|| ThinArc::from_header_and_iter((), items.drain(..))))
    }
}

impl From<Vec<Doc>> for List {
    fn from(items: Vec<Doc>) -> List {
        List((!items.is_empty()).then(|| ThinArc::from_header_and_iter((), items.into_iter())))
    }
}

impl PartialEq for List {
    fn eq(&self, other: &List) -> bool {
        self.same(other) || **self == **other
    }
}

impl std::hash::Hash for List {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        (**self).hash(state);
    }
}

impl fmt::Debug for List {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

/// The items of an array to which some are added or from which some are taken: they are put together anew at the end.
pub struct Edited<'a> {
    list: &'a mut List,
    items: Vec<Doc>,
}

impl<'a> Edited<'a> {
    pub(super) fn of(list: &'a mut List) -> Edited<'a> {
        let items = match &list.0 {
            Some(items) if items.is_unique() => list.unshared().iter_mut().map(std::mem::take).collect(),
            _ => list.to_vec(),
        };
        Edited { list, items }
    }
}

impl Deref for Edited<'_> {
    type Target = Vec<Doc>;
    fn deref(&self) -> &Vec<Doc> {
        &self.items
    }
}

impl DerefMut for Edited<'_> {
    fn deref_mut(&mut self) -> &mut Vec<Doc> {
        &mut self.items
    }
}

impl Drop for Edited<'_> {
    fn drop(&mut self) {
        *self.list = std::mem::take(&mut self.items).into();
    }
}
