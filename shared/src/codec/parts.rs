//! What everything else consists of.

use std::cmp::Reverse;
use std::collections::VecDeque;
use std::sync::Arc;

use smallvec::{Array, SmallVec};

use crate::collections::{BTreeMap, BTreeSet};
use crate::doc::{Doc, List, Map, Str};

use super::{Codec, Damaged, Decoder, Encoder, Shared};

macro_rules! numbers {
    ($($type:ty),*) => {$(
        impl Codec for $type {
            fn encode(&self, encoder: &mut Encoder) {
                encoder.number(*self as u64);
            }
            fn decode(decoder: &mut Decoder<'_>) -> Result<Self, Damaged> {
                <$type>::try_from(decoder.number()?).map_err(|_| decoder.damaged())
            }
        }
    )*};
}
numbers!(u8, u16, u32, u64, usize);

macro_rules! signed {
    ($($type:ty),*) => {$(
        impl Codec for $type {
            fn encode(&self, encoder: &mut Encoder) {
                // Near zero, on either side, takes few bytes.
                let wide = i64::from(*self);
                encoder.number(((wide << 1) ^ (wide >> 63)) as u64);
            }
            fn decode(decoder: &mut Decoder<'_>) -> Result<Self, Damaged> {
                let folded = decoder.number()?;
                let wide = (folded >> 1) as i64 ^ -((folded & 1) as i64);
                <$type>::try_from(wide).map_err(|_| decoder.damaged())
            }
        }
    )*};
}
signed!(i8, i16, i32, i64);

macro_rules! raw {
    ($($type:ty),*) => {$(
        impl Codec for $type {
            fn encode(&self, encoder: &mut Encoder) {
                encoder.raw(&self.to_le_bytes());
            }
            fn decode(decoder: &mut Decoder<'_>) -> Result<Self, Damaged> {
                decoder.raw().map(Self::from_le_bytes)
            }
        }
    )*};
}
raw!(u128, i128, f64);

impl Codec for bool {
    fn encode(&self, encoder: &mut Encoder) {
        encoder.raw(&[u8::from(*self)]);
    }
    fn decode(decoder: &mut Decoder<'_>) -> Result<Self, Damaged> {
        match decoder.raw()? {
            [0] => Ok(false),
            [1] => Ok(true),
            _ => Err(decoder.damaged()),
        }
    }
}

impl Codec for char {
    fn encode(&self, encoder: &mut Encoder) {
        u32::from(*self).encode(encoder);
    }
    fn decode(decoder: &mut Decoder<'_>) -> Result<Self, Damaged> {
        u32::decode(decoder)?.try_into().map_err(|_| decoder.damaged())
    }
}

impl Codec for String {
    fn encode(&self, encoder: &mut Encoder) {
        encoder.text(self);
    }
    fn decode(decoder: &mut Decoder<'_>) -> Result<Self, Damaged> {
        decoder.text().map(str::to_owned)
    }
}

impl Codec for &'static str {
    fn encode(&self, encoder: &mut Encoder) {
        encoder.text(self);
    }
    fn decode(decoder: &mut Decoder<'_>) -> Result<Self, Damaged> {
        decoder.name()
    }
}

impl Codec for Str {
    fn encode(&self, encoder: &mut Encoder) {
        if encoder.is_new(self.as_ptr() as usize) {
            encoder.text(self);
        }
    }
    fn decode(decoder: &mut Decoder<'_>) -> Result<Self, Damaged> {
        match decoder.shared()? {
            Ok(Shared::Text(text)) => Ok(text),
            Ok(_) => Err(decoder.damaged()),
            Err(place) => {
                let text = crate::doc::intern(decoder.text()?);
                decoder.shared[place] = Shared::Text(text.clone());
                Ok(text)
            }
        }
    }
}

impl Codec for Map {
    fn encode(&self, encoder: &mut Encoder) {
        if encoder.is_new(self.entries().as_ptr() as usize) {
            encode_all(self.entries().iter(), encoder);
        }
    }
    fn decode(decoder: &mut Decoder<'_>) -> Result<Self, Damaged> {
        match decoder.shared()? {
            Ok(Shared::Map(map)) => Ok(map),
            Ok(_) => Err(decoder.damaged()),
            Err(place) => {
                let entries: Vec<(Str, Doc)> = decoder.nested(Vec::decode)?;
                let map: Map = entries.into_iter().collect();
                decoder.shared[place] = Shared::Map(map.clone());
                Ok(map)
            }
        }
    }
}

impl Codec for List {
    fn encode(&self, encoder: &mut Encoder) {
        if encoder.is_new(self.address()) {
            encode_all(self.iter(), encoder);
        }
    }
    fn decode(decoder: &mut Decoder<'_>) -> Result<Self, Damaged> {
        match decoder.shared()? {
            Ok(Shared::List(list)) => Ok(list),
            Ok(_) => Err(decoder.damaged()),
            Err(place) => {
                let items: Vec<Doc> = decoder.nested(Vec::decode)?;
                let list = List::from(items);
                decoder.shared[place] = Shared::List(list.clone());
                Ok(list)
            }
        }
    }
}

