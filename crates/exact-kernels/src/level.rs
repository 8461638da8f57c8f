//! What this machine can do.

use std::fmt;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Portable,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

/// A set of instructions this machine has. A value is proof that it has them, so
/// there is no other way to make one than to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Level(pub(crate) Kind);

impl Level {
    /// No more than every machine of this architecture has.
    pub const PORTABLE: Level = Level(Kind::Portable);

    /// The levels this machine has, slowest first.
    pub fn available() -> Vec<Level> {
        #[allow(unused_mut)]
        let mut levels = vec![Level::PORTABLE];
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx2") {
                levels.push(Level(Kind::Avx2));
            }
            if is_x86_feature_detected!("avx2")
                && is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512bw")
                && is_x86_feature_detected!("avx512dq")
                && is_x86_feature_detected!("avx512vl")
                && is_x86_feature_detected!("avx512vnni")
            {
                levels.push(Level(Kind::Avx512));
            }
        }
        levels
    }

    /// The fastest level this machine has.
    pub fn best() -> Level {
        Level::available().pop().unwrap_or(Level::PORTABLE)
    }

    /// The level of this name, if this machine has it.
    pub fn named(name: &str) -> Option<Level> {
        Level::available()
            .into_iter()
            .find(|level| level.name() == name)
    }

    /// `portable`, `avx2` or `avx512-vnni`.
    pub fn name(self) -> &'static str {
        match self.0 {
            Kind::Portable => "portable",
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2 => "avx2",
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512 => "avx512-vnni",
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_machine_has_the_portable_level_and_names_are_distinct() {
        let levels = Level::available();
        assert_eq!(levels.first(), Some(&Level::PORTABLE));
        for level in &levels {
            assert_eq!(Level::named(level.name()), Some(*level));
        }
        assert_eq!(Level::named("amx"), None);
    }
}
