//! Attack: takes memory and never gives it back. Takes a number of pages of 64 KiB, gives a pass once it has them;
//! without a number it goes on until it is stopped.

use arena_guest::prelude::*;

#[derive(Deserialize, Params)]
struct Pages {
    /// Pages of 64 KiB; absent for as many as there are.
    amount: Option<u32>,
}

/// Passes with its pages in hand.
#[evaluator(name = "memory-bomb")]
fn memory_bomb(_: &Subject<'_>, params: Pages) -> Result<Verdict, CheckError> {
    let mut pages = 0;
    while params.amount.is_none_or(|amount| pages < amount) {
        if !one_more() {
            return Err(CheckError::Other(format!("refused after {pages} pages")));
        }
        pages += 1;
    }
    Ok(Verdict::pass(format!("{pages} pages")))
}

#[cfg(target_arch = "wasm32")]
fn one_more() -> bool {
    core::arch::wasm32::memory_grow::<0>(1) != usize::MAX
}

/// There is nothing to take outside of WebAssembly.
#[cfg(not(target_arch = "wasm32"))]
fn one_more() -> bool {
    false
}