impl<T: Codec> Codec for Arc<T> {
    fn encode(&self, encoder: &mut Encoder) {
        if encoder.is_new(Arc::as_ptr(self) as usize) {
            (**self).encode(encoder);
        }
    }
    fn decode(decoder: &mut Decoder<'_>) -> Result<Self, Damaged> {
        match decoder.shared()? {
            Ok(Shared::Other(other)) => other.downcast().map_err(|_| decoder.damaged()),
            Ok(_) => Err(decoder.damaged()),
            Err(place) => {
                let new = Arc::new(decoder.nested(T::decode)?);
                decoder.shared[place] = Shared::Other(new.clone());
                Ok(new)
            }
        }
    }
}

impl<T: Codec> Codec for Box<T> {
    fn encode(&self, encoder: &mut Encoder) {
        (**self).encode(encoder);
    }
    fn decode(decoder: &mut Decoder<'_>) -> Result<Self, Damaged> {
        decoder.nested(T::decode).map(Box::new)
    }
}

impl<T: Codec> Codec for Option<T> {
    fn encode(&self, encoder: &mut Encoder) {
        self.is_some().encode(encoder);
        if let Some(value) = self {
            value.encode(encoder);
        }
    }
    fn decode(decoder: &mut Decoder<'_>) -> Result<Self, Damaged> {
        Ok(if bool::decode(decoder)? { Some(T::decode(decoder)?) } else { None })
    }
}

impl<T: Codec, E: Codec> Codec for Result<T, E> {
    fn encode(&self, encoder: &mut Encoder) {
        self.is_ok().encode(encoder);
        match self {
            Ok(value) => value.encode(encoder),
            Err(error) => error.encode(encoder),
        }
    }
    fn decode(decoder: &mut Decoder<'_>) -> Result<Self, Damaged> {
        Ok(if bool::decode(decoder)? { Ok(T::decode(decoder)?) } else { Err(E::decode(decoder)?) })
    }
}

impl Codec for () {
    fn encode(&self, _encoder: &mut Encoder) {}
    fn decode(_decoder: &mut Decoder<'_>) -> Result<Self, Damaged> {
        Ok(())
    }
}

macro_rules! tuples {
    ($(($($name:ident),*)),*) => {$(
        impl<$($name: Codec),*> Codec for ($($name,)*) {
            #[allow(non_snake_case, reason = "each is named like its type")]
            fn encode(&self, encoder: &mut Encoder) {
                let ($($name,)*) = self;
                $($name.encode(encoder);)*
            }
            fn decode(decoder: &mut Decoder<'_>) -> Result<Self, Damaged> {
                Ok(($($name::decode(decoder)?,)*))
            }
        }
    )*};
}
tuples!((A, B), (A, B, C), (A, B, C, D));

impl<T: Codec, const N: usize> Codec for [T; N] {
    fn encode(&self, encoder: &mut Encoder) {
        self.iter().for_each(|item| item.encode(encoder));
    }
    fn decode(decoder: &mut Decoder<'_>) -> Result<Self, Damaged> {
        let items = (0..N).map(|_| T::decode(decoder)).collect::<Result<Vec<T>, Damaged>>()?;
        items.try_into().map_err(|_| decoder.damaged())
    }
}

impl<T: Codec> Codec for Reverse<T> {
    fn encode(&self, encoder: &mut Encoder) {
        self.0.encode(encoder);
    }
    fn decode(decoder: &mut Decoder<'_>) -> Result<Self, Damaged> {
        T::decode(decoder).map(Reverse)
    }
}

fn encode_all<'a, T: Codec + 'a>(items: impl ExactSizeIterator<Item = &'a T>, encoder: &mut Encoder) {
    encoder.number(items.len() as u64);
    items.for_each(|item| item.encode(encoder));
}

impl<T: Codec> Codec for Vec<T> {
    fn encode(&self, encoder: &mut Encoder) {
        encode_all(self.iter(), encoder);
    }
    fn decode(decoder: &mut Decoder<'_>) -> Result<Self, Damaged> {
        (0..decoder.length()?).map(|_| T::decode(decoder)).collect()
    }
}

impl<T: Codec> Codec for VecDeque<T> {
    fn encode(&self, encoder: &mut Encoder) {
        encode_all(self.iter(), encoder);
    }
    fn decode(decoder: &mut Decoder<'_>) -> Result<Self, Damaged> {
        Vec::decode(decoder).map(Self::from)
    }
}

impl<A: Array<Item: Codec> + Send + Sync + 'static> Codec for SmallVec<A> {
    fn encode(&self, encoder: &mut Encoder) {
        encode_all(self.iter(), encoder);
    }
    fn decode(decoder: &mut Decoder<'_>) -> Result<Self, Damaged> {
        Vec::decode(decoder).map(Self::from_vec)
    }
}

impl<K: Codec + Ord + Clone, V: Codec> Codec for BTreeMap<K, V> {
    fn encode(&self, encoder: &mut Encoder) {
        encode_all(self.leaves().iter(), encoder);
    }
    fn decode(decoder: &mut Decoder<'_>) -> Result<Self, Damaged> {
        let leaves = Vec::decode(decoder)?;
        Self::from_leaves(leaves).ok_or_else(|| decoder.damaged())
    }
}

impl<T: Codec + Ord + Clone> Codec for BTreeSet<T> {
    fn encode(&self, encoder: &mut Encoder) {
        self.as_map().encode(encoder);
    }
    fn decode(decoder: &mut Decoder<'_>) -> Result<Self, Damaged> {
        BTreeMap::decode(decoder).map(Self::from_map)
    }
}
