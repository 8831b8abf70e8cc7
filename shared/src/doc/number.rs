//! Numbers as documents hold them. On 32 bits, numbers of 64 that are aligned would make every value and every entry of
//! every object a third larger; these take no room for it.

/// A number that lies as if it were of 32 bits.
macro_rules! packed {
    ($(#[$attribute:meta])* pub struct $name:ident($number:ty);) => {
        $(#[$attribute])*
        #[derive(Clone, Copy, PartialEq, Debug)]
        #[repr(Rust, packed(4))]
        pub struct $name($number);

        impl $crate::codec::Codec for $name {
            fn encode(&self, encoder: &mut $crate::codec::Encoder) {
                { self.0 }.encode(encoder);
            }
            fn decode(decoder: &mut $crate::codec::Decoder<'_>) -> Result<$name, $crate::codec::Damaged> {
                $crate::codec::Codec::decode(decoder).map($name)
            }
        }
    };
}
pub(super) use packed;

packed! {
    /// A whole number.
    #[derive(Eq)]
    pub struct Int(i64);
}

packed! {
    /// A number with a fraction, or too large for [`Int`].
    pub struct Float(f64);
}

#[cfg(target_pointer_width = "32")]
const _: () = assert!(size_of::<(super::Str, super::Doc)>() == 16, "an entry of an object is four words");

impl Int {
    /// The number of a document.
    pub const fn new(number: i64) -> Int {
        Int(number)
    }

    /// The number.
    pub const fn get(self) -> i64 {
        self.0
    }
}

impl Float {
    /// The number of a document; it must not be NaN.
    pub const fn new(number: f64) -> Float {
        Float(number)
    }

    /// The number.
    pub const fn get(self) -> f64 {
        self.0
    }
}
