//! What each subcommand does.

use crate::{
    chain_spec,
    cli::{Cli, Subcommand},
    service::{self, FullBackend, FullClient},
};
use athanor_runtime::opaque::Block;
use sc_cli::{CliConfiguration, SubstrateCli};
use sc_consensus::DefaultImportQueue;
use sc_service::{Configuration, PartialComponents};
use std::{future::Future, sync::Arc};

impl SubstrateCli for Cli {
    fn impl_name() -> String {
        "Athanor Node".into()
    }

    fn impl_version() -> String {
        env!("SUBSTRATE_CLI_IMPL_VERSION").into()
    }

    fn description() -> String {
        env!("CARGO_PKG_DESCRIPTION").into()
    }

    fn author() -> String {
        "The Athanor developers".into()
    }

    fn support_url() -> String {
        concat!(env!("CARGO_PKG_NAME"), ": see docs/ in the source").into()
    }

    fn copyright_start_year() -> i32 {
        2026
    }

    fn load_spec(&self, id: &str) -> Result<Box<dyn sc_service::ChainSpec>, String> {
        chain_spec::load(id).map(|spec| Box::new(spec) as Box<_>)
    }
}

/// Parses the command line and runs it.
pub(crate) fn run() -> sc_cli::Result<()> {
    let cli = Cli::from_args();

    match &cli.subcommand {
        Some(Subcommand::Key(cmd)) => cmd.run(&cli),
        #[allow(deprecated)]
        Some(Subcommand::BuildSpec(cmd)) => {
            let runner = cli.create_runner(cmd)?;
            runner.sync_run(|config| cmd.run(config.chain_spec, config.network))
        }
        Some(Subcommand::ExportChainSpec(cmd)) => {
            let spec = cli.load_spec(&cmd.chain)?;
            cmd.run(spec)
        }
        Some(Subcommand::CheckBlock(cmd)) => {
            with_database(&cli, cmd, |it| cmd.run(it.client, it.import_queue))
        }
        Some(Subcommand::ExportBlocks(cmd)) => {
            with_database(&cli, cmd, |it| cmd.run(it.client, it.config.database))
        }
        Some(Subcommand::ExportState(cmd)) => {
            with_database(&cli, cmd, |it| cmd.run(it.client, it.config.chain_spec))
        }
        Some(Subcommand::ImportBlocks(cmd)) => {
            with_database(&cli, cmd, |it| cmd.run(it.client, it.import_queue))
        }
        Some(Subcommand::PurgeChain(cmd)) => {
            let runner = cli.create_runner(cmd)?;
            runner.sync_run(|config| cmd.run(config.database))
        }
        Some(Subcommand::Revert(cmd)) => with_database(&cli, cmd, |it| {
            let revert = Box::new(|client: Arc<_>, backend, blocks| {
                sc_consensus_babe::revert(Arc::clone(&client), backend, blocks)?;
                sc_consensus_grandpa::revert(client, blocks)?;
                Ok(())
            });
            cmd.run(it.client, it.backend, Some(revert))
        }),
        Some(Subcommand::ChainInfo(cmd)) => {
            let runner = cli.create_runner(cmd)?;
            runner.sync_run(|config| cmd.run::<Block>(&config))
        }
        None => {
            let runner = cli.create_runner(&cli.run)?;
            let worker = cli.worker.clone();
            runner.run_node_until_exit(|config| async move {
                service::new_full(config, worker).map_err(sc_cli::Error::Service)
            })
        }
    }
}

/// The parts of a node that work on its database.
struct Database {
    client: Arc<FullClient>,
    backend: Arc<FullBackend>,
    import_queue: DefaultImportQueue<Block>,
    config: Configuration,
}

/// Runs a subcommand on the database, without a network.
fn with_database<C, F>(cli: &Cli, cmd: &C, run: impl FnOnce(Database) -> F) -> sc_cli::Result<()>
where
    C: CliConfiguration,
    F: Future<Output = sc_cli::Result<()>>,
{
    cli.create_runner(cmd)?.async_run(|config| {
        let PartialComponents {
            client,
            backend,
            import_queue,
            task_manager,
            ..
        } = service::new_partial(&config)?;
        let database = Database {
            client,
            backend,
            import_queue,
            config,
        };
        Ok((run(database), task_manager))
    })
}
