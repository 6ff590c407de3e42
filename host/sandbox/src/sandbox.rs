//! The sandbox: engine, compile cache and evaluation pool of one process.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use arena_model::{ComponentMetadata, Digest};
use tokio::runtime::Runtime;
use tokio::sync::Semaphore;
use wasmtime::component::Component as Code;

use crate::cache::Cache;
use crate::compile::{CompileChild, compile};
use crate::component::{Linked, check_imports, link};
use crate::engine::Runner;
use crate::kept::{IDLE, Kept};
use crate::turn::{Begun, Turn, Work};
use crate::{Component, Grants, GuestError, Limits, LoadError, inspect};

/// How to build a [`Sandbox`].
#[derive(Clone, Debug)]
pub struct SandboxSettings {
    /// Folder of compiled code; made if missing. If it cannot be used, every component is compiled anew.
    pub cache: PathBuf,
    /// The compiler child.
    pub compiler: CompileChild,
    /// Evaluations at once; the rest wait. Each slot reserves address space, not memory.
    pub slots: u32,
    /// Threads that run guests; usually the number of cores.
    pub threads: usize,
    /// The frozen clock guests see, since 1970.
    pub epoch: Duration,
}

/// Runs guests. One per process; share it by `Arc`.
pub struct Sandbox {
    pub(crate) runner: Runner,
    pub(crate) epoch: Duration,
    pub(crate) slots: Arc<Semaphore>,
    /// None where the folder cannot be used.
    cache: Option<Cache>,
    compiler: CompileChild,
    engine_key: String,
    turn: Turn,
    pub(crate) kept: Kept,
    /// Present until drop.
    pool: Option<Runtime>,
}

impl Sandbox {
    /// Starts the engine, its clock and its threads.
    pub fn new(settings: SandboxSettings) -> Result<Arc<Self>, LoadError> {
        let failed = |detail: String| LoadError::SandboxFailed { name: "sandbox".to_owned(), detail };
        let cache = Cache::open(&settings.cache)
            .inspect_err(|error| {
                let folder = settings.cache.display();
                tracing::warn!("components are compiled anew each time: the cache {folder} cannot be used: {error}");
            })
            .ok();
        let runner =
            Runner::new(settings.slots.saturating_add(IDLE as u32)).map_err(|error| failed(format!("{error:#}")))?;
        let engine_key = {
            use std::hash::{Hash, Hasher};
            // Stable for one build of this program, which is all that compiled code outlives.
            let mut hasher = std::hash::DefaultHasher::new();
            runner.engine.precompile_compatibility_hash().hash(&mut hasher);
            format!("{:016x}", hasher.finish())
        };
        let pool = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(settings.threads.max(1))
            .thread_name("arena-guest")
            .enable_time()
            .build()
            .map_err(|error| failed(error.to_string()))?;
        Ok(Arc::new(Self {
            runner,
            epoch: settings.epoch,
            slots: Arc::new(Semaphore::new(settings.slots as usize)),
            cache,
            compiler: settings.compiler,
            engine_key,
            turn: Turn::default(),
            kept: Kept::default(),
            pool: Some(pool),
        }))
    }

    /// Checks, compiles (or finds compiled) and links a component, and asks it once what it is if it carries no
    /// metadata. A failure concerns this component alone.
    pub async fn load(
        self: &Arc<Self>,
        name: &str,
        bytes: &[u8],
        limits: Limits,
        grants: Grants,
    ) -> Result<Component, LoadError> {
        let inspected = inspect::inspect(name, bytes)?;
        check_imports(name, &inspected, grants)?;
        let digest = Digest::of(bytes);
        let code = self.code(name, bytes, &digest).await?;
        let linked = link(name, &self.runner.engine, &code, &inspected, grants)?;
        let mut component = Component {
            name: name.to_owned(),
            digest,
            metadata: ComponentMetadata {
                name: name.to_owned(),
                version: String::new(),
                world: inspected.world.as_str().to_owned(),
                description: String::new(),
                checks: Vec::new(),
            },
            world: inspected.world,
            limits,
            grants: Grants {
                judge: grants.judge && inspected.wants("judge"),
                embed: grants.embed && inspected.wants("embed"),
            },
            linked,
            wants_wasi: inspected.wants_wasi(),
            keeps_nothing: false,
        };
        let text = match inspected.metadata {
            Some(text) => text,
            None => self.described(&component).await?,
        };
        component.metadata = inspect::metadata(name, component.world, &text)?;
        Ok(component)
    }

