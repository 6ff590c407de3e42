//! Flags that say how conversations go on and what is looked at.

use arena_model::{Compat, Conduct, OnFailedTurn};
use clap::ValueEnum;

/// How conversations go on.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "How conversations go on")]
pub struct Flags {
    /// What becomes of the turns after one that failed [default: stop].
    #[arg(long, value_name = "WHAT", value_enum, conflicts_with = "resume")]
    on_failed_turn: Option<After>,
    /// Do as PromptArena does where we would not, as a list with commas.
    #[arg(long, value_name = "WAYS", value_enum, value_delimiter = ',', conflicts_with = "resume")]
    compat: Vec<Way>,
}

/// What becomes of later turns.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum After {
    /// They are not run.
    Stop,
    /// They are run and judged; the case has failed all the same.
    Continue,
}

/// Ways of the original runner.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Way {
    /// Each turn of a recording is judged on the last reply of all.
    LastReply,
    /// Values of variables are looked through for tokens, too, up to ten times.
    ExpandedValues,
}

impl Flags {
    /// These over what a config says.
    pub fn over(&self, config: Conduct) -> Conduct {
        let asked = self.compat.iter().map(|way| match way {
            Way::LastReply => Compat::LastReply,
            Way::ExpandedValues => Compat::ExpandedValues,
        });
        let mut compat: Vec<Compat> = config.compat.into_iter().chain(asked).collect();
        compat.sort_unstable();
        compat.dedup();
        let on_failed_turn = match self.on_failed_turn {
            Some(After::Stop) => OnFailedTurn::Stop,
            Some(After::Continue) => OnFailedTurn::Continue,
            None => config.on_failed_turn,
        };
        Conduct { on_failed_turn, compat }
    }
}
