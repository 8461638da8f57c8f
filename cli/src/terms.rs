//! Arguments of calls and view functions, encoded by the chain's metadata.
//!
//! Names of fields and variants are those of `pallet-compute-jobs`; the encoder
//! matches them by name, so their order and indices are the chain's business.

use crate::{amount::Amount, error::Error};
use athanor_primitives::Root;
use serde::Deserialize;
use std::str::FromStr;
use subxt::ext::scale_encode::EncodeAsType;

/// Most slots of an offer.
const MAX_SLOTS: u8 = 64;

/// Most models an offer lists.
const MAX_LISTED: usize = 64;

/// Audit rates that exist, in 256ths.
pub const AUDIT_RATES: [u8; 6] = [0, 4, 8, 16, 32, 64];

/// Prices, in the smallest unit per 10^6 of each cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, EncodeAsType)]
#[encode_as_type(crate_path = "subxt::ext::scale_encode")]
pub struct Rates {
    /// Multiply-accumulates.
    pub macs: u128,
    /// Element operations.
    pub ops: u128,
    /// Bytes between nodes.
    pub bytes: u128,
    /// Nodes started.
    pub nodes: u128,
    /// Bytes loaded.
    pub load: u128,
}

/// Durations, in nanoseconds per 10^6 of each cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EncodeAsType, Deserialize)]
#[encode_as_type(crate_path = "subxt::ext::scale_encode")]
#[serde(deny_unknown_fields, default)]
pub struct Times {
    /// Multiply-accumulates.
    pub macs: u64,
    /// Element operations.
    pub ops: u64,
    /// Bytes between nodes.
    pub bytes: u64,
    /// Nodes started.
    pub nodes: u64,
    /// Bytes loaded.
    pub load: u64,
}

impl Default for Times {
    /// What one core of an ordinary machine keeps easily: 10^9 of each per
    /// second, 100 µs per node.
    fn default() -> Self {
        Self {
            macs: 1_000_000,
            ops: 1_000_000,
            bytes: 1_000_000,
            nodes: 100_000_000_000,
            load: 1_000_000,
        }
    }
}

/// The models a provider runs.
#[derive(Clone, Debug, PartialEq, Eq, EncodeAsType)]
#[encode_as_type(crate_path = "subxt::ext::scale_encode")]
pub enum ModelFilter {
    /// These only.
    List(Vec<u64>),
    /// Any whose run loads at most so many bytes.
    AnyUpTo(u64),
}

/// An offer.
#[derive(Clone, Debug, PartialEq, Eq, EncodeAsType)]
#[encode_as_type(crate_path = "subxt::ext::scale_encode")]
pub struct OfferTerms {
    /// Prices.
    pub rates: Rates,
    /// Least pay for a run.
    pub minimum: u128,
    /// Durations.
    pub times: Times,
    /// Bytes per second.
    pub bandwidth: u64,
    /// Largest run, in units.
    pub max_cost: u64,
    /// Bytes of memory.
    pub memory: u64,
    /// Jobs at a time.
    pub slots: u8,
    /// Models taken.
    pub models: ModelFilter,
    /// Most collateral in one job.
    pub max_collateral: u128,
    /// Longest window of a job, in blocks.
    pub max_window: u32,
    /// First block in which the offer no longer holds.
    pub valid_until: u32,
}

/// How many run a job, and how it is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EncodeAsType)]
#[encode_as_type(crate_path = "subxt::ext::scale_encode")]
pub enum Policy {
    /// Several providers, a quorum of which must agree.
    Replicated {
        /// Providers.
        n: u8,
        /// Least number that must agree.
        quorum: u8,
        /// Blocks between the results and the verdict.
        window: u32,
    },
    /// One provider, and perhaps an auditor.
    Optimistic {
        /// Blocks between the results and the verdict.
        window: u32,
        /// Audit rate in 256ths.
        audit: u8,
    },
}

impl Policy {
    /// Blocks between the results and the verdict.
    pub fn window(&self) -> u32 {
        match self {
            Self::Replicated { window, .. } | Self::Optimistic { window, .. } => *window,
        }
    }

    /// Providers that are paid at most.
    pub fn replicas(&self) -> u8 {
        match self {
            Self::Replicated { n, .. } => *n,
            Self::Optimistic { .. } => 1,
        }
    }
}

