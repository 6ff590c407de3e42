//! The scripts: each is the head, a clock and its own part.

use redis::{Script, ScriptInvocation};

use crate::JobId;

/// Name and text of each script.
macro_rules! scripts {
    ($($name:ident),+ $(,)?) => {
        pub(super) struct Scripts { clock: Clock, $(pub $name: Script),+ }

        impl Scripts {
            pub fn new(clock: Clock) -> Self {
                $(let $name = Script::new(&[
                    include_str!("lua/head.lua"),
                    clock.text(),
                    include_str!(concat!("lua/", stringify!($name), ".lua")),
                ].concat());)+
                Self { clock, $($name),+ }
            }
        }
    };
}

scripts!(
    cancel, claim, commit, create, fail, finalize, finish, heartbeat, last, page, reassert, reclaim, register, release,
    remove, seal, snapshot,
);

/// Where the scripts take the time from.
pub(super) enum Clock {
    /// Redis.
    Server,
    /// A clock of a test.
    #[cfg(feature = "contract")]
    Manual(std::sync::Arc<dyn crate::Clock>),
}

impl Clock {
    fn text(&self) -> &'static str {
        match self {
            Self::Server => include_str!("lua/clock.lua"),
            #[cfg(feature = "contract")]
            Self::Manual(_) => include_str!("lua/clock_manual.lua"),
        }
    }
}

/// Prefix of all keys of a job; the braces keep them in one slot of a cluster.
pub(super) fn prefix(job: &JobId) -> String {
    format!("arena:{{{job}}}:")
}

/// Arguments behind the run id.
pub(super) type Arguments = Vec<Vec<u8>>;

impl Scripts {
    /// A call of one of the scripts.
    pub fn call<'a>(&self, script: &'a Script, job: &JobId, run: &str, arguments: &Arguments) -> ScriptInvocation<'a> {
        let mut call = script.prepare_invoke();
        call.key(format!("{}meta", prefix(job))).arg(run).arg(arguments);
        match &self.clock {
            Clock::Server => {}
            #[cfg(feature = "contract")]
            Clock::Manual(clock) => {
                call.arg(super::wire::micros(clock.now().0));
            }
        }
        call
    }
}
