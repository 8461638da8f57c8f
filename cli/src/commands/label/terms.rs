//! A campaign's terms: options on the command line, and the form the chain's metadata
//! matches by name.

use crate::{
    amount::Amount,
    error::{Error, Result},
    keys,
};
use athanor_label_math::ScoreTerms;
use athanor_primitives::labels::{CampaignTerms, Gate, LabelType, TermsError, TermsLimits};
use clap::Args;
use std::str::FromStr;

/// A range of slots a page, as `5` or `3..5`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Panel {
    /// Answers with which a page may be closed early.
    pub min: u8,
    /// Slots of a page.
    pub max: u8,
}

impl FromStr for Panel {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        let bad = || format!("'{text}' is no panel: write 5, or 3..5");
        let (min, max) = match text.split_once("..") {
            Some((min, max)) => (min, max),
            None => (text, text),
        };
        let number = |text: &str| text.trim().parse().map_err(|_| bad());
        Ok(Self {
            min: number(min)?,
            max: number(max)?,
        })
    }
}

/// Who may label, as `open`, `voucher` or `domain:7:45000`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GateOption(pub Gate);

impl FromStr for GateOption {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        let mut parts = text.split(':');
        let gate = match (parts.next(), parts.next(), parts.next(), parts.next()) {
            (Some("open"), None, ..) => Some(Gate::Open),
            (Some("voucher"), None, ..) => Some(Gate::Voucher),
            (Some("domain"), Some(id), Some(bound), None) => {
                match (id.parse(), bound.parse::<f64>()) {
                    (Ok(id), Ok(percent)) if (0.0..=100.0).contains(&percent) => {
                        let bound = (percent * 655.36) as u32;
                        Some(Gate::Domain { id, bound })
                    }
                    _ => None,
                }
            }
            _ => None,
        };
        gate.map(Self).ok_or_else(|| {
            format!("'{text}' is no gate: write open, voucher, or domain:NUMBER:PERCENT")
        })
    }
}

/// A time, as `90s`, `30min`, `2h` or `7d`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span(pub u64);

impl FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        let bad = || format!("'{text}' is no time: write 90s, 30min, 2h or 7d");
        let at = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(bad)?;
        let (number, unit) = text.split_at(at);
        let factor = match unit.trim() {
            "s" => 1,
            "min" | "m" => 60,
            "h" => 3_600,
            "d" => 86_400,
            _ => return Err(bad()),
        };
        let number: u64 = number.parse().map_err(|_| bad())?;
        number.checked_mul(factor).map(Self).ok_or_else(bad)
    }
}

impl Span {
    /// The time in ticks of the pallet's clock, rounded up.
    pub fn ticks(self, block_ms: u64) -> u32 {
        let ticks = u128::from(self.0) * 1_000;
        u32::try_from(ticks.div_ceil(block_ms.max(1).into())).unwrap_or(u32::MAX)
    }
}

/// Terms as options.
#[derive(Args, Clone, Debug)]
pub struct Options {
    /// Full pay of one answer, like '10 mAUR'
    #[arg(long, value_name = "AMOUNT")]
    pub pay: Amount,
    /// Tasks a page, gold included [default: 32, 8 for spans]
    #[arg(long, value_name = "N")]
    pub page_tasks: Option<u8>,
    /// Gold a page [default: proposed]
    #[arg(long, value_name = "N")]
    pub page_gold: Option<u8>,
    /// Answers a page, like 5; or 3..5 to close agreeing pages early
    #[arg(long, value_name = "N", default_value = "3..5")]
    pub panel: Panel,
    /// Pages a worker is expected to do; few need more gold
    #[arg(long, value_name = "N", default_value_t = 4.0)]
    pub worker_pages: f64,
    /// Time to answer a page
    #[arg(long, value_name = "TIME", default_value = "2h")]
    pub lease: Span,
    /// Stake of a leased page, in percent of its pay
    #[arg(long, value_name = "PERCENT", default_value_t = 25)]
    pub stake: u16,
    /// Who may label: open, voucher, or domain:NUMBER:PERCENT
    #[arg(long, value_name = "GATE", default_value = "open")]
    pub gate: GateOption,
    /// Account that signs vouchers [default: yours]
    #[arg(long, value_name = "ACCOUNT")]
    pub voucher_key: Option<String>,
    /// Domain whose records the gold counts into
    #[arg(long, value_name = "NUMBER")]
    pub domain: Option<u32>,
    /// File with the guideline that workers read
    #[arg(long, value_name = "FILE")]
    pub guideline: Option<std::path::PathBuf>,
    /// Encrypt pages; `label serve` hands out their keys
    #[arg(long)]
    pub private: bool,
    /// Where `label serve` will be reached, for workers to find
    #[arg(long, value_name = "URL", default_value = "")]
    pub gateway: String,
    /// Give workers a share of later revenue
    #[arg(long)]
    pub share_revenue: bool,
    /// How long after a batch a joined one may end
    #[arg(long, value_name = "TIME", default_value = "0s")]
    pub join_delay: Span,
    /// Expected agreement above chance, in percent of the most possible
    #[arg(long, value_name = "PERCENT", default_value_t = 18.75)]
    pub floor: f64,
    /// Expected agreement with gold above chance, in percent
    #[arg(long, value_name = "PERCENT", default_value_t = 66.67)]
    pub gold_target: f64,
}

