//! `gpu-worker provide`: does what a worker key owes without a node of its own.
//!
//! | module | what it does |
//! |---|---|
//! | [`key`] | reads the key file |
//! | [`records`] | keeps what must outlive the process |
//! | [`sight`] | the state of one block, read from a node |
//! | [`hands`] | storage, daemon, signature and pool of one turn |
//! | [`stats`] | metrics |
//!
//! What is due is decided by `athanor-worker-duties`, as in the off-chain worker of a
//! node. A turn is taken for each best block. Nothing a node says is remembered as true:
//! whichever node answers, a call is signed only if no earlier one can still be included
//! on the fork that node shows, and is on disk before it leaves.

pub mod hands;
pub mod key;
pub mod records;
pub mod sight;
pub mod stats;

use crate::server::Token;
use athanor_worker_duties::{
    turn::{self, Rules, Trouble},
    Chain, Problem,
};
use hands::{Daemon, Hands};
use records::Records;
use sight::{Node, NodeError, Sight};
use stats::Stats;
use std::{future::Future, path::PathBuf, rc::Rc, time::Duration};
use subxt_signer::sr25519::Keypair;
use tokio::time::Instant;

/// A node without a new block for so long is left for the next one.
const STALL: Duration = Duration::from_secs(60);

/// Shortest and longest pause after all nodes failed.
const PAUSE: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));

/// Time between two log lines about the same kind of trouble.
const WARN_EVERY: Duration = Duration::from_secs(60);

/// What is provided, and how.
#[derive(Clone)]
pub struct Settings {
    /// WebSocket addresses of nodes, the first is preferred.
    pub nodes: Vec<String>,
    /// The worker key.
    pub key: Keypair,
    /// Address of the `gpu-worker` daemon.
    pub daemon: String,
    /// Its token.
    pub token: Option<Token>,
    /// Folder of what must outlive the process.
    pub data: PathBuf,
    /// Share of others' claims to check, in 1/2^32.
    pub watch: u32,
    /// A node without a new block for so long is left.
    pub stall: Duration,
}

impl Settings {
    /// Settings with the usual patience.
    pub fn new(nodes: Vec<String>, key: Keypair, daemon: String, data: PathBuf) -> Self {
        Settings {
            nodes,
            key,
            daemon,
            token: None,
            data,
            watch: 0,
            stall: STALL,
        }
    }
}

