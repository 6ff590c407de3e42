//! What a test stands on: a sandbox, the built components, judges, and a good evaluation to compare with.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use arena_model::{Author, Conversation, Message, Role, Usage};
use arena_sandbox::{
    Asked, Call, CompileChild, Component, EmbedAnswer, EmbedFailure, EmbedHost, EmbedQuestion, Evaluation, Grants,
    GuestError, JudgeAnswer, JudgeFailure, JudgeHost, JudgeQuestion, Limits, LoadError, Sandbox, SandboxSettings,
};
use serde_json::{Value, json};
use tokio::sync::OnceCell;

/// The frozen clock of all tests.
pub const EPOCH: Duration = Duration::from_secs(1_700_000_000);
/// What the good evaluation judges.
pub const REPLY: &str = "the capital of France is Paris";
/// How much longer than its limits an evaluation may take.
const GRACE: Duration = Duration::from_secs(1);

/// A sandbox and what was measured on it.
pub struct Stand {
    pub sandbox: Arc<Sandbox>,
    good: OnceCell<(Arc<Component>, u64)>,
}

impl Stand {
    /// With room for `slots` evaluations at once. All stands share one compile cache, kept between test runs.
    pub fn new(slots: u32) -> Self {
        let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("compiled");
        Self::with(&cache, compiler(), slots).unwrap()
    }

    /// With a cache and a compiler of its own.
    pub fn with(cache: &Path, compiler: CompileChild, slots: u32) -> Result<Self, LoadError> {
        let settings = SandboxSettings { cache: cache.to_owned(), compiler, slots, threads: 2, epoch: EPOCH };
        Ok(Self { sandbox: Sandbox::new(settings)?, good: OnceCell::new() })
    }

    /// Loads bytes under a name.
    pub async fn bytes(&self, name: &str, bytes: &[u8], limits: Limits) -> Arc<Component> {
        Arc::new(self.sandbox.load(name, bytes, limits, Grants { judge: true, embed: true }).await.unwrap())
    }

    /// Loads a hostile guest.
    pub async fn hostile(&self, name: &str, limits: Limits) -> Arc<Component> {
        self.bytes(name, &built(&format!("hostile/{name}")), limits).await
    }

    /// Judges [`conversation`] on the pool.
    pub async fn judge(&self, component: &Arc<Component>, params: Value) -> Evaluation {
        self.call(component, call(component.name(), params)).await
    }

    /// Runs a call on the pool, and sees to it that it ends in time.
    pub async fn call(&self, component: &Arc<Component>, call: Call) -> Evaluation {
        let limits = *component.limits();
        let (sandbox, component) = (self.sandbox.clone(), component.clone());
        let evaluation = self.sandbox.on_pool(async move { sandbox.evaluate(&component, &call).await }).await.unwrap();
        // What ends by time has had two attempts.
        let deadline = Duration::from_millis(limits.total_ms.min(limits.guest_ms));
        let attempts = if is_time(&evaluation) { 2 } else { 1 };
        assert!(evaluation.duration < deadline * attempts + GRACE, "took {:?}", evaluation.duration);
        evaluation
    }

    /// Judges, and what came before must not show: a good check passes with the fuel it always takes.
    pub async fn still_sound(&self) {
        let (component, fuel) = self
            .good
            .get_or_init(|| async {
                let component = self.bytes("text", &built("text"), Limits::compiled()).await;
                let fuel = self.good(&component).await.fuel;
                (component, fuel)
            })
            .await;
        assert_eq!(self.good(component).await.fuel, *fuel);
    }

    async fn good(&self, component: &Arc<Component>) -> Evaluation {
        let evaluation = self.call(component, call("contains", json!({"patterns": ["Paris"]}))).await;
        passes(&evaluation);
        evaluation
    }
}

fn is_time(evaluation: &Evaluation) -> bool {
    matches!(evaluation.result, Err(GuestError::GuestTimeout { .. } | GuestError::EvaluationTimeout { .. }))
}