fn basis_points(percent: f64) -> u16 {
    // Out-of-range numbers saturate, and the terms' own check refuses them.
    (percent * 100.0).round() as u16
}

impl Options {
    /// The terms for pages of this shape. The seal key comes with the campaign's folder.
    pub fn terms(
        &self,
        label: LabelType,
        tasks: u8,
        gold: u8,
        guideline: [u8; 32],
        requester: [u8; 32],
        block_ms: u64,
    ) -> Result<CampaignTerms> {
        let voucher_key = match &self.voucher_key {
            Some(account) => keys::parse_account(account)?.0,
            None => requester,
        };
        Ok(CampaignTerms {
            panel_min: self.panel.min,
            panel_max: self.panel.max,
            score: ScoreTerms {
                floor_bp: basis_points(self.floor),
                gold_target_bp: basis_points(self.gold_target),
                ..ScoreTerms::default()
            },
            stake: self.stake.saturating_mul(100),
            lease: self.lease.ticks(block_ms),
            join_delay: self.join_delay.ticks(block_ms),
            gate: self.gate.0,
            voucher_key: Some(voucher_key),
            domain: self.domain,
            guideline,
            private: self.private,
            share_revenue: self.share_revenue,
            ..CampaignTerms::standard(label, tasks, gold, self.pay.0)
        })
    }
}

/// Refuses terms that the chain would refuse, saying which option to change.
pub(super) fn check(terms: &CampaignTerms, limits: &TermsLimits) -> Result<()> {
    let range = |(least, most): (u16, u16)| {
        format!(
            "{} to {} %",
            f64::from(least) / 100.0,
            f64::from(most) / 100.0
        )
    };
    terms.check(limits).map_err(|error| {
        Error::Usage(match error {
            TermsError::Tasks => "a page has 4 to 32 tasks, 4 to 8 for spans: change --page-tasks".into(),
            TermsError::Panel => "a panel has 3 to 9 answers, behind vouchers 1 to 9, and closes early with no more: change --panel".into(),
            TermsError::Gold => "an eighth to a half of a page is gold, none only with a gate: change --page-gold".into(),
            TermsError::Pay => format!(
                "a page pays at least {}, and an answer less than 2^64 of the smallest unit: change --pay",
                Amount(limits.least_page_pay)
            ),
            TermsError::Floor => format!("--floor is {}", range(limits.floor)),
            TermsError::GoldTarget => format!("--gold-target is {}", range(limits.gold_target)),
            TermsError::Stake => format!("--stake is {}", range(limits.stake)),
            TermsError::Lease => format!(
                "a lease lasts {} to {} blocks: change --lease",
                limits.lease.0, limits.lease.1
            ),
            TermsError::JoinDelay => format!("a join delay has at most {} blocks: change --join-delay", limits.join_delay),
            other => format!("the chain refuses such terms: {other:?}"),
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read_as_people_write_them() {
        assert_eq!("3..5".parse(), Ok(Panel { min: 3, max: 5 }));
        assert_eq!("4".parse(), Ok(Panel { min: 4, max: 4 }));
        assert!("3-5".parse::<Panel>().is_err());
        assert_eq!("2h".parse::<Span>().unwrap().ticks(3_000), 2_400);
        assert_eq!("30 min".parse::<Span>().unwrap().ticks(3_000), 600);
        assert_eq!("1s".parse::<Span>().unwrap().ticks(3_000), 1);
        for text in ["", "2", "h", "-1h", "2 weeks", "99999999999999999999d"] {
            assert!(text.parse::<Span>().is_err(), "{text}");
        }
        let gate = "domain:7:70".parse::<GateOption>().unwrap().0;
        let Gate::Domain { id: 7, bound } = gate else {
            panic!("{gate:?}");
        };
        assert_eq!(bound, 45_875);
        for text in ["", "closed", "domain", "domain:1", "domain:1:101", "open:1"] {
            assert!(text.parse::<GateOption>().is_err(), "{text}");
        }
    }

    #[test]
    fn refused_terms_name_the_option() {
        let limits = TermsLimits::standard(1_000_000_000);
        let good = CampaignTerms::standard(LabelType::Preference, 32, 4, 1_000_000_000);
        check(&good, &limits).unwrap();
        for (terms, option) in [
            (CampaignTerms { gold: 1, ..good }, "--page-gold"),
            (CampaignTerms { tasks: 3, ..good }, "--page-tasks"),
            (
                CampaignTerms {
                    panel_min: 2,
                    ..good
                },
                "--panel",
            ),
            (CampaignTerms { pay: 1, ..good }, "--pay"),
            (CampaignTerms { stake: 9, ..good }, "--stake"),
            (CampaignTerms { lease: 1, ..good }, "--lease"),
        ] {
            let error = check(&terms, &limits).unwrap_err().to_string();
            assert!(error.contains(option), "{error}");
        }
    }
}
