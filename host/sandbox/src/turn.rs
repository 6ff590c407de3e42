//! Where a guest runs. Most are done in microseconds, less than it takes to wake another thread, so each begins on the
//! thread that asks. What is not done by its first tick, or waits for something, goes on among the threads that are for
//! guests; and after one that took long, all others go there at once for a while.
//!
//! Visits take turns: before each, and after it, whoever else is ready comes first. So many cases do the same thing one
//! after another, and what that takes, code above all, is still in the processor's caches: a third of all CPU.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::Poll;
use std::time::{Duration, Instant};

/// Longest time that may be spent on the thread that asks before it is told.
const HASTY: Duration = Duration::from_millis(1);
/// Visits that go to the pool after one that took longer.
const PENANCE: u32 = 64;

thread_local! {
    /// When the visit began that this thread does on behalf of another task.
    static SINCE: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// Whether visits begin where they are asked for.
#[derive(Default)]
pub(crate) struct Turn {
    /// Visits that still go to the pool.
    owed: AtomicU32,
}

/// A visit.
pub(crate) type Work<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// What became of a visit on the thread that asked.
pub(crate) enum Begun<T> {
    Done(T),
    /// It goes on elsewhere.
    Open(Work<T>),
    Panicked,
}

impl Turn {
    /// Begins `work` here, if that is likely to take no time.
    pub(crate) async fn begin<T>(&self, mut work: Work<T>) -> Begun<T> {
        let less = |owed: u32| owed.checked_sub(1);
        if self.owed.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).is_ok() {
            return Begun::Open(work);
        }
        tokio::task::yield_now().await;
        let began = Instant::now();
        SINCE.set(Some(began));
        let polled =
            std::future::poll_fn(|context| Poll::Ready(catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(context)))));
        let polled = polled.await;
        SINCE.set(None);
        if began.elapsed() > HASTY {
            self.owed.store(PENANCE, Ordering::Relaxed);
        }
        match polled {
            Ok(Poll::Ready(done)) => {
                tokio::task::yield_now().await;
                Begun::Done(done)
            }
            Ok(Poll::Pending) => Begun::Open(work),
            Err(_) => Begun::Panicked,
        }
    }
}

/// Gives way if this thread has been at one visit for too long: each guest of many ends before its tick.
pub(crate) async fn give_way() {
    if SINCE.get().is_some_and(|since| since.elapsed() > HASTY) {
        tokio::task::yield_now().await;
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    fn slow() {
        let began = Instant::now();
        while began.elapsed() <= HASTY {
            std::hint::spin_loop();
        }
    }

    #[tokio::test]
    async fn what_is_done_at_once_is_done_here_and_what_waits_is_not() {
        let turn = Turn::default();
        assert!(matches!(turn.begin(Box::pin(async { 7 })).await, Begun::Done(7)));
        let Begun::Open(rest) = turn
            .begin(Box::pin(async {
                tokio::task::yield_now().await;
                8
            }))
            .await
        else {
            panic!("it waited")
        };
        assert_eq!(rest.await, 8);
        assert!(matches!(turn.begin::<()>(Box::pin(async { panic!("a bug of ours") })).await, Begun::Panicked));
    }

    #[tokio::test]
    async fn visits_follow_one_another() {
        let (turn, done) = (Turn::default(), Arc::new(Mutex::new(String::new())));
        let say = |what: char| {
            let done = done.clone();
            move || done.lock().unwrap().push(what)
        };
        let case = async || {
            let visit = say('v');
            say('a')();
            turn.begin(Box::pin(async move { visit() })).await;
            say('z')();
        };
        tokio::join!(case(), case(), case());
        assert_eq!(*done.lock().unwrap(), "aaavvvzzz");
    }

    #[tokio::test]
    async fn after_one_that_took_long_others_go_elsewhere_for_a_while() {
        let turn = Turn::default();
        assert!(matches!(turn.begin(Box::pin(async { slow() })).await, Begun::Done(())));
        for _ in 0..PENANCE {
            assert!(matches!(turn.begin(Box::pin(async {})).await, Begun::Open(_)));
        }
        assert!(matches!(turn.begin(Box::pin(async {})).await, Begun::Done(())));
    }

    #[tokio::test]
    async fn many_short_ones_give_way_between_them() {
        let turn = Turn::default();
        let many = async {
            for nth in 0.. {
                slow();
                give_way().await;
                if nth == 1 {
                    break;
                }
            }
        };
        assert!(matches!(turn.begin(Box::pin(many)).await, Begun::Open(_)));
        // Elsewhere nobody waits.
        assert!(SINCE.get().is_none());
    }
}
