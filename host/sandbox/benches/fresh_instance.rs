//! What a check in a fresh instance costs, beside the least that wasmtime can do: a store, a pre-linked instance on the
//! pooling allocator and one typed call, without fuel, epochs and limits. Both judge the same answers, each another one.
//!
//! `fresh-instance COMPONENT ROUNDS CALLS` prints a JSON object: CPU microseconds a call, medians over the rounds.
//! `fresh-instance COMPONENT CALLS` makes the calls and prints nothing, for a count of instructions.
#![allow(clippy::print_stdout, reason = "its figures are its result")]
#![allow(missing_docs, reason = "generated; documented in the WIT")]

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use arena_model::{Author, Conversation, Message, Role};
use arena_sandbox::{
    Asked, Call, CompileChild, Component, Grants, Limits, Sandbox, SandboxSettings, compile_child_main,
};
use rustix::time::{ClockId, clock_gettime};
use wasmtime::component::{Component as Code, HasSelf, Linker, Resource, ResourceTable};
use wasmtime::{Config, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, Store};

use arena::evaluator::{embed, judge, log, subject, types};

wasmtime::component::bindgen!({
    path: "../../wit",
    world: "evaluator",
    imports: { default: trappable },
    with: { "arena:evaluator/subject.conversation": crate::Subject },
});

/// First argument of the process that compiles.
const COMPILER: &str = "__compile";
/// The check, and what it looks for.
const CHECK: (&str, &str) = ("contains", r#"{"patterns":["the parcel"]}"#);

pub struct Subject;

/// The floor's host: an answer, and nothing that is counted.
struct Host {
    table: ResourceTable,
    answer: Arc<Conversation>,
}

impl types::Host for Host {}
impl subject::Host for Host {}

impl subject::HostConversation for Host {
    fn turn(&mut self, _: Resource<Subject>) -> wasmtime::Result<Option<u32>> {
        Ok(self.answer.turn)
    }

    fn len(&mut self, _: Resource<Subject>) -> wasmtime::Result<u32> {
        Ok(self.answer.messages.len() as u32)
    }

    fn message(&mut self, _: Resource<Subject>, _: u32) -> wasmtime::Result<Option<types::Message>> {
        Ok(None)
    }

    fn text(&mut self, _: Resource<Subject>, at: u32) -> wasmtime::Result<Option<String>> {
        Ok(self.answer.messages.get(at as usize).map(|message| message.content.text().into_owned()))
    }

    fn last_reply(&mut self, _: Resource<Subject>) -> wasmtime::Result<Option<u32>> {
        Ok(self.answer.last_reply().map(|at| at as u32))
    }

    fn by_role(&mut self, _: Resource<Subject>, _: String) -> wasmtime::Result<Vec<u32>> {
        Ok(Vec::new())
    }

    fn tool_calls(&mut self, _: Resource<Subject>) -> wasmtime::Result<Vec<types::ToolCall>> {
        Ok(Vec::new())
    }

    fn events(&mut self, _: Resource<Subject>, _: String) -> wasmtime::Result<Vec<types::Event>> {
        Ok(Vec::new())
    }

    fn fact(&mut self, _: Resource<Subject>, _: String) -> wasmtime::Result<Option<String>> {
        Ok(None)
    }

    fn drop(&mut self, handle: Resource<Subject>) -> wasmtime::Result<()> {
        self.table.delete(handle)?;
        Ok(())
    }
}

impl log::Host for Host {
    fn write(&mut self, _: log::Level, _: String) -> wasmtime::Result<()> {
        Ok(())
    }
}

impl judge::Host for Host {
    fn ask(&mut self, _: judge::Question) -> wasmtime::Result<Result<judge::Answer, judge::JudgeError>> {
        Ok(Err(judge::JudgeError::Unknown(String::new())))
    }
}

impl embed::Host for Host {
    fn embed(
        &mut self,
        _: Option<String>,
        _: Vec<String>,
    ) -> wasmtime::Result<Result<Vec<Vec<f32>>, embed::EmbedError>> {
        Ok(Err(embed::EmbedError::Unknown(String::new())))
    }
}

/// An answer of 1 KB, another one for each number.
fn answer(number: usize) -> Arc<Conversation> {
    let mut text = format!("About order {number:08}: ");
    while text.len() < 1000 {
        text.push_str("we have looked at what the carrier says, and it is still on its way to you; ");
    }
    text.truncate(1000);
    text.push_str("the parcel will arrive.");
    let said = Message::text(Role::Assistant, Author::Model, text);
    Arc::new(Conversation { messages: vec![said], turns: vec![0], ..Conversation::default() })
}

struct Floor {
    engine: Engine,
    pre: EvaluatorPre<Host>,
}

impl Floor {
    fn new(bytes: &[u8]) -> wasmtime::Result<Self> {
        let mut pool = PoolingAllocationConfig::new();
        // One at a time; a counter of instructions cannot give a process terabytes of addresses.
        pool.total_component_instances(2).total_core_instances(10).total_memories(2).total_tables(20).total_stacks(2);
        pool.max_memory_size(64 << 20).table_elements(100_000).linear_memory_keep_resident(2 << 20);
        pool.max_component_instance_size(8 << 20).max_core_instance_size(8 << 20);
        pool.table_keep_resident(16 << 10).pagemap_scan(wasmtime::Enabled::Auto);
        let mut config = Config::new();
        config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
        let engine = Engine::new(&config)?;
        let code = Code::new(&engine, bytes)?;
        let mut linker = Linker::<Host>::new(&engine);
        Evaluator::add_to_linker::<Host, HasSelf<Host>>(&mut linker, |host| host)?;
        Ok(Self { pre: EvaluatorPre::new(linker.instantiate_pre(&code)?)?, engine })
    }

    fn call(&self, number: usize) -> wasmtime::Result<bool> {
        let mut store = Store::new(&self.engine, Host { table: ResourceTable::new(), answer: answer(number) });
        let instance = self.pre.instantiate(&mut store)?;
        let handle = store.data_mut().table.push(Subject)?;
        let borrowed = Resource::new_borrow(handle.rep());
        let verdict = instance.arena_evaluator_checks().call_evaluate(&mut store, CHECK.0, CHECK.1, borrowed)?;
        Ok(verdict.is_ok_and(|verdict| verdict.passed == Some(true)))
    }
}

async fn ours(sandbox: &Sandbox, component: &Component, number: usize) -> bool {
    let call = Call {
        check: CHECK.0.to_owned(),
        params: CHECK.1.to_owned(),
        conversation: answer(number),
        asked: Asked::default(),
        seed: number as u64,
    };
    sandbox.evaluate(component, &call).await.result.is_ok_and(|verdict| verdict.passed == Some(true))
}

fn cpu() -> Duration {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(now.tv_sec as u64, now.tv_nsec as u32)
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN)
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.first().is_some_and(|first| first == COMPILER) {
        return compile_child_main();
    }
    match measure(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("fresh-instance: {error}");
            ExitCode::FAILURE
        }
    }
}