/// Why providing ended.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProvideError {
    /// There is no node to follow.
    #[error("give at least one --node")]
    NoNode,
    /// What must outlive the process can't be kept.
    #[error(transparent)]
    Records(#[from] records::RecordsError),
    /// The client of the daemon can't be made.
    #[error("the HTTP client can't be made: {0}")]
    Client(#[from] reqwest::Error),
}

/// What one key keeps between turns.
struct Desk {
    records: Records,
    daemon: Daemon,
    account: [u8; 32],
    key: Keypair,
    watch: u32,
    stats: Stats,
}

/// Does what the key owes, following one node after another, until `stop`. A turn that
/// is going on is finished first.
pub async fn provide(
    settings: Settings,
    stats: Stats,
    stop: impl Future<Output = ()>,
) -> Result<(), ProvideError> {
    if settings.nodes.is_empty() {
        return Err(ProvideError::NoNode);
    }
    tokio::pin!(stop);
    let mut pause = PAUSE.0;
    let mut desk: Option<Desk> = None;
    let mut log = Log::default();
    loop {
        for url in &settings.nodes {
            let following = follow(&settings, url, &stats, &mut desk, &mut log, stop.as_mut());
            match following.await {
                Ended::Stopped => return Ok(()),
                Ended::Fatal(error) => return Err(error),
                Ended::Lost { error, worked } => {
                    stats.connected.set(0);
                    stats.disconnects.inc();
                    tracing::warn!(node = url, %error, "left the node");
                    if worked {
                        pause = PAUSE.0;
                    }
                }
            }
        }
        tokio::select! {
            () = &mut stop => return Ok(()),
            () = tokio::time::sleep(pause) => {}
        }
        pause = (pause * 2).min(PAUSE.1);
    }
}

enum Ended {
    Stopped,
    Fatal(ProvideError),
    Lost { error: NodeError, worked: bool },
}

/// Follows one node until it fails.
async fn follow(
    settings: &Settings,
    url: &str,
    stats: &Stats,
    desk: &mut Option<Desk>,
    log: &mut Log,
    mut stop: std::pin::Pin<&mut impl Future<Output = ()>>,
) -> Ended {
    let mut worked = false;
    let connecting = async {
        let node = Node::connect(url).await?;
        let heads = node.heads().await?;
        Ok::<_, NodeError>((node, heads))
    };
    let (node, mut heads) = tokio::select! {
        () = &mut stop => return Ended::Stopped,
        connected = connecting => match connected {
            Ok(connected) => connected,
            Err(error) => return Ended::Lost { error, worked },
        },
    };
    let genesis = node.genesis();
    let mut own = match desk.take() {
        Some(own) => {
            if own.records.genesis() != genesis {
                *desk = Some(own);
                let error = NodeError::OtherChain;
                return Ended::Lost { error, worked };
            }
            own
        }
        None => {
            let account = settings.key.public_key().0;
            let opened = Records::open(&settings.data, &genesis, &account)
                .map_err(ProvideError::from)
                .and_then(|records| {
                    Ok(Desk {
                        records,
                        daemon: Daemon::new(&settings.daemon, settings.token.clone())?,
                        account,
                        key: settings.key.clone(),
                        watch: settings.watch,
                        stats: stats.clone(),
                    })
                });
            match opened {
                Ok(own) => own,
                Err(error) => return Ended::Fatal(error),
            }
        }
    };
    tracing::info!(node = url, "following");
    stats.connected.set(1);
    let mut last = None;
    let error = loop {
        let best = match node.best().await {
            Ok(best) => best,
            Err(error) => break error,
        };
        if last != Some(best) {
            last = Some(best);
            let sight = match node.sight(best, own.account).await {
                Ok(sight) => sight,
                Err(error) => break error,
            };
            stats.block.set(sight.block().into());
            // Signing and storing are synchronous, so that nothing comes between them.
            let turn = tokio::task::spawn_blocking(move || take(sight, own)).await;
            let (back, outcome) = match turn {
                Ok(done) => done,
                // The turn panicked: its records are on disk, and are read again.
                Err(panic) => {
                    let error = NodeError::Answer(format!("the turn broke off: {panic}"));
                    return Ended::Lost { error, worked };
                }
            };
            own = back;
            match outcome {
                Ok(troubles) => {
                    worked = true;
                    log.tell(stats, troubles);
                }
                Err(error) => break error,
            }
        }
        tokio::select! {
            () = &mut stop => {
                *desk = Some(own);
                return Ended::Stopped;
            }
            head = tokio::time::timeout(settings.stall, heads.next()) => match head {
                Ok(Some(Ok(()))) => {}
                Ok(Some(Err(error))) => break error,
                Ok(None) => break NodeError::Unreachable("it closed the connection".into()),
                Err(_) => break NodeError::Stalled(settings.stall.as_secs()),
            },
        }
    };
    *desk = Some(own);
    Ended::Lost { error, worked }
}

/// One turn on the state of one block.
fn take(sight: Sight, mut own: Desk) -> (Desk, Result<Vec<Obstacle>, NodeError>) {
    let sight = Rc::new(sight);
    let mut problems = Vec::new();
    let genesis = own.records.genesis();
    let result = (|| -> Result<(), NodeError> {
        let balance = sight.balance()?;
        let has_tickets = sight.has_tickets();
        if has_tickets && (balance == 0 || balance < sight.float()? / 10) {
            problems.push(Obstacle {
                text: format!(
                    "jobs are assigned to the worker key {}, but its account can't pay for a \
                     reveal: transfer some AUR to it",
                    athanor_primitives::ticket::to_hex(&own.account)
                ),
                blocks: true,
            });
        }
        let rules = Rules {
            watch: own.watch,
            may_sign: balance > 0,
        };
        let mut hands = Hands::new(
            &mut own.records,
            &mut own.daemon,
            &own.key,
            &own.stats,
            Rc::clone(&sight),
        );
        let met = turn::take(&*sight, &mut hands, own.account, rules);
        let tally = turn::tally(&hands, &genesis, &own.account);
        // Whatever the turn met after the node failed, it met because of that.
        sight.broken().map_or(Ok(()), Err)?;
        own.stats.watched(&tally);
        problems.extend(met.iter().map(Obstacle::of));
        Ok(())
    })();
    (own, result.map(|()| problems))
}

/// Something the operator has to know.
struct Obstacle {
    text: String,
    /// It keeps the key from its duties.
    blocks: bool,
}

impl Obstacle {
    fn of(trouble: &Trouble) -> Self {
        let text = match trouble {
            Trouble::CannotSign => {
                "a call can't be made for this chain: use a gpu-worker of its version".into()
            }
            Trouble::PoolRefused { job, call } => format!(
                "job {job}: the transaction pool did not take {call}; it is tried again in the \
                 next block"
            ),
            Trouble::Storage => "records can't be read or written: is the disk full? Nothing is \
                                 signed until they can"
                .into(),
            Trouble::Duty { job, problem } => format!("job {job}: {}", plain(problem)),
            Trouble::Unchecked { job, problem } => {
                format!("job {job}: its claims can't be checked: {}", plain(problem))
            }
        };
        Obstacle {
            text,
            blocks: !matches!(trouble, Trouble::Unchecked { .. }),
        }
    }
}

/// The problem's message with this program's flags instead of the node's.
fn plain(problem: &Problem) -> String {
    problem.to_string().replace("--gpu-worker", "--daemon")
}

/// Logs troubles, and not more often than once a minute.
#[derive(Default)]
struct Log {
    last: Option<Instant>,
}

impl Log {
    fn tell(&mut self, stats: &Stats, problems: Vec<Obstacle>) {
        /// Most lines at a time.
        const MOST: usize = 4;
        let blocked = problems.iter().filter(|problem| problem.blocks).count();
        stats
            .blocked
            .set(i64::try_from(blocked).unwrap_or(i64::MAX));
        let due = self.last.is_none_or(|last| last.elapsed() >= WARN_EVERY);
        if problems.is_empty() || !due {
            return;
        }
        self.last = Some(Instant::now());
        for problem in problems.iter().take(MOST) {
            tracing::warn!("{}", problem.text);
        }
        if problems.len() > MOST {
            tracing::warn!("and {} more", problems.len() - MOST);
        }
    }
}
