//! `athanor-localnet`: local networks and the demo.

use anyhow::{bail, Result};
use athanor_localnet::{
    campaign, daily, demo,
    digits::Digits,
    disputes, faults, governance,
    kills::{self, Victim},
    label_types, labels, load, market,
    network::{DaemonPlan, Network},
    progress::Progress,
    tools::Tools,
    upgrade, validators,
    workspace::Workspace,
};
use clap::{Parser, Subcommand, ValueEnum as _};
use std::{future::Future, path::PathBuf, process::ExitCode, time::Duration};
use tokio::signal::unix::{signal, SignalKind};

/// Exit code after Ctrl-C, as shells use it.
const INTERRUPTED: u8 = 130;

/// How often a running network is looked at.
const LOOK: Duration = Duration::from_secs(2);

/// Local Athanor networks: starts nodes and gpu-workers, plays the demo, cleans up.
#[derive(Debug, Parser)]
#[command(
    version,
    after_help = "The binaries are looked for beside this one, or in $ATHANOR_BIN_DIR.\n\nExamples:\n  athanor-localnet demo\n  athanor-localnet demo --dir /tmp/demo\n  athanor-localnet up --workers 3"
)]
struct Args {
    /// Folder for data and logs; the logs stay there. By default a temporary folder, which is kept
    /// only if something fails.
    #[arg(long, global = true, value_name = "DIR")]
    dir: Option<PathBuf>,

    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Play the main story: a job paid end to end on a development chain, then the same job with
    /// three providers of which one lies.
    Demo {
        /// Folder of the digits example.
        #[arg(long, value_name = "DIR")]
        digits: Option<PathBuf>,
    },

    /// Play a provider's and a requester's daily life: quotes, cancelled and expired jobs, a pause, a
    /// bond that is added to and returned, outputs demanded on the chain, jail, and audits; and check
    /// every balance to the unit. Takes about six minutes.
    Daily,

    /// Let a provider lie in every operator there is, and check that a watcher catches it.
    Disputes {
        /// Operators, spread over all of them.
        #[arg(long, default_value_t = 29, value_parser = clap::value_parser!(u8).range(1..=29))]
        operators: u8,
    },

    /// Kill a provider's node and daemon at every step of a job, and a liar's and a watcher's at
    /// every step of a dispute, and check every balance to the unit.
    Kills {
        /// What is killed, each in a job of its own; all by default.
        #[arg(long, value_enum)]
        victim: Vec<Victim>,

        /// Kill at so many steps of each job only, those where most can be lost.
        #[arg(long, value_parser = clap::value_parser!(u8).range(1..))]
        points: Option<u8>,
    },

    /// Put a development chain under a load of jobs, and print how many settle a second and how
    /// full the blocks are.
    Load {
        /// Jobs, all live at the same time.
        #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u32).range(1..=15_000))]
        jobs: u32,

        /// Providers with an offer, each for at most 60 jobs.
        #[arg(long, default_value_t = 256, value_parser = clap::value_parser!(u32).range(1..=256))]
        offers: u32,

        /// Jobs that no offer takes, and that expire together.
        #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=10_000))]
        expiring: u32,
    },

    /// Play a labelling campaign with twelve contributors of different kinds on real pairs of
    /// sentences, and check who is paid what.
    Labels {
        /// Leave the labels here, in TRL's preference format.
        #[arg(long, value_name = "FILE")]
        export: Option<PathBuf>,
    },

    /// Play small campaigns of every type of label, private pages and a joined batch among them, and
    /// check that whoever is right is paid in full.
    LabelTypes,

    /// Play a labelling campaign at full speed, and print how many answers a second are committed,
    /// revealed and scored.
    Campaign {
        /// Answers, rounded up to whole pages of 160.
        #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u32).range(1..=400_000))]
        answers: u32,

        /// End when the batch is paid, instead of when it is pruned, a hundred blocks later.
        #[arg(long)]
        until_paid: bool,
    },

    /// Sell data by honest sellers and by all kinds of liars, with buyers and daemons that are killed,
    /// and check every balance to the unit.
    Market {
        /// Everything, with a set of 300 MiB; else one of each kind.
        #[arg(long)]
        full: bool,
    },