fn measure(arguments: &[String]) -> Result<(), Box<dyn Error>> {
    let (component, rounds, calls) = match arguments {
        [component, calls] => (component, 0, calls.parse::<usize>()?),
        [component, rounds, calls] => (component, rounds.parse::<usize>()?, calls.parse::<usize>()?),
        _ => return Err("usage: fresh-instance COMPONENT [ROUNDS] CALLS".into()),
    };
    let bytes = std::fs::read(component)?;
    let cache = tempfile::tempdir()?;
    let floor = if rounds > 0 { Some(Floor::new(&bytes)?) } else { None };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (mut floors, mut guarded) = (Vec::new(), Vec::new());
    let mut wrong = 0;
    runtime.block_on(async {
        let sandbox = Sandbox::new(SandboxSettings {
            cache: cache.path().to_owned(),
            compiler: CompileChild {
                program: PathBuf::from("/proc/self/exe"),
                arguments: vec![COMPILER.to_owned()],
                wall: CompileChild::WALL,
            },
            slots: 1,
            threads: 1,
            epoch: Duration::from_secs(1_767_225_600),
        })?;
        let component =
            sandbox.load("text", &bytes, Limits::compiled(), Grants { embed: true, ..Grants::default() }).await?;
        for round in 0..=rounds {
            let numbers = round * calls..(round + 1) * calls;
            let since = cpu();
            for number in numbers.clone() {
                wrong += usize::from(!floor.as_ref().map_or(Ok(true), |floor| floor.call(number))?);
            }
            let between = cpu();
            for number in numbers {
                wrong += usize::from(!ours(&sandbox, &component, number).await);
            }
            // The first round warms both up.
            if round > 0 {
                let each = |took: Duration| took.as_secs_f64() * 1e6 / calls as f64;
                floors.push(each(between.saturating_sub(since)));
                guarded.push(each(cpu().saturating_sub(between)));
            }
        }
        Ok::<_, Box<dyn Error>>(())
    })?;
    if wrong > 0 {
        return Err(format!("{wrong} calls did not give the verdict they must").into());
    }
    if rounds > 0 {
        println!("{}", serde_json::json!({"floor_us": median(floors), "ours_us": median(guarded)}));
    }
    Ok(())
}
