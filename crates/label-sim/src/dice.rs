//! SplitMix64 (Steele, Lea, Flood 2014): results must not change with a library's version.

pub(crate) struct Dice(u64);

impl Dice {
    /// Dice of one batch.
    pub(crate) fn new(seed: u64, batch: u32) -> Self {
        let mut dice = Self(seed);
        let mixed = dice.next() ^ u64::from(batch).wrapping_mul(0xd134_2543_de82_ef95);
        let mut dice = Self(mixed);
        dice.next();
        dice
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `limit`, which is far below 2^64: the bias does not matter.
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        (self.next() % (limit.max(1) as u64)) as usize
    }

    pub(crate) fn chance(&mut self, probability: f64) -> bool {
        ((self.next() >> 11) as f64) < probability * (1u64 << 53) as f64
    }

    pub(crate) fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }
}