    /// Decide by referendum on a network without sudo: a spend, a parameter, the number of
    /// candidates, a pause and safe mode, with a job in flight.
    Governance {
        /// Folder of the digits example.
        #[arg(long, value_name = "DIR")]
        digits: Option<PathBuf>,
    },

    /// Upgrade a network to another runtime by referendum, with a storage migration of several
    /// blocks and with a job and a labelling batch in flight.
    Upgrade {
        /// The next runtime; scripts/upgrade-rehearsal makes one.
        #[arg(long, value_name = "FILE")]
        wasm: PathBuf,

        /// The `state-check` of that runtime.
        #[arg(long, value_name = "PROGRAM")]
        state_check: PathBuf,

        /// Folder of the digits example.
        #[arg(long, value_name = "DIR")]
        digits: Option<PathBuf>,
    },

    /// Let a stranger become a validator by the guide, author, and leave with everything he
    /// deposited; and let a candidate that does nothing be kicked. Takes about ten minutes.
    Join,

    /// Run validators twice, and follow what the double blocks and double votes cost. Takes about
    /// six minutes.
    Equivocation,

    /// Break things on four validators - crashes, a cut network, wrong clocks, full disks - and check
    /// what the network does, and that it recovers.
    #[command(after_help = "Exit code 77: nothing failed, but something could not be tried here.")]
    Faults(faults::Chosen),

    /// Sell what the first story leaves out: to many beneficiaries and a parent, to allowed accounts
    /// only, for nothing, from mirrors, with samples, tips, ratings and claims; every balance to the
    /// unit.
    MarketMore,

    /// Start four validators and gpu-workers, print their addresses, and run until Ctrl-C.
    #[command(alias = "localnet")]
    Up {
        /// Number of validators that get a gpu-worker.
        #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u8).range(0..=4))]
        workers: u8,

        /// One development node with one gpu-worker instead.
        #[arg(long, conflicts_with = "workers")]
        dev: bool,
    },
}

