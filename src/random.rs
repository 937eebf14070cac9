//! `SplitMix64`: numbers that look random and repeat for the same seed. Not for secrets.

/// How far one step moves the generator's state: 2^64 divided by the golden ratio.
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// Moves the generator's state and returns its next number.
pub(crate) const fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(STEP);
    mix(*state)
}

/// The number at this position, from 0, of the sequence that the seed 0 gives.
pub(crate) const fn nth(position: u64) -> u64 {
    mix(position.wrapping_add(1).wrapping_mul(STEP))
}

/// A one-to-one function in which every bit of the result depends on every bit of the input.
pub(crate) const fn mix(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The published test vector: the same seed must give the same order in every release.
    #[test]
    fn the_sequence_is_that_of_splitmix64() {
        let mut state = 0;
        for (position, number) in (0..).zip([
            0xe220_a839_7b1d_cdaf,
            0x6e78_9e6a_a1b9_65f4,
            0x06c4_5d18_8009_454f,
        ]) {
            assert_eq!(next(&mut state), number);
            assert_eq!(nth(position), number);
        }
    }
}
