//! Guardrails on text that still comes in: takes the words or the limit the user named and a reply piece by piece, says when
//! the reply is past saving. It says so only where the check of the same name on the whole reply (component `text`) says the
//! same, whatever follows; where that depends on what follows, it waits.

mod forbidden;
mod length;

use arena_guest::prelude::*;

use forbidden::{Banned, Excluded, Forbidden};
use length::{Limit, MaxLength};

/// Guardrails on text that still comes in: words and lengths.
#[guardrail(name = "stream")]
mod guards {
    use super::*;

    /// Ends the stream once it contains one of the patterns.
    #[check(name = "content_excludes", aliases = ["content_not_includes"])]
    fn content_excludes(params: Excluded) -> Result<Forbidden, CheckError> {
        Ok(params.watch())
    }

    /// Ends the stream once it contains one of the words; only whole words count.
    #[check(name = "banned_words")]
    fn banned_words(params: Banned) -> Result<Forbidden, CheckError> {
        Ok(params.watch())
    }

    /// Ends the stream once it has more than this many bytes (or tokens, taken as bytes/4).
    #[check(name = "max_length", aliases = ["length"])]
    fn max_length(params: MaxLength) -> Result<Limit, CheckError> {
        Ok(params.watch())
    }
}
