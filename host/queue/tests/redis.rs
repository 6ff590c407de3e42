//! The queue in Redis held to the contract.

mod rig;

use std::sync::Arc;
use std::time::Duration;

use arena_queue::contract::{Rig, walk};
use arena_queue::{JobId, ManualClock, Queue, RedisQueue};
use async_trait::async_trait;
use proptest::prelude::*;
use proptest::test_runner::Config;

struct InRedis {
    queue: RedisQueue,
    clock: Arc<ManualClock>,
    _server: rig::Server,
}

impl InRedis {
    fn new() -> Self {
        let (server, clock) = (rig::Server::start(), Arc::new(ManualClock::default()));
        let queue = RedisQueue::with_clock(server.options(), clock.clone()).expect("a valid address");
        Self { queue, clock, _server: server }
    }
}

#[async_trait]
impl Rig for InRedis {
    fn queue(&self) -> &dyn Queue {
        &self.queue
    }

    async fn advance(&self, by: Duration) {
        self.clock.advance(by);
    }
}

arena_queue::contract_tests!(InRedis::new());

#[test]
fn random_walks_equal_the_model() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let _entered = runtime.enter();
    let rig = InRedis::new();
    let config = Config { cases: 192, failure_persistence: None, ..Config::default() };
    proptest!(config, |(walk in walk::walks())| {
        runtime.block_on(async {
            walk::follow(&rig, &walk).await.unwrap();
            rig.queue.remove(&JobId::new("walk").unwrap()).await.unwrap();
        });
    });
}
