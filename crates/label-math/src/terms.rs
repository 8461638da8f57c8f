//! Numbers of a campaign that scores depend on.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;
use serde::{Deserialize, Serialize};

/// The curve from score to pay, in basis points.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
    Serialize,
    Deserialize,
)]
pub struct ScoreTerms {
    /// φ, the share paid at the score `s0_bp`, at most 10,000.
    pub phi_bp: u16,
    /// s0, the least score that is paid.
    pub s0_bp: u16,
    /// s1, the score paid in full, above `s0_bp`.
    pub s1_bp: u16,
    /// The expected agreement of honest workers over V, 625..=2,500.
    pub floor_bp: u16,
    /// The expected agreement of honest workers with gold over V_g, 3,333..=8,000.
    pub gold_target_bp: u16,
}

impl Default for ScoreTerms {
    fn default() -> Self {
        Self {
            phi_bp: 3_000,
            s0_bp: 4_000,
            s1_bp: 9_500,
            floor_bp: 1_875,
            gold_target_bp: 6_667,
        }
    }
}

/// Why [`ScoreTerms`] are refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TermsError {
    /// φ above 10,000.
    #[error("the share paid at the least score is at most 10,000 basis points")]
    Share,
    /// Not 0 < s0 < s1 ≤ 12,500.
    #[error("the scores of the curve are ascending, above 0 and at most 12,500 basis points")]
    Curve,
    /// Not 625..=2,500.
    #[error("the floor of the reference is 625 to 2,500 basis points")]
    Floor,
    /// Not 3,333..=8,000.
    #[error("the gold target is 3,333 to 8,000 basis points")]
    GoldTarget,
}

impl ScoreTerms {
    /// Whether the bounds hold.
    ///
    /// # Errors
    ///
    /// The [`TermsError`] that names the bound.
    pub const fn check(&self) -> Result<(), TermsError> {
        if self.phi_bp > 10_000 {
            return Err(TermsError::Share);
        }
        if self.s0_bp == 0 || self.s0_bp >= self.s1_bp || self.s1_bp > 12_500 {
            return Err(TermsError::Curve);
        }
        if self.floor_bp < 625 || self.floor_bp > 2_500 {
            return Err(TermsError::Floor);
        }
        if self.gold_target_bp < 3_333 || self.gold_target_bp > 8_000 {
            return Err(TermsError::GoldTarget);
        }
        Ok(())
    }
}
