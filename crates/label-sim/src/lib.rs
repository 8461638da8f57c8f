//! What the pay rule of label bounties does to crowds.
//!
//! A [`Scenario`] says who works and on what; [`run`] plays some batches of it with
//! `athanor-label-math`, the arithmetic of the chain, and [`Report`] says what each kind of worker
//! was paid, how good the labels are and what they cost. [`published`] holds the crowds of the
//! specification's table "What the rule pays".
//!
//! Batches run on all cores and depend on nothing but the scenario and its seed.
//!
//! ```
//! use athanor_label_sim::{run, Kind, Scenario};
//!
//! let scenario = Scenario::default()
//!     .with(Kind::Honest, 20)
//!     .with(Kind::Constant, 5)
//!     .batches(3);
//! let report = run(&scenario, &|| true).unwrap();
//! assert_eq!(report.of(Kind::Constant).unwrap().share, 0.0);
//! assert!(report.of(Kind::Honest).unwrap().share > 0.8);
//! ```

#![forbid(unsafe_code)]
#![deny(missing_docs, unreachable_pub, rustdoc::broken_intra_doc_links)]

mod batch;
mod dice;
mod parse;
mod plot;
pub mod published;
mod report;
mod scenario;
mod truth;

pub use parse::{parse_group, parse_type, ParseError};
pub use plot::{svg, PlotError};
pub use report::{GroupReport, Report};
pub use scenario::{Group, Kind, Pages, Scenario, ScenarioError};
pub use truth::{parse_truth, Truth, TruthError};

use rayon::prelude::*;

/// Plays the scenario's batches; `go_on` is called after each of them, from any thread, and ends
/// the run by `false`.
///
/// # Errors
///
/// The [`ScenarioError`] that names what can't be played, or [`ScenarioError::Stopped`].
pub fn run(
    scenario: &Scenario,
    go_on: &(dyn Fn() -> bool + Sync),
) -> Result<Report, ScenarioError> {
    scenario.check()?;
    let batches = (0..scenario.batches)
        .into_par_iter()
        .map(|number| {
            let batch = batch::play(scenario, number)?;
            if go_on() {
                Ok(batch)
            } else {
                Err(ScenarioError::Stopped)
            }
        })
        .collect::<Result<Vec<_>, ScenarioError>>()?;
    Ok(Report::of_batches(scenario, &batches))
}
