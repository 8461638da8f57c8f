//! Several nodes and daemons that belong together.

use crate::{
    daemon::{Daemon, Fault},
    node::{export_spec, Chain, Node, NodePlan},
    rpc::wait_for,
    tools::Tools,
    workspace::Workspace,
};
use anyhow::{Context, Result};
use std::time::Duration;

/// The validators of the `local` preset.
pub const LOCAL_VALIDATORS: [&str; 4] = ["alice", "bob", "charlie", "dave"];

/// Which nodes get a daemon, and how it behaves.
#[derive(Clone, Debug)]
pub struct DaemonPlan {
    /// Name of the node it works for.
    pub node: String,
    /// How it lies, if it does.
    pub fault: Option<Fault>,
}

impl DaemonPlan {
    /// An honest daemon for this node.
    pub fn honest(node: &str) -> Self {
        Self {
            node: node.into(),
            fault: None,
        }
    }

    /// A lying daemon for this node.
    pub fn faulty(node: &str, fault: Fault) -> Self {
        Self {
            node: node.into(),
            fault: Some(fault),
        }
    }
}

/// A running network. Dropping it ends every process.
#[derive(Debug)]
pub struct Network {
    chain: Chain,
    nodes: Vec<Node>,
    daemons: Vec<(String, Daemon)>,
}

impl Network {
    /// One development node with a daemon.
    ///
    /// # Errors
    ///
    /// If a process cannot be started or does not answer.
    pub async fn development(tools: &Tools, workspace: &Workspace) -> Result<Self> {
        let mut network = Self {
            chain: Chain::Development,
            nodes: vec![],
            daemons: vec![],
        };
        network
            .add_daemon(tools, workspace, &DaemonPlan::honest("dev"))
            .await?;
        network
            .add_node(tools, workspace, NodePlan::full("dev"))
            .await?;
        Ok(network)
    }

    /// One development node alone, with more on its command line.
    ///
    /// # Errors
    ///
    /// If it cannot be started or does not answer.
    pub async fn bare(tools: &Tools, workspace: &Workspace, args: &[&str]) -> Result<Self> {
        let mut network = Self {
            chain: Chain::Development,
            nodes: vec![],
            daemons: vec![],
        };
        network
            .add_node(tools, workspace, NodePlan::full("dev").with_args(args))
            .await?;
        Ok(network)
    }

    /// A network on the exported raw specification of the `local` preset: its four validators,
    /// `full` more nodes, and daemons. All daemons look up what they lack in the first one's
    /// content store.
    ///
    /// # Errors
    ///
    /// If a process cannot be started or does not answer.
    pub async fn local(
        tools: &Tools,
        workspace: &Workspace,
        full: &[&str],
        daemons: &[DaemonPlan],
    ) -> Result<Self> {
        let mut network = Self::on_preset(tools, workspace, "local", daemons).await?;
        let validators = LOCAL_VALIDATORS
            .iter()
            .map(|name| NodePlan::validator(name));
        for plan in validators.chain(full.iter().map(|name| NodePlan::full(name))) {
            network.add_node(tools, workspace, plan).await?;
        }
        Ok(network)
    }

    /// Daemons, and no node yet, on the exported raw specification of a preset.
    ///
    /// # Errors
    ///
    /// If a process cannot be started or does not answer.
    pub async fn on_preset(
        tools: &Tools,
        workspace: &Workspace,
        preset: &str,
        daemons: &[DaemonPlan],
    ) -> Result<Self> {
        let spec = workspace.data("spec")?.join(format!("{preset}.raw.json"));
        export_spec(tools, preset, &spec)?;
        let mut network = Self {
            chain: Chain::Spec(spec),
            nodes: vec![],
            daemons: vec![],
        };
        for plan in daemons {
            network.add_daemon(tools, workspace, plan).await?;
        }
        Ok(network)
    }

    /// Starts one more node, which finds the others through the first, and has the daemon of its
    /// name if there is one.
    ///
    /// # Errors
    ///
    /// If it cannot be started or does not answer.
    pub async fn add_node(
        &mut self,
        tools: &Tools,
        workspace: &Workspace,
        plan: NodePlan,
    ) -> Result<()> {
        let plan = match self.daemon(&plan.name) {
            Ok(daemon) => plan.with_daemon(daemon.url()),
            Err(_) => plan,
        };
        let boot = match self.nodes.first() {
            Some(first) => Some(first.boot_address().await?),
            None => None,
        };
        let node = Node::start(tools, workspace, &self.chain, &plan, boot.as_deref()).await?;
        self.nodes.push(node);
        Ok(())
    }

