//! The allocator of a guest: a fresh instance lives for one call, so its first allocations come from a part of the
//! memory that it has from the start, by moving a mark. Growing the memory would cost the host two system calls for
//! each evaluation, which is more than most checks take. What does not fit goes to the ordinary allocator.
#![allow(unsafe_code, reason = "an allocator hands out raw memory; the host's sandbox bounds what it can harm")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::UnsafeCell;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Bytes at hand from the start. Only pages that are touched cost anything.
const ARENA_BYTES: usize = 512 << 10;

/// The memory and how much of it is taken.
struct StartArena {
    bytes: UnsafeCell<[u8; ARENA_BYTES]>,
    taken: AtomicUsize,
}

// SAFETY: a guest has one thread.
unsafe impl Sync for StartArena {}

#[global_allocator]
static ALLOCATOR: StartArena = StartArena { bytes: UnsafeCell::new([0; ARENA_BYTES]), taken: AtomicUsize::new(0) };

impl StartArena {
    fn base(&self) -> usize {
        self.bytes.get() as usize
    }

    /// Whether the allocation is the newest one of the arena, which can still grow or be taken back.
    fn is_newest(&self, pointer: *mut u8, size: usize) -> bool {
        pointer as usize + size == self.base() + self.taken.load(Ordering::Relaxed)
    }

    fn holds(&self, pointer: *mut u8) -> bool {
        (self.base()..self.base() + ARENA_BYTES).contains(&(pointer as usize))
    }
}

// SAFETY: blocks of the arena lie between two values of `taken` that no other block has, aligned as asked; all others
// come from and go back to `System`.
unsafe impl GlobalAlloc for StartArena {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let taken = self.taken.load(Ordering::Relaxed);
        let start = (self.base() + taken).next_multiple_of(layout.align()) - self.base();
        match start.checked_add(layout.size()).filter(|end| *end <= ARENA_BYTES) {
            Some(end) => {
                self.taken.store(end, Ordering::Relaxed);
                (self.base() + start) as *mut u8
            }
            // SAFETY: the caller's promise on the layout.
            None => unsafe { System.alloc(layout) },
        }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        if !self.holds(pointer) {
            // SAFETY: it came from `System`.
            unsafe { System.dealloc(pointer, layout) };
        } else if self.is_newest(pointer, layout.size()) {
            self.taken.fetch_sub(layout.size(), Ordering::Relaxed);
        }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if !self.holds(pointer) {
            // SAFETY: it came from `System`.
            return unsafe { System.realloc(pointer, layout, size) };
        }
        let start = pointer as usize - self.base();
        if self.is_newest(pointer, layout.size()) && start.checked_add(size).is_some_and(|end| end <= ARENA_BYTES) {
            self.taken.store(start + size, Ordering::Relaxed);
            return pointer;
        }
        // SAFETY: `size` is not zero and fits the alignment by the caller's promise; both blocks are at least as
        // long as what is copied and do not overlap.
        unsafe {
            let moved = self.alloc(Layout::from_size_align_unchecked(size, layout.align()));
            if moved.is_null() {
                return null_mut();
            }
            std::ptr::copy_nonoverlapping(pointer, moved, layout.size().min(size));
            self.dealloc(pointer, layout);
            moved
        }
    }
}
