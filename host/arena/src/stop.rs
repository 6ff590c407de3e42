//! Ctrl-C and TERM.

use arena_worker::Stop;
use tokio::sync::watch;

/// Each Ctrl-C (or TERM) gives the next of `stops`; the first warns of what the second does, if there is one.
pub fn watch_signals(stops: &'static [Stop], warn: impl Fn(&str) + Send + 'static) -> watch::Receiver<Stop> {
    use tokio::signal::unix::{SignalKind, signal};
    let (send, receive) = watch::channel(Stop::No);
    // Here and not in the task, so that no signal is lost before that starts.
    let (Ok(mut interrupt), Ok(mut terminate)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        // Without handlers the signals end the process; the journal survives that as well.
        return receive;
    };
    tokio::spawn(async move {
        for (at, stop) in stops.iter().enumerate() {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
                () = send.closed() => return,
            }
            if at == 0 && stops.len() > 1 {
                warn("finishing the cases in flight; once more to stop at once");
            }
            if send.send(*stop).is_err() {
                return;
            }
        }
    });
    receive
}

/// Done once this process is told to stop.
#[cfg(feature = "fleet")]
pub fn stopped() -> impl Future<Output = ()> + Send {
    Stop::reached(watch_signals(&[Stop::Drain], |_| {}), Stop::Drain)
}
