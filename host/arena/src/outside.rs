//! Flags that say whom the tools of a bundle may call. A bundle can grant itself nothing.

use std::path::Path;

use arena_egress::AllowList;

use crate::verdict;

/// What tools may do outside.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "What tools may do")]
pub struct Outside {
    /// Let tools of the bundle call this host, at port 443 unless another one is given. A network as 10.96.0.0/12 lets
    /// no host be called: hosts that are named may have addresses in it. A run that was started so is resumed with the
    /// same.
    #[arg(long, value_name = "HOST[:PORT]", value_parser = parse_host)]
    allow_host: Vec<String>,
    /// Let tools of the bundle send the value of this environment variable in a header.
    #[arg(long, value_name = "NAME")]
    pub tool_env: Vec<String>,
}

impl Outside {
    /// The flags once more, each after a space.
    pub fn flags(&self) -> String {
        let word = |text: &String| verdict::shell_word(Path::new(text));
        let hosts = self.allow_host.iter().map(|host| format!(" --allow-host {}", word(host)));
        hosts.chain(self.tool_env.iter().map(|name| format!(" --tool-env {}", word(name)))).collect()
    }

    /// The hosts of the flags and these, sorted.
    pub fn hosts(&self, mut others: Vec<String>) -> Vec<String> {
        others.extend(self.allow_host.iter().cloned());
        others.sort();
        others.dedup();
        others
    }
}

fn parse_host(text: &str) -> Result<String, String> {
    AllowList::parse([text]).map(|_| text.to_owned()).map_err(|error| error.to_string())
}