/// What a quote is asked for.
#[derive(Clone, Debug, PartialEq, Eq, EncodeAsType)]
#[encode_as_type(crate_path = "subxt::ext::scale_encode")]
pub struct QuoteTerms {
    /// Model to run.
    pub model: u64,
    /// Samples in the input.
    pub batch: u32,
    /// Policy.
    pub policy: Policy,
    /// Most that one provider is paid.
    pub max_pay: u128,
    /// Most blocks that fetching and the run may take; the most there may be if left out.
    pub max_wait: Option<u32>,
    /// Least collateral of a provider.
    pub min_collateral: u128,
    /// For whoever pokes the job along.
    pub tip: u128,
    /// Keep a receipt in state.
    pub keep_receipt: bool,
}

/// A job's terms.
#[derive(Clone, Debug, PartialEq, Eq, EncodeAsType)]
#[encode_as_type(crate_path = "subxt::ext::scale_encode")]
pub struct JobTerms {
    /// Model to run.
    pub model: u64,
    /// BLAKE3 root of the input.
    pub input_root: Root,
    /// Samples in it.
    pub batch: u32,
    /// Policy.
    pub policy: Policy,
    /// Most that one provider is paid.
    pub max_pay: u128,
    /// Most blocks that fetching and the run may take.
    pub max_wait: u32,
    /// Least collateral of a provider.
    pub min_collateral: u128,
    /// Reveal the output on chain.
    pub inline_output: bool,
    /// Keep a receipt in state.
    pub keep_receipt: bool,
    /// For whoever pokes the job along.
    pub tip: u128,
}

/// An amount in a file: a text with a unit.
#[derive(Clone, Copy, Debug, Default)]
struct FileAmount(Amount);

impl<'de> Deserialize<'de> for FileAmount {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Amount::from_str(&text)
            .map(Self)
            .map_err(serde::de::Error::custom)
    }
}

/// Prices in an offer file.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct FileRates {
    macs: FileAmount,
    ops: FileAmount,
    bytes: FileAmount,
    nodes: FileAmount,
    load: FileAmount,
}

/// An offer as a JSON file has it. Everything may be left out and given, or
/// overridden, by a flag.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OfferFile {
    rates: FileRates,
    minimum: Option<FileAmount>,
    times: Option<Times>,
    bandwidth: Option<u64>,
    max_cost: Option<u64>,
    memory: Option<u64>,
    slots: Option<u8>,
    models: Option<Vec<u64>>,
    any_model_bytes: Option<u64>,
    max_collateral: Option<FileAmount>,
    max_window: Option<u32>,
    valid_for: Option<u32>,
}

/// What the flags say about an offer.
#[derive(Clone, Debug, Default)]
pub struct OfferFlags {
    /// Prices.
    pub rates: [Option<Amount>; 5],
    /// Least pay.
    pub minimum: Option<Amount>,
    /// Durations.
    pub times: [Option<u64>; 5],
    /// Bytes per second.
    pub bandwidth: Option<u64>,
    /// Largest run, in units.
    pub max_cost: Option<u64>,
    /// Bytes of memory.
    pub memory: Option<u64>,
    /// Jobs at a time.
    pub slots: Option<u8>,
    /// Models by number.
    pub models: Vec<u64>,
    /// Any model up to so many bytes.
    pub any_model_bytes: Option<u64>,
    /// Most collateral in one job.
    pub max_collateral: Option<Amount>,
    /// Longest window of a job, in blocks.
    pub max_window: Option<u32>,
    /// Blocks the offer holds.
    pub valid_for: Option<u32>,
}

/// Blocks an offer holds when nothing else is said: 30 days of 3 s blocks.
pub const DEFAULT_VALID_FOR: u32 = 864_000;

/// Most collateral a job may lock when nothing else is said: 100 AUR.
pub const DEFAULT_MAX_COLLATERAL: u128 = 100_000_000_000_000;

/// Longest window a job may have when nothing else is said: a day of 3 s blocks.
pub const DEFAULT_MAX_WINDOW: u32 = 28_800;