    /// Ends a node and forgets it.
    ///
    /// # Errors
    ///
    /// If there is none of this name, or it cannot be ended.
    pub fn remove_node(&mut self, name: &str) -> Result<()> {
        self.node_mut(name)?.kill()?;
        self.nodes.retain(|node| node.name() != name);
        Ok(())
    }

    async fn add_daemon(
        &mut self,
        tools: &Tools,
        workspace: &Workspace,
        plan: &DaemonPlan,
    ) -> Result<()> {
        let name = format!("gpu-worker-{}", plan.node);
        let gateways: Vec<String> = self
            .daemons
            .first()
            .map(|(_, daemon)| daemon.url().to_string())
            .into_iter()
            .collect();
        let daemon = Daemon::start(tools, workspace, &name, &gateways, plan.fault).await?;
        self.daemons.push((plan.node.clone(), daemon));
        Ok(())
    }

    /// All nodes, in the order they were started.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The first node.
    ///
    /// # Errors
    ///
    /// If there is none.
    pub fn first(&self) -> Result<&Node> {
        self.nodes.first().context("a network without nodes")
    }

    /// The node of this name.
    ///
    /// # Errors
    ///
    /// If there is none.
    pub fn node(&self, name: &str) -> Result<&Node> {
        self.nodes
            .iter()
            .find(|node| node.name() == name)
            .with_context(|| format!("the network has no node {name}"))
    }

    /// As [`Network::node`].
    ///
    /// # Errors
    ///
    /// If there is none.
    pub fn node_mut(&mut self, name: &str) -> Result<&mut Node> {
        self.nodes
            .iter_mut()
            .find(|node| node.name() == name)
            .with_context(|| format!("the network has no node {name}"))
    }

    /// The daemon that works for this node.
    ///
    /// # Errors
    ///
    /// If there is none.
    pub fn daemon(&self, node: &str) -> Result<&Daemon> {
        self.daemons
            .iter()
            .find(|(of, _)| of == node)
            .map(|(_, daemon)| daemon)
            .with_context(|| format!("the node {node} has no daemon"))
    }

    /// As [`Network::daemon`].
    ///
    /// # Errors
    ///
    /// If there is none.
    pub fn daemon_mut(&mut self, node: &str) -> Result<&mut Daemon> {
        self.daemons
            .iter_mut()
            .find(|(of, _)| of == node)
            .map(|(_, daemon)| daemon)
            .with_context(|| format!("the node {node} has no daemon"))
    }

    /// All daemons with the names of their nodes.
    pub fn daemons(&self) -> impl Iterator<Item = (&str, &Daemon)> {
        self.daemons
            .iter()
            .map(|(node, daemon)| (node.as_str(), daemon))
    }

    /// Ids of all processes.
    pub fn pids(&self) -> Vec<u32> {
        let daemons = self.daemons.iter().map(|(_, daemon)| daemon.pid());
        self.nodes.iter().map(Node::pid).chain(daemons).collect()
    }

    /// Checks that every process still runs.
    ///
    /// # Errors
    ///
    /// For the first that has ended; the message has the end of its log.
    pub fn ensure_running(&mut self) -> Result<()> {
        for node in &mut self.nodes {
            node.ensure_running()?;
        }
        for (_, daemon) in &mut self.daemons {
            daemon.ensure_running()?;
        }
        Ok(())
    }

    /// Waits until each of these nodes has finalised block `number`; all nodes if `names` is
    /// empty.
    ///
    /// # Errors
    ///
    /// If one has not within `limit`.
    pub async fn wait_for_finality(
        &self,
        names: &[&str],
        number: u64,
        limit: Duration,
    ) -> Result<()> {
        let chosen = self
            .nodes
            .iter()
            .filter(|n| names.is_empty() || names.contains(&n.name()));
        for node in chosen {
            let what = format!("finality of block {number} on {}", node.name());
            wait_for(&what, limit, || async {
                Ok((node.rpc().finalized_block().await? >= number).then_some(()))
            })
            .await?;
        }
        Ok(())
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        // All are asked first, so that they end side by side.
        self.nodes.iter_mut().for_each(Node::request_stop);
        self.daemons
            .iter_mut()
            .for_each(|(_, daemon)| daemon.request_stop());
    }
}
