//! Template engines of the program itself keep their instances. They hold nothing from one call to the next, which the host
//! knows of its own code alone; a stranger's engine begins anew each time. What a kept instance does not do at its ease is
//! done in a fresh one, so no text and no error depends on what was rendered before.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use arena_model::Digest;
use wasmtime::Store;

use crate::bindings::template::{Template, TemplatePre};
use crate::component::Linked;
use crate::state::State;
use crate::turn::give_way;
use crate::{Asked, Component, Evaluation, Limits, Sandbox};

/// Most idle instances.
pub(crate) const IDLE: usize = 4;
/// Most texts that one instance renders.
const RENDERS: u32 = 1000;
/// A kept instance gets the limit of fuel divided by this: what needs more is a fresh one's to decide.
const EASE: u64 = 2;

/// Those that nobody uses now.
#[derive(Default)]
pub(crate) struct Kept(Mutex<Vec<Instance>>);

struct Instance {
    engine: Digest,
    limits: Limits,
    store: Store<State>,
    template: Template,
    /// Bytes of memory that it began with; one that took more is not kept.
    bytes: u64,
    renders: u32,
}

impl Kept {
    fn take(&self, component: &Component) -> Option<Instance> {
        let mut idle = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let fits = |instance: &Instance| instance.engine == component.digest && instance.limits == component.limits;
        let at = idle.iter().rposition(fits)?;
        Some(idle.remove(at))
    }

    fn put(&self, instance: Instance) {
        let is_sound = instance.renders < RENDERS && instance.store.data().limiter.peak() == instance.bytes;
        let mut idle = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if is_sound && idle.len() < IDLE {
            idle.push(instance);
        }
    }
}

impl Sandbox {
    /// Renders in an instance that is kept; none where a fresh one has to.
    pub(crate) async fn render_kept(
        &self,
        component: &Component,
        source: &str,
        variables: &str,
    ) -> Option<Evaluation<String>> {
        let Linked::Template(pre) = &component.linked else { return None };
        if !component.keeps_nothing || component.wants_wasi {
            return None;
        }
        give_way().await;
        let _slot = self.slots.acquire().await;
        let started = Instant::now();
        let mut instance = match self.kept.take(component) {
            Some(instance) => instance,
            None => self.begin(component, pre).await?,
        };
        let (text, fuel) = instance.render(source, variables).await?;
        let state = instance.store.data_mut();
        let evaluation = Evaluation {
            result: Ok(text),
            fuel,
            memory_bytes: state.limiter.peak(),
            duration: started.elapsed(),
            calls: Vec::new(),
            log: std::mem::take(&mut state.log),
        };
        self.kept.put(instance);
        Some(evaluation)
    }

    async fn begin(&self, component: &Component, pre: &TemplatePre<State>) -> Option<Instance> {
        let (mut store, _) = self.store(component, Default::default(), Asked::default(), 0);
        store.set_fuel(component.limits.fuel / EASE).ok()?;
        let template = pre.instantiate_async(&mut store).await.ok()?;
        let (engine, bytes) = (component.digest.clone(), store.data().limiter.peak());
        Some(Instance { engine, limits: component.limits, store, template, bytes, renders: 0 })
    }
}

impl Instance {
    /// The text, and the fuel that it took; none if anything is not as it should be.
    async fn render(&mut self, source: &str, variables: &str) -> Option<(String, u64)> {
        let Self { limits, store, template, .. } = self;
        store.data_mut().begin_again();
        store.data_mut().hand_over(source.len() + variables.len()).ok()?;
        let tank = limits.fuel / EASE;
        store.set_fuel(tank).ok()?;
        store.set_epoch_deadline(1);
        let rendered = template.arena_evaluator_templating().call_render(&mut *store, source, variables);
        let text = tokio::time::timeout(Duration::from_millis(limits.total_ms), rendered).await.ok()?.ok()?.ok()?;
        let left = store.get_fuel().ok().filter(|left| *left > 0)?;
        self.renders += 1;
        self.store.data().over_host_calls().is_none().then(|| (text, tank.saturating_sub(left)))
    }
}
