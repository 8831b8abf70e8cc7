//! Named random streams: xoshiro256** seeded by SplitMix64. Each component draws from its own stream, so that a
//! new component does not reshuffle the others.

use crate::api::Uid;
use crate::codec::Codec;
use crate::doc::Str;

/// One stream of random numbers.
#[derive(Codec, Clone, PartialEq, Eq, Hash, Debug)]
pub struct Random {
    state: [u64; 4],
}

impl Random {
    /// The stream called `name` of a cluster's `seed`.
    pub fn stream(seed: u64, name: &str) -> Random {
        // FNV-1a of the name keeps streams of one seed apart.
        let salt = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
        let mut mixer = seed ^ salt;
        let mut split_mix = || {
            mixer = mixer.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut mixed = mixer;
            mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            mixed ^ (mixed >> 31)
        };
        Random { state: [split_mix(), split_mix(), split_mix(), split_mix()] }
    }

    /// 64 random bits.
    pub fn bits(&mut self) -> u64 {
        let [s0, s1, s2, s3] = &mut self.state;
        let result = s1.wrapping_mul(5).rotate_left(7).wrapping_mul(9);
        let shifted = *s1 << 17;
        *s2 ^= *s0;
        *s3 ^= *s1;
        *s1 ^= *s2;
        *s0 ^= *s3;
        *s2 ^= shifted;
        *s3 = s3.rotate_left(45);
        result
    }

    /// A whole number in `0..bound`, uniform.
    ///
    /// # Panics
    /// When `bound` is 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        assert!(bound > 0, "no number is below 0");
        // Reject the tail that would favour small numbers.
        let zone = u64::MAX - u64::MAX % bound;
        loop {
            let bits = self.bits();
            if bits < zone {
                return bits % bound;
            }
        }
    }

    /// `length` characters of the alphabet Kubernetes uses for generated names (no vowels, no look-alikes).
    pub fn suffix(&mut self, length: u32) -> Str {
        const ALPHABET: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
        let text: String =
            (0..length).map(|_| char::from(ALPHABET[self.below(ALPHABET.len() as u64) as usize])).collect();
        text.into()
    }

    /// A version 4 UUID.
    pub fn uuid(&mut self) -> Uid {
        let bits = u128::from(self.bits()) << 64 | u128::from(self.bits());
        Uid::new(bits & !(0xf << 76) & !(0b11 << 62) | 4 << 76 | 0b10 << 62)
    }
}
