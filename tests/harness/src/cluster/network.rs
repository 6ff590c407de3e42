//! The node's addresses, and the one link between it and the machine.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use tokio::process::Command;

use super::world::World;
use crate::control_plane::SERVICES;
use crate::{HarnessError, command, program};

/// The node.
pub(super) const NODE: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 255, 0, 1));
/// The machine, as the node and its pods see it.
pub(super) const HOST: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 255, 0, 254));
/// Pods.
pub(super) const PODS: &str = "10.244.0.0/24";
/// The machine's end of the link. It goes with the node's namespace.
const LINK: &str = "arena0";

/// Longest time of one command.
const LIMIT: Duration = Duration::from_secs(30);

/// The link while it is there. The kernel takes it down some time after the namespace's last process has ended; dropping
/// this takes it down at once.
#[derive(Debug)]
pub(super) struct Link(());

impl Drop for Link {
    fn drop(&mut self) {
        if let Ok(ip) = program::IP.find() {
            let mut command = std::process::Command::new(ip);
            let _ = command.args(["link", "delete", LINK]).stderr(std::process::Stdio::null()).status();
        }
    }
}

/// Links the node's namespace with the machine's, and makes Services and pods reachable from the machine. The node
/// reaches the machine and nothing beyond.
pub(super) async fn link(world: &World) -> Result<Link, HarnessError> {
    let init = world.init().to_string();
    ip(&["link", "add", LINK, "type", "veth", "peer", "name", "eth0", "netns", &init]).await?;
    let link = Link(());
    ip(&["address", "add", &format!("{HOST}/24"), "dev", LINK]).await?;
    ip(&["link", "set", LINK, "up"]).await?;
    world.run(&["ip", "address", "add", &format!("{NODE}/24"), "dev", "eth0"]).await?;
    world.run(&["ip", "link", "set", "eth0", "up"]).await?;
    // Programs look for a default route to learn the node's address.
    world.run(&["ip", "route", "add", "default", "via", &HOST.to_string()]).await?;
    for range in [SERVICES, PODS] {
        ip(&["route", "add", range, "via", &NODE.to_string()]).await?;
    }
    Ok(link)
}

/// Removes the link, if a node left it.
pub(super) async fn unlink() {
    let _ = ip(&["link", "delete", LINK]).await;
}

async fn ip(arguments: &[&str]) -> Result<String, HarnessError> {
    command::output(Command::new(program::IP.find()?).args(arguments), LIMIT).await
}
