//! Keeping the outputs of all nodes of recent jobs, for whoever checks their claims.
//!
//! A watcher that can fetch what a claim's roots stand for checks products without
//! multiplying: see the neighbouring module `verify`. Blobs are served by root, and
//! nobody knows the roots of a job before its trace is revealed.

use super::{gauge, lock, Fault, Inner};
use crate::{
    engine::{Role, Task},
    fault,
    part::alias,
};
use athanor_primitives::{ticket::to_hex, Root};
use bytes::Bytes;
use std::collections::HashSet;

impl Inner {
    /// Whether the outputs of all nodes of `task` are to be kept: it was assigned, and
    /// they fit into the budget, and into memory all at once.
    pub(super) fn keeps_trace(&self, task: &Task) -> bool {
        let limit = self.settings.trace_limit;
        let withheld = self.settings.fault.is_some_and(Fault::withholds);
        if limit == 0 || withheld {
            return false;
        }
        if lock(&self.engine).role(task.ticket().job) != Some(Role::Assigned) {
            return false;
        }
        let (program, batch) = (task.program(), task.ticket().batch);
        let nodes = program.program().nodes.iter().enumerate();
        let own = nodes.filter(|(_, node)| alias(node).is_none());
        let bytes = own
            .map(|(index, _)| program.node_len(index, batch).unwrap_or(u64::MAX))
            .fold(0, u64::saturating_add);
        let memory = fault::whole_bytes(program, batch).unwrap_or(u64::MAX);
        let fits = bytes <= limit && memory <= self.settings.limits.memory;
        if !fits {
            tracing::debug!(bytes, memory, "the job's trace is too large to be kept");
        }
        fits
    }

    /// Keeps these values, and drops those of earlier jobs that the budget has no room
    /// for any more. What does not fit into the store is not kept.
    pub(super) async fn keep_values(&self, values: Vec<(Root, Bytes)>) {
        if values.is_empty() {
            return;
        }
        let wanted: HashSet<Root> = values.iter().map(|(root, _)| *root).collect();
        let earlier = match self.earlier_values(&wanted).await {
            Ok(earlier) => earlier,
            Err(why) => {
                tracing::warn!(why, "the job's trace is not kept");
                return;
            }
        };
        let bytes = values
            .iter()
            .map(|(_, bytes)| bytes.len() as u64)
            .fold(0, u64::saturating_add);
        let mut used = match self.drop_values(earlier, bytes).await {
            Ok(used) => used,
            Err(why) => {
                tracing::warn!(why, "the job's trace is not kept");
                return;
            }
        };
        let _gate = self.gate.read().await;
        for (root, bytes) in values {
            let known = matches!(self.blobs.store().has(&root).await, Ok(Some(_)));
            // What is here without a marker is somebody else's.
            if known && !self.receipts.is_value(&root) {
                continue;
            }
            let len = bytes.len() as u64;
            let receipts = self.receipts.clone();
            let marked = tokio::task::spawn_blocking(move || receipts.mark_value(&root)).await;
            let why = match marked {
                Ok(Ok(())) if known => None,
                Ok(Ok(())) => match self.blobs.store().put_bytes(bytes).await {
                    Ok(_) => None,
                    Err(error) => Some(error.to_string()),
                },
                Ok(Err(error)) => Some(error.to_string()),
                Err(error) => Some(error.to_string()),
            };
            if let Some(why) = why {
                tracing::warn!(why, "the job's trace is not kept as a whole");
                break;
            }
            used = used.saturating_add(len);
        }
        self.metrics.trace_bytes.set(gauge(used));
    }

    /// The values of earlier jobs that are not among `wanted`, with their lengths, the
    /// oldest first.
    async fn earlier_values(&self, wanted: &HashSet<Root>) -> Result<Vec<(Root, u64)>, String> {
        let receipts = self.receipts.clone();
        let found = tokio::task::spawn_blocking(move || receipts.values())
            .await
            .map_err(|error| error.to_string())?
            .map_err(|error| error.to_string())?;
        let mut earlier = Vec::with_capacity(found.len());
        for root in found {
            if !wanted.contains(&root) {
                let len = self.blobs.store().has(&root).await;
                let len = len.map_err(|error| error.to_string())?;
                earlier.push((root, len.unwrap_or(0)));
            }
        }
        Ok(earlier)
    }

    /// Drops of `earlier`, from the first on, what leaves no room for `bytes` more in
    /// the budget. Gives the bytes of the others.
    async fn drop_values(&self, earlier: Vec<(Root, u64)>, bytes: u64) -> Result<u64, String> {
        let most = self.settings.trace_limit.saturating_sub(bytes);
        let mut used = earlier
            .iter()
            .map(|(_, len)| *len)
            .fold(0, u64::saturating_add);
        if used <= most {
            return Ok(used);
        }
        let _gate = self.gate.write().await;
        let mut pinned: HashSet<Root> = lock(&self.engine).roots_in_use().into_iter().collect();
        let receipts = self.receipts.clone();
        let kept = tokio::task::spawn_blocking(move || receipts.blobs())
            .await
            .map_err(|error| error.to_string())?
            .map_err(|error| error.to_string())?;
        pinned.extend(kept);
        for (root, len) in earlier {
            if used <= most {
                break;
            }
            if !pinned.contains(&root) {
                let removed = self.blobs.store().remove(&root).await;
                removed.map_err(|error| error.to_string())?;
                tracing::debug!(root = %to_hex(&root), "an old job's value removed");
            }
            let receipts = self.receipts.clone();
            tokio::task::spawn_blocking(move || receipts.unmark_value(&root))
                .await
                .map_err(|error| error.to_string())?
                .map_err(|error| error.to_string())?;
            used = used.saturating_sub(len);
        }
        Ok(used)
    }
}