/// Asserts a pass.
#[track_caller]
pub fn passes(evaluation: &Evaluation) {
    let verdict = evaluation.result.as_ref().unwrap_or_else(|error| panic!("{error:?}"));
    assert_eq!(verdict.passed, Some(true), "{}", verdict.reason);
    assert!(evaluation.fuel > 0 && evaluation.memory_bytes > 0);
}

/// Asserts that it ended with exactly this.
#[track_caller]
pub fn fails(evaluation: &Evaluation, error: &GuestError) {
    assert_eq!(evaluation.result.as_ref().unwrap_err(), error);
}

/// A question and an answer.
pub fn conversation() -> Arc<Conversation> {
    let messages = vec![
        Message::text(Role::User, Author::Script, "what is the capital of France?"),
        Message::text(Role::Assistant, Author::Model, REPLY),
    ];
    Arc::new(Conversation { messages, turns: vec![0, 0], ..Conversation::default() })
}

/// A call of `check` on [`conversation`].
pub fn call(check: &str, params: Value) -> Call {
    Call {
        check: check.to_owned(),
        params: params.to_string(),
        conversation: conversation(),
        asked: Asked::default(),
        seed: 7,
    }
}

/// A built component by its name below the components' folder.
pub fn built(name: &str) -> Vec<u8> {
    let folder = std::env::var_os("ARENA_COMPONENTS")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/components"), PathBuf::from);
    let path = folder.join(format!("{name}.wasm"));
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}; run ./x build first", path.display()))
}

/// The compiler child, which cargo builds beside the tests.
pub fn compiler() -> CompileChild {
    CompileChild { program: compiler_path(), arguments: Vec::new(), wall: CompileChild::WALL }
}

/// Where the compiler child is.
pub fn compiler_path() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let path = test.parent().and_then(Path::parent).unwrap().join("examples/compile_child");
    assert!(path.exists(), "{} is missing; cargo test -p arena-sandbox --examples builds it", path.display());
    path
}

/// Answers every question after a wait, and counts them.
#[derive(Default)]
pub struct Judge {
    pub wait: Duration,
    pub silent: bool,
    pub answer: String,
    pub asked: AtomicU32,
}

impl Judge {
    /// Questions so far.
    pub fn asked(&self) -> u32 {
        self.asked.load(Ordering::SeqCst)
    }
}

#[async_trait::async_trait]
impl JudgeHost for Judge {
    async fn ask(&self, _: &JudgeQuestion) -> Result<JudgeAnswer, JudgeFailure> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        if self.silent {
            std::future::pending::<()>().await;
        }
        tokio::time::sleep(self.wait).await;
        let (judge, text) = ("strict".to_owned(), self.answer.clone());
        Ok(JudgeAnswer { judge, text, usage: Usage::default(), cost_usd_micro: Some(1) })
    }
}

/// The call of a guest that asks `judge`.
pub fn asking(params: Value, judge: &Arc<Judge>) -> Call {
    let asked = Asked { judge: Some(judge.clone()), embed: None };
    Call { asked, ..call("judge-flood", params) }
}

/// Answers every text with a vector of so many numbers, and counts the calls.
#[derive(Default)]
pub struct Vectors {
    pub length: usize,
    pub fails: bool,
    pub asked: AtomicU32,
}

#[async_trait::async_trait]
impl EmbedHost for Vectors {
    async fn embed(&self, question: &EmbedQuestion) -> Result<EmbedAnswer, EmbedFailure> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        if self.fails {
            return Err(EmbedFailure::Failed("embedder `e`: down".to_owned()));
        }
        let vectors = vec![vec![0.1; self.length]; question.texts.len()];
        Ok(EmbedAnswer { embedder: "e".to_owned(), vectors, usage: Usage::default(), cost_usd_micro: Some(2) })
    }
}

/// The call of a guest that asks `vectors`.
pub fn embedding(params: Value, vectors: &Arc<Vectors>) -> Call {
    let asked = Asked { judge: None, embed: Some(vectors.clone()) };
    Call { asked, ..call("embed-flood", params) }
}
