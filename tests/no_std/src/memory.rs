//! The program's memory: a fixed block that is handed out from one end to the other.
//!
//! Only what was handed out last is taken back, which a program that logs in once can afford. It counts
//! what is in use, because that is what a better allocator would need.

use core::alloc::{GlobalAlloc, Layout};
use core::cell::UnsafeCell;
use core::ptr;
use core::sync::atomic::{AtomicUsize, Ordering::Relaxed};

#[global_allocator]
static MEMORY: Memory = Memory {
    block: UnsafeCell::new([0; SIZE]),
    next: AtomicUsize::new(0),
    used: AtomicUsize::new(0),
    most: AtomicUsize::new(0),
};

struct Memory {
    block: UnsafeCell<[u8; SIZE]>,
    next: AtomicUsize,
    used: AtomicUsize,
    most: AtomicUsize,
}

/// The most that was in use at once since the last call, in bytes.
pub(crate) fn most_used() -> usize {
    MEMORY.most.swap(MEMORY.used.load(Relaxed), Relaxed)
}

// SAFETY: there is one thread and no interrupt, and no two parts of the block overlap that are handed out.
unsafe impl Sync for Memory {}

// SAFETY: each part lies behind all that are in use, aligned and within the block; null says that there is
// no such part.
unsafe impl GlobalAlloc for Memory {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let block = self.block.get().cast::<u8>();
        let free = block.wrapping_add(self.next.load(Relaxed));
        let start = self.next.load(Relaxed).saturating_add(free.align_offset(layout.align()));
        let end = start.saturating_add(layout.size());
        if end > SIZE {
            return ptr::null_mut();
        }
        self.next.store(end, Relaxed);
        let used = self.used.fetch_add(layout.size(), Relaxed) + layout.size();
        self.most.fetch_max(used, Relaxed);
        block.wrapping_add(start)
    }

    unsafe fn dealloc(&self, part: *mut u8, layout: Layout) {
        let block = self.block.get().cast::<u8>();
        let start = part as usize - block as usize;
        if start + layout.size() == self.next.load(Relaxed) {
            self.next.store(start, Relaxed);
        }
        self.used.fetch_sub(layout.size(), Relaxed);
    }
}

/// Bytes.
const SIZE: usize = 1024 * 1024;
