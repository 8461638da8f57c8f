//! `athanor label reveal`: showing what was committed.

use super::contributor::Session;
use crate::{
    commands::Context,
    error::{Error, Result},
};
use clap::Args;
use std::time::{Duration, Instant};

/// Between two looks at the chain.
const LOOK: Duration = Duration::from_secs(3);

/// Options of `label reveal`.
#[derive(Args, Debug)]
pub struct Reveal {
    /// Only pages of this batch
    #[arg(long, value_name = "ID")]
    pub batch: Option<u64>,
    /// Stay until every page is revealed, at most so many seconds
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, default_missing_value = "604800")]
    pub wait: Option<u64>,
}

/// Reveals what is due.
pub(super) async fn run(options: Reveal, context: &Context) -> Result<()> {
    let session = Session::open(context).await?;
    context.set_next("athanor label reveal --wait goes on");
    let started = Instant::now();
    let mut all = session.reveal_due(options.batch).await?;
    if let Some(most) = options.wait {
        let _progress = context.output.spinner("waiting for batches to close");
        while !all.waiting.is_empty() {
            if started.elapsed() >= Duration::from_secs(most) {
                return Err(Error::TimedOut(format!(
                    "{} pages still wait for their batch to close",
                    all.waiting.len()
                )));
            }
            tokio::time::sleep(LOOK).await;
            let now = session.reveal_due(options.batch).await?;
            all.revealed.extend(now.revealed);
            all.lost.extend(now.lost);
            all.waiting = now.waiting;
            all.trouble = now.trouble;
        }
    }
    context.output.result(&all.json(), || {
        let mut text = format!(
            "{} pages revealed, {} wait for their batch to close.",
            all.revealed.len(),
            all.waiting.len()
        );
        if !all.lost.is_empty() {
            text.push_str(&format!(
                " {} are past it: `athanor label earnings` shows what became of them.",
                all.lost.len()
            ));
        }
        if let Some(trouble) = &all.trouble {
            text.push_str(&format!("\nA reveal failed: {trouble}"));
        }
        text
    });
    Ok(())
}