    /// Whether `describe` says what the metadata section says. Runs the guest.
    pub async fn check_description(self: &Arc<Self>, component: &Component) -> Result<(), LoadError> {
        let text = self.described(component).await?;
        if inspect::metadata(&component.name, component.world, &text)? == component.metadata {
            return Ok(());
        }
        let detail = "its metadata section and its `describe` disagree; build it again".to_owned();
        Err(LoadError::MetadataInvalid { name: component.name.clone(), detail })
    }

    async fn described(self: &Arc<Self>, component: &Component) -> Result<String, LoadError> {
        self.describe(component).await.map_err(|error| LoadError::MetadataInvalid {
            name: component.name.clone(),
            detail: format!("asking it to describe itself failed: {error}"),
        })
    }

    async fn code(&self, name: &str, bytes: &[u8], digest: &Digest) -> Result<Code, LoadError> {
        if let Some(code) = self.cache.as_ref().and_then(|cache| cache.get(digest, &self.engine_key))
            && let Ok(code) = self.adopt(&code)
        {
            return Ok(code);
        }
        let code = compile(&self.compiler, name, bytes).await?;
        if let Some(Err(error)) = self.cache.as_ref().map(|cache| cache.put(digest, &self.engine_key, &code)) {
            tracing::warn!(%error, component = name, "compiled code could not be cached");
        }
        // The compiler is this program, so what the engine refuses now is what this component asks of it: more
        // instances, memories or tables than any evaluation may have.
        self.adopt(&code).map_err(|detail| LoadError::InstanceTooLarge { name: name.to_owned(), detail })
    }

    /// Loads machine code that this program's own compiler child made, or that the cache authenticated.
    #[allow(unsafe_code, reason = "wasmtime cannot check machine code; `code` only passes what we compiled ourselves")]
    fn adopt(&self, code: &[u8]) -> Result<Code, String> {
        // SAFETY: the bytes come from `Engine::precompile_component` of the same program, over a pipe from our own
        // child or from a file whose keyed hash was checked with a key only this user can read.
        unsafe { Code::deserialize(&self.runner.engine, code) }.map_err(|error| format!("{error:#}"))
    }

    /// Runs `work`, which runs guests, so that IO waits behind none for long: it begins here, and what is not done in a
    /// moment goes on on the threads that are for guests. Dropping the returned future cancels the work.
    pub fn on_pool<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> impl Future<Output = Result<T, GuestError>> + Send {
        // Boxed before anything waits for it, so that those who do stay small: they are moved about.
        self.visit(Box::pin(work))
    }

    async fn visit<T: Send + 'static>(&self, work: Work<T>) -> Result<T, GuestError> {
        let pool = self.pool.as_ref().ok_or_else(|| GuestError::SandboxFailed("it is shutting down".to_owned()))?;
        let rest = match self.turn.begin(work).await {
            Begun::Done(done) => return Ok(done),
            Begun::Panicked => return Err(GuestError::SandboxFailed("a visit to it panicked".to_owned())),
            Begun::Open(rest) => rest,
        };
        let task = AbortOnDrop(pool.spawn(rest));
        let AbortOnDrop(handle) = &mut { task };
        handle.await.map_err(|error| GuestError::SandboxFailed(error.to_string()))
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        // A runtime must not be dropped from within async code; in the background it may.
        if let Some(pool) = self.pool.take() {
            pool.shutdown_background();
        }
    }
}

struct AbortOnDrop<T>(tokio::task::JoinHandle<T>);

impl<T> Drop for AbortOnDrop<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl std::fmt::Debug for Linked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Evaluator(_) => "evaluator",
            Self::Guardrail(_) => "guardrail",
            Self::Template(_) => "template",
        })
    }
}