#[tokio::main]
async fn main() -> ExitCode {
    tracing_subscriber::fmt()
        .with_env_filter(
            tracing_subscriber::EnvFilter::try_from_default_env()
                .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("warn")),
        )
        .with_writer(std::io::stderr)
        .init();
    match run(Args::parse()).await {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(args: Args) -> Result<ExitCode> {
    if let Command::Faults(chosen) = &args.command {
        if chosen.list {
            faults::list();
            return Ok(ExitCode::SUCCESS);
        }
        chosen.enter_sandbox();
    }
    let tools = Tools::find()?;
    let mut workspace = match &args.dir {
        Some(dir) => Workspace::at(dir)?,
        None => Workspace::temporary()?,
    };
    let progress = Progress::default();
    let ended = match args.command {
        Command::Demo { digits } => {
            let digits = match digits {
                Some(dir) => Digits::read(&dir)?,
                None => Digits::find()?,
            };
            until_interrupted(demo::play(&tools, &workspace, &digits, progress)).await
        }
        Command::Daily => until_interrupted(daily::play(&tools, &workspace, progress)).await,
        Command::Disputes { operators } => {
            let count = usize::from(operators);
            until_interrupted(disputes::play(&tools, &workspace, count, progress)).await
        }
        Command::Kills { victim, points } => {
            let plan = kills::Plan {
                victims: match victim.is_empty() {
                    true => Victim::value_variants().to_vec(),
                    false => victim,
                },
                points: points.map(usize::from),
            };
            until_interrupted(kills::play(&tools, &workspace, &plan, progress)).await
        }
        Command::Load {
            jobs,
            offers,
            expiring,
        } => {
            let plan = load::Plan {
                jobs,
                offers,
                expiring,
            };
            until_interrupted(load::play(&tools, &workspace, plan, progress)).await
        }
        Command::Labels { export } => {
            let played = labels::play(&tools, &workspace, export.as_deref(), progress);
            until_interrupted(played).await
        }
        Command::LabelTypes => {
            until_interrupted(label_types::play(&tools, &workspace, progress)).await
        }
        Command::Campaign {
            answers,
            until_paid,
        } => {
            let plan = campaign::Plan {
                answers,
                prune: !until_paid,
            };
            until_interrupted(campaign::play(&tools, &workspace, plan, progress)).await
        }
        Command::Market { full } => {
            let plan = market::Plan { full };
            until_interrupted(market::play(&tools, &workspace, plan, progress)).await
        }
        Command::Governance { digits } => {
            let digits = digits.map_or_else(Digits::find, |dir| Digits::read(&dir))?;
            until_interrupted(governance::play(&tools, &workspace, &digits, progress)).await
        }
        Command::Upgrade {
            wasm,
            state_check,
            digits,
        } => {
            let digits = digits.map_or_else(Digits::find, |dir| Digits::read(&dir))?;
            let played =
                upgrade::play(&tools, &workspace, &digits, [&wasm, &state_check], progress);
            until_interrupted(played).await
        }
        Command::Join => until_interrupted(validators::join(&tools, &workspace, progress)).await,
        Command::Equivocation => {
            until_interrupted(validators::equivocation(&tools, &workspace, progress)).await
        }
        Command::Faults(chosen) => {
            until_interrupted(faults::play(&tools, &workspace, &chosen, progress)).await
        }
        Command::MarketMore => {
            until_interrupted(market::play_more(&tools, &workspace, progress)).await
        }
        Command::Up { workers, dev } => {
            until_interrupted(up(&tools, &workspace, progress, workers, dev)).await
        }
    };
    match ended {
        Some(Ok(())) => Ok(ExitCode::SUCCESS),
        Some(Err(error)) if error.is::<faults::NotTried>() => {
            eprintln!("\n{error}");
            Ok(ExitCode::from(faults::NOT_TRIED))
        }
        Some(Err(error)) => {
            workspace.keep_logs();
            eprintln!(
                "error: {error:#}\n\nThe logs are in {}",
                workspace.logs().display()
            );
            Ok(ExitCode::FAILURE)
        }
        None => {
            eprintln!("interrupted: every process was ended");
            Ok(ExitCode::from(INTERRUPTED))
        }
    }
}

/// Runs a task until it ends or this process is asked to end; then the task is dropped, and with
/// it every process it started. `None` if it was interrupted.
async fn until_interrupted(task: impl Future<Output = Result<()>>) -> Option<Result<()>> {
    let signals = (
        signal(SignalKind::interrupt()),
        signal(SignalKind::terminate()),
    );
    let (Ok(mut interrupt), Ok(mut terminate)) = signals else {
        return Some(Err(anyhow::anyhow!("cannot listen for Ctrl-C")));
    };
    tokio::select! {
        ended = task => Some(ended),
        _ = interrupt.recv() => None,
        _ = terminate.recv() => None,
    }
}

async fn up(
    tools: &Tools,
    workspace: &Workspace,
    progress: Progress,
    workers: u8,
    dev: bool,
) -> Result<()> {
    let step = progress.step("start the network");
    let mut network = if dev {
        Network::development(tools, workspace).await?
    } else {
        let daemons: Vec<DaemonPlan> = athanor_localnet::network::LOCAL_VALIDATORS
            .iter()
            .take(usize::from(workers))
            .map(|name| DaemonPlan::honest(name))
            .collect();
        Network::local(tools, workspace, &[], &daemons).await?
    };
    network
        .wait_for_finality(&[], 1, Duration::from_secs(180))
        .await?;
    step.done("blocks are finalised");
    println!();
    for node in network.nodes() {
        println!("  node {:<10} {}", node.name(), node.ws());
    }
    for (node, daemon) in network.daemons() {
        println!(
            "  gpu-worker of {node:<10} {} (content store at /blobs)",
            daemon.url()
        );
    }
    println!("  logs {}", workspace.logs().display());
    println!(
        "\nFor instance: athanor --node {} account balance //Alice",
        network.first()?.ws()
    );
    println!("Ctrl-C ends the network.");
    loop {
        tokio::time::sleep(LOOK).await;
        if let Err(error) = network.ensure_running() {
            bail!(error.context("a process of the network ended"));
        }
    }
}
