//! What a watcher of a stream is shown of it: the text without credentials, which may lie across two pieces.

use std::ops::ControlFlow;

use crate::chat::Watch;
use crate::secret::Redactor;

/// Stands between a stream and who watches it.
pub(crate) struct Tap<'a> {
    watch: &'a dyn Watch,
    redactor: &'a Redactor,
    /// What may be the beginning of a credential.
    held: String,
    shown: String,
}

impl<'a> Tap<'a> {
    pub(crate) fn new(watch: &'a dyn Watch, redactor: &'a Redactor) -> Self {
        Self { watch, redactor, held: String::new(), shown: String::new() }
    }

    /// Shows more of the text, as far as it is known to hold no credential.
    pub(crate) async fn more(&mut self, text: &str) -> ControlFlow<()> {
        self.held.push_str(text);
        self.redactor.text(&mut self.held);
        let end = self.held.len().saturating_sub(self.redactor.longest().saturating_sub(1));
        let end = self.held.floor_char_boundary(end);
        if end == 0 {
            return ControlFlow::Continue(());
        }
        let piece: String = self.held.drain(..end).collect();
        self.shown.push_str(&piece);
        self.watch.more(&piece).await
    }

    /// All that was shown.
    pub(crate) fn into_shown(self) -> String {
        self.shown
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use async_trait::async_trait;

    use super::*;
    use crate::Secret;

    #[derive(Debug, Default)]
    struct Pieces(Mutex<Vec<String>>);

    #[async_trait]
    impl Watch for Pieces {
        async fn begin(&self) {}

        async fn more(&self, text: &str) -> ControlFlow<()> {
            self.0.lock().unwrap().push(text.to_owned());
            if text.contains("stop") { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        }
    }

    #[tokio::test]
    async fn a_credential_is_never_shown_not_even_in_pieces() {
        let (pieces, redactor) = (Pieces::default(), Redactor::new(&[Secret::new("sk-secret-1")]));
        let mut tap = Tap::new(&pieces, &redactor);
        for piece in ["the key is sk-se", "cret-1, äöü", " and on it goes", " for a while"] {
            assert!(tap.more(piece).await.is_continue());
        }
        let shown = pieces.0.lock().unwrap().concat();
        assert!(shown.starts_with("the key is ***, äöü and on"), "{shown}");
        assert_eq!(tap.into_shown(), shown);
    }

    #[tokio::test]
    async fn without_credentials_all_is_shown_at_once() {
        let (pieces, redactor) = (Pieces::default(), Redactor::new(&[]));
        let mut tap = Tap::new(&pieces, &redactor);
        assert!(tap.more("go on").await.is_continue());
        assert!(tap.more("").await.is_continue());
        assert!(tap.more("stop").await.is_break());
        assert_eq!(*pieces.0.lock().unwrap(), ["go on", "stop"]);
    }
}