impl OfferTerms {
    /// Puts flags over file over defaults. `now` is the current block.
    pub fn build(file: OfferFile, flags: OfferFlags, now: u32) -> Result<Self, Error> {
        let usage = |text: &str| Error::Usage(text.into());
        let rate = |index: usize, file: FileAmount| {
            flags
                .rates
                .get(index)
                .copied()
                .flatten()
                .unwrap_or(file.0)
                .0
        };
        let times = file.times.unwrap_or_default();
        let time =
            |index: usize, file: u64| flags.times.get(index).copied().flatten().unwrap_or(file);
        let minimum = flags
            .minimum
            .or(file.minimum.map(|amount| amount.0))
            .ok_or_else(|| usage("an offer needs its least pay: --minimum \"0.1 AUR\""))?;
        let slots = flags.slots.or(file.slots).unwrap_or(1);
        if !(1..=MAX_SLOTS).contains(&slots) {
            return Err(usage("an offer has 1 to 64 slots: --slots 2"));
        }
        let bandwidth = flags.bandwidth.or(file.bandwidth).unwrap_or(10 << 20);
        if bandwidth == 0 {
            return Err(usage(
                "the bandwidth is at least one byte per second: --bandwidth 10MiB",
            ));
        }
        let models = match (flags.models.is_empty(), flags.any_model_bytes) {
            (false, Some(_)) => {
                return Err(usage("give --model or --any-model-bytes, not both"));
            }
            (false, None) => ModelFilter::List(flags.models),
            (true, Some(bytes)) => ModelFilter::AnyUpTo(bytes),
            (true, None) => match (file.models, file.any_model_bytes) {
                (Some(_), Some(_)) => {
                    return Err(usage("the offer file has both models and any_model_bytes"));
                }
                (Some(models), None) => ModelFilter::List(models),
                (None, Some(bytes)) => ModelFilter::AnyUpTo(bytes),
                (None, None) => {
                    return Err(usage(
                        "an offer says which models it takes: --model ID, or --any-model-bytes 1GiB",
                    ));
                }
            },
        };
        match &models {
            ModelFilter::List(list) if list.is_empty() => {
                return Err(usage(
                    "the list of models is empty, so no job would be taken",
                ));
            }
            ModelFilter::List(list) if list.len() > MAX_LISTED => {
                return Err(usage(
                    "an offer lists at most 64 models; use --any-model-bytes",
                ));
            }
            _ => {}
        }
        let valid_for = flags
            .valid_for
            .or(file.valid_for)
            .unwrap_or(DEFAULT_VALID_FOR);
        if valid_for == 0 {
            return Err(usage(
                "an offer holds for at least one block: --valid-for 28800",
            ));
        }
        Ok(Self {
            rates: Rates {
                macs: rate(0, file.rates.macs),
                ops: rate(1, file.rates.ops),
                bytes: rate(2, file.rates.bytes),
                nodes: rate(3, file.rates.nodes),
                load: rate(4, file.rates.load),
            },
            minimum: minimum.0,
            times: Times {
                macs: time(0, times.macs),
                ops: time(1, times.ops),
                bytes: time(2, times.bytes),
                nodes: time(3, times.nodes),
                load: time(4, times.load),
            },
            bandwidth,
            max_cost: flags.max_cost.or(file.max_cost).unwrap_or(1_000_000),
            memory: flags.memory.or(file.memory).unwrap_or(1 << 30),
            slots,
            models,
            max_collateral: flags
                .max_collateral
                .or(file.max_collateral.map(|amount| amount.0))
                .map_or(DEFAULT_MAX_COLLATERAL, |amount| amount.0),
            max_window: flags
                .max_window
                .or(file.max_window)
                .unwrap_or(DEFAULT_MAX_WINDOW),
            valid_until: now.saturating_add(valid_for),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use codec::Encode;
    use scale_info::{MetaType, TypeInfo};

    fn flags() -> OfferFlags {
        OfferFlags {
            minimum: Some(Amount(5)),
            any_model_bytes: Some(1 << 20),
            ..OfferFlags::default()
        }
    }

    fn message(file: OfferFile, flags: OfferFlags) -> String {
        match OfferTerms::build(file, flags, 0) {
            Err(Error::Usage(text)) => text,
            other => panic!("a usage error, not {other:?}"),
        }
    }

    #[test]
    fn a_minimum_and_a_model_make_an_offer() {
        let offer = OfferTerms::build(OfferFile::default(), flags(), 100).unwrap();
        assert_eq!(offer.minimum, 5);
        assert_eq!(offer.models, ModelFilter::AnyUpTo(1 << 20));
        assert_eq!(offer.slots, 1);
        assert_eq!(offer.rates, Rates::default());
        assert_eq!(offer.times, Times::default());
        assert_eq!(offer.valid_until, 100 + DEFAULT_VALID_FOR);
        assert_eq!(
            (offer.max_collateral, offer.max_window),
            (DEFAULT_MAX_COLLATERAL, DEFAULT_MAX_WINDOW)
        );
    }

    #[test]
    fn flags_go_over_the_file() {
        let file: OfferFile = serde_json::from_str(
            r#"{"rates": {"macs": "1 uAUR", "load": "2 uAUR"}, "minimum": "1 AUR",
                "times": {"macs": 7}, "slots": 4, "models": [1, 2], "valid_for": 10,
                "max_collateral": "20 AUR", "max_window": 300}"#,
        )
        .unwrap();
        let mut over = OfferFlags {
            slots: Some(2),
            max_window: Some(400),
            ..OfferFlags::default()
        };
        over.rates[0] = Some(Amount(9));
        over.times[4] = Some(8);
        let offer = OfferTerms::build(file, over, 5).unwrap();
        assert_eq!((offer.rates.macs, offer.rates.load), (9, 2_000_000));
        assert_eq!((offer.times.macs, offer.times.load), (7, 8));
        assert_eq!(offer.times.ops, Times::default().ops);
        assert_eq!(offer.slots, 2);
        assert_eq!(offer.models, ModelFilter::List(vec![1, 2]));
        assert_eq!(offer.valid_until, 15);
        assert_eq!(
            (offer.max_collateral, offer.max_window),
            (20_000_000_000_000, 400)
        );
    }

    #[test]
    fn incomplete_and_contradictory_offers_say_which_flag_is_wrong() {
        let file = OfferFile::default;
        assert!(message(file(), OfferFlags::default()).contains("--minimum"));
        let no_model = OfferFlags {
            any_model_bytes: None,
            ..flags()
        };
        assert!(message(file(), no_model).contains("--model"));
        assert!(message(
            file(),
            OfferFlags {
                models: vec![1],
                ..flags()
            }
        )
        .contains("not both"));
        assert!(message(
            file(),
            OfferFlags {
                slots: Some(0),
                ..flags()
            }
        )
        .contains("--slots"));
        assert!(message(
            file(),
            OfferFlags {
                slots: Some(65),
                ..flags()
            }
        )
        .contains("--slots"));
        let slow = OfferFlags {
            bandwidth: Some(0),
            ..flags()
        };
        assert!(message(file(), slow).contains("--bandwidth"));
        let over = OfferFlags {
            valid_for: Some(0),
            ..flags()
        };
        assert!(message(file(), over).contains("--valid-for"));
        let many = OfferFlags {
            any_model_bytes: None,
            models: vec![1; 65],
            ..flags()
        };
        assert!(message(file(), many).contains("64 models"));
    }

    #[test]
    fn malformed_offer_files_are_refused() {
        for text in [
            r#"{"minimum": 1}"#,
            r#"{"minimum": "1"}"#,
            r#"{"price": "1 AUR"}"#,
            r#"{"rates": {"mac": "1 AUR"}}"#,
            r#"{"slots": 300}"#,
            "7",
        ] {
            assert!(serde_json::from_str::<OfferFile>(text).is_err(), "{text}");
        }
    }

    #[derive(Encode, TypeInfo)]
    struct Bounded(Vec<u64>);

    #[derive(Encode, TypeInfo)]
    #[allow(dead_code)]
    enum ChainFilter {
        #[codec(index = 0)]
        List(Bounded),
        #[codec(index = 1)]
        AnyUpTo(u64),
    }

    #[derive(Encode, TypeInfo)]
    #[allow(dead_code)]
    enum ChainPolicy {
        #[codec(index = 0)]
        Replicated { n: u8, quorum: u8, window: u32 },
        #[codec(index = 1)]
        Optimistic { window: u32, audit: u8 },
    }

    fn as_type<T: TypeInfo + 'static>(value: &impl EncodeAsType) -> Vec<u8> {
        let mut registry = scale_info::Registry::new();
        let id = registry.register_type(&MetaType::new::<T>()).id;
        let types: scale_info::PortableRegistry = registry.into();
        value.encode_as_type(id, &types).unwrap()
    }

    #[test]
    fn terms_encode_as_the_chains_types() {
        assert_eq!(
            as_type::<ChainFilter>(&ModelFilter::List(vec![3, 4])),
            ChainFilter::List(Bounded(vec![3, 4])).encode()
        );
        assert_eq!(
            as_type::<ChainFilter>(&ModelFilter::List(vec![3])),
            ChainFilter::List(Bounded(vec![3])).encode()
        );
        assert_eq!(
            as_type::<ChainFilter>(&ModelFilter::AnyUpTo(9)),
            ChainFilter::AnyUpTo(9).encode()
        );
        assert_eq!(
            as_type::<ChainPolicy>(&Policy::Replicated {
                n: 3,
                quorum: 2,
                window: 20
            }),
            ChainPolicy::Replicated {
                n: 3,
                quorum: 2,
                window: 20
            }
            .encode()
        );
        assert_eq!(
            as_type::<ChainPolicy>(&Policy::Optimistic {
                window: 20,
                audit: 0
            }),
            ChainPolicy::Optimistic {
                window: 20,
                audit: 0
            }
            .encode()
        );
    }
}
